package ws_test

import (
	"context"
	"iter"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// counter has a stream of which several run at a time.
type counter struct{ stopped chan int }

func (g *counter) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Stream("count", g.count, websockets.Background(5))}
}

func (g *counter) count(ctx context.Context, from int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		if !yield(websockets.Respond("tick", from), nil) || !yield(websockets.Respond("tick", from+1), nil) {
			return
		}
		<-ctx.Done()
		g.stopped <- from
	}
}

// TestField_X42_StreamsOfOneClient: On plain WebSocket the items of a stream have the id of their request, so that a client can distinguish those of two streams, and a client ends a stream by {"cancel":id}; its other streams go on, and the request is answered as at any end.
func TestField_X42_StreamsOfOneClient(t *testing.T) {
	g := &counter{stopped: make(chan int, 5)}
	a := apptest.New(t, module.New("count", module.Providers(websockets.Gateway(func() *counter { return g }))), apptest.With(app.WebSockets(ws.New())))
	raw := a.DialWS("/").Raw()
	raw.Text(`{"event":"count","data":10,"id":1}`)
	raw.Expect(`{"event":"tick","data":10,"re":1}`)
	raw.Expect(`{"event":"tick","data":11,"re":1}`)
	raw.Text(`{"event":"count","data":20,"id":2}`)
	raw.Expect(`{"event":"tick","data":20,"re":2}`)
	raw.Expect(`{"event":"tick","data":21,"re":2}`)
	raw.Text(`{"event":"count","data":30}`) // without an id nothing refers to it
	raw.Expect(`{"event":"tick","data":30}`)
	raw.Expect(`{"event":"tick","data":31}`)

	raw.Text(`{"cancel":99}`)
	raw.Text(`{"cancel":2}`)
	raw.Expect(`{"id":2}`)
	if from := <-g.stopped; from != 20 {
		t.Errorf("the stream from %d has ended, want that from 20", from)
	}
	raw.Text(`{"cancel":1}`)
	raw.Expect(`{"id":1}`)
	if from := <-g.stopped; from != 10 {
		t.Errorf("the stream from %d has ended, want that from 10", from)
	}
}
