// Package commented is for the test of doc comments in documents.
package commented

import (
	"context"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Module is the application.
var Module = module.New("commented",
	module.Providers(websockets.Gateway(NewGateway, websockets.Via(ws.New(), websockets.Path("/ws")))),
	module.Controllers(NewController))

// Message is what [Gateway] sends,
// in one line or two.
//
// This is the second paragraph.
type Message struct {
	Text string `json:"text"`
}

// Page has a type parameter.
type Page[T any] struct{ Items []T }

// Next is a method of a generic type.
func (*Page[T]) Next() {}

// Value has a method.
type Value int

// Get is a method of a value.
func (Value) Get() {}

// Echo is a function.
func Echo() {}

// Gateway has handlers.
type Gateway struct{}

// NewGateway returns the gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions implements [websockets.Subscriber].
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("say", g.Say), websockets.Listen("quiet", g.quiet)}
}

// Say returns its payload.
func (*Gateway) Say(_ context.Context, m Message) (Message, error) { return m, nil }

func (*Gateway) quiet(context.Context, Message) error { return nil }

// Controller has a route.
type Controller struct{}

// NewController returns the controller.
func NewController() *Controller { return &Controller{} }

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) { r.Get("/messages", web.JSON(c.list)) }

// list returns messages.
func (*Controller) list(context.Context, struct{}) ([]Message, error) { return nil, nil }
