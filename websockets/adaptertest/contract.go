package adaptertest

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// contract is the adapter under test with a check of the calls that it makes. What it calls
// wrongly fails the test, with the name of the method.
type contract struct {
	adapter.Adapter

	t testing.TB

	mu       sync.Mutex
	over     bool // the test has ended
	servers  []*checkedServer
	sessions []*checkedSession
}

// contract returns a new adapter with checks.
func (s *suite) contract(t *testing.T) *contract {
	t.Helper()
	ct := &contract{Adapter: s.cfg.New(), t: t}
	t.Cleanup(func() { // the last one, after the stop of the application
		ct.mu.Lock()
		defer ct.mu.Unlock()
		ct.over = true
	})
	return ct
}

// broken reports what the adapter has done wrong.
func (ct *contract) brokenf(format string, args ...any) {
	ct.mu.Lock()
	defer ct.mu.Unlock()
	if !ct.over {
		ct.t.Errorf(format, args...)
	}
}

// only returns the server and the session of an application with one client.
func (ct *contract) only() (*checkedServer, *checkedSession) {
	ct.mu.Lock()
	defer ct.mu.Unlock()
	if len(ct.servers) == 0 || len(ct.sessions) == 0 {
		return nil, nil
	}
	return ct.servers[0], ct.sessions[len(ct.sessions)-1]
}

// NewServer implements [adapter.Adapter].
func (ct *contract) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	s := &checkedServer{ct: ct}
	if check := cfg.AdmitRequest; check != nil {
		cfg.AdmitRequest = func(r *http.Request) error { s.serving("ServerConfig.AdmitRequest"); return check(r) }
	}
	if reserve := cfg.Reserve; reserve != nil {
		cfg.Reserve = func(r *http.Request) (func(), error) { return s.reserve(r, reserve) }
	}
	cfg.Endpoints = slices.Clone(cfg.Endpoints)
	for i, e := range cfg.Endpoints {
		cfg.Endpoints[i] = checkedEndpoint{e, s}
	}
	var err error
	if s.Server, err = ct.Adapter.NewServer(cfg); err != nil {
		return nil, err
	}
	ct.mu.Lock()
	defer ct.mu.Unlock()
	ct.servers = append(ct.servers, s)
	return s, nil
}

type checkedServer struct {
	adapter.Server

	ct       *contract
	closed   atomic.Bool
	reserved atomic.Int64
}

// serving reports a call that an adapter makes for a new client, after Close has returned.
func (s *checkedServer) serving(method string) {
	if s.closed.Load() {
		s.ct.brokenf("%s was called after Server.Close had returned: refuse new requests from Close on", method)
	}
}

func (s *checkedServer) reserve(r *http.Request, reserve func(*http.Request) (func(), error)) (func(), error) {
	s.serving("ServerConfig.Reserve")
	release, err := reserve(r)
	if err != nil {
		return release, err
	}
	s.reserved.Add(1)
	return sync.OnceFunc(func() {
		s.reserved.Add(-1)
		release()
	}), nil
}

// Close implements [adapter.Server].
func (s *checkedServer) Close(ctx context.Context) error {
	err := s.Server.Close(ctx)
	s.closed.Store(true)
	if err != nil {
		return err
	}
	s.ct.mu.Lock()
	open := 0
	for _, x := range s.ct.sessions {
		if x.srv == s && !x.hasEnded() {
			open++
		}
	}
	s.ct.mu.Unlock()
	if open > 0 {
		s.ct.brokenf("Server.Close returned nil while %d clients were connected: wait until their Session.Closed has been called, or ctx is done", open)
	}
	if n := s.reserved.Load(); n > 0 {
		s.ct.brokenf("Server.Close returned nil while %d connections had their place: call the release that ServerConfig.Reserve has returned when the connection has ended or was refused", n)
	}
	return nil
}

type checkedEndpoint struct {
	adapter.Endpoint

	srv *checkedServer
}

func (e checkedEndpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	e.srv.serving("Endpoint.Admit")
	return e.Endpoint.Admit(ctx, h)
}

func (e checkedEndpoint) Connect(conn adapter.Conn, h *adapter.Handshake) adapter.Session {
	return e.srv.session(conn, func(conn adapter.Conn) adapter.Session { return e.Endpoint.Connect(conn, h) })
}

// session returns the session that connect makes of conn, with checks.
func (s *checkedServer) session(conn adapter.Conn, connect func(adapter.Conn) adapter.Session) adapter.Session {
	x := &checkedSession{srv: s, conn: conn}
	checked := adapter.Conn(checkedConn{conn, x})
	if y, ok := conn.(adapter.Yielder); ok {
		checked = yieldingConn{checkedConn{conn, x}, y}
	}
	if x.Session = connect(checked); x.Session == nil {
		return nil
	}
	s.ct.mu.Lock()
	defer s.ct.mu.Unlock()
	s.ct.sessions = append(s.ct.sessions, x)
	return x
}

// checkedConn counts answers, and notes the number of the last call to the client.
type checkedConn struct {
	adapter.Conn

	of *checkedSession
}

func (c checkedConn) Emit(out *adapter.Outgoing, ack uint64) error {
	if ack != 0 {
		c.of.lastCall.Store(ack)
	}
	if out.Answer {
		defer c.of.answers.Add(1)
	}
	if out.InReplyTo != nil {
		c.of.mu.Lock()
		c.of.queued = max(c.of.queued, c.Conn.State().Queued)
		c.of.mu.Unlock()
	}
	return c.Conn.Emit(out, ack)
}

func (c checkedConn) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	defer c.of.answers.Add(1)
	return c.Conn.Reply(m, out)
}

// RefusalCode implements [adapter.Refuser]: 0 is what a Conn without it stands for.
func (c checkedConn) RefusalCode(status int) int {
	if r, ok := c.Conn.(adapter.Refuser); ok {
		return r.RefusalCode(status)
	}
	return 0
}

type yieldingConn struct {
	checkedConn
	adapter.Yielder
}

// checkedSession is the Work of its Receive too: adapters may compare what Receive returns.
type checkedSession struct {
	adapter.Session

	srv       *checkedServer
	conn      adapter.Conn
	work      adapter.Work
	waiting   atomic.Bool // for Run or Start
	receiving atomic.Bool
	received  atomic.Int64
	answers   atomic.Int64
	lastCall  atomic.Uint64
	lastAck   atomic.Uint64

	mu     sync.Mutex
	queued int // the most that waited when a stream had an item
	ended  bool
	reason websockets.Reason
}

func (s *checkedSession) Receive(m *adapter.Message) adapter.Work {
	if !s.receiving.CompareAndSwap(false, true) {
		s.srv.ct.brokenf("Session.Receive was called by two goroutines at a time: call it in order of arrival")
	}
	defer s.receiving.Store(false)
	s.received.Add(1)
	w := s.Session.Receive(m)
	if w == nil {
		return nil
	}
	s.mu.Lock()
	s.work = w
	s.mu.Unlock()
	s.waiting.Store(true)
	return s
}

func (s *checkedSession) takeWork() adapter.Work {
	s.waiting.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.work
}

// Run implements [adapter.Work].
func (s *checkedSession) Run() { s.takeWork().Run() }

// Start implements [adapter.Work].
func (s *checkedSession) Start() { s.takeWork().Start() }

func (s *checkedSession) Ack(ack uint64, p websockets.Payload) {
	s.lastAck.Store(ack)
	s.Session.Ack(ack, p)
}

func (s *checkedSession) Closed(r websockets.Reason) {
	s.end(r)
	s.Session.Closed(r)
}

func (s *checkedSession) Suspend(r websockets.Reason) adapter.Suspension {
	s.end(r)
	x := s.Session.Suspend(r)
	if x == nil {
		return nil
	}
	return checkedSuspension{x, s.srv}
}

func (s *checkedSession) end(r websockets.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended, s.reason = true, r
	}
}

func (s *checkedSession) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

type checkedSuspension struct {
	adapter.Suspension

	srv *checkedServer
}

func (x checkedSuspension) Resume(conn adapter.Conn, h *adapter.Handshake) adapter.Session {
	return x.srv.session(conn, func(conn adapter.Conn) adapter.Session { return x.Suspension.Resume(conn, h) })
}
