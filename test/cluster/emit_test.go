package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/emit"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// emitter connects an emitter until the test ends.
func emitter(t *testing.T, s service, endpoints ...emit.Endpoint) *emit.Emitter {
	t.Helper()
	e, err := emit.Connect(t.Context(), s(), endpoints...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// An emitter reaches the selected clients of all nodes, of the endpoints that it names, and is no node.
// It sends with two engines, whose messages are in order where they pass through one service.
func TestEmitter(t *testing.T) { onEachService(t, testEmitter, "nats/embedded") }

func testEmitter(t *testing.T, s service) {
	a, b := nodes(t, s)
	clients := append(everyone(a, b),
		b.connect("other", func() *apptest.Client { return b.DialSocketIO("/other") }, "a"),
		a.connect("plain other", func() *apptest.Client { return a.DialWS("/other") }, "a"))
	all := emitter(t, s)
	some := emitter(t, s, emit.SocketIO("/"), emit.WS("ws"), emit.SocketIO("orgs/{org}"))
	ours := func(c *client) bool { return !strings.HasSuffix(c.name, "other") }
	for _, c := range []struct {
		name   string
		to     websockets.Emitter
		expect func(c *client) bool
	}{
		{"all", all, func(*client) bool { return true }},
		{"all of endpoints", some, ours},
		{"a room", some.To("a"), func(c *client) bool { return ours(c) && c.in("a") }},
		{"a namespace", some.Of("/orgs/7").To("a"), func(c *client) bool { return strings.HasPrefix(c.name, "org") }},
		{"another namespace", all.Of("other"), func(c *client) bool { return c.name == "other" }},
		{"ids", some.ToID(clients[0].id, clients[len(clients)-1].id), func(c *client) bool { return c == clients[0] }},
		{"except", some.To("a", "b").ExceptRooms("b").ExceptID(clients[0].id), func(c *client) bool { return ours(c) && c.in("a") && !c.in("b") && c != clients[0] }},
		{"no room", some.To(), func(*client) bool { return false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.to.Emit(t.Context(), "news", map[string]any{"b": []byte{1}}); err != nil {
				t.Fatal(err)
			}
			if err := all.Emit(t.Context(), "done", nil); err != nil {
				t.Fatal(err)
			}
			expectEvent(t, clients, "news", c.expect)
		})
	}
	ctx := t.Context()
	if err := some.ToID(clients[0].id).Join(ctx, "new", "x"); err != nil {
		t.Fatal(err)
	}
	if err := some.To("new").Leave(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the rooms", func() bool {
		got := string(clients[0].Call("rooms"))
		return strings.Contains(got, `"new"`) && !strings.Contains(got, `"x"`)
	})
	if err := some.To("new").Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	clients[0].ExpectClose()
	if _, err := all.Fetch(ctx); !errors.Is(err, emit.ErrNoAnswers) {
		t.Errorf("Fetch: %v", err)
	}
	if _, err := vote.CallAll(ctx, all, "for"); !errors.Is(err, emit.ErrNoAnswers) {
		t.Errorf("Call: %v", err)
	}
	if err := all.To(strings.Repeat("x", 2000)).Emit(ctx, "news", 1); err == nil || !strings.Contains(err.Error(), "emit: event: name of 2000 bytes") {
		t.Errorf("a long name: %v", err)
	}
	if err := all.Emit(ctx, "news", make(chan int)); err == nil {
		t.Error("a payload that does not encode is no error")
	}
	if n := len(a.server.Nodes()); n != 2 {
		t.Errorf("%d nodes", n)
	}
	if s := b.stats(); s.gaps+s.duplicates+s.invalid+s.unknown > 0 {
		t.Errorf("gaps, duplicates, invalid, unknown: %v", s)
	}
	// Many goroutines.
	var senders sync.WaitGroup
	for g := range 4 {
		senders.Go(func() {
			for i := range 50 {
				if err := some.To("b").Emit(ctx, fmt.Sprint(g), i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	c := clients[slices.IndexFunc(clients, func(c *client) bool { return c != clients[0] && c.in("b") })]
	next := map[string]int{}
	for range 200 {
		m := c.Next()
		if want := fmt.Sprint(next[m.Event]); string(m.Data) != want {
			t.Fatalf("%s of %s, want %s", m.Data, m.Event, want)
		}
		next[m.Event]++
	}
	senders.Wait()
}

// Without the service, Connect returns when its context ends.
func TestEmitterWithoutService(t *testing.T) {
	bus := memory.NewBus()
	bus.Down()
	ctx, cancel := contextWithin(t)
	defer cancel()
	if _, err := emit.Connect(ctx, bus.Node()); !errors.Is(err, memory.ErrCut) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Connect: %v", err)
	}
}

// An emitter on the channels of @socket.io/redis-adapter reaches servers of Node and Gatehouse nodes,
// and counts as no server.
func TestEmitterToNode(t *testing.T) {
	m := startMixed(t, "ioredis", nil)
	js, clients := m.js, m.clients()
	e := emitter(t, m.service, emit.SocketIO("/"))
	for _, c := range []struct {
		name   string
		to     websockets.Emitter
		expect func(c *client) bool
	}{
		{"all", e, func(*client) bool { return true }},
		{"a room", e.To("a"), func(c *client) bool { return c.in("a") }},
		{"two rooms, except", e.To("a", "b").ExceptRooms("räume #*?[x]"), func(c *client) bool { return (c.in("a") || c.in("b")) && !c.in("räume #*?[x]") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.to.Emit(t.Context(), "news", []byte{1}, websockets.Uncompressed()); err != nil {
				t.Fatal(err)
			}
			if err := e.Emit(t.Context(), "done", nil); err != nil {
				t.Fatal(err)
			}
			expectEvent(t, clients, "news", c.expect)
		})
	}
	ctx := t.Context()
	if err := e.To("a").Join(ctx, "new"); err != nil {
		t.Fatal(err)
	}
	if err := e.To("a").Leave(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if want := `["a","new"]`; c.in("a") {
			testkit.Eventually(t, "the rooms of "+c.name, func() bool { return string(c.Call("rooms")) == want })
		}
	}
	if err := hello.Emit(ctx, e.Server, map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Receive(t, "an event for the nodes", js.events); got != `{"event":"hello","args":["/",{"n":1}]}` {
		t.Errorf("Node got %s", got)
	}
	var found []string
	if err := json.Unmarshal([]byte(js.run(`return (await io.fetchSockets()).map((s) => s.id)`)), &found); err != nil || len(found) != len(clients) {
		t.Errorf("fetchSockets: %d of %d, %v: does the emitter count as a server?", len(found), len(clients), err)
	}
	if err := e.To("a").Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		if c.in("a") {
			c.ExpectClose()
		}
	}
}
