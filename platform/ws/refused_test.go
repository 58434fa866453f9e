package ws_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// fullRoom has a place for one client, to which it sends more than the queue holds.
type fullRoom struct {
	Server *websockets.Server `websockets:"server"`
}

func (g *fullRoom) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("ready", func(context.Context, struct{}) (bool, error) { return true, nil }),
		websockets.Listen("flood", func(ctx context.Context, _ struct{}) error {
			c, text := websockets.ClientFrom(ctx), strings.Repeat("x", 1<<20)
			for c.Emit(ctx, "flood", text) == nil { // until the client is closed
			}
			return nil
		}),
	}
}

func (g *fullRoom) HandleConnection(ctx context.Context, _ websockets.Client) error {
	if n, err := g.Server.Count(ctx); err != nil || n > 1 {
		return websockets.NewError("The room is full")
	}
	return nil
}

// TestField_X69_RefusedIsNotTooSlow: A client that offers gatehouse.v1 distinguishes by the close code whether it is refused, 4403, and must not try again, or was too slow, 1008, and may; without the subprotocol both are 1008, as before.
func TestField_X69_RefusedIsNotTooSlow(t *testing.T) {
	for subprotocol, refused := range map[string]int{"gatehouse.v1": 4403, "": 1008} {
		var offer []apptest.DialOption
		if subprotocol != "" {
			offer = []apptest.DialOption{apptest.WithSubprotocols(subprotocol)}
		}
		a := apptest.New(t, module.New("room", module.Providers(websockets.Gateway(func() *fullRoom { return &fullRoom{} },
			websockets.WithLimits(websockets.Limits{SendQueue: 64 << 10, SendQueueMax: 64 << 10})))), apptest.With(app.WebSockets(ws.New())))
		first := a.DialWS("/", offer...)
		apptest.Call[bool](first, "ready") // its HandleConnection has returned
		second := a.DialWS("/", offer...)
		if got := second.ExpectClose(); got.Code != refused {
			t.Errorf("%q: the refused client is closed with %v, want %d", subprotocol, got, refused)
		}
		first.Emit("flood")
		if got := first.ExpectClose(); got.Code != 1008 {
			t.Errorf("%q: the slow client is closed with %v, want 1008", subprotocol, got)
		}
	}
}
