// Package serving_test attacks the HTTP server of an application: TLS and HTTP/2, connections that idle, other routers
// around it, pages and what is served beside them.
package serving_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type echoGateway struct{}

func newEchoGateway() *echoGateway { return &echoGateway{} }

func (g *echoGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", g.echo)}
}

func (*echoGateway) echo(_ context.Context, s string) (string, error) { return s, nil }

// gateway is a module with a gateway.
func gateway(opts ...websockets.Option) *module.Module {
	return module.New("chat", module.Providers(websockets.Gateway(newEchoGateway, opts...)))
}
