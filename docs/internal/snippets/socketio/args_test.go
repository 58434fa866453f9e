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
