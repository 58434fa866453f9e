package apptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The heartbeats of half a minute take milliseconds in a bubble.
func ExampleInMemory() {
	test := func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := apptest.New(t, weatherModule, apptest.InMemory(), apptest.With(app.WebSockets(ws.New())))
			c := a.DialWS("/weather", apptest.WithoutPong(), apptest.WithTimeout(time.Hour))
			started := time.Now()
			c.ExpectClose()
			if after := time.Since(started).Round(time.Second); after != 45*time.Second { // ping interval and ping timeout
				t.Errorf("closed after %v", after)
			}
		})
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}

// slowGateway has handlers that take as long as they are asked to.
type slowGateway struct {
	left  chan websockets.Reason
	ended chan time.Duration // how long a handler had, when its context ended
}

func (g *slowGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil }),
		websockets.Listen("wait", func(ctx context.Context, _ string) error {
			started := time.Now()
			<-ctx.Done()
			g.ended <- time.Since(started)
			return nil
		}),
		websockets.Listen("stuck", func(_ context.Context, hours int) error {
			<-time.After(time.Duration(hours) * time.Hour) // of a bubble
			return nil
		}),
	}
}

func (g *slowGateway) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r
}

// inBubble runs a test in a bubble, once for each platform.
func inBubble(t *testing.T, f func(t *testing.T, g *slowGateway, a *apptest.App, dial func(...apptest.DialOption) *apptest.Client), opts ...websockets.Option) {
	t.Helper()
	for name, platform := range map[string]func() adapter.Adapter{
		"ws":       func() adapter.Adapter { return ws.New() },
		"socketio": func() adapter.Adapter { return socketio.New() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &slowGateway{left: make(chan websockets.Reason, 100), ended: make(chan time.Duration, 10)}
				root := module.New("test", module.Providers(websockets.Gateway(func() *slowGateway { return g }, opts...)))
				a := apptest.New(t, root, apptest.InMemory(), apptest.With(app.WebSockets(platform())))
				f(t, g, a, func(opts ...apptest.DialOption) *apptest.Client {
					opts = append(opts, apptest.WithTimeout(time.Hour))
					if name == "ws" {
						return a.DialWS("/", opts...)
					}
					return a.DialSocketIO("/", opts...)
				})
			})
		})
	}
}

// lasted compares a duration of a bubble, in which servers check their timeouts once a second.
func lasted(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-time.Second || got > want+2*time.Second {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

// A client that does not answer is closed after ping interval and ping timeout; one that does stays for hours.
func TestInMemoryHeartbeats(t *testing.T) {
	inBubble(t, func(t *testing.T, g *slowGateway, _ *apptest.App, dial func(...apptest.DialOption) *apptest.Client) {
		lives, started := dial(), time.Now()
		dial(apptest.WithoutPong()).ExpectClose()
		lasted(t, "closed", time.Since(started), 45*time.Second)
		if r := testkit.Receive(t, "the disconnect", g.left); r.Cause != websockets.CausePingTimeout {
			t.Errorf("left for %v", r)
		}
		<-time.After(time.Hour)
		if got := apptest.Call[string](lives, "echo", "still here"); got != "still here" {
			t.Errorf("got %q", got)
		}
	})
}

// After a client has left properly, what it sent has CloseTimeout to be handled.
func TestInMemoryCloseTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, g *slowGateway, _ *apptest.App, dial func(...apptest.DialOption) *apptest.Client) {
		c := dial()
		c.Emit("wait", "")
		synctest.Wait()
		c.Close()
		lasted(t, "the context ended", <-g.ended, 7*time.Second)
		<-g.left
	}, websockets.WithLimits(websockets.Limits{CloseTimeout: 7 * time.Second}))
}

// A connection that is cut ends its handlers with the next heartbeat, or at once.
func TestInMemoryAbort(t *testing.T) {
	inBubble(t, func(t *testing.T, g *slowGateway, _ *apptest.App, dial func(...apptest.DialOption) *apptest.Client) {
		c := dial()
		c.Abort()
		synctest.Wait()
		if r := <-g.left; r.Clean || r.Cause == websockets.CausePingTimeout {
			t.Errorf("left for %v", r)
		}
	})
}

// The window of recovery: a client that is back within it is the same, and has what it missed.
func TestInMemoryRecovery(t *testing.T) {
	for away, recovered := range map[time.Duration]bool{119 * time.Second: true, 121 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			a := apptest.New(t, helloModule(), apptest.InMemory(),
				apptest.With(app.WebSockets(socketio.New(socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 2 * time.Minute}}))))
			h := apptest.Get[*hello](a)
			emit := func(v int) {
				if err := h.Server.Emit(t.Context(), "news", v); err != nil {
					t.Error(err)
				}
			}
			c := a.DialSocketIO("/")
			emit(1)
			if got := apptest.Expect[int](c, "news"); got != 1 {
				t.Errorf("got %d", got)
			}
			c.Abort()
			synctest.Wait()
			emit(2)
			<-time.After(away)
			back := a.DialSocketIO("/", apptest.WithRecovery(c), apptest.WithAuth(map[string]string{"token": "x"}))
			if got := back.ID() == c.ID(); got != recovered {
				t.Errorf("after %v: recovered %v", away, got)
			}
			if recovered {
				if got := apptest.Expect[int](back, "news"); got != 2 {
					t.Errorf("got %d", got)
				}
			}
			emit(3)
			if got := apptest.Expect[int](back, "news"); got != 3 {
				t.Errorf("got %d", got)
			}
		})
	}
	a := apptest.New(t, helloModule(), apptest.With(app.WebSockets(socketio.New())))
	_, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithRecovery(a.DialSocketIO("/")))
	if err == nil || err.Error() != "WithRecovery: the server of that client does not recover clients: set Recovery in its options" {
		t.Errorf("got %v", err)
	}
}

// A stop waits for its deadline, and a second longer, for a handler that does not return.
func TestInMemoryStopDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *slowGateway, a *apptest.App, dial func(...apptest.DialOption) *apptest.Client) {
		c := dial()
		c.Emit("stuck", 1)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		started := time.Now()
		if err := a.App().Stop(ctx); !errors.Is(err, app.ErrStuck) {
			t.Errorf("got %v, want ErrStuck", err)
		}
		lasted(t, "stopped", time.Since(started), 11*time.Second)
		<-time.After(time.Hour) // the handler ends before its bubble
	})
}

// Requests go through memory too, and have their own deadlines.
func TestInMemoryHTTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := module.New("test", module.Controllers(web.Controller(func() strictController { return strictController{} })))
		a := apptest.New(t, root, apptest.InMemory(), apptest.With(app.BodyTimeout(time.Minute)))
		get := func(body io.Reader) int {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL(), body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := a.HTTPClient().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			return res.StatusCode
		}
		if got := get(nil); got != http.StatusNoContent {
			t.Errorf("status %d", got)
		}
	})
	a := apptest.New(t, module.New("test")) // over TCP
	res, err := a.HTTPClient().Do(must(http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL(), nil)))
	if err != nil || res.StatusCode != http.StatusNotFound {
		t.Fatalf("got %v, %v", res, err)
	}
	_ = res.Body.Close()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A cluster with its beats lives in one bubble.
func TestInMemoryCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := apptest.NewCluster(t, 3, helloModule(), apptest.InMemory(), apptest.With(app.WebSockets(ws.New())))
		for i := range 3 {
			apptest.Call[string](c.Node(i).DialWS("/"), "greet", "Ann")
		}
		c.Kill(2)
		c.Await()
		<-time.After(time.Minute) // 3,600 beats
		if got := len(c.Node(0).App().Nodes()); got != 2 {
			t.Errorf("node 0 knows %d nodes", got)
		}
		c.Restart(2).DialWS("/")
		c.Await()
	})
}

func TestInMemoryRefusesOwnPorts(t *testing.T) {
	root := module.New("test", module.Providers(websockets.Gateway(func() *slowGateway { return &slowGateway{} }, websockets.Addr("127.0.0.1:0"))))
	r := &testkit.Recorder{TB: t}
	r.Run(func() { apptest.New(r, root, apptest.InMemory(), apptest.With(app.WebSockets(ws.New()))) })
	r.Want("InMemory: the gateway apptest_test.TestInMemoryRefusesOwnPorts.func1", "listens on 127.0.0.1:0: serve it on the port of the application in this test")
}

// The applications of several bubbles follow each other in one process, with pools and caches of the first.
func TestInMemoryBubblesInTurn(t *testing.T) {
	for range 3 {
		inBubble(t, func(t *testing.T, _ *slowGateway, _ *apptest.App, dial func(...apptest.DialOption) *apptest.Client) {
			for range 5 {
				c := dial()
				apptest.Call[string](c, "echo", strings.Repeat("x", 200_000))
			}
		})
		runtime.GC()
	}
}
