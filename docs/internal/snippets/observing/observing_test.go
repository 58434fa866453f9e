package observing_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/observing"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type room struct{}

func (*room) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("enter", func(ctx context.Context, name string) error { return websockets.ClientFrom(ctx).Join(name) }),
	}
}

// TestMetrics: the page's hooks count, and the dashboard is not counted.
func TestMetrics(t *testing.T) {
	m := &observing.Metrics{}
	root := module.New("root", module.Imports(observing.Dashboard), module.Providers(websockets.Gateway(func() *room { return &room{} })))
	a := apptest.New(t, root, apptest.With(append(observing.Options(m), app.HTTP("127.0.0.1:0"))...))
	a.DialSocketIO("/dashboard")
	c := a.DialSocketIO("/")
	c.Call("enter", "tea")
	c.CallError("enter", 1)
	if n := m.Connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if n, failed := m.Messages.Load(), m.Failed.Load(); n != 2 || failed > 1 {
		t.Errorf("%d messages, %d failed", n, failed)
	}
	if n := observing.Rooms(a.App()); n != 1 {
		t.Errorf("%d rooms", n)
	}
}
