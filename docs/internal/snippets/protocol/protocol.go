// Package protocol is the gateway whose frames docs/protocol.md shows.
package protocol

import (
	"context"
	"iter"
	"net/http"
	"slices"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	confirm = websockets.NewCall[string, bool]("confirm")
	tick    = websockets.NewEvent[int]("tick")
)

type gateway struct{ stop func() }

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("note", func(context.Context, string) error { return nil }),
		websockets.On("add", func(_ context.Context, n []int) (sum int, err error) {
			for _, n := range n {
				sum += n
			}
			return sum, nil
		}),
		websockets.On("reverse", func(_ context.Context, b []byte) ([]byte, error) {
			slices.Reverse(b)
			return b, nil
		}),
		websockets.On("ask", func(ctx context.Context, question string) (string, error) {
			yes, err := confirm.Call(ctx, websockets.ClientFrom(ctx), question)
			if err != nil || !yes {
				return "no", err
			}
			return "yes", nil
		}),
		websockets.Stream("count", count, websockets.Sends(tick)),
		websockets.Stream("forever", func(ctx context.Context, _ struct{}) iter.Seq2[websockets.Response[int], error] {
			return func(yield func(websockets.Response[int], error) bool) {
				if yield(tick.Response(1), nil) {
					<-ctx.Done()
				}
			}
		}, websockets.Sends(tick)),
		websockets.Listen("stop", func(context.Context, struct{}) error { g.stop(); return nil }),
	}
}

func count(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for i := range n {
			if !yield(tick.Response(i+1), nil) {
				return
			}
		}
	}
}

// full refuses all clients.
type full struct{}

func (full) Subscriptions() []websockets.Subscription { return nil }

func (full) HandleConnection(context.Context, websockets.Client) error {
	return websockets.NewError("The room is full")
}

// private refuses all handshakes.
type private struct{}

func (private) Subscriptions() []websockets.Subscription { return nil }

func refuse(context.Context, *websockets.Handshake) error {
	return &websockets.Error{Message: "No token", Code: "no_token", Status: http.StatusUnauthorized}
}

// feed sends what a client says to all, and keeps it for those that are away.
type feed struct {
	Server *websockets.Server `websockets:"server"`
}

var said = websockets.NewEvent[string]("said")

func (g *feed) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("say", func(ctx context.Context, text string) error {
		return said.Emit(ctx, g.Server, text)
	})}
}

// newModule returns the application; stop is called for the event stop.
func newModule(stop func()) *module.Module {
	return module.New("protocol", module.Providers(
		websockets.Gateway(func() *gateway { return &gateway{stop} }, websockets.Emits(confirm)),
		websockets.Gateway(func() full { return full{} }, websockets.Path("/full")),
		websockets.Gateway(func() *feed { return &feed{} }, websockets.Path("/feed"), websockets.Emits(said), ws.Options{Recovery: &ws.Recovery{}}),
		websockets.Gateway(func() private { return private{} }, websockets.Path("/private"), websockets.Admit(refuse)),
	))
}
