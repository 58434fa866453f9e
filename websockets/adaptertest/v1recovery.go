package adaptertest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var v1RecoveryTests = []test{
	{"gatehouse.v1: a client that is cut off keeps its id and rooms, and receives what it missed once and in order", testV1Recovered},
	{"gatehouse.v1: only the private id resumes a client, and only after a loss", testV1NotRecovered},
	{"gatehouse.v1: events that are kept have a position, answers and calls have none", testV1Positions},
}

// readers is a gateway whose new clients join a room.
func readers() (g *testGateway, left <-chan websockets.Reason) {
	reasons := make(chan websockets.Reason, 100)
	g = newGateway(echo(), websockets.On("recovered", func(ctx context.Context, _ struct{}) (bool, error) {
		return websockets.ClientFrom(ctx).Recovered(), nil
	})).emits(number)
	g.connect = func(_ context.Context, c websockets.Client) error {
		if c.Recovered() {
			return nil
		}
		return c.Join("readers")
	}
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { reasons <- r }
	return g, reasons
}

func publish(t *testing.T, g *testGateway, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := g.Server.To("readers").Emit(t.Context(), "n", n); err != nil {
			t.Fatal(err)
		}
	}
}

func wantNumbers(t *testing.T, c *apptest.Client, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if got := apptest.Expect[int](c, "n"); got != n {
			t.Fatalf("got the event %d, want %d", got, n)
		}
	}
}

func testV1Recovered(t *testing.T, s *suite) {
	g, left := readers()
	a := s.start(t, g)
	c := s.dialV1(t, a)
	alive(t, c) // it has joined
	for round := range 3 {
		from := 4 * round
		publish(t, g, from)
		wantNumbers(t, c, from)
		c.Abort()
		testkit.Receive(t, "HandleDisconnect", left)
		publish(t, g, from+1, from+2)
		back := s.dial(t, a, apptest.WithRecovery(c))
		publish(t, g, from+3)
		wantNumbers(t, back, from+1, from+2, from+3)
		if !apptest.Call[bool](back, "recovered") || back.ID() != c.ID() {
			t.Fatalf("not recovered: the client was %s and is %s", c.ID(), back.ID())
		}
		c = back
	}
}

func testV1NotRecovered(t *testing.T, s *suite) {
	g, left := readers()
	a := s.start(t, g)
	want := func(c, back *apptest.Client) {
		t.Helper()
		if apptest.Call[bool](back, "recovered") || back.ID() == c.ID() {
			t.Errorf("recovered: the client was %s and is %s", c.ID(), back.ID())
		}
	}
	c := s.dialV1(t, a)
	alive(t, c)
	want(c, s.dialV1(t, a, "gatehouse.resume."+strings.Repeat("A", 26)+".1"))
	want(c, s.dialV1(t, a, "gatehouse.resume."+c.ID()+".1")) // the public id is not the private one
	c.Close()
	testkit.Receive(t, "HandleDisconnect", left)
	want(c, s.dial(t, a, apptest.WithRecovery(c)))
}

func testV1Positions(t *testing.T, s *suite) {
	g, _ := readers()
	a := s.start(t, g)
	c := s.dialV1(t, a)
	alive(t, c)
	publish(t, g, 1, 2)
	wantNumbers(t, c, 1, 2)
	positions := map[string]bool{}
	for _, f := range c.Raw().Frames() {
		var frame struct{ Event, Pos string }
		if err := json.Unmarshal([]byte(f), &frame); err != nil {
			t.Fatal(err)
		}
		if (frame.Event == "n") != (frame.Pos != "") || positions[frame.Pos] && frame.Pos != "" {
			t.Errorf("a frame with the position %q: %s", frame.Pos, f)
		}
		positions[frame.Pos] = true
	}
	plain := s.dial(t, a)
	alive(t, plain)
	publish(t, g, 3)
	plain.Raw().Expect(`{"event":"n","data":3}`)
}
