package harness

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Memory is an application whose connections are pipes, for tests with the fake clock of testing/synctest.
type Memory struct {
	t    testing.TB
	http *http.Client
	left chan websockets.Reason
}

type memoryGateway struct{ left chan websockets.Reason }

func (g *memoryGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
	}
}

func (g *memoryGateway) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r
}

// NewMemory starts an application inside a bubble.
func NewMemory(t testing.TB, adapter adapter.Adapter, opts ...websockets.Option) *Memory {
	t.Helper()
	g := &memoryGateway{left: make(chan websockets.Reason, 100)}
	root := module.New("memory", module.Providers(websockets.Gateway(func() *memoryGateway { return g }, opts...)))
	a, err := app.New(root, app.Mounted(), app.WebSockets(adapter), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	l := testkit.NewListener()
	srv := &http.Server{Handler: a.Handler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Hour}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
		_ = srv.Close()
		<-served
	})
	return &Memory{t: t, left: g.left, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: l.DialContext}}}
}

// Left waits for the next disconnect, without a timeout.
func (m *Memory) Left() websockets.Reason { return <-m.left }

// Dial opens a WebSocket.
func (m *Memory) Dial(target string) *websocket.Conn {
	m.t.Helper()
	c, _, err := websocket.Dial(context.Background(), "ws://in.memory"+target, &websocket.DialOptions{HTTPClient: m.http}) //nolint:bodyclose // it says not to
	if err != nil {
		m.t.Fatal(err)
	}
	c.SetReadLimit(-1)
	m.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// Read returns the next text, or the error that ended the connection.
func (m *Memory) Read(c *websocket.Conn) (string, error) {
	_, b, err := c.Read(context.Background())
	return string(b), err
}

// Write sends a text.
func (m *Memory) Write(c *websocket.Conn, text string) {
	m.t.Helper()
	if err := c.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		m.t.Fatal(err)
	}
}

// Want reads a text and compares its start.
func (m *Memory) Want(c *websocket.Conn, prefix string) {
	m.t.Helper()
	if got, err := m.Read(c); err != nil || !strings.HasPrefix(got, prefix) {
		m.t.Fatalf("got %.200q, %v; want %q", got, err, prefix)
	}
}

// WantClose reads until the server closes the connection, and expects the code.
func (m *Memory) WantClose(c *websocket.Conn, code websocket.StatusCode) {
	m.t.Helper()
	for {
		_, err := m.Read(c)
		if err == nil {
			continue
		}
		if e, ok := errors.AsType[websocket.CloseError](err); !ok || e.Code != code {
			m.t.Errorf("closed by %v, want %d", err, code)
		}
		return
	}
}

// Do sends a request and returns the status and the body.
func (m *Memory) Do(method, target, body string) (status int, answer string) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://in.memory"+target, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	resp, err := m.http.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Trickle sends a request whose chunked body gets a byte at intervals, until the server aborts it.
func (m *Memory) Trickle(method, target string, pause time.Duration) {
	m.t.Helper()
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), method, "http://in.memory"+target, r)
	if err != nil {
		m.t.Fatal(err)
	}
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-time.After(pause):
				if _, err := io.WriteString(w, "4"); err != nil {
					return
				}
			case <-stop:
				_ = w.Close()
				return
			}
		}
	}()
	resp, err := m.http.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	close(stop)
	_ = r.Close()
}
