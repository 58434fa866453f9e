package apptest_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type greeter interface{ Greet(name string) string }

type polite struct{}

func (polite) Greet(name string) string { return "Good day, " + name }

type curt struct{}

func (curt) Greet(string) string { return "hm" }

type hello struct {
	Server *websockets.Server `websockets:"server"`
	g      greeter
}

func newHello(g greeter) *hello { return &hello{g: g} }

func (h *hello) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("greet", h.Greet)}
}

func (h *hello) Greet(_ context.Context, name string) (string, error) { return h.g.Greet(name), nil }

func helloModule() *module.Module {
	return module.New("hello",
		module.Providers(module.As[greeter](func() polite { return polite{} })),
		module.Exports(websockets.Gateway(newHello)))
}

func TestNewServesOnBothPlatforms(t *testing.T) {
	t.Run("ws", func(t *testing.T) {
		a := apptest.New(t, helloModule(), apptest.With(app.WebSockets(ws.New())))
		if got := apptest.Call[string](a.DialWS("/"), "greet", "Ann"); got != "Good day, Ann" {
			t.Errorf("got %q", got)
		}
		if h := apptest.Get[*hello](a); h.Server.Local().Len() != 1 {
			t.Errorf("server counts %d clients, want 1", h.Server.Local().Len())
		}
	})
	t.Run("socketio", func(t *testing.T) {
		a := apptest.New(t, helloModule(), apptest.With(app.WebSockets(socketio.New())))
		if got := apptest.Call[string](a.DialSocketIO("/"), "greet", "Ann"); got != "Good day, Ann" {
			t.Errorf("got %q", got)
		}
	})
}

func TestOverride(t *testing.T) {
	a := apptest.New(t, helloModule(), apptest.Override[greeter](curt{}), apptest.With(app.WebSockets(ws.New())))
	if got := apptest.Call[string](a.DialWS("/"), "greet", "Ann"); got != "hm" {
		t.Errorf("got %q, want the fake's answer", got)
	}
}

// The query of a namespace is that of the handshake, as in the JavaScript client.
func TestDialSocketIOQuery(t *testing.T) {
	a := apptest.New(t, module.New("query", module.Providers(websockets.Gateway(newQueryGateway, websockets.Namespace("/chat")))), apptest.With(app.WebSockets(socketio.New())))
	if got := apptest.Call[string](a.DialSocketIO("/chat?user=ada"), "user", nil); got != "ada" {
		t.Errorf("got %q", got)
	}
}

type queryGateway struct{}

func newQueryGateway() *queryGateway { return &queryGateway{} }

func (*queryGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("user", func(ctx context.Context, _ struct{}) (string, error) {
		return websockets.ClientFrom(ctx).Request().URL.Query().Get("user"), nil
	})}
}
