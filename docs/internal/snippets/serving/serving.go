// Package serving is the code about the HTTP server of docs/http.md.
package serving

import (
	"github.com/go-chi/chi/v5/middleware"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway makes the module serve something.
type Gateway struct{}

// NewGateway makes a Gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions makes it a gateway.
func (*Gateway) Subscriptions() []websockets.Subscription { return nil }

// Module of the page.
var Module = module.New("serving", module.Providers(websockets.Gateway(NewGateway)))

func everything() {
	// snippet:use
	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()),
		app.Use(middleware.RequestID, middleware.Logger),
	)
	// end
}

var _ = everything
