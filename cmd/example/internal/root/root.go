// Package root is a minimal gateway: one event with an answer, one with a stream.
package root

import (
	"context"
	"iter"

	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// NewModule returns the module: the gateway at the Socket.IO namespace / and at /ws.
func NewModule(p platforms.Platforms) *module.Module {
	return module.New("root",
		module.Exports(websockets.Gateway(NewGateway, p.At("/", "/ws")...)),
	)
}

// Gateway answers `identity` and `events`.
type Gateway struct {
	Server *websockets.Server `websockets:"server"`
}

// NewGateway returns the gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Events is the event `events`.
var Events = websockets.NewEvent[int]("events")

// Subscriptions implements [websockets.Subscriber].
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("identity", g.Identity),
		websockets.Stream("events", g.Events, websockets.Sends(Events)),
	}
}

// Identity returns its payload. websockets.Payload is any undecoded payload, binary
// included; other types are decoded and validated.
func (*Gateway) Identity(_ context.Context, p websockets.Payload) (websockets.Payload, error) {
	return p, nil
}

// Events streams three events. Each is sent when it is yielded.
func (*Gateway) Events(context.Context, websockets.Payload) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for n := 1; n <= 3; n++ {
			if !yield(Events.Response(n), nil) {
				return
			}
		}
	}
}
