package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// dial connects clients of both platforms from an address, over WebSocket.
func (x *proxy) dial(t *testing.T, address string) map[string]func() *apptest.Client {
	t.Helper()
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	opts := []apptest.DialOption{
		apptest.WithTLS(x.tls), apptest.WithTimeout(testkit.Patience),
		apptest.WithHeader(http.Header{"X-Forwarded-For": {"203.0.113.9"}}), // a lie
		apptest.WithDialer(func(ctx context.Context, network, at string) (net.Conn, error) {
			return from.DialContext(ctx, network, at)
		}),
	}
	return map[string]func() *apptest.Client{
		"plain": func() *apptest.Client { return apptest.DialWS(t, x.url+"/chat/ws", opts...) },
		"Socket.IO": func() *apptest.Client {
			return apptest.DialSocketIO(t, x.url, append(opts, apptest.WithPath("/chat/socket.io/"))...)
		},
	}
}

// TestEveryPlace: the configurations serve a Unix socket and a port, and an application that sees the sub-path or not:
// clients have their own address, binary passes both ways, and both ends notice when the other has left, or the proxy.
func TestEveryPlace(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for _, keepPath := range []bool{false, true} {
			for _, unixSocket := range []bool{false, true} {
				t.Run(fmt.Sprintf("keeps the path %t, Unix socket %t", keepPath, unixSocket), func(t *testing.T) {
					b, p := startBackend(t, unixSocket, keepPath, websockets.Limits{})
					x := k.run(t, p)
					const address = "127.0.0.7"
					data := large(t)
					dials := x.dial(t, address)
					for name, dial := range dials {
						c := dial()
						if got := apptest.Call[client](c, "client"); got.Address != address || got.Protocol != "HTTP/1.1" {
							t.Errorf("%s: the application has %+v, want %s", name, got, address)
						}
						if got := apptest.Call[[]byte](c, "binary", data); !bytes.Equal(got, data) {
							t.Errorf("%s: %d bytes of binary are %d others", name, len(data), len(got))
						}
						c.Close()
						b.wantLeft(t, name+" disconnects", websockets.CauseClientDisconnect)
						c = dial()
						c.Emit("leave")
						c.ExpectClose()
						b.wantLeft(t, name+" is closed", websockets.CauseServerDisconnect)
						dial().Abort()
						b.wantLeft(t, name+" is cut", websockets.CauseTransportClose, websockets.CauseTransportError)
					}
					x.polls(t, b)
					x.answers(t, keepPath)
					one, other := dials["plain"](), dials["Socket.IO"]()
					x.kill()
					for _, c := range []*apptest.Client{one, other} {
						c.ExpectClose()
						b.wantLeft(t, "the proxy was killed", websockets.CauseTransportClose, websockets.CauseTransportError)
					}
				})
			}
		}
	})
}

// polls: polling passes over HTTP/2, with binary in both directions.
func (x *proxy) polls(t *testing.T, b *backend) {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: x.tls, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	hc := &http.Client{Transport: tr}
	url := x.url + "/chat/socket.io/?EIO=4&transport=polling"
	answer := func(r *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || r.ProtoMajor != 2 {
			t.Fatalf("polling: %s %s: %v, %.200s", r.Proto, r.Status, err, body)
		}
		return string(body)
	}
	_, sid, _ := strings.Cut(answer(hc.Get(url)), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	url += "&sid=" + sid
	post := func(body string) { t.Helper(); answer(hc.Post(url, "text/plain", strings.NewReader(body))) }
	post("40")
	if got := answer(hc.Get(url)); !strings.HasPrefix(got, `40{"sid":`) {
		t.Fatalf("polling: %s", got)
	}
	attachment := "\x1eb" + strings.Repeat("QUJD", 70_000/3)
	post(`451-7["binary",{"_placeholder":true,"num":0}]` + attachment)
	got := answer(hc.Get(url))
	for !strings.Contains(got, "\x1e") { // the attachment is a packet of its own
		got += "\x1e" + answer(hc.Get(url))
	}
	if want := `461-7[{"_placeholder":true,"num":0}]` + attachment; got != want {
		t.Errorf("polling: %d bytes %.60q", len(got), got)
	}
	post("1")
	b.wantLeft(t, "the session of polling is closed", websockets.CauseClientDisconnect, websockets.CauseTransportClose)
}

// answers: refusals and redirects are those of the application, and lead to where the client is.
func (x *proxy) answers(t *testing.T, keepPath bool) {
	t.Helper()
	_, err := apptest.TryDialWS(t, x.url+"/chat/ws?refused", apptest.WithTLS(x.tls))
	refused, ok := errors.AsType[*apptest.DialError](err)
	if !ok || refused.Status != http.StatusForbidden || !strings.Contains(string(refused.Body), `"code":"no_entry"`) {
		t.Errorf("a refused WebSocket: %#v", err)
	}
	tr := &http.Transport{TLSClientConfig: x.tls, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	hc := &http.Client{Transport: tr}
	r, err := hc.Get(x.url + "/chat/page")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if r.StatusCode != http.StatusOK || r.Request.URL.Path != "/chat/page/" || string(body) != "<title>page</title>" || r.ProtoMajor != 2 {
		t.Errorf("a folder: %s %s at %s: %s", r.Proto, r.Status, r.Request.URL, body)
	}
	if r, err = hc.Get(x.url + "/chat/nowhere"); err != nil {
		t.Fatal(err)
	}
	var problem struct{ Message string }
	err = json.NewDecoder(r.Body).Decode(&problem)
	_ = r.Body.Close()
	want := map[bool]string{false: "Cannot GET /nowhere", true: "Cannot GET /chat/nowhere"}[keepPath]
	if err != nil || r.StatusCode != http.StatusNotFound || problem.Message != want {
		t.Errorf("a path that does not exist: %s %v %+v", r.Status, err, problem)
	}
}

// TestSilence: WebSockets that send nothing but heartbeats outlive the timeout of a proxy. Where heartbeats are rarer
// than it, nginx and HAProxy close them; Caddy does not.
func TestSilence(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for name, interval := range map[string]time.Duration{"heartbeats": idle / 6, "none": time.Hour} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b, p := startBackend(t, true, false, websockets.Limits{PingInterval: interval})
				p.timeout = seconds(idle)
				x := k.run(t, p)
				dials := x.dial(t, "127.0.0.1")
				clients := []*apptest.Client{dials["plain"](), dials["Socket.IO"]()}
				if interval > idle && k.timeouts {
					for _, c := range clients {
						c.ExpectClose()
						b.wantLeft(t, "the proxy closes a silent connection", websockets.CauseTransportClose, websockets.CauseTransportError)
					}
					return
				}
				for _, c := range clients {
					c.Emit("later", silence.Milliseconds())
				}
				for _, c := range clients {
					c.ExpectMessage("now")
				}
			})
		}
	})
}
