package slow_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// kind is a protocol over WebSocket, with its frames.
type kind struct {
	name    string
	adapter func() adapter.Adapter
	open    func(t *testing.T, addr string, opts ...rawpeer.DialOption) *rawpeer.Peer
	event   string // the form of an event with a number and a text, for Sscanf
	alive   func(t testing.TB, addr string)
}

func kinds() []kind {
	return []kind{
		{
			"ws", func() adapter.Adapter { return ws.New() },
			func(t *testing.T, addr string, opts ...rawpeer.DialOption) *rawpeer.Peer {
				t.Helper()
				return rawpeer.Open(t, addr, "/", opts...)
			},
			`{"event":"news","data":{"n":%d,`,
			func(t testing.TB, addr string) { t.Helper(); rawpeer.AliveWS(t, addr, "/") },
		},
		{
			"socketio", func() adapter.Adapter { return socketio.New() },
			func(t *testing.T, addr string, opts ...rawpeer.DialOption) *rawpeer.Peer {
				t.Helper()
				w := rawpeer.NewEngine(t, addr).WebSocket(opts...)
				rawpeer.Enter(t, w, "/", "")
				return w.Peer
			},
			`42["news",{"n":%d,`,
			func(t testing.TB, addr string) { t.Helper(); rawpeer.AliveSocketIO(t, addr) },
		},
	}
}

// news is the event that is broadcast.
type news struct {
	N    int64  `json:"n"`
	Text string `json:"text"`
}

// number returns the number of an event; false for another frame.
func (k kind) number(frame rawpeer.Received) (n int64, ok bool) {
	_, err := fmt.Sscanf(frame.Payload, k.event, &n)
	return n, err == nil
}

// room is an application whose clients are all in one room.
type room struct {
	*stage.Stage

	entered chan websockets.Client
}

func newRoom(t *testing.T, k kind, l websockets.Limits) *room {
	t.Helper()
	r := &room{entered: make(chan websockets.Client, 2000)}
	r.Stage = stage.New(t, k.adapter(), stage.Limits(l), stage.OnConnect(func(_ context.Context, c websockets.Client) error {
		r.entered <- c
		return c.Join("room")
	}))
	return r
}

// enter connects a client and returns the server's client.
func (r *room) enter(t *testing.T, k kind, opts ...rawpeer.DialOption) (*rawpeer.Peer, websockets.Client) {
	t.Helper()
	p := k.open(t, r.Addr, opts...)
	c := testkit.Receive(t, "HandleConnection", r.entered)
	r.Wait("it is in the room", func() bool { return len(c.Rooms()) == 1 })
	return p, c
}
