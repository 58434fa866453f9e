package ws

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second // for what should happen at once

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
	s := &session{conn: c, handshake: h, changed: make(chan struct{}), over: make(chan struct{})}
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

	mu      sync.Mutex
	changed chan struct{}
	got     []*adapter.Message
	acks    map[uint64]string
	closed  []websockets.Reason
	over    chan struct{}
}

func (s *session) record(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *session) Receive(m *adapter.Message) adapter.Work {
	s.record(func() { s.got = append(s.got, m) })
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
	s.record(func() {
		if s.acks == nil {
			s.acks = map[uint64]string{}
		}
		s.acks[n] = string(p.JSON)
	})
}

func (s *session) Closed(r websockets.Reason) {
	s.record(func() {
		if s.closed = append(s.closed, r); len(s.closed) == 1 {
			close(s.over)
		}
	})
}

func (*session) Same(*adapter.Handshake, func(websockets.Client, *websockets.Handshake) bool) bool {
	return true
}

func (s *session) Suspend(r websockets.Reason) adapter.Suspension {
	s.Closed(r)
	return nil
}

// wait blocks until cond, which is called with the lock held, is true.
func (s *session) wait(t *testing.T, what string, cond func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		ok, changed := cond(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("timed out waiting for %s", what)
		}
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
		HandshakeTimeout: patience,
		PingInterval:     time.Minute,
		PingTimeout:      time.Minute,
		SendQueue:        1 << 16,
		CloseTimeout:     5 * time.Second,
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

// eventually polls a condition.
func (r *testServer) eventually(what string, cond func() bool) {
	r.t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-late:
			r.t.Fatalf("timed out waiting for %s", what)
		}
	}
}

func (s *server) lives() int { return s.group.Live() }

func (r *testServer) session() *session {
	r.t.Helper()
	select {
	case s := <-r.ep.sessions:
		return s
	case <-time.After(patience):
		r.t.Fatal("no client connected")
		return nil
	}
}

const upgradeHead = "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// peer is a raw client: it writes bytes.
type peer struct {
	t  *testing.T
	nc net.Conn
	br *bufio.Reader
}

func (r *testServer) dial() *peer {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.http.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	return &peer{r.t, nc, bufio.NewReader(nc)}
}

// request sends a request and reads the response.
func (p *peer) request(head string) *http.Response {
	p.t.Helper()
	p.write([]byte(head + "\r\n"))
	resp, err := http.ReadResponse(p.br, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

// connect opens a WebSocket.
func (r *testServer) connect(headers ...string) (*peer, *session) {
	r.t.Helper()
	p := r.dial()
	head := upgradeHead
	for _, h := range headers {
		head += h + "\r\n"
	}
	if resp := p.request(head); resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(resp.Body)
		r.t.Fatalf("status %s: %s", resp.Status, body)
	}
	return p, r.session()
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

var testMask = []byte{0x12, 0x34, 0x56, 0x78}

// rawFrame makes a masked frame; first is the whole first byte.
func rawFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	case n > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = append(b, 0x80|byte(n))
	}
	b = append(b, testMask...)
	for i, c := range payload {
		b = append(b, c^testMask[i&3])
	}
	return b
}

func (p *peer) frame(first byte, payload string) {
	p.t.Helper()
	p.write(rawFrame(first, []byte(payload)))
}

func (p *peer) text(payload string) {
	p.t.Helper()
	p.frame(0x80|opText, payload)
}

func (p *peer) close(code int, text string) {
	p.t.Helper()
	p.frame(0x80|opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+text)
}

// next reads a frame.
func (p *peer) next() (op byte, payload string, err error) {
	first, n, err := p.header()
	if err != nil {
		return 0, "", err
	}
	buf := make([]byte, n)
	_, err = io.ReadFull(p.br, buf)
	if first&0x80 == 0 {
		p.t.Error("the server fragments")
	}
	return first & 0x0f, string(buf), err
}

// header reads the header of a frame: its first byte and the payload's length.
func (p *peer) header() (first byte, length uint64, err error) {
	var b [8]byte
	if _, err := io.ReadFull(p.br, b[:2]); err != nil {
		return 0, 0, err
	}
	first, length = b[0], uint64(b[1])
	if b[1]&0x80 != 0 {
		p.t.Error("the server masks")
	}
	size := map[uint64]int{126: 2, 127: 8}[length]
	if size == 0 {
		return first, length, nil
	}
	clear(b[:])
	_, err = io.ReadFull(p.br, b[8-size:])
	return first, binary.BigEndian.Uint64(b[:]), err
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
		got := 0
		if len(payload) >= 2 {
			got = int(binary.BigEndian.Uint16([]byte(payload)))
			payload = payload[2:]
		}
		if got != code || !strings.HasPrefix(payload, text) {
			p.t.Errorf("close frame %d %q, want %d %q", got, payload, code, text)
		}
		return
	}
}

// wantEnd expects the end of the TCP connection.
func (p *peer) wantEnd() {
	p.t.Helper()
	for {
		if _, _, err := p.next(); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				p.t.Error("the connection stays open")
			}
			return
		}
	}
}

// reset closes with RST instead of FIN.
func (p *peer) reset() {
	_ = p.nc.(*net.TCPConn).SetLinger(0)
	_ = p.nc.Close()
}

func out(event string, json string) *adapter.Outgoing {
	return adapter.NewOutgoing(event, websockets.Payload{JSON: []byte(json)})
}

// Opcodes of RFC 6455 §5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// Stalled implements the contract: nothing is ever blocked here.
func (*session) Stalled() time.Duration { return 0 }

func (*session) Cancel(func(*adapter.Message) bool) {}
