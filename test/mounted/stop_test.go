package mounted_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/mounted"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// embedded is an application in a server of its own program, with a client of each kind.
type embedded struct {
	t      *testing.T
	app    *app.App
	srv    *http.Server
	url    string
	polls  atomic.Int32 // that the server has received
	ws     *apptest.Client
	sio    *apptest.Client
	polled chan string // the response to the open poll
	sid    string
}

func newEmbedded(t *testing.T) *embedded {
	t.Helper()
	e := &embedded{t: t, polled: make(chan string, 1)}
	var err error
	e.app, err = app.New(both(websockets.WithLimits(websockets.Limits{PingInterval: time.Hour})), app.Mounted(), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.url = "http://" + l.Addr().String()
	e.srv = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Get("sid") != "" {
			e.polls.Add(1)
		}
		e.app.Handler().ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- e.srv.Serve(l) }()
	t.Cleanup(func() {
		_ = e.app.Stop(context.Background())
		_ = e.srv.Close()
		if err := testkit.Receive(t, "the end of Serve", served); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})

	e.ws = apptest.DialWS(t, e.url+"/live", apptest.WithTimeout(testkit.Patience))
	e.sio = apptest.DialSocketIO(t, e.url, apptest.WithTimeout(testkit.Patience))
	e.poll()
	return e
}

// poll enters the namespace "/" by polling, and leaves a poll open.
func (e *embedded) poll() {
	e.t.Helper()
	const path = "/socket.io/?EIO=4&transport=polling"
	_, open := do(e.t, http.MethodGet, e.url+path, "")
	_, rest, _ := strings.Cut(open, `"sid":"`)
	e.sid, _, _ = strings.Cut(rest, `"`)
	url := e.url + path + "&sid=" + e.sid
	do(e.t, http.MethodPost, url, "40")
	if _, entered := do(e.t, http.MethodGet, url, ""); !strings.HasPrefix(entered, "40") {
		e.t.Fatalf("polling: %s", entered)
	}
	req, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			e.polled <- err.Error()
			return
		}
		_ = res.Body.Close()
		e.polled <- res.Status
	}()
	testkit.Eventually(e.t, "the open poll", func() bool { return e.polls.Load() == 2 })
}

// drained checks what the clients see of the stop.
func (e *embedded) drained() {
	e.t.Helper()
	for name, c := range map[string]*apptest.Client{"WebSocket": e.ws, "Socket.IO": e.sio} {
		if end := c.ExpectClose(); end.Code != 1001 {
			e.t.Errorf("%s was closed with %+v, want 1001", name, end)
		}
	}
	if got := testkit.Receive(e.t, "the response to the poll", e.polled); got != "200 OK" {
		e.t.Errorf("the open poll was answered with %s", got)
	}
}

// Stop before Shutdown: clients are disconnected with the code of a stop, and neither waits for them.
func TestStopBeforeShutdown(t *testing.T) {
	e := newEmbedded(t)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := mounted.Stop(ctx, e.app, e.srv); err != nil {
		t.Errorf("Stop: %v", err)
	}
	e.drained()
}

// Shutdown before Stop: it does not know the WebSockets, which are served as before, and waits for the poll until its
// context ends. No other client can connect meanwhile. Stop then has the codes of a stop; with a context that
// has ended it cuts connections, and waits for nothing.
func TestShutdownBeforeStop(t *testing.T) {
	for name, ownContext := range map[string]bool{"a context of its own": true, "the one that ended": false} {
		t.Run(name, func(t *testing.T) {
			e := newEmbedded(t)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := e.srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown: %v", err)
			}
			for _, c := range []*apptest.Client{e.ws, e.sio} {
				if got := apptest.Call[string](c, "echo", "hello"); got != "hello" {
					t.Errorf("a client after Shutdown: %q", got)
				}
			}
			if _, err := apptest.TryDialWS(t, e.url+"/live"); err == nil {
				t.Error("a client has connected after Shutdown")
			}
			stopped := make(chan error, 1)
			if ownContext {
				go func() { stopped <- e.app.Stop(context.Background()) }()
				if err := testkit.Receive(t, "the end of Stop", stopped); err != nil {
					t.Errorf("Stop: %v", err)
				}
				e.drained()
				return
			}
			go func() { stopped <- e.app.Stop(ctx) }()
			_ = testkit.Receive(t, "the end of Stop", stopped) // with an error, if it has cut connections
			e.ws.ExpectClose()
			e.sio.ExpectClose()
			testkit.Receive(t, "the end of the poll", e.polled)
		})
	}
}

// A stop whose server has another order in mind: RegisterOnShutdown starts both at once.
func TestStopByShutdown(t *testing.T) {
	e := newEmbedded(t)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	stopped := make(chan error, 1)
	e.srv.RegisterOnShutdown(func() { stopped <- e.app.Stop(ctx) })
	if err := e.srv.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := testkit.Receive(t, "the end of Stop", stopped); err != nil {
		t.Errorf("Stop: %v", err)
	}
	e.drained()
}
