package adaptertest

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var connectionStoreTests = []test{
	{"law 17: all calls of a connection share its values", testConnectionStore},
	{"law 17: DisconnectAll closes the connection", testDisconnectAll},
}

// testConnectionStore tests pipeline.Call.Connection.
func testConnectionStore(t *testing.T, s *suite) {
	seen := make(chan *pipeline.Values, 8)
	look := func(name string) *testGateway {
		g := newGateway(echo()).with(s.at(name), websockets.UseGuards(pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind == pipeline.KindConnect || c.Kind == pipeline.KindMessage {
				seen <- c.Connection
			}
			return nil
		})))
		return g
	}
	a := s.start(t, look("one"), look("two"))
	c := s.dialAt(t, a, s.target("one"))
	of := testkit.Receive(t, "the guard of the connect", seen)
	if of == nil {
		t.Fatal("Call.Connection is nil")
	}
	alive(t, c)
	if got := testkit.Receive(t, "the guard of a message", seen); got != of {
		t.Error("a message has another store than the connect")
	}
	if s.traits.Namespaces {
		c.Raw().Text("40/two,")
		if got := testkit.Receive(t, "the guard of another namespace", seen); got != of {
			t.Error("another namespace of the connection has another store")
		}
	}
	s.dialAt(t, a, s.target("one"))
	if testkit.Receive(t, "the guard of another connection", seen) == of {
		t.Error("two connections share a store")
	}
}

func testDisconnectAll(t *testing.T, s *suite) {
	g, left := leaving(websockets.Limits{}, echo(), websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
		websockets.ClientFrom(ctx).DisconnectAll()
		return nil
	}))
	_, c := s.solo(t, g)
	alive(t, c)
	c.Emit("out")
	c.ExpectClose()
	wantCause(t, "HandleDisconnect", left, websockets.CauseServerDisconnect)
}
