// Package servers has the code of docs/gateways.md about services that send.
package servers

import (
	"context"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:serverof

type Orders struct {
	clients websockets.ServerOf[*Gateway]
}

func NewOrders(clients websockets.ServerOf[*Gateway]) *Orders { return &Orders{clients} }

func (o *Orders) Ship(ctx context.Context, id string) error {
	return o.clients.To("order:"+id).Emit(ctx, "shipped", id)
}

type Gateway struct{ orders *Orders }

func NewGateway(orders *Orders) *Gateway { return &Gateway{orders} }

var Module = module.New("orders",
	module.Providers(websockets.Gateway(NewGateway)),
	module.Exports(NewOrders),
)

// end

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("follow", g.Follow), websockets.Listen("ship", g.Ship)}
}

// Follow sends the client what becomes of an order.
func (g *Gateway) Follow(ctx context.Context, id string) error {
	return websockets.ClientFrom(ctx).Join("order:" + id)
}

// Ship ships an order.
func (g *Gateway) Ship(ctx context.Context, id string) error { return g.orders.Ship(ctx, id) }
