package cluster

import (
	"context"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:nodeevent
var Purge = websockets.NewNodeEvent[string]("purge")

type Prices struct {
	Server *websockets.Server `websockets:"server"`
	cache  sync.Map
}

func NewPrices() *Prices { return &Prices{} }

func (g *Prices) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{Purge.On(g.purge), websockets.Listen("set", g.Set)}
}

func (g *Prices) Set(ctx context.Context, item string) error {
	g.cache.Delete(item)
	return Purge.Emit(ctx, g.Server, item) // to the other nodes, not to this one
}

func (g *Prices) purge(_ context.Context, item string) error {
	g.cache.Delete(item)
	return nil
}

// end

// Put fills the cache.
func (g *Prices) Put(item string, price int) { g.cache.Store(item, price) }

// Has reports whether an item is in the cache.
func (g *Prices) Has(item string) bool {
	_, has := g.cache.Load(item)
	return has
}
