package socketio

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// endpoint is a namespace of the framework as the server sees it.
type endpoint struct {
	namespace string
	admit     func(context.Context, *adapter.Handshake) error
	prepare   func(*session)
	sessions  chan *session
}

func (e *endpoint) Namespace() string { return e.namespace }
func (*endpoint) Checks() bool        { return true }

func (e *endpoint) Match(n string) bool { return n == e.namespace }

func (e *endpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	if e.admit != nil {
		return e.admit(ctx, h)
	}
	return nil
}

func (e *endpoint) Connect(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	return e.connect(c, h, false)
}

func (e *endpoint) connect(c adapter.Conn, h *adapter.Handshake, recovered bool) *session {
	s := &session{
		ep: e, conn: c, handshake: h, recovered: recovered,
		messages: make(chan string, 1000), acks: make(chan string, 100),
		closed: make(chan websockets.Reason, 10), suspended: make(chan websockets.Reason, 10),
		dropped: make(chan struct{}, 10),
	}
	if e.prepare != nil {
		e.prepare(s)
	}
	e.sessions <- s
	return s
}

// session records its calls.
type session struct {
	ep        *endpoint
	conn      adapter.Conn
	handshake *adapter.Handshake
	recovered bool
	onReceive func(*adapter.Message)
	messages  chan string // event and payload
	acks      chan string
	closed    chan websockets.Reason
	suspended chan websockets.Reason
	dropped   chan struct{}
	upgraded  atomic.Int32
	stays     bool // it cannot be suspended
	gone      bool // it is dropped while it resumes
}

func (s *session) Receive(m *adapter.Message) adapter.Work {
	if s.onReceive != nil {
		s.onReceive(m)
		return nil
	}
	s.messages <- m.Event + " " + string(m.Payload.JSON)
	return nil
}

func (s *session) Ack(_ uint64, p websockets.Payload) { s.acks <- string(p.JSON) }
func (s *session) Closed(r websockets.Reason)         { s.closed <- r }
func (s *session) Drop()                              { s.dropped <- struct{}{} }

func (*session) Same(*adapter.Handshake, func(websockets.Client, *websockets.Handshake) bool) bool {
	return true
}

func (s *session) Upgraded() { s.upgraded.Add(1) }

func (s *session) Suspend(r websockets.Reason) adapter.Suspension {
	if s.stays {
		s.closed <- r
		return nil
	}
	s.suspended <- r
	return s
}

func (s *session) Resume(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	if s.gone {
		return nil
	}
	return s.ep.connect(c, h, true)
}

func echo(s *session) {
	s.onReceive = func(m *adapter.Message) {
		if m.Reply {
			_ = s.conn.Reply(m, adapter.NewOutgoing("", m.Payload))
		} else {
			_ = s.conn.Emit(adapter.NewOutgoing(m.Event, m.Payload), 0)
		}
	}
}

func (s *session) wantClosed(t *testing.T, want websockets.Cause) websockets.Reason {
	t.Helper()
	r := testkit.Receive(t, "Session.Closed", s.closed)
	if r.Cause != want {
		t.Errorf("the reason is %+v, want %q", r, want)
	}
	return r
}

func (s *session) emit(t *testing.T, event, json string) {
	t.Helper()
	if err := s.conn.Emit(out(event, json), 0); err != nil {
		t.Fatalf("emit %s: %v", event, err)
	}
}

func out(event, json string) *adapter.Outgoing {
	return adapter.NewOutgoing(event, websockets.Payload{JSON: []byte(json)})
}

// testServer is a server in a test, with the namespaces "/" and "/b".
type testServer struct {
	t    testing.TB
	srv  *server
	main *endpoint
	b    *endpoint
	dial func() (net.Conn, error)
	http *http.Client
}

func limits() websockets.Limits {
	return websockets.Limits{
		MaxMessage:       1_000_000,
		HandshakeTimeout: 10 * time.Second,
		PingInterval:     time.Minute,
		PingTimeout:      time.Minute,
		SendQueue:        1 << 20,
		CloseTimeout:     testkit.Patience,
	}
}

// setup changes the testServer before its server is made.
type setup func(*testServer, *adapter.ServerConfig)

func with(f func(*websockets.Limits)) setup {
	return func(_ *testServer, c *adapter.ServerConfig) { f(&c.Limits) }
}

func preparing(f func(*session)) setup {
	return func(r *testServer, _ *adapter.ServerConfig) { r.main.prepare = f }
}

func admitting(f func(context.Context, *adapter.Handshake) error) setup {
	return func(r *testServer, _ *adapter.ServerConfig) { r.main.admit = f }
}

func newTestServer(t testing.TB, o Options, setups ...setup) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, o, setups)
}

func inMemory(t testing.TB, o Options, setups ...setup) *testServer {
	t.Helper()
	m := testkit.NewListener()
	return serve(t, m, m.Dial, o, setups)
}

func serve(t testing.TB, l net.Listener, dial func() (net.Conn, error), o Options, setups []setup) *testServer {
	t.Helper()
	r := &testServer{
		t: t, dial: dial,
		main: &endpoint{namespace: "/", sessions: make(chan *session, 2000)},
		b:    &endpoint{namespace: "/b", sessions: make(chan *session, 2000)},
	}
	cfg := adapter.ServerConfig{
		Path:        "/socket.io/",
		Limits:      limits(),
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" },
		Endpoints:   []adapter.Endpoint{r.main, r.b},
		Logger:      slog.New(slog.DiscardHandler),
	}
	for _, f := range setups {
		f(r, &cfg)
	}
	as, err := New(o).NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.srv = as.(*server)
	hs := &http.Server{Handler: as, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = hs.Serve(l)
	}()
	r.http = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() },
	}}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // abort what a test left behind
		_ = as.Close(ctx)
		_ = hs.Close()
		<-served
		if n := r.srv.engine.Len(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		if a := r.srv.recovery; a != nil {
			testkit.Eventually(t, "nothing is counted", func() bool { return a.Bytes() == 0 })
			if journals, absent, rings := a.Sizes(); journals != 0 || absent != 0 || rings != 0 {
				t.Errorf("%d journals, %d absent clients, %d rings are left", journals, absent, rings)
			}
		}
	})
	return r
}

// session is the newest one of the main namespace.
func (r *testServer) session() *session {
	r.t.Helper()
	return testkit.Receive(r.t, "a session", r.main.sessions)
}

func (r *testServer) sessionB() *session {
	r.t.Helper()
	return testkit.Receive(r.t, "a session of /b", r.b.sessions)
}

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (r *testServer) request(ctx context.Context, method, query, body string, headers ...string) answer {
	req, err := http.NewRequestWithContext(ctx, method, "http://example.com/socket.io/?"+query, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func (r *testServer) get(query string, headers ...string) answer {
	r.t.Helper()
	a := r.request(context.Background(), http.MethodGet, query, "", headers...)
	if a.err != nil {
		r.t.Fatal(a.err)
	}
	return a
}

// Stalled implements the contract: nothing is ever blocked here.
func (*session) Stalled() time.Duration { return 0 }

func (*session) Cancel(func(*adapter.Message) bool) {}
