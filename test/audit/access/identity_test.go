package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type first struct{}

func newFirst() *first { return &first{} }

func (*first) Subscriptions() []websockets.Subscription { return answersTo("a", "b") }

type second struct{}

func newSecond() *second { return &second{} }

func (*second) Subscriptions() []websockets.Subscription { return answersTo("c", "d") }

func answersTo(events ...string) (subs []websockets.Subscription) {
	for _, e := range events {
		subs = append(subs, websockets.On(e, func(context.Context, struct{}) (string, error) { return e, nil }))
	}
	return subs
}

// startError returns the error of a start that must fail; "" if it does not.
func startError(m *module.Module, opts ...app.Option) string {
	a, err := app.New(m, append([]app.Option{app.HTTP("127.0.0.1:0"), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err = a.Start(ctx); err == nil {
			_ = a.Stop(ctx)
			return ""
		}
	}
	return err.Error()
}

func from(origin string) apptest.DialOption {
	return apptest.WithHeader(http.Header{"Origin": {origin}})
}

func refuseAll(*http.Request) bool { return false }
func acceptAll(*http.Request) bool { return true }

// TestAudit_OriginsAndCheckOrigin: of two gateways that share a server one has Origins and the other CheckOrigin, in
// any order, and in Via or outside of it: CheckOrigin would allow pages to connect to the first that it has not
// listed, so the start fails. One gateway may have both, and a gateway without either is accepted.
func TestAudit_OriginsAndCheckOrigin(t *testing.T) {
	b := websockets.Namespace("b")
	list := websockets.Origins("https://a")
	all := websockets.CheckOrigin(acceptAll)
	for name, tt := range map[string]struct {
		one, other []websockets.Option
		fails      bool
	}{
		"Origins, CheckOrigin": {[]websockets.Option{list}, []websockets.Option{all, b}, true},
		"CheckOrigin, Origins": {[]websockets.Option{all}, []websockets.Option{list, b}, true},
		"both, Origins":        {[]websockets.Option{list, all}, []websockets.Option{list, b}, true},
		"in Via":               {[]websockets.Option{list}, []websockets.Option{websockets.Via(socketio.New(), all, b)}, true},
		"outside of Via":       {[]websockets.Option{list, websockets.Via(socketio.New())}, []websockets.Option{all, websockets.Via(socketio.New(), b)}, true},
		"both, CheckOrigin":    {[]websockets.Option{list, all}, []websockets.Option{all, b}, false},
		"both, both":           {[]websockets.Option{list, all}, []websockets.Option{list, all, b}, false},
		"both, none":           {[]websockets.Option{list, all}, []websockets.Option{b}, false},
		"other paths":          {[]websockets.Option{list}, []websockets.Option{all, websockets.Path("/other/")}, false},
		"other platforms":      {[]websockets.Option{list}, []websockets.Option{websockets.Via(ws.New(), all)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := startError(module.New("m", module.Controllers(websockets.Gateway(newFirst, tt.one...), websockets.Gateway(newSecond, tt.other...))))
			if tt.fails != strings.Contains(got, "disagree on the origins") || !tt.fails && got != "" {
				t.Errorf("the start returns %q", got)
			}
		})
	}
	if got := startError(module.New("m", module.Controllers(websockets.Gateway(newFirst, websockets.Origins("nonsense"), all)))); !strings.Contains(got, "nonsense") {
		t.Errorf("an invalid origin is accepted next to CheckOrigin: %q", got)
	}
}

// TestAudit_OneCheckOriginForMany: one option value with CheckOrigin, bound to gateways of two modules, by Via to two
// platforms, refuses on each of them.
func TestAudit_OneCheckOriginForMany(t *testing.T) {
	check := websockets.CheckOrigin(refuseAll)
	side := module.New("side", module.Controllers(websockets.Gateway(newSecond, check, websockets.Namespace("b"))))
	a := apptest.New(t, module.New("m", module.Imports(side), module.Controllers(
		websockets.Gateway(newFirst, check, websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws"))))),
		apptest.With(app.WebSockets(socketio.New())))
	for _, ns := range []string{"/", "/b"} {
		if _, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace(ns), from("https://a")); err == nil {
			t.Errorf("a page enters %s", ns)
		}
	}
	if _, err := apptest.TryDialWS(t, a.URL()+"/ws", from("https://a")); err == nil {
		t.Error("a page connects to /ws")
	}
}

// ledger records which guards were called.
type ledger struct {
	mu    sync.Mutex
	asked []string
	made  int
}

type sentry struct {
	l    *ledger
	name string
}

func (l *ledger) sentry(name string) *sentry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	return &sentry{l, fmt.Sprintf("%s#%d", name, l.made)}
}

// Check implements [pipeline.Guard].
func (s *sentry) Check(_ context.Context, c *pipeline.Call) error {
	if c.Kind == pipeline.KindMessage {
		s.l.mu.Lock()
		defer s.l.mu.Unlock()
		s.l.asked = append(s.l.asked, c.Pattern+":"+s.name)
	}
	return nil
}

type checker interface {
	Check(context.Context, *pipeline.Call) error
}

type place string

// post is a guard of a place; the type argument distinguishes instances.
func newPost[T any](l *ledger, p place) *sentry { return l.sentry(fmt.Sprintf("%T@%s", *new(T), p)) }

func newSentry(l *ledger) *sentry { return l.sentry("declared") }

// asked sends the events on plain WebSocket and returns the guards called.
func (l *ledger) ask(t *testing.T, a *apptest.App, events map[string][]string) string {
	t.Helper()
	for path, names := range events {
		c := a.DialWS(path)
		for _, e := range names {
			apptest.Call[string](c, e, struct{}{})
		}
		c.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.asked, " ")
}

// TestAudit_WhichGuard: guards that are bound in several places, through every way to provide them, are the intended
// ones.
func TestAudit_WhichGuard(t *testing.T) {
	literal := func(l *ledger, p place) *sentry { return l.sentry("literal@" + string(p)) }
	atWS := func(path string) websockets.Option { return websockets.Via(ws.New(), websockets.Path(path)) }
	for _, tt := range []struct {
		name string
		m    func(l module.Option) *module.Module
		opts []app.Option
		want []string // all of them run, in this order, on one connection each
	}{
		{"one closure in two modules with things of their own", func(l module.Option) *module.Module {
			in := func(name string, gateway any, path string) *module.Module {
				return module.New(name, module.Imports(module.New("ledger", l)), module.Providers(module.Value(place(name)), literal),
					module.Controllers(websockets.Gateway(gateway, atWS(path), websockets.UseGuards(literal))))
			}
			return module.New("m", module.Imports(in("x", newFirst, "/1"), in("y", newSecond, "/2")))
		}, nil, []string{"a:literal@x", "c:literal@y"}},
		{"two instances of a generic constructor", func(l module.Option) *module.Module {
			in := func(name string, gateway, ctor any, path string) *module.Module {
				return module.New(name, module.Imports(module.New("ledger", l)), module.Providers(module.Value(place(name)), ctor),
					module.Controllers(websockets.Gateway(gateway, atWS(path), websockets.UseGuards(ctor))))
			}
			return module.New("m", module.Imports(in("x", newFirst, newPost[int], "/1"), in("y", newSecond, newPost[string], "/2")))
		}, nil, []string{"a:int@x", "c:string@y"}},
		{"global As, bound to application, gateway and event", func(l module.Option) *module.Module {
			global := module.New("global", module.Imports(module.New("ledger", l)), module.Global(), module.Exports(module.As[checker](newSentry)))
			return module.New("m", module.Imports(global, module.New("sub", module.Controllers(
				websockets.Gateway(newFirst, atWS("/1"), websockets.UseGuards(newSentry), websockets.ForEvent("a", websockets.UseGuards(newSentry))),
				websockets.Gateway(newSecond, atWS("/2"))))))
		}, []app.Option{app.UseGuards(newSentry)}, []string{"a:declared#1", "c:declared#1"}},
		{"bound to a gateway and to an event of another", func(l module.Option) *module.Module {
			return module.New("m", module.Imports(module.New("ledger", l)), module.Providers(newSentry), module.Controllers(
				websockets.Gateway(newFirst, atWS("/1"), websockets.UseGuards(newSentry)),
				websockets.Gateway(newSecond, atWS("/2"), websockets.ForEvent("c", websockets.UseGuards(newSentry)))))
		}, nil, []string{"a:declared#1", "c:declared#1"}},
		{"also imported lazily", func(l module.Option) *module.Module {
			return module.New("m", module.Imports(module.New("ledger", l)), module.Providers(newSentry, func(module.Lazy[*sentry]) *http.Client { return nil }), module.Controllers(
				websockets.Gateway(newFirst, atWS("/1"), websockets.UseGuards(newSentry)),
				websockets.Gateway(newSecond, atWS("/2"), websockets.UseGuards(newSentry))))
		}, nil, []string{"a:declared#1", "c:declared#1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &ledger{}
			shared := module.Exports(module.Value(l))
			a := apptest.New(t, tt.m(shared), apptest.With(append(tt.opts, app.WebSockets(ws.New()))...))
			got := l.ask(t, a, map[string][]string{"/1": {"a"}, "/2": {"c"}})
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("asked: %s; want %s", got, w)
				}
			}
			for _, other := range []string{"a:literal@y", "c:literal@x", "a:string", "c:int", "declared#2"} {
				if strings.Contains(got, other) {
					t.Errorf("asked: %s; of another place", got)
				}
			}
		})
	}
}

// TestAudit_OverriddenGuard: a guard that a test overrides is the one that runs, wherever the constructor is bound
// and under any exported type.
func TestAudit_OverriddenGuard(t *testing.T) {
	for name, exported := range map[string]any{"plain": newSentry, "As": module.As[checker](newSentry)} {
		l := &ledger{}
		side := module.New("side", module.Exports(module.Value(l), exported))
		double := &sentry{l, "double"}
		override := app.Resolve(module.Override(double))
		if name == "As" {
			override = app.Resolve(module.Override[checker](double))
		}
		a := apptest.New(t, module.New("m", module.Imports(side), module.Controllers(
			websockets.Gateway(newFirst, websockets.Via(ws.New(), websockets.Path("/1")), websockets.UseGuards(newSentry)),
			websockets.Gateway(newSecond, websockets.Via(ws.New(), websockets.Path("/2")), websockets.ForEvent("c", websockets.UseGuards(newSentry))))),
			apptest.With(override))
		if got := l.ask(t, a, map[string][]string{"/1": {"a"}, "/2": {"c"}}); strings.Contains(got, "declared") || strings.Count(got, "double") != 2 {
			t.Errorf("%s: asked: %s", name, got)
		}
	}
}
