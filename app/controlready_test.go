package app_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type echoes struct{}

func newEchoes() *echoes { return &echoes{} }

func (*echoes) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

type watcher struct{}

// A provider learns when the application listens, observes its gateways, and reaches their servers.
func TestProviderObserves(t *testing.T) {
	var order []string
	received := make(chan string, 1)
	newWatcher := func(c *app.Control) *watcher {
		c.OnReady(func(a *app.App) error {
			order = append(order, "control "+a.Addr().Network())
			return nil
		})
		return &watcher{}
	}
	newHooks := func(*watcher) observe.Hooks {
		return observe.Hooks{Received: func(_ websockets.Client, m observe.Received) { received <- m.Event }}
	}
	root := module.New("root", module.Providers(newWatcher, newHooks, websockets.Gateway(newEchoes)))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()), app.OnReady(func(*app.App) { order = append(order, "option") })))
	if !slices.Equal(order, []string{"control tcp", "option"}) {
		t.Errorf("order %q", order)
	}
	c := a.DialWS("/")
	c.Call("echo", "hi")
	if got := <-received; got != "echo" {
		t.Errorf("received %q", got)
	}
	if n := a.App().Server("app_test.newEchoes").Local().Len(); n != 1 {
		t.Errorf("%d clients", n)
	}
	if a.App().Server("unknown") != nil {
		t.Error("an unknown gateway has a server")
	}
}

func TestControlOnReadyFails(t *testing.T) {
	failed := errors.New("the address is public")
	for name, f := range map[string]func(*app.App) error{
		"error": func(*app.App) error { return failed },
		"panic": func(*app.App) error { panic(failed.Error()) },
	} {
		newWatcher := func(c *app.Control) *watcher { c.OnReady(f); return &watcher{} }
		a, err := app.New(module.New("root", module.Providers(newWatcher)), quiet(), app.HTTP("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		if a.Server("any") != nil {
			t.Errorf("%s: a server before the start", name)
		}
		if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), failed.Error()) {
			t.Errorf("%s: %v", name, err)
		}
		if a.Health().Ready {
			t.Errorf("%s: it runs", name)
		}
	}
	var none *app.Control
	none.OnReady(nil)
}
