// Package root has the smallest gateway there is: one request that is
// answered, one that is streamed.
package root

import (
	"context"
	"iter"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// NewModule has the gateway at the root namespace of Socket.IO, and at /ws.
func NewModule(p platforms.Platforms) *module.Module {
	return module.New("root",
		module.Exports(websockets.Gateway(NewGateway, p.At("/", "/ws")...)),
	)
}

// Gateway answers `identity` and `events`.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

// NewGateway makes the gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Events is the event `events`.
var Events = websockets.NewEvent[int]("events")

// Subscriptions implements [websockets.Subscriber].
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("identity", g.Identity),
		websockets.Stream("events", g.Events),
	}
}

// Identity answers with what it was given. Payload takes anything undecoded,
// binary too; a type of your own is decoded and checked.
func (*Gateway) Identity(_ context.Context, p websockets.Payload) (websockets.Payload, error) {
	return p, nil
}

// Events answers with three events, whatever it is asked with. Each is sent as
// soon as it is yielded.
func (*Gateway) Events(context.Context, websockets.Payload) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for n := 1; n <= 3; n++ {
			if !yield(Events.Response(n), nil) {
				return
			}
		}
	}
}
