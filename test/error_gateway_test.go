package test_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// errorGateway fails at "push". NestJS' program returns an Observable that fails; here
// a stream fails.
type errorGateway struct{}

func newErrorGateway() *errorGateway { return &errorGateway{} }

func (g *errorGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Stream("push", g.Push),
		websockets.Listen("secret", g.Secret),
	}
}

func (*errorGateway) Push(context.Context, body) iter.Seq2[websockets.Response[body], error] {
	return func(yield func(websockets.Response[body], error) bool) {
		yield(websockets.Response[body]{}, websockets.NewError("test"))
	}
}

func (*errorGateway) Secret(context.Context, body) error {
	return errors.New("password of the database")
}

const testException = `{"status":"error","message":"test","cause":{"pattern":"push","data":{"test":"test"}}}`

func TestErrorGateway(t *testing.T) {
	a := newApp(t, socketio.New(), websockets.Gateway(newErrorGateway))
	c := nodetest.Start(t).SocketIO(a.URL(), nil)

	t.Run("should handle error", func(t *testing.T) {
		c.Emit("push", testBody)
		oneJSON(t, "exception", c.Expect("exception").Args, testException)
	})

	t.Run("the ack receives it", func(t *testing.T) {
		// NestJS leaves the ack unanswered.
		oneJSON(t, "ack", c.Call("push", testBody), testException)
		oneJSON(t, "exception", c.Expect("exception").Args, testException)
	})

	t.Run("other errors are hidden", func(t *testing.T) {
		c.Emit("secret", testBody)
		oneJSON(t, "exception", c.Expect("exception").Args,
			`{"status":"error","message":"Internal server error","cause":{"pattern":"secret","data":{"test":"test"}}}`)
	})
}

func TestWSErrorGateway(t *testing.T) {
	a := newApp(t, ws.New(), websockets.Gateway(newErrorGateway))
	c := nodetest.Start(t).WS(wsURL(a.URL()), nil)

	t.Run("should handle error", func(t *testing.T) {
		c.Emit("push", testBody)
		oneJSON(t, "exception", c.Expect("exception").Args, testException)
	})

	t.Run("the request with an id receives it", func(t *testing.T) {
		// NestJS has no ids on plain WebSocket.
		_, err := c.TryCall("push", testBody)
		failure, ok := errors.AsType[*nodetest.RemoteError](err)
		if !ok {
			t.Fatalf("got %v, want the exception", err)
		}
		sameJSON(t, "exception", failure.Data, testException)
	})
}

// rejectingGateway rejects every client.
type rejectingGateway struct{}

func newRejecting() *rejectingGateway { return &rejectingGateway{} }

func (*rejectingGateway) HandleConnection(context.Context, websockets.Client) error {
	return websockets.NewError("Unauthorized")
}

// TestConnectionHookError is connection-hook-error.spec. NestJS keeps the client
// connected; here an error of HandleConnection disconnects it.
func TestConnectionHookError(t *testing.T) {
	const want = `{"status":"error","message":"Unauthorized","cause":{"pattern":"handleConnection"}}`

	t.Run("socket.io", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newRejecting))
		c := nodetest.Start(t).SocketIO(a.URL(), nil)
		oneJSON(t, "exception", c.Expect("exception").Args, want)
		if end := c.ExpectEnd(); end.Reason != "io server disconnect" {
			t.Errorf("ended with %+v", end)
		}
	})

	t.Run("ws", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newRejecting))
		c := nodetest.Start(t).WS(wsURL(a.URL()), nil)
		oneJSON(t, "exception", c.Expect("exception").Args, want)
		if end := c.ExpectEnd(); end.Code != 1008 || end.Reason != "Unauthorized" {
			t.Errorf("ended with %+v, want 1008 Unauthorized", end)
		}
	})
}
