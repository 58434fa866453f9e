package adaptertest

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func connectionStoreTests() []test {
	return []test{
		{"law 17: all calls of a connection share its values", testConnectionStore},
		{"law 17: DisconnectAll closes the connection", testDisconnectAll},
	}
}

// testConnectionStore tests pipeline.Call.Connection.
func testConnectionStore(t *testing.T, s *suite) {
	seen := make(chan *pipeline.Values, 8)
	look := func(name string) *testGateway {
		g := newGateway(echo())
		g.opts = []websockets.Option{s.at(name), websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindConnect || c.Kind == pipeline.KindMessage {
				seen <- c.Connection
			}
			return nil
		}))}
		return g
	}
	a := s.start(t, look("one"), look("two"))
	c := s.dialAt(t, a, s.target("one"))
	of := get(t, seen, "the guard of the connect")
	if of == nil {
		t.Fatal("Call.Connection is nil")
	}
	alive(t, c)
	if got := get(t, seen, "the guard of a message"); got != of {
		t.Error("a message has another store than the connect")
	}
	if s.traits.Namespaces {
		c.Raw().Text("40/two,")
		if got := get(t, seen, "the guard of another namespace"); got != of {
			t.Error("another namespace of the connection has another store")
		}
	}
	s.dialAt(t, a, s.target("one"))
	if get(t, seen, "the guard of another connection") == of {
		t.Error("two connections share a store")
	}
}

func testDisconnectAll(t *testing.T, s *suite) {
	left := make(chan websockets.Reason, 2)
	g := newGateway(echo(), websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
		websockets.ClientFrom(ctx).DisconnectAll()
		return nil
	}))
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { left <- r }
	_, c := s.solo(t, g)
	alive(t, c)
	c.Emit("out")
	c.ExpectClose()
	if r := get(t, left, "HandleDisconnect"); r.Cause != websockets.CauseServerDisconnect {
		t.Errorf("reason %v, want %q", r, websockets.CauseServerDisconnect)
	}
}
