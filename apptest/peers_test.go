package apptest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// dialer connects the client under test to npm's server of its protocol.
type dialer func(opts ...apptest.DialOption) *apptest.Client

// bothProtocols runs a test against npm's socket.io and against npm's ws.
func bothProtocols(t *testing.T, test func(t *testing.T, dial dialer)) {
	t.Helper()
	n := nodetest.Start(t)
	t.Run("socketio", func(t *testing.T) {
		url := n.ServeSocketIO(nil)
		test(t, func(opts ...apptest.DialOption) *apptest.Client { return apptest.DialSocketIO(t, url, opts...) })
	})
	t.Run("ws", func(t *testing.T) {
		url := n.ServePlain()
		test(t, func(opts ...apptest.DialOption) *apptest.Client { return apptest.DialWS(t, url, opts...) })
	})
}

// serve starts an in-process WebSocket server that runs handle for each connection, to
// send what a correct server never sends.
func serve(t *testing.T, handle func(*websocket.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		handle(conn)
		_ = conn.CloseNow()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// write sends text messages. Errors show at the client.
func write(conn *websocket.Conn, texts ...string) {
	for _, s := range texts {
		_ = conn.Write(noContext, websocket.MessageText, []byte(s))
	}
}

// drain reads until the connection closes, so that pings are answered.
func drain(conn *websocket.Conn) {
	for {
		if _, _, err := conn.Read(noContext); err != nil {
			return
		}
	}
}

// openSocketIO performs the server side of the handshake.
func openSocketIO(conn *websocket.Conn) {
	write(conn, `0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`)
	_, _, _ = conn.Read(noContext)
	write(conn, `40{"sid":"s"}`)
}

// recorder records failures; Fatalf only stops the function passed to run.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// want checks that exactly one failure was recorded, and contains the words.
func (r *recorder) want(words ...string) {
	r.TB.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) != 1 {
		r.TB.Errorf("failures %q, want one with %q", r.failures, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(r.failures[0], w) {
			r.TB.Errorf("failure %q, want %q in it", r.failures[0], w)
		}
	}
}
