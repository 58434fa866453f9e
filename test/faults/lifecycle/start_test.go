package lifecycle_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// part is a provider with hooks.
type part struct {
	name string
	*testkit.Steps
	init func(context.Context) error
}

func (p *part) OnModuleInit(ctx context.Context) error {
	p.Add("init " + p.name)
	if p.init != nil {
		return p.init(ctx)
	}
	return nil
}
func (p *part) OnModuleDestroy(context.Context) error       { p.Add("destroy " + p.name); return nil }
func (p *part) OnApplicationShutdown(context.Context) error { p.Add("shutdown " + p.name); return nil }

type (
	first  struct{ *part }
	second struct{ *part }
	third  struct{ *part }
	lobby  struct{}
)

func (*lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, text string) (string, error) { return text, nil })}
}

// chain returns three modules, each of which depends on the one before, and a gateway on its own port. The raw fx
// hooks are on the third module too.
func chain(tr *testkit.Steps, addr string, init, onStart func(context.Context) error) *module.Module {
	raw := func(name string, start func(context.Context) error) *module.Module {
		return module.New("raw "+name, module.Fx(fx.Invoke(func(l fx.Lifecycle) {
			l.Append(fx.Hook{
				OnStart: func(ctx context.Context) error {
					tr.Add("start " + name)
					if start != nil {
						return start(ctx)
					}
					return nil
				},
				OnStop: func(context.Context) error { tr.Add("stop " + name); return nil },
			})
		})))
	}
	one := module.New("one", module.Imports(raw("one", nil)), module.Exports(func() first { return first{&part{"one", tr, nil}} }))
	two := module.New("two", module.Imports(one, raw("two", nil)), module.Exports(func(first) second { return second{&part{"two", tr, nil}} }))
	return module.New("three", module.Imports(two, raw("three", onStart)),
		module.Providers(func(second) third { return third{&part{"three", tr, init}} },
			websockets.Gateway(func() *lobby { return &lobby{} }, websockets.Addr(addr))))
}

func newApp(t *testing.T, m *module.Module, opts ...app.Option) *app.App {
	t.Helper()
	a, err := app.New(m, append(opts, app.WebSockets(ws.New()), app.Logger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// freeAddr returns an address without a listener.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func wantFree(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Errorf("the address is still in use: %v", err)
		return
	}
	_ = l.Close()
}

var errNoLuck = errors.New("no luck")

// TestFault_F73_FailingStart: The third of three modules fails to start, by an error, by taking too long, or because
// its address is in use: the two before it are stopped, in reverse order, the error names the cause, and no address
// stays in use.
func TestFault_F73_FailingStart(t *testing.T) {
	fail := func(context.Context) error { return errNoLuck }
	late := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	up := []string{"start one", "start two", "start three"}
	inits := append(slices.Clone(up), "init one", "init two", "init three")
	down := []string{"stop three", "stop two", "stop one"}
	for name, row := range map[string]struct {
		init, onStart func(context.Context) error
		taken         bool
		is            error
		says          string
		want          []string
	}{
		"OnModuleInit fails": {init: fail, is: errNoLuck, says: "module three: OnModuleInit", want: slices.Concat(inits,
			[]string{"destroy two", "destroy one", "shutdown two", "shutdown one"}, down)},
		"OnModuleInit takes too long": {init: late, is: context.DeadlineExceeded, says: "module three: OnModuleInit", want: slices.Concat(inits,
			[]string{"destroy two", "destroy one", "shutdown two", "shutdown one"}, down)},
		"OnStart of fx fails":          {onStart: fail, is: errNoLuck, says: "fx", want: slices.Concat(up, down[1:])},
		"OnStart of fx takes too long": {onStart: late, is: context.DeadlineExceeded, says: "fx", want: slices.Concat(up, down[1:])},
		"the address is in use": {taken: true, is: syscall.EADDRINUSE, says: "address", want: slices.Concat(inits,
			[]string{"destroy three", "destroy two", "destroy one", "shutdown three", "shutdown two", "shutdown one"}, down)},
	} {
		t.Run(name, func(t *testing.T) {
			tr, addr, http := &testkit.Steps{}, freeAddr(t), freeAddr(t)
			if row.taken {
				l, err := net.Listen("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
			a := newApp(t, chain(tr, addr, row.init, row.onStart), app.HTTP(http))
			timeout := testkit.Patience
			if row.is == context.DeadlineExceeded {
				timeout = 2 * time.Second // after which the third must be at its start
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			err := a.Start(ctx)
			if !errors.Is(err, row.is) || !strings.Contains(err.Error(), row.says) {
				t.Errorf("Start: %v, want %v, with %q", err, row.is, row.says)
			}
			if got := tr.All(); !slices.Equal(got, row.want) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
			wantFree(t, http)
			if !row.taken {
				wantFree(t, addr)
			}
			if err := a.Stop(t.Context()); err != nil {
				t.Errorf("a stop of what has not started: %v", err)
			}
		})
	}
}

// TestFault_F74_StopBeforeStarted: A stop comes before the start has finished: everything already started is stopped
// in order, nothing listens, a stop with a shorter timeout returns an error, and a process that then gets the signal
// exits with 0.
func TestFault_F74_StopBeforeStarted(t *testing.T) {
	for name, patient := range map[string]bool{"a stop that waits": true, "a stop that does not": false} {
		t.Run(name, func(t *testing.T) {
			tr, addr := &testkit.Steps{}, freeAddr(t)
			entered, release := make(chan struct{}), make(chan struct{})
			a := newApp(t, chain(tr, addr, func(context.Context) error { close(entered); <-release; return nil }, nil))
			started, stopped := make(chan error, 1), make(chan error, 1)
			go func() { started <- a.Start(t.Context()) }()
			testkit.Receive(t, "OnModuleInit", entered)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { stopped <- a.Stop(ctx) }()
			if !patient {
				cancel()
				if err := testkit.Receive(t, "the end of the stop, whose context has ended", stopped); !errors.Is(err, context.Canceled) {
					t.Errorf("Stop: %v, want that its context has ended", err)
				}
				close(release)
				if err := testkit.Receive(t, "the end of the start", started); err != nil {
					t.Errorf("Start: %v", err)
				}
				go func() { stopped <- a.Stop(t.Context()) }()
			} else {
				close(release)
				if err := testkit.Receive(t, "the end of the start", started); err != nil {
					t.Errorf("Start: %v", err)
				}
			}
			if err := testkit.Receive(t, "the end of the stop", stopped); err != nil {
				t.Errorf("Stop: %v", err)
			}
			if got := tr.All(); got[len(got)-1] != "stop one" || !slices.Contains(got, "shutdown one") {
				t.Errorf("hooks: %q", got)
			}
			wantFree(t, addr)
		})
	}
	t.Run("signal", func(t *testing.T) {
		p := subprocess.Launch(t, subprocess.Settings{SlowStart: true})
		p.WantLine("starting")
		p.Signal(syscall.SIGTERM)
		if end := p.Wait(); end.Status != 0 {
			t.Errorf("ended with %+v", end)
		}
	})
}
