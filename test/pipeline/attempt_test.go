package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func quiet() app.Option { return app.Logger(slog.New(slog.DiscardHandler)) }

// attempt is one client that tries one entry point.
type attempt struct {
	t        *testing.T
	h        *testApp
	node     *nodetest.Node
	managers *nodetest.Process
	row      string            // in the history
	denies   map[string]string // its query: what to deny, and how
}

// parameters returns the query parameters.
func (v *attempt) parameters() map[string]string {
	all := map[string]string{"row": v.row}
	maps.Copy(all, v.denies)
	return all
}

func (v *attempt) query(more ...string) string {
	q := url.Values{}
	for k, a := range v.parameters() {
		q.Set(k, a)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q.Encode()
}

// fails fails the test if err is not nil.
func (v *attempt) fails(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("%s: %v", v.row, err)
	}
}

// send sends a request and returns status and body.
func (v *attempt) send(r *http.Request) (string, http.Header) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), testkit.Patience)
	defer cancel()
	res, err := v.h.client.Do(r.WithContext(ctx))
	v.fails(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	v.fails(err)
	return fmt.Sprintf("%d %s", res.StatusCode, b), res.Header
}

func (v *attempt) request(method, path, body string) *http.Request {
	v.t.Helper()
	r, err := http.NewRequest(method, v.h.url+v.h.prefix+path, strings.NewReader(body))
	v.fails(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// route requests a path of the controller.
func (v *attempt) route(method, path, body string) string {
	v.t.Helper()
	got, _ := v.send(v.request(method, path+"?"+v.query(), body))
	return got
}

// upgrading adds the headers of a WebSocket handshake.
func upgrading(r *http.Request) *http.Request {
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	return r
}

// engine returns the target of a request to a Socket.IO server.
func (v *attempt) engine(path, transport string, more ...string) string {
	return path + "?" + v.query(append([]string{"EIO", "4", "transport", transport}, more...)...)
}

// poll opens a session over polling and connects to "/". It returns the error, or "in".
func (v *attempt) poll(path string) string {
	v.t.Helper()
	sid, rejected := v.open(path)
	if rejected != "" {
		return rejected
	}
	defer v.post(path, sid, "1") // or the server waits for its next poll
	v.post(path, sid, "40")
	for {
		got, _ := v.send(v.request("GET", v.engine(path, "polling", "sid", sid), ""))
		switch {
		case strings.Contains(got, "42["):
			return "in"
		case !strings.HasPrefix(got, "200 40{"):
			return got
		}
	}
}

// open opens a session over polling.
func (v *attempt) open(path string) (sid, rejected string) {
	v.t.Helper()
	got, _ := v.send(v.request("GET", v.engine(path, "polling"), ""))
	body, ok := strings.CutPrefix(got, "200 0")
	if !ok {
		return "", got
	}
	var session struct{ SID string }
	v.fails(json.Unmarshal([]byte(body), &session))
	return session.SID, ""
}

func (v *attempt) post(path, sid, packets string) {
	v.t.Helper()
	if got, _ := v.send(v.request("POST", v.engine(path, "polling", "sid", sid), packets)); got != "200 ok" {
		v.t.Errorf("%s: POST of %s: %s", v.row, packets, got)
	}
}

// peer is a raw WebSocket.
type peer struct {
	v    *attempt
	conn *websocket.Conn
}

// dial opens a WebSocket, or returns status and body of the rejection.
func (v *attempt) dial(server, target string) (p *peer, rejected string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), testkit.Patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(server, "http")+target, &websocket.DialOptions{HTTPClient: v.h.client})
	if err == nil {
		return &peer{v, conn}, ""
	}
	if res == nil {
		v.fails(err)
	}
	b, err := io.ReadAll(res.Body)
	v.fails(err)
	return nil, fmt.Sprintf("%d %s", res.StatusCode, b)
}

// join opens a connection to a Socket.IO server and connects to "/".
func (v *attempt) join(path, auth string) (p *peer, answer string) {
	v.t.Helper()
	p, rejected := v.dial(v.h.url, v.h.prefix+v.engine(path, "websocket"))
	if p == nil {
		return nil, rejected
	}
	p.read() // the open packet
	p.write("40" + auth)
	return p, p.read()
}

// read returns the next packet other than a ping.
func (p *peer) read() string {
	p.v.t.Helper()
	ctx, cancel := context.WithTimeout(p.v.t.Context(), testkit.Patience)
	defer cancel()
	for {
		_, b, err := p.conn.Read(ctx)
		p.v.fails(err)
		if string(b) != "2" {
			return string(b)
		}
		p.write("3")
	}
}

func (p *peer) write(packet string) {
	p.v.t.Helper()
	ctx, cancel := context.WithTimeout(p.v.t.Context(), testkit.Patience)
	defer cancel()
	p.v.fails(p.conn.Write(ctx, websocket.MessageText, []byte(packet)))
}

func (p *peer) cut() { _ = p.conn.CloseNow() } // may be closed already

// plain performs a plain WebSocket handshake and waits for the hook.
func (v *attempt) plain(server, path string) string {
	v.t.Helper()
	p, rejected := v.dial(server, path+"?"+v.query())
	if p == nil {
		return rejected
	}
	defer p.cut()
	return p.read()
}

// socketIO connects npm's client to a namespace.
func (v *attempt) socketIO(path, namespace string, transports ...string) (*nodetest.Client, string) {
	v.t.Helper()
	c, err := v.node.TrySocketIO(v.h.url+namespace, nodetest.Opts{
		"path": v.h.prefix + path, "transports": transports, "query": v.parameters(),
	})
	if err == nil {
		return c, ""
	}
	e, ok := errors.AsType[*nodetest.RemoteError](err)
	if !ok {
		v.fails(err)
	}
	return nil, fmt.Sprintf("connect_error: %s %s", e.Message, e.Data)
}

// enter connects to a namespace and sends one message.
func (v *attempt) enter(path, namespace string, transports ...string) string {
	v.t.Helper()
	c, rejected := v.socketIO(path, namespace, transports...)
	if c == nil {
		return rejected
	}
	defer leave(c)
	return fmt.Sprintf("in, %s", c.Call("on", 1))
}

// message sends an event with and without an ack, and returns the answer. If it is an
// exception, every form must have it.
func (v *attempt) message(c *nodetest.Client, event string, payload any) string {
	v.t.Helper()
	defer leave(c)
	c.Emit(event, payload)
	reply, err := c.TryCall(event, payload)
	answer := ""
	if len(reply) > 0 {
		answer = string(reply[0])
	}
	e, onPlain := errors.AsType[*nodetest.RemoteError](err)
	if onPlain {
		answer = string(e.Data)
	} else {
		v.fails(err)
	}
	if !strings.Contains(answer, `"status":"error"`) {
		return answer
	}
	times := 2
	if onPlain { // the exception with the id is the answer
		times = 1
	}
	for range times {
		if m := c.Expect("exception"); len(m.Args) != 1 || string(m.Args[0]) != answer {
			v.t.Errorf("%s: received %s, but the answer is %s", v.row, m, answer)
		}
	}
	return answer
}

// leave disconnects and waits for the close.
func leave(c *nodetest.Client) {
	c.Disconnect()
	c.ExpectEnd()
}
