package app_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type baseGateway struct{}

func (baseGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("a", answering("base a")), websockets.On("b", answering("base b")),
		websockets.OnAny(func(context.Context, string, websockets.Payload) {}),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (string, error) { return "base rest", nil }),
	}
}

type derivedGateway struct{ baseGateway }

func (g *derivedGateway) Subscriptions() []websockets.Subscription {
	return websockets.Replace(g.baseGateway.Subscriptions(), websockets.On("b", answering("own b")), websockets.On("c", answering("own c")),
		websockets.OnAny(func(context.Context, string, websockets.Payload) {}),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (string, error) { return "own rest", nil }))
}

func answering(text string) func(context.Context, struct{}) (string, error) {
	return func(context.Context, struct{}) (string, error) { return text, nil }
}

// A gateway replaces handlers of one that it embeds.
func TestReplace(t *testing.T) {
	root := module.New("derived", module.Providers(websockets.Gateway(func() *derivedGateway { return &derivedGateway{} })))
	c := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()))).DialWS("/")
	for event, want := range map[string]string{"a": "base a", "b": "own b", "c": "own c", "d": "own rest"} {
		if got := apptest.Call[string](c, event); got != want {
			t.Errorf("%s is answered %q, want %q", event, got, want)
		}
	}
}
