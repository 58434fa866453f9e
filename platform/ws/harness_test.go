package ws

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint is the framework as the adapter sees it.
type endpoint struct {
	admit    func(context.Context, *adapter.Handshake) error
	prepare  func(*session)
	sessions chan *session
}

func (*endpoint) Namespace() string { return "" }
func (*endpoint) Checks() bool      { return true }

func (*endpoint) Match(n string) bool { return n == "" }

func (e *endpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	if e.admit != nil {
		return e.admit(ctx, h)
	}
	return nil
}

func (e *endpoint) Connect(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	s := &session{conn: c, handshake: h, over: make(chan struct{})}
	if e.prepare != nil {
		e.prepare(s)
	}
	e.sessions <- s
	return s
}

// session records its calls in order.
type session struct {
	conn      adapter.Conn
	handshake *adapter.Handshake
	onReceive func(*session, *adapter.Message)

	mu     testkit.Cond // updated on each change of the fields below
	got    []*adapter.Message
	acks   map[uint64]string
	closed []websockets.Reason
	over   chan struct{}
}

func (s *session) Receive(m *adapter.Message) adapter.Work {
	s.mu.Update(func() { s.got = append(s.got, m) })
	switch {
	case s.onReceive == nil:
	case m.Err != nil:
		_ = s.conn.Emit(adapter.NewOutgoing(websockets.EventException, m.Err.Error()), 0)
	default:
		s.onReceive(s, m)
	}
	return nil
}

func (s *session) Ack(n uint64, p websockets.Payload) {
	s.mu.Update(func() {
		if s.acks == nil {
			s.acks = map[uint64]string{}
		}
		s.acks[n] = string(p.JSON)
	})
}

func (s *session) Closed(r websockets.Reason) {
	s.mu.Update(func() {
		if s.closed = append(s.closed, r); len(s.closed) == 1 {
			close(s.over)
		}
	})
}

func (*session) Same(*adapter.Handshake, func(websockets.Client, *websockets.Handshake) bool) bool {
	return true
}

func (*session) Upgraded() {}

func (s *session) Suspend(r websockets.Reason) adapter.Suspension {
	s.Closed(r)
	return nil
}

// wait blocks until cond, which is called with the lock held, is true.
func (s *session) wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	if !s.mu.Wait(testkit.Patience, cond) {
		t.Fatalf("timed out waiting for %s", what)
	}
}

// reason waits for the end and checks that it is reported once.
func (s *session) reason(t *testing.T) websockets.Reason {
	t.Helper()
	s.wait(t, "Session.Closed", func() bool { return len(s.closed) > 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.closed) != 1 {
		t.Errorf("Session.Closed was called %d times", len(s.closed))
	}
	return s.closed[0]
}

func (s *session) wantReason(t *testing.T, want websockets.Reason) {
	t.Helper()
	if got := s.reason(t); got != want {
		t.Errorf("reason is %+v, want %+v", got, want)
	}
}

func (s *session) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// message returns the nth message as text: "event payload", with " ?" when it requests a
// reply, or the text of its error.
func (s *session) message(t *testing.T, n int) string {
	t.Helper()
	s.wait(t, fmt.Sprintf("message %d", n), func() bool { return len(s.got) > n })
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.got[n]
	if m.Err != nil {
		return m.Err.Error()
	}
	text := m.Event + " " + string(m.Payload.JSON)
	if m.Reply {
		text += " ?"
	}
	return text
}

func echo(s *session, m *adapter.Message) {
	if m.Reply {
		_ = s.conn.Reply(m, adapter.NewOutgoing("", m.Payload))
	} else {
		_ = s.conn.Emit(adapter.NewOutgoing(m.Event, m.Payload), 0)
	}
}

func echoing(s *session) { s.onReceive = echo }

// testServer is a server in a test.
type testServer struct {
	t    *testing.T
	ep   *endpoint
	srv  *server
	http *httptest.Server
}

func limits() websockets.Limits {
	return websockets.Limits{
		MaxMessage:       10_000,
		HandshakeTimeout: 10 * time.Second,
		PingInterval:     time.Minute,
		PingTimeout:      time.Minute,
		SendQueue:        1 << 16,
		CloseTimeout:     testkit.Patience,
	}
}

func newTestServer(t *testing.T, ep *endpoint, change func(*adapter.ServerConfig), opts ...Options) *testServer {
	t.Helper()
	if ep == nil {
		ep = &endpoint{prepare: echoing}
	}
	ep.sessions = make(chan *session, 2000)
	cfg := adapter.ServerConfig{
		Path:        "/",
		Limits:      limits(),
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" },
		Endpoints:   []adapter.Endpoint{ep},
		Logger:      slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	as, err := New(opts...).NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &testServer{t: t, ep: ep, srv: as.(*server)}
	r.http = httptest.NewServer(as)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // abort what a test left behind
		_ = as.Close(ctx)
		r.http.Close()
		http.DefaultClient.CloseIdleConnections()
		if n := r.srv.lives(); n != 0 {
			t.Errorf("%d goroutines of the server are left", n)
		}
	})
	return r
}

func (s *server) lives() int { return s.group.Live() }

func (r *testServer) session() *session {
	r.t.Helper()
	return testkit.Receive(r.t, "a session", r.ep.sessions)
}

const upgradeHead = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// peer is a raw client: it writes bytes.
type peer struct {
	*rawpeer.Peer
	t *testing.T
}

func (r *testServer) dial() *peer {
	r.t.Helper()
	return &peer{rawpeer.Dial(r.t, r.http.URL), r.t}
}

// request sends a request and reads the response.
func (p *peer) request(head string) rawpeer.Answer {
	p.t.Helper()
	p.Write(head + "\r\n")
	return p.Answer()
}

// connect opens a WebSocket.
func (r *testServer) connect(headers ...string) (*peer, *session) {
	r.t.Helper()
	p := r.dial()
	head := upgradeHead
	for _, h := range headers {
		head += h + "\r\n"
	}
	if resp := p.request(head); resp.Status != http.StatusSwitchingProtocols {
		r.t.Fatalf("status %d: %s", resp.Status, resp.Body)
	}
	return p, r.session()
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	p.Write(string(b))
}

// rawFrame makes a masked frame; first is the whole first byte.
func rawFrame(first byte, payload []byte) []byte {
	return []byte(rawpeer.Frame{First: first, Payload: string(payload), Mask: [4]byte{0x12, 0x34, 0x56, 0x78}}.Bytes())
}

func (p *peer) frame(first byte, payload string) {
	p.t.Helper()
	p.write(rawFrame(first, []byte(payload)))
}

func (p *peer) text(payload string) {
	p.t.Helper()
	p.frame(0x80|opText, payload)
}

// close sends a close frame, for which the server may no longer wait.
func (p *peer) close(code int, text string) {
	p.t.Helper()
	_ = p.TryWrite(string(rawFrame(0x80|opClose, []byte(rawpeer.ClosePayload(code, text)))))
}

// next reads a frame, which must be whole and without a mask.
func (p *peer) next() (op byte, payload string, err error) {
	got, err := p.Next()
	if got.Masked || err == nil && got.First&rawpeer.Fin == 0 {
		p.t.Errorf("frame %s, masked: %t", got, got.Masked)
	}
	return got.First & 0x0f, got.Payload, err
}

// read expects a text frame and returns its payload.
func (p *peer) read() string {
	p.t.Helper()
	op, payload, err := p.next()
	if err != nil || op != opText {
		p.t.Fatalf("opcode %x %q, error %v; want a text frame", op, payload, err)
	}
	return payload
}

func (p *peer) want(text string) {
	p.t.Helper()
	if got := p.read(); got != text {
		p.t.Fatalf("got  %s\nwant %s", got, text)
	}
}

// wantClose reads up to the close frame and checks it; text may be a prefix.
func (p *peer) wantClose(code int, text string) {
	p.t.Helper()
	for {
		op, payload, err := p.next()
		if err != nil {
			p.t.Fatalf("no close frame: %v", err)
		}
		if op != opClose {
			continue
		}
		got := rawpeer.Received{Payload: payload}.CloseCode()
		payload = payload[min(2, len(payload)):]
		if got != code || !strings.HasPrefix(payload, text) {
			p.t.Errorf("close frame %d %q, want %d %q", got, payload, code, text)
		}
		return
	}
}

func out(event string, json string) *adapter.Outgoing {
	return adapter.NewOutgoing(event, websockets.Payload{JSON: []byte(json)})
}

// Opcodes of RFC 6455 §5.2.
const (
	opContinuation = rawpeer.OpContinuation
	opText         = rawpeer.OpText
	opBinary       = rawpeer.OpBinary
	opClose        = rawpeer.OpClose
	opPing         = rawpeer.OpPing
	opPong         = rawpeer.OpPong
)

// Stalled implements the contract: nothing is ever blocked here.
func (*session) Stalled() time.Duration { return 0 }

func (*session) Cancel(func(*adapter.Message) bool) {}
