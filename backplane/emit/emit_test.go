package emit_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/emit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// engine records what it is called with.
type engine struct {
	self      backplane.Node
	endpoints []backplane.Endpoint
	sent      []*backplane.Message
	within    time.Duration // of the context of the last Send
	err       error
	stopped   bool
}

func (*engine) Name() string             { return "test" }
func (*engine) Traits() backplane.Traits { return backplane.Traits{Interest: true} }

func (e *engine) Start(_ context.Context, self backplane.Node, _ backplane.Inbound) error {
	e.self = self
	return e.err
}

func (e *engine) Send(ctx context.Context, batch []*backplane.Message) error {
	end, _ := ctx.Deadline()
	e.sent, e.within = append(e.sent, batch...), time.Until(end)
	return e.err
}

func (e *engine) Interest(context.Context, []string, []string) error {
	return errors.New("an emitter wants nothing")
}

func (e *engine) Stop(context.Context) error { e.stopped = true; return nil }

func (e *engine) SetEndpoints(all []backplane.Endpoint) { e.endpoints = all }

func TestMessages(t *testing.T) {
	b := &engine{}
	e, err := emit.Connect(t.Context(), b, emit.SocketIO("chat"), emit.SocketIO("/orgs/{org}"), emit.WS("ws"))
	if err != nil {
		t.Fatal(err)
	}
	if len(b.self.ID) != 16 || b.self.Name != backplane.Emitter {
		t.Errorf("it starts as %+v", b.self)
	}
	var keys []uint32
	for i, want := range []backplane.Endpoint{{Platform: "socketio", Path: "/socket.io/", Namespace: "/chat"}, {Platform: "socketio", Path: "/socket.io/"}, {Platform: "ws", Path: "/ws"}} {
		got := b.endpoints[i]
		keys = append(keys, got.Key)
		if got.Key = 0; got != want {
			t.Errorf("endpoint %d: %+v, want %+v", i, got, want)
		}
	}
	ctx := t.Context()
	sel := e.To("a").ToID("b").ExceptID("c").ExceptRooms("d")
	for i, err := range []error{
		sel.Emit(ctx, "said", []int{1, 2}, websockets.Spread(), websockets.Volatile(), websockets.Uncompressed(), websockets.WithOverflow(websockets.OverflowDropOldest)),
		sel.Join(ctx, "x", "y"), sel.Leave(ctx, "z"), sel.Disconnect(ctx), e.To().Emit(ctx, "said", 1),
		websockets.NewNodeEvent[string]("purge").Emit(ctx, e.Server, "all"),
	} {
		if err != nil {
			t.Error(i, err)
		}
	}
	to := backplane.Selection{Endpoints: keys, Rooms: []string{"a"}, IDs: []string{"b"}, ExceptIDs: []string{"c"}, ExceptRooms: []string{"d"}}
	want := []backplane.Message{
		{
			Kind: backplane.Event, Select: to, Event: "said", Payload: backplane.Payload{JSON: []byte("[1,2]"), Spread: true},
			Flags: (backplane.Volatile | backplane.Uncompressed).WithOverflow(uint8(websockets.OverflowDropOldest)),
		},
		{Kind: backplane.Join, Select: to, Rooms: []string{"x", "y"}},
		{Kind: backplane.Leave, Select: to, Rooms: []string{"z"}},
		{Kind: backplane.Disconnect, Select: to},
		{Kind: backplane.NodeEvent, Select: backplane.Selection{Endpoints: keys}, Event: "purge", Payload: backplane.Payload{JSON: []byte(`"all"`)}},
	}
	if len(b.sent) != len(want) {
		t.Fatalf("%d messages, want %d", len(b.sent), len(want))
	}
	for i, m := range b.sent {
		want[i].Origin, want[i].Channel = backplane.Emitter, backplane.ChannelEvents
		if !reflect.DeepEqual(*m, want[i]) {
			t.Errorf("message %d\n%+v, want\n%+v", i, *m, want[i])
		}
	}
	if b.within <= 0 || b.within > 2*time.Second {
		t.Errorf("Send may take %v", b.within)
	}
	b.err = errors.New("down")
	if err := e.Emit(ctx, "said", 1); err == nil || err.Error() != "emit: event: down" {
		t.Errorf("Emit without the service: %v", err)
	}
	if err := e.Close(); err != nil || !b.stopped {
		t.Errorf("Close: %v, stopped: %v", err, b.stopped)
	}
}

func TestConnectFails(t *testing.T) {
	b := &engine{err: errors.New("no service")}
	if _, err := emit.Connect(t.Context(), b); err == nil || err.Error() != "emit: test: no service" || !b.stopped {
		t.Errorf("%v, stopped: %v", err, b.stopped)
	}
}
