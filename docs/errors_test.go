package docs_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// refuser fails.
type refuser struct{}

func newRefuser() *refuser { return &refuser{} }

func (refuser) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("fail", func(context.Context, int) error {
		return &websockets.Error{Message: "no", Code: "full"}
	})}
}

// exception is the object of an error.
type exception struct {
	Status, Code string
	Cause        struct{ Pattern string }
}

// TestField_X70_ErrorsOfMessages: The pages said that every failure is sent as the event exception; what they say now holds: a handler's error
// is the answer and, on Socket.IO, the event too, and an event without a handler is answered only, and only if the client waits.
func TestField_X70_ErrorsOfMessages(t *testing.T) {
	t.Run("socketio", func(t *testing.T) {
		a := apptest.New(t, module.New("refuser", module.Exports(websockets.Gateway(newRefuser))), apptest.With(app.WebSockets(socketio.New())))
		c := a.DialSocketIO("/")
		c.Emit("missing", 1)
		if e := c.CallError("missing", 1); e.Code != "unknown_event" {
			t.Errorf("an event without a handler is answered with %+v", e)
		}
		if e := c.CallError("fail", 1); e.Code != "full" {
			t.Errorf("a handler's error is answered with %+v", e)
		}
		c.Emit("fail", 1)
		for range 2 { // for the one with an ack, and for the one without; none for the missing one
			if e := apptest.Expect[exception](c, "exception"); e.Status != "error" || e.Code != "full" || e.Cause.Pattern != "fail" {
				t.Errorf("the event is %+v", e)
			}
		}
	})
	t.Run("ws", func(t *testing.T) {
		a := apptest.New(t, module.New("refuser", module.Exports(websockets.Gateway(newRefuser))), apptest.With(app.WebSockets(ws.New())))
		c := a.DialWS("/")
		c.Emit("missing", 1)
		for event, code := range map[string]string{"missing": "unknown_event", "fail": "full"} {
			if e := c.CallError(event, 1); e.Code != code {
				t.Errorf("%s is answered with %+v", event, e)
			}
		}
		c.Emit("fail", 1) // the only event without an id
		if e := apptest.Expect[exception](c, "exception"); e.Code != "full" || e.Cause.Pattern != "fail" {
			t.Errorf("the event is %+v", e)
		}
	})
}
