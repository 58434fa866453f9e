package engineio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Handler that records its calls in order.
type recorder struct {
	session   *Session
	request   *http.Request
	onMessage func(text bool, msg []byte) error
	messages  chan string // binary ones start with "b:"
	closed    chan websockets.Reason
}

func (h *recorder) Message(text bool, msg []byte) (adapter.Work, error) {
	if h.onMessage != nil {
		return nil, h.onMessage(text, msg)
	}
	if text {
		h.messages <- string(msg)
	} else {
		h.messages <- "b:" + string(msg)
	}
	return nil, nil
}

func (h *recorder) Upgraded()                  {}
func (h *recorder) Closed(r websockets.Reason) { h.closed <- r }
func (*recorder) CheckTimeouts(int64)          {}

// say sends a text message to the client.
func (h *recorder) say(t *testing.T, text string) {
	t.Helper()
	if err := h.send(text, outbox.Refuse); err != nil {
		t.Fatalf("send %.20q: %v", text, err)
	}
}

func (h *recorder) send(text string, p outbox.Policy) error {
	it := wsconn.Item{Frame: wsconn.SealCopy(true, []byte("4"+text))}
	return h.session.Send(it, it.Size(), p)
}

func (h *recorder) wantMessage(t *testing.T, want string) {
	t.Helper()
	if got := testkit.Receive(t, "a message", h.messages); got != want {
		t.Fatalf("the handler got %.80q, want %.80q", got, want)
	}
}

func (h *recorder) wantCause(t *testing.T, want websockets.Cause) websockets.Reason {
	t.Helper()
	r := testkit.Receive(t, "Handler.Closed", h.closed)
	if r.Cause != want {
		t.Errorf("the reason is %+v, want %q", r, want)
	}
	return r
}

// testServer is a server in a test.
type testServer struct {
	t     *testing.T
	srv   *Server
	opens chan *recorder
	dial  func() (net.Conn, error)
	http  *http.Client
	logs  *testkit.Log
}

func config() Config {
	return Config{
		Path: "/",
		Config: wsconn.Config{
			Limits: websockets.Limits{
				MaxMessage:       100_000,
				HandshakeTimeout: 10 * time.Second,
				PingInterval:     time.Minute,
				PingTimeout:      time.Minute,
				SendQueue:        1 << 20,
				CloseTimeout:     testkit.Patience,
			},
			Compression:    wsconn.CompressionOff,
			MessageTimeout: time.Minute,
		},
		Polling: true, WebSocket: true, Upgrades: true,
		UpgradeTimeout: 10 * time.Second,
		CheckOrigin:    func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" },
	}
}

// newTestServer serves over TCP; inMemory serves over pipes.
func newTestServer(t *testing.T, change func(*Config), prepare func(*recorder)) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, l, func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }, change, prepare)
}

func inMemory(t *testing.T, change func(*Config), prepare func(*recorder)) *testServer {
	t.Helper()
	m := testkit.NewListener()
	return serve(t, m, m.Dial, change, prepare)
}

func serve(t *testing.T, l net.Listener, dial func() (net.Conn, error), change func(*Config), prepare func(*recorder)) *testServer {
	t.Helper()
	r := &testServer{t: t, opens: make(chan *recorder, 1000), dial: dial, logs: &testkit.Log{}}
	cfg := config()
	cfg.Logger = r.logs.Logger(slog.LevelDebug)
	cfg.Open = func(s *Session, req *http.Request) Handler {
		h := &recorder{session: s, request: req, messages: make(chan string, 1000), closed: make(chan websockets.Reason, 10)}
		if prepare != nil {
			prepare(h)
		}
		select {
		case r.opens <- h:
		default: // the test opens sessions without end
		}
		return h
	}
	if change != nil {
		change(&cfg)
	}
	r.srv = New(cfg)
	hs := &http.Server{Handler: r.srv, ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelError)}
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
		_ = r.srv.Close(ctx)
		_ = hs.Close()
		<-served
		if n := r.srv.group.Live(); n != 0 {
			t.Errorf("%d requests, sessions or sweepers are left", n)
		}
	})
	return r
}

// opened is the handler of the newest session.
func (r *testServer) opened() *recorder {
	r.t.Helper()
	return testkit.Receive(r.t, "a session", r.opens)
}

// answer is the response to a request.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (r *testServer) request(ctx context.Context, method, query string, body io.Reader, headers ...string) answer {
	req, err := http.NewRequestWithContext(ctx, method, "http://example.com/?"+query, body)
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
	a := r.request(r.t.Context(), http.MethodGet, query, nil, headers...)
	if a.err != nil {
		r.t.Fatal(a.err)
	}
	return a
}

const polling = "EIO=4&transport=polling"

// poller is a client that polls.
type poller struct {
	r   *testServer
	sid string
}

func sidOf(t *testing.T, open string) string {
	t.Helper()
	_, rest, ok := strings.Cut(open, `0{"sid":"`)
	sid, _, quoted := strings.Cut(rest, `"`)
	if !ok || !quoted {
		t.Fatalf("no open packet: %.200q", open)
	}
	return sid
}

func (r *testServer) poller() (*poller, *recorder) {
	r.t.Helper()
	a := r.get(polling)
	return &poller{r, sidOf(r.t, a.body)}, r.opened()
}

func (p *poller) query() string { return polling + "&sid=" + p.sid }

// poll waits for the answer.
func (p *poller) poll(headers ...string) answer {
	p.r.t.Helper()
	return p.r.get(p.query(), headers...)
}

func (p *poller) want(body string) {
	p.r.t.Helper()
	if a := p.poll(); a.body != body {
		p.r.t.Fatalf("the poll was answered %d %.200q, want %.200q", a.status, a.body, body)
	}
}

// polling starts a poll and waits until the server has it.
func (p *poller) polling() <-chan answer {
	p.r.t.Helper()
	done := make(chan answer, 1)
	go func() { done <- p.r.request(context.Background(), http.MethodGet, p.query(), nil) }()
	s, _ := p.r.srv.find(p.sid, false)
	testkit.Eventually(p.r.t, "the poll", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.overHTTP().requests.polling
	})
	return done
}

func (p *poller) post(body string, headers ...string) answer {
	p.r.t.Helper()
	a := p.r.request(p.r.t.Context(), http.MethodPost, p.query(), strings.NewReader(body), headers...)
	if a.err != nil {
		p.r.t.Fatal(a.err)
	}
	return a
}

func (p *poller) send(body string) {
	p.r.t.Helper()
	if a := p.post(body); a.body != "ok" {
		p.r.t.Fatalf("the POST of %.50q was answered %d %.200q", body, a.status, a.body)
	}
}

// halfPost sends the beginning of a body, and waits until it is being read. Where MessageTimeout is short, the body
// may no longer be read when it looks: use startPost there.
func (p *poller) halfPost() net.Conn {
	p.r.t.Helper()
	nc := p.startPost(100)
	s, _ := p.r.srv.find(p.sid, false)
	testkit.Eventually(p.r.t, "the POST", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.overHTTP().requests.abortPost != nil
	})
	return nc
}

// tooLong sends a body over the limit. The connection may end before it is sent.
func (p *poller) tooLong() {
	p.r.t.Helper()
	_, _ = p.startPost(100_001).Write(make([]byte, 100_001))
}

// startPost sends the beginning of a body of a length.
func (p *poller) startPost(length int) net.Conn {
	p.r.t.Helper()
	nc, err := p.r.dial()
	if err != nil {
		p.r.t.Fatal(err)
	}
	p.r.t.Cleanup(func() { _ = nc.Close() })
	_, err = fmt.Fprintf(nc, "POST /?%s HTTP/1.1\r\nHost: example.com\r\nContent-Length: %d\r\n\r\n4half", p.query(), length)
	if err != nil {
		p.r.t.Fatal(err)
	}
	return nc
}

var errNo = errors.New("the database is down")

// Stalled implements the contract: nothing is ever blocked here.
func (h *recorder) Stalled() time.Duration { return 0 }
