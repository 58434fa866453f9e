package cluster_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var vote = websockets.NewCall[string, string]("vote")

// soon limits questions to nodes that do not answer.
const soon = 3 * time.Second

// ask asks a question within soon, and while its result is incomplete again for longer: others may answer late on a loaded
// machine.
func ask(t *testing.T, question func(ctx context.Context) (complete bool)) {
	t.Helper()
	for _, wait := range []time.Duration{soon, 3 * soon, testkit.Patience} {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		complete := question(ctx)
		cancel()
		if complete {
			return
		}
	}
}

// Fetch and Count have the clients of all nodes.
func TestFetchAndCount(t *testing.T) { onEachService(t, testFetchAndCount) }

func testFetchAndCount(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := everyone(a, b)
	for _, from := range []*node{a, b} {
		for _, c := range []struct {
			name   string
			to     websockets.Selection
			expect func(c *client) bool
		}{
			{"all", from.server.All(), func(*client) bool { return true }},
			{"a room", from.server.To("b"), func(c *client) bool { return c.in("b") }},
			{"a client", from.server.ToID(clients[0].id), func(c *client) bool { return c == clients[0] }},
			{"except rooms", from.server.ExceptRooms("a"), func(c *client) bool { return !c.in("a") }},
			{"no room", from.server.To(), func(*client) bool { return false }},
		} {
			var want []string
			for _, x := range clients {
				if c.expect(x) {
					want = append(want, fmt.Sprint(x.id, " ", x.rooms))
				}
			}
			slices.Sort(want)
			f, err := c.to.Fetch(t.Context())
			var got []string
			for _, r := range f.Clients {
				got = append(got, fmt.Sprint(r.ID, " ", r.Rooms))
				i := slices.IndexFunc(clients, func(x *client) bool { return x.id == r.ID })
				if i < 0 || r.Node != clients[i].node.self || r.Platform == "" || (r.Platform == "socketio") != (r.Namespace != "") {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
			slices.Sort(got)
			if err != nil || len(f.Unreachable) > 0 || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v\n got %q\nwant %q", c.name, err, f.Unreachable, got, want)
			}
			if n, err := c.to.Count(t.Context()); n != len(want) || err != nil {
				t.Errorf("%s: %d clients, %v, want %d", c.name, n, err, len(want))
			}
		}
	}
}

// More clients than fit into one message.
func TestFetchMany(t *testing.T) { onEachService(t, testFetchMany) }

func testFetchMany(t *testing.T, s service) {
	a, b := nodes(t, s)
	const n = 12
	rooms := make([]string, 60)
	for i := range rooms {
		rooms[i] = fmt.Sprint(strings.Repeat("x", 900), i) // 54 KB for each client
	}
	for i := range n {
		b.connect(fmt.Sprint(i), func() *apptest.Client { return b.DialWS("/ws") }, rooms...)
	}
	f, err := a.server.Fetch(t.Context())
	if err != nil || len(f.Clients) != n || len(f.Unreachable) > 0 {
		t.Fatalf("%d clients, %v, %v", len(f.Clients), f.Unreachable, err)
	}
	for _, c := range f.Clients {
		if len(c.Rooms) != len(rooms) {
			t.Errorf("%d rooms", len(c.Rooms))
		}
	}
}

// Calls reach the clients of all nodes, and each is answered or missing.
func TestCallAll(t *testing.T) { onEachService(t, testCallAll) }

func testCallAll(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := everyone(a, b)
	silent := map[string]bool{}
	for i, c := range clients {
		if i%5 == 0 {
			silent[c.id] = true
			continue
		}
		c.OnCall("vote", func(q json.RawMessage) any { return strings.Trim(string(q), `"`) + " " + c.name })
	}
	var votes websockets.Results[string]
	var err error
	ask(t, func(ctx context.Context) bool {
		votes, err = vote.CallAll(ctx, a.server, "for")
		if deadline, _ := ctx.Deadline(); time.Since(deadline) > testkit.Patience/3 {
			t.Errorf("it has returned %v after its deadline", time.Since(deadline))
		}
		return len(votes.Answered) == len(clients)-len(silent)
	})
	if err != nil || len(votes.Unreachable) > 0 || len(votes.Answered)+len(votes.Missing) != len(clients) {
		t.Fatalf("%d answered, %d missing, %v, %v", len(votes.Answered), len(votes.Missing), votes.Unreachable, err)
	}
	byID := map[string]*client{}
	for _, c := range clients {
		byID[c.id] = c
	}
	for _, v := range votes.Answered {
		c := byID[v.ID]
		if c == nil || v.Value != "for "+c.name || v.Node != c.node.self || (v.Client != nil) != (c.node == a) {
			t.Errorf("%+v", v)
		}
		delete(byID, v.ID)
	}
	for _, m := range votes.Missing {
		c := byID[m.ID]
		if c == nil || !silent[m.ID] || m.Node != c.node.self || (m.Client != nil) != (c.node == a) || !errors.Is(m.Err, context.DeadlineExceeded) {
			t.Errorf("%+v", m)
		}
		delete(byID, m.ID)
	}
}

// A call to the clients of one node does not wait for longer than that, and a client that leaves
// is missing.
func TestCallLeaves(t *testing.T) { onEachService(t, testCallLeaves) }

func testCallLeaves(t *testing.T, s service) {
	a, b := nodes(t, s)
	c := b.connect("leaves", func() *apptest.Client { return b.DialSocketIO("/") }, "r")
	go func() {
		c.ExpectMessage("vote")
		c.Abort()
	}()
	votes, err := vote.CallAll(t.Context(), a.server.To("r"), "for")
	if err != nil || len(votes.Answered) > 0 || len(votes.Unreachable) > 0 || len(votes.Missing) != 1 || !errors.Is(votes.Missing[0].Err, websockets.ErrClosed) {
		t.Errorf("%+v, %v", votes, err)
	}
	if votes, err := vote.CallAll(t.Context(), a.server.To("empty"), "for"); err != nil || len(votes.Missing)+len(votes.Unreachable) > 0 {
		t.Errorf("without clients: %+v, %v", votes, err)
	}
}

// Emit, then Call: a client receives them in this order.
func TestCallIsInOrder(t *testing.T) { onEachService(t, testCallIsInOrder) }

func testCallIsInOrder(t *testing.T, s service) {
	a, b := nodes(t, s)
	c := b.connect("c", func() *apptest.Client { return b.DialWS("/ws") })
	for i := range 20 {
		if err := a.server.Emit(t.Context(), "event", i); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			votes, err := vote.CallAll(t.Context(), a.server, fmt.Sprint(i))
			if err == nil && (len(votes.Answered) != 1 || votes.Answered[0].Value != "yes") {
				err = fmt.Errorf("%+v", votes)
			}
			done <- err
		}()
		if m := c.Next(); m.Event != "event" || string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("%q %s", m.Event, m.Data)
		}
		c.Answer(c.ExpectMessage("vote"), "yes")
		if err := testkit.Receive(t, "the votes", done); err != nil {
			t.Fatal(err)
		}
	}
}

// A node that does not answer, is cut off or stops costs its part of the result only.
func TestUnreachableNodes(t *testing.T) {
	bus := memory.NewBus()
	a, b, c := start(t, bus), start(t, bus), start(t, bus)
	meet(t, a, b, c)
	all := everyone(a, b, c)
	for _, x := range all {
		x.OnCall("vote", func(json.RawMessage) any { return x.name })
	}
	perNode := len(all) / 3
	check := func(what string, reached int, unreachable ...*node) {
		t.Helper()
		var f websockets.Fetched
		var err error
		ask(t, func(ctx context.Context) bool {
			f, err = a.server.Fetch(ctx)
			return len(f.Clients) == reached*perNode
		})
		if err != nil || len(f.Clients) != reached*perNode || !same(f.Unreachable, unreachable) {
			t.Errorf("%s: Fetch: %d clients, %v, %v", what, len(f.Clients), f.Unreachable, err)
		}
		var n int
		ask(t, func(ctx context.Context) bool {
			n, err = a.server.Count(ctx)
			return n == reached*perNode
		})
		if n != reached*perNode || (err != nil) != (len(unreachable) > 0) {
			t.Errorf("%s: Count: %d, %v", what, n, err)
		}
		for _, u := range unreachable {
			if err != nil && !strings.Contains(err.Error(), u.self) {
				t.Errorf("%s: Count: %v, want the node %s", what, err, u.self)
			}
		}
		var votes websockets.Results[string]
		ask(t, func(ctx context.Context) bool {
			votes, err = vote.CallAll(ctx, a.server, "for")
			return len(votes.Answered) == reached*perNode
		})
		if err != nil || len(votes.Answered) != reached*perNode || len(votes.Missing) > 0 || !same(votes.Unreachable, unreachable) {
			t.Errorf("%s: Call: %d answered, %d missing, %v, %v", what, len(votes.Answered), len(votes.Missing), votes.Unreachable, err)
		}
	}
	check("all", 3)
	b.engine.SetFaults(memory.Faults{Cut: true}, a.engine) // its answers are lost
	check("no answer", 2, b)
	b.engine.SetFaults(memory.Faults{}, a.engine)
	check("again", 3)
	a.engine.Cut()
	check("cut off", 1, b, c)
	a.engine.Restore()
	testkit.Eventually(t, "the connection", func() bool { return a.App.App().Stats().Backplane.Up })
	meet(t, a, b, c)
	check("restored", 3)
	// A node that stops while its answers are awaited is not waited for.
	slow := c.connect("slow", func() *apptest.Client { return c.DialWS("/ws") }, "slow")
	asked := make(chan websockets.Results[string], 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		votes, _ := vote.CallAll(ctx, a.server.To("slow"), "for")
		asked <- votes
	}()
	slow.ExpectMessage("vote")
	if err := c.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	votes := testkit.Receive(t, "the result", asked)
	if len(votes.Answered) != 0 || len(votes.Missing) != 1 || !errors.Is(votes.Missing[0].Err, websockets.ErrClosed) {
		t.Errorf("a node that stops: %+v", votes)
	}
}

func same(got []backplane.Node, want []*node) bool {
	ids := func(n int, id func(int) string) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = id(i)
		}
		slices.SortFunc(all, cmp.Compare[string])
		return all
	}
	return slices.Equal(ids(len(got), func(i int) string { return got[i].ID }), ids(len(want), func(i int) string { return want[i].self }))
}
