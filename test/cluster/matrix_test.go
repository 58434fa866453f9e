package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func (c *client) in(room string) bool { return slices.Contains(c.rooms, room) }

// Each selection has the clients of all nodes that it would have on one node, and each of them
// receives the event once.
func TestSelections(t *testing.T) { onEachService(t, testSelections) }

func testSelections(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := everyone(a, b)
	find := func(n *node, has func(c *client) bool) *client {
		return clients[slices.IndexFunc(clients, func(c *client) bool { return c.node == n && has(c) })]
	}
	onA, onB := find(a, func(c *client) bool { return c.in("a") }), find(b, func(c *client) bool { return c.in("b") })
	for _, from := range []*node{a, b} {
		for _, c := range []struct {
			name   string
			to     func(s *websockets.Server) websockets.Emitter
			expect func(c *client) bool
		}{
			{"all", func(s *websockets.Server) websockets.Emitter { return s }, func(*client) bool { return true }},
			{"a room", func(s *websockets.Server) websockets.Emitter { return s.To("a") }, func(c *client) bool { return c.in("a") }},
			{"two rooms", func(s *websockets.Server) websockets.Emitter { return s.To("a", "b") }, func(c *client) bool { return c.in("a") || c.in("b") }},
			{"ToID", func(s *websockets.Server) websockets.Emitter { return s.ToID(onB.id, "unknown") }, func(c *client) bool { return c == onB }},
			{"a room and an id", func(s *websockets.Server) websockets.Emitter { return s.To("c").ToID(onA.id) }, func(c *client) bool { return c.in("c") || c == onA }},
			{"ExceptID", func(s *websockets.Server) websockets.Emitter { return s.ExceptID(onA.id, onB.id) }, func(c *client) bool { return c != onA && c != onB }},
			{"ExceptRooms", func(s *websockets.Server) websockets.Emitter { return s.To("a").ExceptRooms("b", "none") }, func(c *client) bool { return c.in("a") && !c.in("b") }},
			{"Of", func(s *websockets.Server) websockets.Emitter { return s.Of("/orgs/7").To("a") }, func(c *client) bool { return strings.HasPrefix(c.name, "org") }},
			{"Of without clients", func(s *websockets.Server) websockets.Emitter { return s.Of("/orgs/8") }, func(*client) bool { return false }},
			{"no room", func(s *websockets.Server) websockets.Emitter { return s.To() }, func(*client) bool { return false }},
			{"Local", func(s *websockets.Server) websockets.Emitter { return s.To("a").Local() }, func(c *client) bool { return c.in("a") && c.node == from }},
		} {
			t.Run(fmt.Sprintf("%s from %d", c.name, slices.Index([]*node{a, b}, from)), func(t *testing.T) {
				if err := c.to(from.server).Emit(t.Context(), "news", map[string]any{"n": 1, "b": []byte{0, 255}}); err != nil {
					t.Fatal(err)
				}
				if err := from.server.Emit(t.Context(), "done", nil); err != nil {
					t.Fatal(err)
				}
				for _, x := range clients {
					got := x.Next()
					if want := c.expect(x); want {
						if got.Event != "news" || len(got.Data) == 0 {
							t.Errorf("%s got %q %s, want news", x.name, got.Event, got.Data)
						}
						if got.Event == "news" {
							got = x.Next()
						}
					}
					if got.Event != "done" {
						t.Errorf("%s got %q, want done", x.name, got.Event)
					}
				}
			})
		}
	}
	for _, n := range []*node{a, b} {
		if s := n.stats(); s.gaps+s.duplicates+s.invalid+s.unknown > 0 {
			t.Errorf("gaps, duplicates, invalid, unknown: %v", s)
		}
	}
}

// What clients receive from another node has the same bytes as from their own.
func TestPayloads(t *testing.T) { onEachService(t, testPayloads) }

func testPayloads(t *testing.T, s service) {
	a, b := nodes(t, s)
	var pairs [][2]*client
	for _, dial := range []func(n *node) func() *apptest.Client{
		func(n *node) func() *apptest.Client { return func() *apptest.Client { return n.DialSocketIO("/") } },
		func(n *node) func() *apptest.Client { return func() *apptest.Client { return n.DialWS("/ws") } },
	} {
		pairs = append(pairs, [2]*client{a.connect("own", dial(a)), b.connect("other", dial(b))})
	}
	for i, data := range []any{
		nil, "text", 3.5, []int{1, 2}, map[string]string{"ü": "😀 <&>"}, []byte{1, 2}, map[string]any{"deep": []any{[]byte{0}, []byte{}}},
		websockets.Payload{}, websockets.Payload{JSON: []byte(`[1,"a"]`), Spread: true},
		websockets.Payload{JSON: []byte(`{"x":{"_placeholder":true,"num":0}}`), Attachments: [][]byte{{9}}},
		struct { // looks like a placeholder; a map has no order of its names
			Placeholder bool `json:"_placeholder"`
			Num         int  `json:"num"`
		}{true, 0},
	} {
		if err := a.server.Emit(t.Context(), fmt.Sprint("event", i), data); err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			own, other := p[0].Next(), p[1].Next()
			if own.Event != other.Event || string(own.Data) != string(other.Data) || fmt.Sprint(own.Attachments) != fmt.Sprint(other.Attachments) {
				t.Errorf("%v: from its own node %q %s %v, from another %q %s %v", data, own.Event, own.Data, own.Attachments, other.Event, other.Data, other.Attachments)
			}
		}
	}
	if err := a.server.Emit(t.Context(), "spread", []int{1, 2}, websockets.Spread()); err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		if own, other := p[0].Next(), p[1].Next(); string(own.Data) != string(other.Data) {
			t.Errorf("spread: from its own node %s, from another %s", own.Data, other.Data)
		}
	}
}

// A handler that answers everyone else reaches clients of every node, and not its own client.
func TestExceptSender(t *testing.T) { onEachService(t, testExceptSender) }

func testExceptSender(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := everyone(a, b)
	clients[0].Call("shout", "hi")
	if err := clients[0].node.server.Emit(t.Context(), "done", nil); err != nil {
		t.Fatal(err)
	}
	for i, c := range clients {
		want := []string{"shout", "done"}
		if i == 0 {
			want = want[1:]
		}
		for _, w := range want {
			if got := c.Next(); got.Event != w {
				t.Errorf("%s got %q, want %q", c.name, got.Event, w)
			}
		}
	}
}

// Rooms of another gateway are others, though they have the same name.
func TestRoomsOfEndpoints(t *testing.T) { onEachService(t, testRoomsOfEndpoints) }

func testRoomsOfEndpoints(t *testing.T, s service) {
	a, b := nodes(t, s)
	mine := b.connect("mine", func() *apptest.Client { return b.DialSocketIO("/") }, "a")
	others := b.connect("other", func() *apptest.Client { return b.DialSocketIO("/other") }, "a")
	plain := b.connect("plain", func() *apptest.Client { return b.DialWS("/other") }, "a")
	if err := a.server.To("a").Emit(t.Context(), "mine", 1); err != nil {
		t.Fatal(err)
	}
	if err := a.other.To("a").Emit(t.Context(), "others", 1); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[*client]string{mine: "mine", others: "others", plain: "others"} {
		if got := c.Next(); got.Event != want {
			t.Errorf("%s got %q, want %q", c.name, got.Event, want)
		}
	}
}

// Join, Leave and Disconnect reach clients of other nodes, in the order of the calls.
func TestJoinLeaveDisconnect(t *testing.T) { onEachService(t, testJoinLeaveDisconnect) }

func testJoinLeaveDisconnect(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := everyone(a, b)
	var theirs *client
	for _, c := range clients {
		if c.node == b && c.in("c") {
			theirs = c
		}
	}
	ctx := t.Context()
	for i, step := range []func() error{
		func() error { return a.server.ToID(theirs.id).Join(ctx, "new", "newer") },
		func() error { return a.server.To("new").Emit(ctx, "to new", nil) },
		func() error { return a.server.To("newer").Leave(ctx, "new", "c") },
		func() error { return a.server.To("new", "c").Emit(ctx, "to c", nil) },
		func() error { return a.server.Emit(ctx, "done", nil) },
	} {
		if err := step(); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, c := range clients {
		var want []string
		switch {
		case c == theirs:
			want = []string{"to new"}
		case c.in("c"):
			want = []string{"to c"}
		}
		for _, w := range append(want, "done") {
			if got := c.Next(); got.Event != w {
				t.Fatalf("%s got %q, want %q", c.name, got.Event, w)
			}
		}
	}
	if got := string(theirs.Call("rooms")); got != `["b","newer"]` {
		t.Errorf("rooms of the client: %s", got)
	}
	if err := a.server.To("newer").Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := testkit.Receive(t, "HandleDisconnect", b.left), theirs.id+" "+string(websockets.CauseServerDisconnect); got != want {
		t.Errorf("HandleDisconnect: %q, want %q", got, want)
	}
	theirs.ExpectClose()
	a.server.To("a").Local().Join("here")
	a.server.To("here").Local().Leave("a")
	if err := a.server.To("a").Emit(ctx, "to a", nil); err != nil {
		t.Fatal(err)
	}
	if err := a.server.Emit(ctx, "done", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if c == theirs {
			continue
		}
		got := c.Next()
		if c.in("a") && c.node == b {
			if got.Event != "to a" {
				t.Errorf("%s got %q, want to a: Local has reached another node", c.name, got.Event)
			}
			got = c.Next()
		}
		if got.Event != "done" {
			t.Errorf("%s got %q, want done", c.name, got.Event)
		}
	}
}

// The nodes know each other with their clients, until one stops.
func TestNodes(t *testing.T) {
	bus := memory.NewBus()
	opts := []app.Option{}
	a := start(t, bus, opts...)
	if all := a.server.Nodes(); len(all) != 1 || len(all[0].ID) != 16 {
		t.Errorf("nodes of one: %+v", all)
	}
	b, c := start(t, bus), start(t, bus)
	meet(t, a, b, c)
	want := a.server.Nodes()
	for _, n := range []*node{b, c} {
		for i, x := range n.server.Nodes() {
			if x.ID != want[i].ID || x.Name != want[i].Name || !x.Started.Equal(want[i].Started) {
				t.Errorf("node %d: %+v, want %+v", i, x, want[i])
			}
		}
	}
	b.DialWS("/ws").Call("id")
	testkit.Eventually(t, "the number of clients", func() bool { return a.server.Nodes()[1].Clients == 1 })
	if err := c.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the node has left", func() bool { return len(a.server.Nodes()) == 2 && len(b.server.Nodes()) == 2 })
	if err := c.server.Emit(t.Context(), "late", nil); err == nil {
		t.Error("a node that has stopped sends without an error")
	}
	testkit.Eventually(t, "the lines of the log", func() bool {
		return len(a.log.Lines("node has left")) == 1 && len(a.log.Lines("node has joined")) == 2
	})
}

// A single node needs no backplane, and is one node.
func TestWithoutBackplane(t *testing.T) {
	n := start(t, nil)
	if all := n.server.Nodes(); len(all) != 1 {
		t.Errorf("%d nodes", len(all))
	}
	if n.App.App().Stats().Backplane != nil {
		t.Error("statistics of a backplane that there is not")
	}
}

// What other nodes would refuse is an error, and reaches no client.
func TestRefusedBeforeDelivery(t *testing.T) {
	bus := memory.NewBus(memory.MaxBytes(2000))
	a, b := start(t, bus), start(t, bus)
	meet(t, a, b)
	clients := everyone(a, b)
	long := strings.Repeat("x", 2000)
	ctx := t.Context()
	for name, err := range map[string]error{
		"payload": a.server.Emit(ctx, "news", long), "room": a.server.To(long).Emit(ctx, "news", 1), "event": a.server.Emit(ctx, long, 1),
		"join": a.server.Join(ctx, long), "leave": a.server.Leave(ctx, long), "disconnect": a.server.ToID(long).Disconnect(ctx),
	} {
		if err == nil || !strings.Contains(err.Error(), "over the limit") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.server.Emit(ctx, "done", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if got := c.Next(); got.Event != "done" {
			t.Errorf("%s got %q, want done", c.name, got.Event)
		}
	}
}

// wrong is an engine with a wrong option.
type wrong struct{ backplane.Backplane }

func (wrong) Start(context.Context, backplane.Node, backplane.Inbound) error {
	return fmt.Errorf("wrapped: %w", &backplane.SetupError{Err: errors.New("memory: Option: it is wrong: correct it")})
}

// A mistake in the options of an engine is an error of the start, and no reason to wait for the service.
func TestWrongOption(t *testing.T) {
	a, err := app.New(program(), app.Mounted(), app.Backplane(wrong{memory.NewBus().Node()}), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithin(t)
	defer cancel()
	const want = "app: Backplane: memory: Option: it is wrong: correct it"
	if err := a.Start(ctx); err == nil || err.Error() != want {
		t.Errorf("start: %v, want %s", err, want)
	}
}

// An application starts without the service, serves its own clients, and reaches the others when
// the service is there. One that requires it does not start.
func TestStartWithoutService(t *testing.T) {
	bus := memory.NewBus()
	bus.Down()
	a := start(t, bus)
	clients := everyone(a)
	if err := a.server.Emit(t.Context(), "early", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.ExpectMessage("early")
	}
	if s := a.App.App().Stats().Backplane; s.Up || s.Reason == "" || s.Queued != 1 {
		t.Errorf("statistics: %+v", s)
	}
	required, err := app.New(program(), app.Mounted(), app.Backplane(bus.Node(), backplane.Required()), app.Logger(a.log.Logger(4)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithin(t)
	defer cancel()
	if err := required.Start(ctx); err == nil || !strings.Contains(err.Error(), "app: Backplane: memory is not connected") {
		t.Errorf("start with Required: %v", err)
	}
	bus.Up()
	b := start(t, bus)
	meet(t, a, b)
	if err := b.server.Emit(t.Context(), "later", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.ExpectMessage("later")
	}
}
