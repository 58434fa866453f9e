package main

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// tables is the code of the page about several arguments.
type tables struct{}

func (tables) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("reserve", reserve)}
}

// snippet:args
var Reserved = websockets.NewEvent[websockets.Args2[string, int]]("reserved")

func reserve(ctx context.Context, in websockets.Args2[string, int]) (websockets.Args2[string, int], error) {
	row, count := in.First, in.Second
	err := Reserved.Emit(ctx, websockets.ClientFrom(ctx), websockets.NewArgs2(row, count))
	return websockets.NewArgs2(row, count+1), err
}

// end

// Several arguments with npm's client, in all directions.
func TestSeveralArguments(t *testing.T) {
	a := apptest.New(t, module.New("tables", module.Providers(websockets.Gateway(func() tables { return tables{} }))), apptest.With(app.WebSockets(socketio.New())))
	c := nodetest.Start(t).SocketIO(a.URL(), nil)
	answer := c.Call("reserve", "B", 2)
	if len(answer) != 2 || string(answer[0]) != `"B"` || string(answer[1]) != "3" {
		t.Errorf("answered %s", answer)
	}
	if m := c.Expect("reserved"); len(m.Args) != 2 || string(m.Args[0]) != `"B"` || string(m.Args[1]) != "2" {
		t.Errorf("received %s", m.Args)
	}
}

type failing struct{}

func (failing) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("fail", func(context.Context, struct{}) (bool, error) { return false, websockets.NewError("no") }),
		websockets.On("ok", func(context.Context, struct{}) (bool, error) { return true, nil }),
	}
}

// TestField_X66_ErrorsOnce: With AnswerErrorsOnce an error of a message whose client waits for an ack is the ack alone, otherwise
// the event that ExceptionEvent names.
func TestField_X66_ErrorsOnce(t *testing.T) {
	root := module.New("failing", module.Providers(websockets.Gateway(func() failing { return failing{} },
		websockets.AnswerErrorsOnce(), websockets.ExceptionEvent("problem"))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(socketio.New())))
	c := a.DialSocketIO("/")
	if e := c.CallError("fail"); e.Message != "no" {
		t.Errorf("answered %+v", e)
	}
	c.ExpectNone("problem", func() { c.Call("ok") })
	c.Emit("fail")
	if e := apptest.Expect[apptest.Exception](c, "problem"); e.Message != "no" {
		t.Errorf("sent %+v", e)
	}
}
