//go:build unix

package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// onNode is the id under which the servers of Node are one node.
const onNode = "socket.io"

// ofNode reports whether a client is one of a server of Node.
func (c *client) ofNode() bool { return c.node.App == nil }

// named returns ids and rooms of clients.
func named(all []websockets.Remote) (list []string) {
	for _, r := range all {
		list = append(list, fmt.Sprint(r.ID, " ", r.Rooms, " ", r.Platform, r.Namespace))
	}
	slices.Sort(list)
	return list
}

// Fetch and Count have the clients of all servers of Node and of all Gatehouse nodes.
func TestFetchFromNode(t *testing.T) { onEachPackage(t, testFetchFromNode) }

func testFetchFromNode(t *testing.T, m mixed) {
	all := m.clients()
	other := m.js.connect("another namespace", "/other", "a")
	for _, c := range []struct {
		name   string
		to     websockets.Selection
		expect func(c *client) bool
	}{
		{"all", m.one.server.Of("/"), func(*client) bool { return true }},
		{"a room", m.one.server.To("a"), func(c *client) bool { return c.in("a") }},
		{"a room with signs", m.two.server.To("räume #*?[x]"), func(c *client) bool { return c.in("räume #*?[x]") }},
		{"two rooms and an id", m.two.server.To("a", "b").ToID(all[2].id), func(c *client) bool { return c.in("a") || c.in("b") || c == all[2] }},
		{"except", m.one.server.ExceptRooms("a").ExceptID(all[2].id), func(c *client) bool { return !c.in("a") && c != all[2] }},
		{"no client", m.one.server.To("none"), func(*client) bool { return false }},
		{"a room that Node cannot name", m.one.server.To("bad \xff"), func(*client) bool { return false }},
	} {
		var want []string
		for _, x := range all {
			if c.expect(x) {
				rooms := slices.Clone(x.rooms)
				slices.Sort(rooms)
				want = append(want, fmt.Sprint(x.id, " ", rooms, " socketio/"))
			}
		}
		slices.Sort(want)
		f, err := c.to.Fetch(t.Context())
		if got := named(f.Clients); err != nil || len(f.Unreachable) > 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v\n got %q\nwant %q", c.name, err, f.Unreachable, got, want)
		}
		for _, r := range f.Clients {
			i := slices.IndexFunc(all, func(x *client) bool { return x.id == r.ID })
			if i >= 0 && (r.Node == onNode) != all[i].ofNode() {
				t.Errorf("%s: a client of node %q: %+v", c.name, r.Node, all[i])
			}
		}
		if n, err := c.to.Count(t.Context()); n != len(want) || err != nil {
			t.Errorf("%s: %d clients, %v, want %d", c.name, n, err, len(want))
		}
	}
	if f, err := m.one.other.To("a").Fetch(t.Context()); err != nil || len(f.Clients) != 1 || f.Clients[0].ID != other.id || f.Clients[0].Namespace != "/other" {
		t.Errorf("another namespace: %+v, %v", f, err)
	}
	if n, err := m.one.server.Of("/orgs/7").Count(t.Context()); n != 0 || err != nil {
		t.Errorf("a namespace of a pattern, which Node is not asked for: %d, %v", n, err)
	}
	// What a server of Node keeps of a client is shared.
	m.js.run(`for (const s of await io.local.fetchSockets()) s.data = { name: "ü", n: { a: 1 } }`)
	f, err := m.one.server.ToID(all[2].id).Fetch(t.Context())
	if err != nil || len(f.Clients) != 1 || string(f.Clients[0].Shared["name"]) != `"ü"` || string(f.Clients[0].Shared["n"]) != `{"a":1}` {
		t.Fatalf("values: %+v, %v", f, err)
	}
	if name, ok := nameKey.Of(f.Clients[0].Shared); !ok || name != "ü" {
		t.Errorf("a key: %q, %v", name, ok)
	}
	all[0].Call("name", "ö")
	if got, want := m.js.run(fmt.Sprintf(`return (await io.in(%q).fetchSockets())[0].data`, all[0].id)), `{"name":"ö"}`; got != want {
		t.Errorf("data of a client of Gatehouse: %s, want %s", got, want)
	}
	// A server that ends is not asked any more.
	m.more.run(`await io.close()`)
	testkit.Eventually(t, "the clients of the server have left", func() bool {
		n, err := m.one.server.Of("/").Count(t.Context())
		return n == len(all)*3/4 && err == nil
	})
}

// Call has the answers of clients of Node too. They have no ids.
func TestCallOnNode(t *testing.T) { onEachPackage(t, testCallOnNode) }

func testCallOnNode(t *testing.T, m mixed) {
	all := m.clients()
	var silent, dumb *client
	for i, c := range all {
		switch {
		case silent == nil && c.ofNode() && c.in("a"):
			silent = c
		case dumb == nil && !c.ofNode() && c.in("a"):
			dumb = c
		default:
			c.OnCall("vote", func(q json.RawMessage) any { return map[string]any{"of": c.name, "q": q, "b": []byte{byte(i), 255}} })
		}
	}
	type answer struct {
		Of, Q string
		B     []byte
	}
	question := websockets.NewCall[string, answer]("vote")
	check := func(what string, to websockets.Asker, selected func(c *client) bool, missing int) {
		t.Helper()
		var got, want []string
		for _, x := range all {
			if selected(x) && x != silent && x != dumb {
				want = append(want, x.name)
			}
		}
		var votes websockets.Results[answer]
		var err error
		ask(t, func(ctx context.Context) bool {
			votes, err = question.CallAll(ctx, to, "ü")
			return len(votes.Answered) == len(want)
		})
		for _, a := range votes.Answered {
			i := slices.IndexFunc(all, func(x *client) bool { return x.name == a.Value.Of })
			if i < 0 || a.Value.Q != "ü" || !slices.Equal(a.Value.B, []byte{byte(i), 255}) || (a.Node == onNode) != all[i].ofNode() || (a.ID == "") != all[i].ofNode() {
				t.Errorf("%s: %+v", what, a)
			}
			got = append(got, a.Value.Of)
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) || len(votes.Missing) != missing || len(votes.Unreachable) > 0 {
			t.Errorf("%s: %v, missing %v, unreachable %v\n got %q\nwant %q", what, err, votes.Missing, votes.Unreachable, got, want)
		}
		for _, x := range votes.Missing {
			if !errors.Is(x.Err, context.DeadlineExceeded) || (x.Node == onNode) != (x.ID == "") {
				t.Errorf("%s: missing: %+v", what, x)
			}
		}
	}
	only := func(c *client) bool { return c.in("b") && !c.in("a") }
	check("all of a room answer", m.one.server.To("b").ExceptRooms("a"), only, 0)
	check("again", m.two.server.To("b").ExceptRooms("a"), only, 0)
	check("none", m.two.server.To("none"), func(*client) bool { return false }, 0)
	check("two do not answer", m.one.server.To("a"), func(c *client) bool { return c.in("a") }, 2)
	if s := m.one.stats(); s.invalid+s.unknown > 0 {
		t.Errorf("invalid, unknown: %v", s)
	}
}

// Emit, then Call: a client of Node receives them in this order.
func TestCallOnNodeIsInOrder(t *testing.T) {
	m := startMixed(t, "ioredis", nil)
	x := m.js.connect("order", "/", "order")
	for i := range 20 {
		if err := m.one.server.To("order").Emit(t.Context(), "event", i); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			votes, err := vote.CallAll(t.Context(), m.one.server.To("order"), strconv.Itoa(i))
			if err == nil && (len(votes.Answered) != 1 || votes.Answered[0].Value != "yes") {
				err = fmt.Errorf("%+v", votes)
			}
			done <- err
		}()
		if got := x.Next(); got.Event != "event" || string(got.Data) != strconv.Itoa(i) {
			t.Fatalf("%q %s", got.Event, got.Data)
		}
		x.Answer(x.ExpectMessage("vote"), "yes")
		if err := testkit.Receive(t, "the votes", done); err != nil {
			t.Fatal(err)
		}
	}
}

// freeze stops the process of a server, and returns what has it go on.
func (a *adapterServer) freeze() (thaw func()) {
	a.t.Helper()
	pid, err := strconv.Atoi(a.run(`return process.pid`))
	if err != nil {
		a.t.Fatal(err)
	}
	freeze(a.t, pid)
	thaw = func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			a.t.Error(err)
		}
	}
	a.t.Cleanup(thaw)
	return thaw
}

// TestFault_F82_FrozenServerOfNode: A server of Node does not answer: Fetch and Call have what the other servers of
// Node and the nodes have answered, with Node as unreachable, and Count is an error, all at the deadline.
func TestFault_F82_FrozenServerOfNode(t *testing.T) {
	m := startMixed(t, "ioredis", nil)
	all := m.clients()
	for _, c := range all {
		c.OnCall("vote", func(json.RawMessage) any { return c.name })
	}
	thaw := m.more.freeze()
	reached := len(all) * 3 / 4
	within := func(what string, question func(ctx context.Context) (found int)) {
		t.Helper()
		found := 0
		ask(t, func(ctx context.Context) bool {
			found = question(ctx)
			deadline, _ := ctx.Deadline()
			if late := time.Since(deadline); late < 0 || late > loaded {
				t.Errorf("%s has returned %v after the deadline", what, late)
			}
			return found == reached
		})
		if found != reached {
			t.Errorf("%s: %d clients, want %d", what, found, reached)
		}
	}
	isNode := func(all []websockets.Node) bool { return len(all) == 1 && all[0].ID == onNode }
	within("Fetch", func(ctx context.Context) int {
		f, err := m.one.server.Of("/").Fetch(ctx)
		if len(f.Clients) == reached && (err != nil || !isNode(f.Unreachable)) {
			t.Errorf("Fetch: %v, %v", f.Unreachable, err)
		}
		return len(f.Clients)
	})
	within("Count", func(ctx context.Context) int {
		if n, err := m.one.server.Of("/").Count(ctx); err == nil || !strings.Contains(err.Error(), "Socket.IO on Node (socket.io)") {
			t.Errorf("Count: %d, %v", n, err)
		}
		return reached // the number lacks all clients of Node, which answers as one
	})
	within("Call", func(ctx context.Context) int {
		votes, err := vote.CallAll(ctx, m.one.server.Of("/"), "x")
		if len(votes.Answered) == reached && (err != nil || len(votes.Missing) > 0 || !isNode(votes.Unreachable)) {
			t.Errorf("Call: %v, %v, %v", votes.Missing, votes.Unreachable, err)
		}
		return len(votes.Answered)
	})
	thaw()
	testkit.Eventually(t, "the server answers again", func() bool {
		n, err := m.one.server.Of("/").Count(t.Context())
		return n == len(all) && err == nil
	})
}

// loaded is how late a loaded machine may be.
const loaded = testkit.Patience / 3
