package test_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ackGateway answers acks. NestJS' handlers have an @Ack() parameter; here the result
// of a handler is the ack, however long it takes.
type ackGateway struct{}

func newAck() *ackGateway { return &ackGateway{} }

func (g *ackGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("push", g.Push),
		websockets.On("manual-ack", g.Manual),
	}
}

func (*ackGateway) Push(context.Context, body) (string, error) { return "pong", nil }

type ackAnswer struct {
	Status string `json:"status"`
	Data   any    `json:"data"`
}

func (*ackGateway) Manual(ctx context.Context, in struct{ ShouldSucceed bool }) (ackAnswer, error) {
	later := time.NewTimer(20 * time.Millisecond)
	defer later.Stop()
	select {
	case <-later.C:
	case <-ctx.Done():
		return ackAnswer{}, ctx.Err()
	}
	if !in.ShouldSucceed {
		return ackAnswer{}, websockets.NewError("Operation failed")
	}
	return ackAnswer{"success", in}, nil
}

func TestGatewayAck(t *testing.T) {
	a := newApp(t, socketio.New(), websockets.Gateway(newAck))
	c := nodetest.Start(t).SocketIO(a.URL(), nil)

	t.Run("emit with data and ack", func(t *testing.T) {
		oneJSON(t, "ack", c.Call("push", testBody), `"pong"`)
	})

	t.Run("emit with ack only", func(t *testing.T) {
		oneJSON(t, "ack", c.Call("push"), `"pong"`)
	})

	t.Run("manual ack with success", func(t *testing.T) {
		oneJSON(t, "ack", c.Call("manual-ack", body{"shouldSucceed": true}),
			`{"status":"success","data":{"ShouldSucceed":true}}`)
	})

	t.Run("manual ack with error", func(t *testing.T) {
		// In NestJS an error leaves the ack unanswered, so its handler acks a
		// failure explicitly. Here the error is the ack and the event.
		const want = `{"status":"error","message":"Operation failed",
			"cause":{"pattern":"manual-ack","data":{"shouldSucceed":false}}}`
		oneJSON(t, "ack", c.Call("manual-ack", body{"shouldSucceed": false}), want)
		oneJSON(t, "exception", c.Expect("exception").Args, want)
	})
}
