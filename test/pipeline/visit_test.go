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
)

func quiet() app.Option { return app.Logger(slog.New(slog.DiscardHandler)) }

// visit is one client that tries one way in.
type visit struct {
	t        *testing.T
	h        *house
	node     *nodetest.Node
	managers *nodetest.Process
	row      string            // for the book
	asks     map[string]string // its query: what to deny, and how
}

// parameters are those of its query.
func (v *visit) parameters() map[string]string {
	all := map[string]string{"row": v.row}
	maps.Copy(all, v.asks)
	return all
}

func (v *visit) query(more ...string) string {
	q := url.Values{}
	for k, a := range v.parameters() {
		q.Set(k, a)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return q.Encode()
}

// fails ends the visit when err is not nil.
func (v *visit) fails(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("%s: %v", v.row, err)
	}
}

// send makes a request and gives status and body.
func (v *visit) send(r *http.Request) (string, http.Header) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
	defer cancel()
	res, err := v.h.client.Do(r.WithContext(ctx))
	v.fails(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	v.fails(err)
	return fmt.Sprintf("%d %s", res.StatusCode, b), res.Header
}

func (v *visit) request(method, path, body string) *http.Request {
	v.t.Helper()
	r, err := http.NewRequest(method, v.h.url+v.h.prefix+path, strings.NewReader(body))
	v.fails(err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// route asks for a path of the controller.
func (v *visit) route(method, path, body string) string {
	v.t.Helper()
	got, _ := v.send(v.request(method, path+"?"+v.query(), body))
	return got
}

// upgrading makes a request one for an upgrade to WebSocket.
func upgrading(r *http.Request) *http.Request {
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	return r
}

// engine is the target of a request to a Socket.IO server.
func (v *visit) engine(path, transport string, more ...string) string {
	return path + "?" + v.query(append([]string{"EIO", "4", "transport", transport}, more...)...)
}

// poll opens a session over polling and enters "/". What it is refused with, or "in".
func (v *visit) poll(path string) string {
	v.t.Helper()
	sid, refused := v.open(path)
	if refused != "" {
		return refused
	}
	defer v.post(path, sid, "1") // or the server would wait for its next poll
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
func (v *visit) open(path string) (sid, refused string) {
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

func (v *visit) post(path, sid, packets string) {
	v.t.Helper()
	if got, _ := v.send(v.request("POST", v.engine(path, "polling", "sid", sid), packets)); got != "200 ok" {
		v.t.Errorf("%s: POST of %s: %s", v.row, packets, got)
	}
}

// peer is a WebSocket by hand.
type peer struct {
	v    *visit
	conn *websocket.Conn
}

// dial opens one, or gives status and body of the refusal.
func (v *visit) dial(server, target string) (p *peer, refused string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.t.Context(), patience)
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

// join opens a connection to a Socket.IO server and enters "/".
func (v *visit) join(path, auth string) (p *peer, answer string) {
	v.t.Helper()
	p, refused := v.dial(v.h.url, v.h.prefix+v.engine(path, "websocket"))
	if p == nil {
		return nil, refused
	}
	p.read() // the open packet
	p.write("40" + auth)
	return p, p.read()
}

// read gives the next packet that is no heartbeat.
func (p *peer) read() string {
	p.v.t.Helper()
	ctx, cancel := context.WithTimeout(p.v.t.Context(), patience)
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
	ctx, cancel := context.WithTimeout(p.v.t.Context(), patience)
	defer cancel()
	p.v.fails(p.conn.Write(ctx, websocket.MessageText, []byte(packet)))
}

func (p *peer) cut() { _ = p.conn.CloseNow() } // it may be closed already

// plain does the handshake of a plain WebSocket, and waits until its hook has run.
func (v *visit) plain(server, path string) string {
	v.t.Helper()
	p, refused := v.dial(server, path+"?"+v.query())
	if p == nil {
		return refused
	}
	defer p.cut()
	return p.read()
}

// socketIO enters a namespace with npm's client.
func (v *visit) socketIO(path, namespace string, transports ...string) (*nodetest.Client, string) {
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

// enter is a way in: a namespace, with one message when it is let in.
func (v *visit) enter(path, namespace string, transports ...string) string {
	v.t.Helper()
	c, refused := v.socketIO(path, namespace, transports...)
	if c == nil {
		return refused
	}
	defer leave(c)
	return fmt.Sprintf("in, %s", c.Call("on", 1))
}

// message sends an event without and with the wish for an answer, and gives the
// answer. One that is an exception must have come in every form.
func (v *visit) message(c *nodetest.Client, event string, payload any) string {
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
	if onPlain { // there the exception with the id is the answer
		times = 1
	}
	for range times {
		if m := c.Expect("exception"); len(m.Args) != 1 || string(m.Args[0]) != answer {
			v.t.Errorf("%s: told %s, and answered %s", v.row, m, answer)
		}
	}
	return answer
}

// leave waits until the client has left.
func leave(c *nodetest.Client) {
	c.Disconnect()
	c.ExpectEnd()
}
