package gateways_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/gateways"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type where struct{}

func (where) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("where", func(ctx context.Context, _ any) (string, error) {
		return websockets.ClientFrom(ctx).Namespace(), nil
	})}
}

func TestTenants(t *testing.T) {
	tenants := gateways.NewTenants(map[string]bool{"ada": true})
	root := module.New("root", module.Providers(websockets.Gateway(func() where { return where{} }, tenants)))
	a := apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
	if got := apptest.Call[string](a.DialSocketIO("/ada"), "where"); got != "/ada" {
		t.Errorf("in %q", got)
	}
	if _, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace("/eve")); err == nil {
		t.Error("the namespace of another tenant exists")
	}
}
