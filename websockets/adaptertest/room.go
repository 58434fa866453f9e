package adaptertest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var roomTests = []test{
	{"rooms: To, Except, ExceptRooms and overlapping rooms", testRooms},
	{"rooms: Leave and the disconnect leave rooms", testRoomsLeft},
	{"rooms: MaxRooms", testMaxRooms},
	{"rooms: a broadcast sends []byte to all clients", testBroadcastBytes},
}

// roomGateway returns a gateway whose clients join and leave rooms.
func roomGateway() *testGateway {
	return newGateway(echo(),
		websockets.On("join", func(ctx context.Context, rooms []string) ([]string, error) {
			c := websockets.ClientFrom(ctx)
			err := c.Join(rooms...)
			if errors.Is(err, websockets.ErrTooManyRooms) {
				err = &websockets.Error{Message: "too many", Err: err}
			}
			return c.Rooms(), err
		}),
		websockets.On("leave", func(ctx context.Context, rooms []string) ([]string, error) {
			c := websockets.ClientFrom(ctx)
			c.Leave(rooms...)
			return c.Rooms(), nil
		}))
}

func join(t *testing.T, c *apptest.Client, rooms ...string) {
	t.Helper()
	apptest.Call[[]string](c, "join", rooms)
}

func testRooms(t *testing.T, s *suite) {
	g := roomGateway().emits(posted)
	a := s.start(t, g)
	clients := map[string]*apptest.Client{}
	for name, rooms := range map[string][]string{"a": {"a", "odd", "all"}, "b": {"b", "all"}, "c": {"c", "odd", "all"}, "d": {"d"}} {
		clients[name] = s.dial(t, a)
		join(t, clients[name], rooms...)
	}
	var one websockets.Client
	for c := range g.Server.To("a").Local().Clients() {
		one = c
	}
	srv := g.Server
	for i, x := range []struct {
		to   websockets.Selection
		want string
	}{
		{srv.All(), "abcd"},
		{srv.To("all"), "abc"},
		{srv.To("odd"), "ac"},
		{srv.To("odd", "all"), "abc"},
		{srv.To("a").To("b"), "ab"},
		{srv.Except(one), "bcd"},
		{srv.To("all").Except(one), "bc"},
		{srv.ExceptRooms("odd"), "bd"},
		{srv.To("all").ExceptRooms("b", "c"), "a"},
		{srv.To("unknown"), ""},
	} {
		if n := x.to.Local().Len(); n != len(x.want) {
			t.Errorf("selection %d counts %d, want %d", i, n, len(x.want))
		}
		if err := x.to.Emit(t.Context(), "posted", i); err != nil {
			t.Errorf("selection %d: %v", i, err)
		}
		for name, c := range clients {
			if strings.Contains(x.want, name) {
				wantEvent(t, c, i, "posted")
			}
		}
	}
	for _, c := range clients { // no duplicates, and nothing for others
		c.ExpectNone("posted", func() { alive(t, c) })
	}
}

func testRoomsLeft(t *testing.T, s *suite) {
	g := roomGateway()
	left := make(chan struct{}, 1)
	g.leave = func(context.Context, websockets.Client, websockets.Reason) { left <- struct{}{} }
	_, c := s.solo(t, g)
	join(t, c, "x", "y", "x")
	if got := apptest.Call[[]string](c, "leave", []string{"x", "unknown"}); len(got) != 1 || got[0] != "y" {
		t.Errorf("rooms %q, want y", got)
	}
	if g.Server.To("x").Local().Len() != 0 || g.Server.To("y").Local().Len() != 1 {
		t.Error("Leave did not change the rooms")
	}
	c.Abort()
	testkit.Receive(t, "HandleDisconnect", left)
	if g.Server.To("y").Local().Len() != 0 || g.Server.Local().Len() != 0 {
		t.Error("a disconnected client is still in a room")
	}
}

func testMaxRooms(t *testing.T, s *suite) {
	g := roomGateway().with(websockets.MaxRooms(2))
	_, c := s.solo(t, g)
	join(t, c, "a", "b")
	join(t, c, "a")
	wantError(t, c, "too many", "join", []string{"c"})
	apptest.Call[[]string](c, "leave", []string{"a"})
	join(t, c, "c")
}

func testBroadcastBytes(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(websockets.NewEvent[map[string][]byte]("blob"))
	a := s.start(t, g)
	all := []*apptest.Client{s.dial(t, a), s.dial(t, a)}
	for _, c := range all {
		alive(t, c)
	}
	if err := g.Server.Emit(t.Context(), "blob", map[string][]byte{"b": blobs[2]}); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if got := apptest.Expect[map[string][]byte](c, "blob"); string(got["b"]) != string(blobs[2]) {
			t.Errorf("got %q", got)
		}
	}
}
