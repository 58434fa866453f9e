package start_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// world is what the providers of a test share: one of them waits, whatever its context.
type world struct {
	stuck   string // where
	release chan struct{}

	mu    sync.Mutex
	calls []string
}

func (w *world) call(what string) error {
	w.mu.Lock()
	w.calls = append(w.calls, what)
	w.mu.Unlock()
	if w.stuck == what {
		<-w.release
	}
	return nil
}

// got returns the calls since the last one of got.
func (w *world) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// first and second have all hooks; second depends on first.
type (
	hooked struct {
		name string
		w    *world
	}
	first  struct{ hooked }
	second struct{ hooked }
	third  struct{}
)

func (h *hooked) OnModuleInit(context.Context) error    { return h.w.call("init " + h.name) }
func (h *hooked) OnModuleDestroy(context.Context) error { return h.w.call("destroy " + h.name) }
func (h *hooked) OnApplicationBootstrap(context.Context) error {
	return h.w.call("bootstrap " + h.name)
}
func (h *hooked) BeforeApplicationShutdown(context.Context) error {
	return h.w.call("before " + h.name)
}
func (h *hooked) OnApplicationShutdown(context.Context) error { return h.w.call("shutdown " + h.name) }

func newFirst(w *world, lc fx.Lifecycle) *first {
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error { return w.call("start first") },
		OnStop:  func(context.Context) error { return w.call("stop first") },
	})
	return &first{hooked{"first", w}}
}

func newSecond(w *world, _ *first) (*second, error) {
	return &second{hooked{"second", w}}, w.call("new second")
}

func newThird(w *world, _ *second) (*third, error) { return &third{}, w.call("new third") }

// yard is a gateway with hooks.
type yard struct {
	Server *websockets.Server `websockets:"server"`
	w      *world
}

func newYard(w *world) *yard { return &yard{w: w} }

func (y *yard) AfterInit(context.Context, *websockets.Server) error { return y.w.call("after") }

func stuckModule(w *world) *module.Module {
	return module.New("m", module.Providers(module.Value(w), newFirst, newSecond, newThird, websockets.Gateway(newYard)))
}

const isStuck = "is stuck: it has not returned, and the application does not wait for it any longer (context deadline exceeded)"

// TestField_X45_Start: A constructor or hook that ignored its context held up the start forever; a second after the
// deadline the start goes on without it, stops what has started, and the error and the log name it, its module and place.
func TestField_X45_Start(t *testing.T) {
	const constructorHint = ": a constructor must not wait: do so in OnModuleInit, whose context ends with the start"
	const hookHint = ": return when the context of the hook ends"
	for where, message := range map[string]string{
		"new second":      "module m (field/start/stuck_test.go): start_test.newSecond (field/start/stuck_test.go) failed: " + isStuck + constructorHint,
		"start first":     "module m: fx.OnStart of start_test.newFirst (field/start/stuck_test.go): " + isStuck + hookHint,
		"after":           "module m: AfterInit of start_test.newYard (field/start/stuck_test.go): " + isStuck + hookHint,
		"init first":      "module m: OnModuleInit of start_test.newFirst (field/start/stuck_test.go): " + isStuck + hookHint,
		"bootstrap first": "module m: OnApplicationBootstrap of start_test.newFirst (field/start/stuck_test.go): " + isStuck + hookHint,
	} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				w := &world{stuck: where, release: make(chan struct{})}
				a, err := app.New(stuckModule(w), app.Logger(slog.New(slog.NewTextHandler(&log, nil))), app.Mounted(), app.WebSockets(ws.New()))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				started := time.Now()
				err = a.Start(ctx)
				if took := time.Since(started); took != 16*time.Second {
					t.Errorf("took %v", took)
				}
				want(t, text(err), message)
				if !errors.Is(err, app.ErrStuck) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("not ErrStuck: %v", err)
				}
				if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "is stuck\"") || !strings.Contains(log.String(), "place=field/start/stuck_test.go") {
					t.Errorf("log: %s", &log)
				}
				calls := w.got()
				stopped := slices.Contains(calls, "stop first")
				if want := where != "new second" && where != "start first"; stopped != want {
					t.Errorf("stopped %t: %q", stopped, calls)
				}
				close(w.release)
				synctest.Wait()
				if calls := w.got(); len(calls) > 0 {
					t.Errorf("called after the start: %q", calls)
				}
			})
		})
	}
}

// TestField_X45_Stop: A hook that ignored its context held up the stop forever, so that later ones, which close the
// database, never ran; a second after the deadline the stop goes on, later hooks run, and the error names the stuck one.
func TestField_X45_Stop(t *testing.T) {
	all := []string{
		"destroy second", "destroy first", "before second", "before first", "shutdown second", "shutdown first", "stop first",
	}
	for where, hook := range map[string]string{
		"destroy second":  "OnModuleDestroy of start_test.newSecond",
		"before second":   "BeforeApplicationShutdown of start_test.newSecond",
		"shutdown second": "OnApplicationShutdown of start_test.newSecond",
		"stop first":      "fx.OnStop of start_test.newFirst",
	} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{stuck: where, release: make(chan struct{})}
				a, err := app.New(stuckModule(w), quiet(), app.Mounted(), app.WebSockets(ws.New()))
				if err != nil {
					t.Fatal(err)
				}
				if err := a.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				w.got()
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				started := time.Now()
				err = a.Stop(ctx)
				if took := time.Since(started); took != 16*time.Second {
					t.Errorf("took %v", took)
				}
				want(t, text(err), "module m: "+hook+" (field/start/stuck_test.go): "+isStuck+": return when the context of the hook ends")
				want(t, fmt.Sprint(w.got()), fmt.Sprint(all))
				close(w.release)
			})
		})
	}
}

// TestField_X45_Run: StartTimeout and StopTimeout did not bound how long Run took; they do, also if all hooks of the stop
// are stuck: those after the deadline share five seconds.
func TestField_X45_Run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		items := make([]any, 0, 20)
		for i := range 20 {
			items = append(items, module.Named(fmt.Sprint(i), func() *holder { return &holder{release} }))
		}
		a, err := app.New(providers(items...), quiet(), app.Mounted(), app.StopTimeout(3*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := time.AfterFunc(time.Minute, cancel)
		defer cancelled.Stop()
		started := time.Now()
		err = a.Run(ctx)
		if took := time.Since(started); took < time.Minute+8*time.Second || took > time.Minute+9*time.Second {
			t.Errorf("took %v", took)
		}
		if n := strings.Count(err.Error(), "is stuck"); n != 20 {
			t.Errorf("%d hooks are stuck: %v", n, err)
		}
		close(release)
	})
	synctest.Test(t, func(t *testing.T) {
		w := &world{stuck: "init first", release: make(chan struct{})}
		a, err := app.New(stuckModule(w), quiet(), app.Mounted(), app.WebSockets(ws.New()), app.StartTimeout(2*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		if err := a.Run(t.Context()); !errors.Is(err, app.ErrStuck) || time.Since(started) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(started), err)
		}
		close(w.release)
	})
	synctest.Test(t, func(t *testing.T) { // interrupted while a hook of the start is stuck
		w := &world{stuck: "init first", release: make(chan struct{})}
		a, err := app.New(stuckModule(w), quiet(), app.Mounted(), app.WebSockets(ws.New()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := a.Run(ctx); !errors.Is(err, app.ErrStuck) {
			t.Errorf("%v", err)
		}
		close(w.release)
	})
}

// holder has a hook that waits.
type holder struct{ release chan struct{} }

func (h *holder) OnModuleDestroy(context.Context) error { <-h.release; return nil }

// exit is a gateway whose HandleDisconnect waits.
type exit struct {
	left    chan struct{}
	release chan struct{}
}

func (e *exit) HandleDisconnect(context.Context, websockets.Client, websockets.Reason) {
	close(e.left)
	<-e.release
}

// TestField_X45_HandleDisconnect: HandleDisconnect that never returned held up the stop until its deadline, without a
// name; the error names the gateway and its place, HandleDisconnect of other gateways and later hooks run.
func TestField_X45_HandleDisconnect(t *testing.T) {
	e := &exit{make(chan struct{}), make(chan struct{})}
	defer close(e.release)
	w := &world{}
	m := module.New("m", module.Providers(module.Value(w), newFirst, websockets.Gateway(func() *exit { return e })))
	a, err := app.New(m, quiet(), app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := apptest.DialWS(t, "http://"+a.Addr().String()+"/")
	c.Close()
	<-e.left
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // enough for all else, on a busy machine too
	defer cancel()
	err = a.Stop(ctx)
	want(t, text(err), "websockets: stop: handlers of 1 clients did not finish in time (HandleDisconnect of gateway start_test.TestField_X45_HandleDisconnect.func1 (field/start/stuck_test.go): 1 client): return when the context of the handler ends: context deadline exceeded\n"+
		"websockets: stop: HandleDisconnect of gateway start_test.TestField_X45_HandleDisconnect.func1 (field/start/stuck_test.go): 1 client is stuck: it has not returned, and the application does not wait for it any longer")
	if calls := w.got(); !slices.Contains(calls, "shutdown first") || !slices.Contains(calls, "stop first") {
		t.Errorf("hooks: %q", calls)
	}
}
