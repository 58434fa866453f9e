package zishang

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// fakeEndpoint is the framework as the adapter sees it.
type fakeEndpoint struct {
	ns       string
	match    func(string) bool
	admit    func(context.Context, *adapter.Handshake) error
	receive  func(*fakeSession, *adapter.Message)
	sessions chan *fakeSession
}

func endpoint(ns string) *fakeEndpoint {
	return &fakeEndpoint{ns: ns, sessions: make(chan *fakeSession, 1000)}
}

func (e *fakeEndpoint) Namespace() string { return e.ns }

func (e *fakeEndpoint) Checks() bool { return e.admit != nil }

func (e *fakeEndpoint) Match(ns string) bool {
	if e.match != nil {
		return e.match(ns)
	}
	return ns == e.ns
}

func (e *fakeEndpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	if e.admit == nil {
		return nil
	}
	return e.admit(ctx, h)
}

func (e *fakeEndpoint) Connect(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	s := &fakeSession{Conn: c, h: h, receive: e.receive, messages: make(chan *adapter.Message, 5000),
		acks: make(chan fakeAck, 1000), closed: make(chan websockets.Reason, 10)}
	e.sessions <- s
	return s
}

type fakeAck struct {
	n uint64
	p websockets.Payload
}

type fakeSession struct {
	adapter.Conn
	h        *adapter.Handshake
	receive  func(*fakeSession, *adapter.Message)
	messages chan *adapter.Message
	acks     chan fakeAck
	closed   chan websockets.Reason
}

func (s *fakeSession) Receive(m *adapter.Message) adapter.Work {
	if s.receive != nil {
		s.receive(s, m)
		return nil
	}
	s.messages <- m
	return nil
}
func (s *fakeSession) Ack(n uint64, p websockets.Payload) { s.acks <- fakeAck{n, p} }
func (s *fakeSession) Closed(r websockets.Reason)         { s.closed <- r }
func (*fakeSession) Same(*adapter.Handshake, func(websockets.Client, *websockets.Handshake) bool) bool {
	return true
}

func (*fakeSession) Upgraded() {}

func (s *fakeSession) Suspend(websockets.Reason) adapter.Suspension {
	panic("not used by this adapter")
}

// echo answers requests with their payload, and sends events back.
func echo(s *fakeSession, m *adapter.Message) {
	if m.Reply {
		_ = s.Reply(m, adapter.NewOutgoing("", m.Payload))
		return
	}
	_ = s.Emit(adapter.NewOutgoing(m.Event, m.Payload), 0)
}

type testServer struct {
	*server
	t    *testing.T
	http *httptest.Server
}

func defaultLimits() websockets.Limits {
	return websockets.Limits{MaxMessage: 1_000_000, HandshakeTimeout: 15 * time.Second, PingInterval: 25 * time.Second,
		PingTimeout: 20 * time.Second, SendQueue: 1 << 20, CloseTimeout: 300 * time.Millisecond}
}

// serve runs a server for the endpoints. Parts may be adapter.Endpoint,
// websockets.Limits, Options, or a func(*http.Request) bool that checks origins.
func serve(t *testing.T, parts ...any) *testServer {
	t.Helper()
	cfg := adapter.ServerConfig{Path: "/socket.io/", Limits: defaultLimits(), Logger: slog.New(slog.DiscardHandler),
		CheckOrigin: func(*http.Request) bool { return true }}
	var opts []Options
	for _, p := range parts {
		switch p := p.(type) {
		case adapter.Endpoint:
			cfg.Endpoints = append(cfg.Endpoints, p)
		case websockets.Limits:
			cfg.Limits = p
		case Options:
			opts = append(opts, p)
		case func(*http.Request) bool:
			cfg.CheckOrigin = p
		}
	}
	as, err := New(opts...).NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{server: as.(*server), t: t}
	s.http = httptest.NewServer(as)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
		s.http.Close()
	})
	return s
}

func (s *testServer) url(query string) string {
	return s.http.URL + "/socket.io/?" + query
}

// do makes one HTTP request.
func (s *testServer) do(method, query, body string, header http.Header) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url(query), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	res, err := s.http.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, string(b)
}

// frame is a Socket.IO packet or an attachment.
type frame struct {
	text string
	bin  []byte
}

func (f frame) String() string {
	if f.bin != nil {
		return fmt.Sprintf("binary %q", f.bin)
	}
	return f.text
}

// client speaks Engine.IO over one of the transports.
type client interface {
	send(text ...string)
	sendBinary(text string, bufs ...[]byte)
	recv() frame
	// ended reports that the server has closed the connection, after reading what is left.
	ended()
	// drop cuts the connection.
	drop()
}

// both runs a test on each transport.
func both(t *testing.T, f func(t *testing.T, dial func(*testServer) client)) {
	t.Run("websocket", func(t *testing.T) { f(t, func(s *testServer) client { return s.ws("") }) })
	t.Run("polling", func(t *testing.T) { f(t, func(s *testServer) client { return s.polling() }) })
}

type openPacket struct {
	Sid          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func parseOpen(t *testing.T, s string) (o openPacket) {
	t.Helper()
	if !strings.HasPrefix(s, "0{") || json.Unmarshal([]byte(s[1:]), &o) != nil {
		t.Fatalf("not an OPEN packet: %q", s)
	}
	return o
}

type wsClient struct {
	t     *testing.T
	c     *websocket.Conn
	open  openPacket
	pings int // that recv has answered
}

// ws dials over WebSocket; with a sid it starts an upgrade.
func (s *testServer) ws(sid string) *wsClient {
	s.t.Helper()
	q := "EIO=4&transport=websocket"
	if sid != "" {
		q += "&sid=" + sid
	}
	c, _, err := websocket.Dial(s.t.Context(), s.url(q), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c.SetReadLimit(-1)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	w := &wsClient{t: s.t, c: c}
	if sid == "" {
		w.open = parseOpen(s.t, w.raw())
	}
	return w
}

func (w *wsClient) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	w.t.Cleanup(cancel)
	return ctx
}

// raw reads one text frame.
func (w *wsClient) raw() string {
	w.t.Helper()
	_, b, err := w.c.Read(w.ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *wsClient) write(typ websocket.MessageType, b []byte) {
	w.t.Helper()
	if err := w.c.Write(w.ctx(), typ, b); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wsClient) send(text ...string) {
	for _, s := range text {
		w.write(websocket.MessageText, []byte("4"+s))
	}
}

func (w *wsClient) sendBinary(text string, bufs ...[]byte) {
	w.send(text)
	for _, b := range bufs {
		w.write(websocket.MessageBinary, b)
	}
}

func (w *wsClient) recv() frame {
	w.t.Helper()
	for {
		typ, b, err := w.c.Read(w.ctx())
		switch {
		case err != nil:
			w.t.Fatal(err)
		case typ == websocket.MessageBinary:
			return frame{bin: b}
		case string(b) == "2":
			w.write(websocket.MessageText, []byte("3"))
			w.pings++
		case len(b) > 0 && b[0] == '4':
			return frame{text: string(b[1:])}
		default:
			w.t.Fatalf("unexpected packet %q", b)
		}
	}
}

func (w *wsClient) ended() {
	w.t.Helper()
	ctx := w.ctx()
	for {
		if _, _, err := w.c.Read(ctx); err != nil {
			if ctx.Err() != nil {
				w.t.Fatal("the connection goes on")
			}
			return
		}
	}
}

func (w *wsClient) drop() { _ = w.c.CloseNow() }

type pollClient struct {
	t     *testing.T
	s     *testServer
	open  openPacket
	query string
	queue []string
}

func (s *testServer) polling() *pollClient {
	s.t.Helper()
	p := &pollClient{t: s.t, s: s, query: "EIO=4&transport=polling"}
	code, _, body := s.do("GET", p.query, "", nil)
	if code != 200 {
		s.t.Fatalf("handshake: %d %s", code, body)
	}
	p.open = parseOpen(s.t, body)
	p.query += "&sid=" + p.open.Sid
	return p
}

func (p *pollClient) post(body string) (int, string) {
	p.t.Helper()
	code, _, answer := p.s.do("POST", p.query, body, http.Header{"Content-Type": {"text/plain;charset=UTF-8"}})
	return code, answer
}

func (p *pollClient) mustPost(body string) {
	p.t.Helper()
	if code, answer := p.post(body); code != 200 || answer != "ok" {
		p.t.Fatalf("POST: %d %s", code, answer)
	}
}

func (p *pollClient) send(text ...string) {
	p.t.Helper()
	p.mustPost("4" + strings.Join(text, "\x1e4"))
}

func (p *pollClient) sendBinary(text string, bufs ...[]byte) {
	body := "4" + text
	for _, b := range bufs {
		body += "\x1eb" + base64.StdEncoding.EncodeToString(b)
	}
	p.mustPost(body)
}

// poll returns the packets of one poll.
func (p *pollClient) poll() []string {
	p.t.Helper()
	code, _, body := p.s.do("GET", p.query, "", nil)
	if code != 200 {
		p.t.Fatalf("poll: %d %s", code, body)
	}
	return strings.Split(body, "\x1e")
}

func (p *pollClient) recv() frame {
	p.t.Helper()
	for {
		if len(p.queue) == 0 {
			p.queue = p.poll()
		}
		s := p.queue[0]
		p.queue = p.queue[1:]
		switch {
		case s == "2":
			p.mustPost("3")
		case s == "6":
		case s[0] == 'b':
			b, err := base64.StdEncoding.DecodeString(s[1:])
			if err != nil {
				p.t.Fatal(err)
			}
			return frame{bin: b}
		case s[0] == '4':
			return frame{text: s[1:]}
		default:
			p.t.Fatalf("unexpected packet %q", s)
		}
	}
}

func (p *pollClient) ended() {
	p.t.Helper()
	for range 10 {
		code, _, body := p.s.do("GET", p.query, "", nil)
		if code == 400 || code == 503 || body == "1" || strings.HasSuffix(body, "\x1e1") {
			return
		}
	}
	p.t.Fatal("the session goes on")
}

func (p *pollClient) drop() { p.post("1") }

// enter joins a namespace and returns the session of it.
func enter(t *testing.T, c client, ep *fakeEndpoint, connect string) *fakeSession {
	t.Helper()
	c.send(connect)
	f := c.recv()
	nsp, _, _ := strings.Cut(connect[1:], "{")
	if want := "0" + nsp + `{"sid":"`; !strings.HasPrefix(f.text, want) {
		t.Fatalf("CONNECT answered %s", f)
	}
	s := testkit.Receive(t, "a session", ep.sessions)
	if !strings.Contains(f.text, s.ID()) {
		t.Fatalf("client received %s, its id is %s", f, s.ID())
	}
	return s
}

func want(t *testing.T, c client, texts ...string) {
	t.Helper()
	for _, w := range texts {
		if f := c.recv(); f.text != w {
			t.Fatalf("got %s, want %s", f, w)
		}
	}
}

// Stalled implements the contract: nothing is ever blocked here.
func (*fakeSession) Stalled() time.Duration { return 0 }

func (*fakeSession) Cancel(func(*adapter.Message) bool) {}
