// Package serving is the code about the HTTP server of docs/http.md.
package serving

import (
	"context"
	"net"
	"os"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway makes the module serve something.
type Gateway struct{}

// Ping answers a client.
func (*Gateway) Ping(context.Context, struct{}) (string, error) { return "pong", nil }

// NewGateway makes a Gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions makes it a gateway.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("ping", g.Ping)}
}

// Module of the page.
var Module = module.New("serving", module.Providers(websockets.Gateway(NewGateway)))

func everything() {
	// snippet:use
	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()),
		app.Use(middleware.RequestID, middleware.Logger),
	)
	// end
}

func encrypted() {
	// snippet:tls
	app.Main(Module, app.HTTP(":443"), app.WebSockets(ws.New()),
		app.TLS("/etc/tls/tls.crt", "/etc/tls/tls.key"), // PEM; the certificate first, then those of its issuers
	)
	// end
}

func local(ctx context.Context) error {
	// snippet:unix
	_ = os.Remove("/run/chat/http.sock") // of a process that was killed
	l, err := new(net.ListenConfig).Listen(ctx, "unix", "/run/chat/http.sock")
	if err != nil {
		return err
	}
	if err := os.Chmod("/run/chat/http.sock", 0o660); err != nil { // for the group of the proxy
		return err
	}
	a, err := app.New(Module, app.Listener(l), app.WebSockets(ws.New()))
	// end
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

var _, _, _ = everything, encrypted, local
