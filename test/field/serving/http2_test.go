package serving_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestField_X61_HTTP2: Over HTTP/2 a refused WebSocket handshake was answered with the headers Upgrade and Connection,
// which that version forbids, and the connection was closed; the answer is without them, and other requests use the
// same connection, polls of Socket.IO too.
func TestField_X61_HTTP2(t *testing.T) {
	large := strings.Repeat("x", 2000)
	for name, c := range map[string]struct {
		platform adapter.Adapter
		requests [][2]string // target and body
		status   []int
	}{
		"ws": {ws.New(), [][2]string{{"/"}, {"/", large}, {"/"}}, []int{426, 405, 426}},
		"socketio": {socketio.New(), [][2]string{
			{"/socket.io/?EIO=4&transport=websocket"}, {"/socket.io/?EIO=4&transport=polling&sid=no", large}, {"/socket.io/?EIO=4&transport=polling"},
		}, []int{400, 400, 200}},
		"zishang": {zishang.New(), [][2]string{
			{"/socket.io/?EIO=4&transport=websocket"}, {"/socket.io/?EIO=4&transport=polling&sid=no", large}, {"/socket.io/?EIO=4&transport=polling"},
		}, []int{400, 400, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			cert := testkit.NewCertificate(t, "app", time.Now().Add(time.Hour))
			certFile, keyFile := cert.Write(t, t.TempDir())
			a := apptest.New(t, gateway(websockets.WithLimits(websockets.Limits{MaxMessage: 1000})),
				apptest.With(app.WebSockets(c.platform), app.TLS(certFile, keyFile)))
			url := "https://" + a.App().Addr().String()
			cfg := &tls.Config{RootCAs: cert.Pool(), MinVersion: tls.VersionTLS12}
			tr := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
			defer tr.CloseIdleConnections()
			first := ""
			for i, in := range c.requests {
				method := http.MethodGet
				if in[1] != "" {
					method = http.MethodPost
				}
				local := ""
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { local = c.Conn.LocalAddr().String() }})
				req, err := http.NewRequestWithContext(ctx, method, url+in[0], strings.NewReader(in[1]))
				if err != nil {
					t.Fatal(err)
				}
				r, err := (&http.Client{Transport: tr}).Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if r.ProtoMajor != 2 || r.StatusCode != c.status[i] || len(r.Header["Upgrade"])+len(r.Header["Connection"]) > 0 {
					t.Errorf("%s %s: %s %d %v %s, want %d", method, in[0], r.Proto, r.StatusCode, r.Header, body, c.status[i])
				}
				if _, after, ok := strings.Cut(string(body), `"sid":"`); ok { // a session, which would hold up the stop
					sid, _, _ := strings.Cut(after, `"`)
					closed, err := (&http.Client{Transport: tr}).Post(url+in[0]+"&sid="+sid, "text/plain", strings.NewReader("1"))
					if err != nil {
						t.Fatal(err)
					}
					_ = closed.Body.Close()
				}
				if first == "" {
					first = local
				}
				if local != first {
					t.Errorf("%s %s: another connection: the first was closed", method, in[0])
				}
			}
			// The same client opens a WebSocket over HTTP/1.1.
			dial := apptest.DialSocketIO
			if name == "ws" {
				dial = apptest.DialWS
			}
			if got := apptest.Call[string](dial(t, url, apptest.WithTLS(cfg)), "echo", "hello"); got != "hello" {
				t.Errorf("echo: %q", got)
			}
		})
	}
}
