package cluster_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// adapterServer is npm's socket.io server with @socket.io/redis-adapter.
type adapterServer struct {
	t      *testing.T
	p      *nodetest.Process
	url    string
	events chan string
}

// startAdapter starts one with a package for Redis: ioredis or redis.
func startAdapter(t *testing.T, server *redistest.Server, client string, opts map[string]any) *adapterServer {
	t.Helper()
	a := &adapterServer{t: t, events: make(chan string, 1000)}
	a.p = nodetest.StartProcess(t, "adapter.mjs", func(line []byte) { a.events <- strings.TrimSpace(string(line)) })
	_, port, _ := strings.Cut(server.Address, ":")
	if err := json.Unmarshal(a.p.MustDo("start", nodetest.Fields{"port": port, "client": client, "opts": opts}), &a.url); err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs code with io and emitter, and returns what it returns, in JSON.
func (a *adapterServer) run(code string) string {
	a.t.Helper()
	return string(a.p.MustDo("run", nodetest.Fields{"code": code}))
}

func (a *adapterServer) connect(name, namespace string, rooms ...string) *client {
	n := &node{}
	return n.connect(name, func() *apptest.Client { return apptest.DialSocketIO(a.t, a.url, apptest.WithNamespace(namespace)) }, rooms...)
}

// mixed is two Gatehouse nodes and servers of Node on one Redis.
type mixed struct {
	one, two *node
	js, more *adapterServer
	service  service // of the nodes
}

// onEachPackage runs a test with each package for Redis that servers of Node use.
func onEachPackage(t *testing.T, test func(t *testing.T, m mixed)) {
	t.Helper()
	for _, client := range []string{"ioredis", "redis"} {
		t.Run(client, func(t *testing.T) { test(t, startMixed(t, client, nil)) })
	}
}

func startMixed(t *testing.T, client string, opts map[string]any) (m mixed) {
	t.Helper()
	server := redistest.Start(t)
	m.service = func() backplane.Backplane { return redis.SocketIO(redis.Address(server.Address)) }
	m.one, m.two = nodes(t, m.service)
	m.js, m.more = startAdapter(t, server, client, opts), startAdapter(t, server, client, opts)
	return m
}

// clients connects clients of Socket.IO to each, in the same rooms.
func (m mixed) clients() (all []*client) {
	for _, rooms := range [][]string{nil, {"a"}, {"a", "b"}, {"b", "räume #*?[x]"}} {
		for i, n := range []*node{m.one, m.two} {
			all = append(all, n.connect(fmt.Sprint("gatehouse ", i, rooms), func() *apptest.Client { return n.DialSocketIO("/") }, rooms...))
		}
		all = append(all, m.js.connect(fmt.Sprint("node ", rooms), "/", rooms...), m.more.connect(fmt.Sprint("more ", rooms), "/", rooms...))
	}
	return all
}

// expectEvent checks which clients have received an event before the event done.
func expectEvent(t *testing.T, all []*client, event string, want func(c *client) bool) {
	t.Helper()
	for _, c := range all {
		got := c.Next()
		if want(c) {
			if got.Event != event {
				t.Errorf("%s got %q, want %s", c.name, got.Event, event)
				continue
			}
			got = c.Next()
		}
		if got.Event != "done" {
			t.Errorf("%s got %q %s, want done", c.name, got.Event, got.Data)
		}
	}
}

// Events of a Gatehouse node reach clients of Node, and those of Node and its emitter reach clients of
// all Gatehouse nodes: the selected ones, once.
func TestAdapterSelections(t *testing.T) { onEachPackage(t, testAdapterSelections) }

func testAdapterSelections(t *testing.T, m mixed) {
	one, two, js := m.one, m.two, m.js
	all := m.clients()
	plain := one.connect("plain", func() *apptest.Client { return one.DialWS("/ws") }, "a")
	other := two.connect("other", func() *apptest.Client { return two.DialSocketIO("/other") }, "a")
	on := func(name string) *client {
		return all[slices.IndexFunc(all, func(c *client) bool { return strings.HasPrefix(c.name, name) && c.in("b") })]
	}
	ours, theirs := on("gatehouse 1"), on("node")
	for _, c := range []struct {
		name   string
		to     websockets.Emitter
		expect func(c *client) bool
	}{
		{"all", one.server, func(*client) bool { return true }},
		{"a room", one.server.To("a"), func(c *client) bool { return c.in("a") }},
		{"a room with signs", one.server.To("räume #*?[x]"), func(c *client) bool { return c.in("räume #*?[x]") }},
		{"two rooms", one.server.To("a", "b"), func(c *client) bool { return c.in("a") || c.in("b") }},
		{"ids", one.server.ToID(ours.id, theirs.id), func(c *client) bool { return c == ours || c == theirs }},
		{"an id", one.server.ToID(theirs.id), func(c *client) bool { return c == theirs }},
		{"except", one.server.ExceptID(ours.id, theirs.id).ExceptRooms("none"), func(c *client) bool { return c != ours && c != theirs }},
		{"except rooms", one.server.To("a").ExceptRooms("b"), func(c *client) bool { return c.in("a") && !c.in("b") }},
		{"local", one.server.To("a").Local(), func(c *client) bool { return c.in("a") && c.node == one }},
	} {
		t.Run("from Gatehouse: "+c.name, func(t *testing.T) {
			if err := c.to.Emit(t.Context(), "news", map[string]any{"b": []byte{0, 255}}); err != nil {
				t.Fatal(err)
			}
			if err := one.server.Emit(t.Context(), "done", 1); err != nil {
				t.Fatal(err)
			}
			expectEvent(t, all, "news", c.expect)
		})
	}
	for done := 0; done < 9; {
		if m := plain.Next(); m.Event == "done" {
			done++
		}
	}
	for _, c := range []struct {
		name, code string
		expect     func(c *client) bool
	}{
		{"all", `io.emit("news", Buffer.from([0, 255]))`, func(*client) bool { return true }},
		{"a room", `io.to("a").emit("news")`, func(c *client) bool { return c.in("a") }},
		{"a room with signs", `io.to("räume #*?[x]").emit("news", 1)`, func(c *client) bool { return c.in("räume #*?[x]") }},
		{"two rooms", `io.to(["a", "b"]).emit("news", 1)`, func(c *client) bool { return c.in("a") || c.in("b") }},
		{"an id", fmt.Sprintf(`io.to(%q).emit("news", 1)`, ours.id), func(c *client) bool { return c == ours }},
		{"except", fmt.Sprintf(`io.except(%q).emit("news", 1)`, ours.id), func(c *client) bool { return c != ours }},
		{"except rooms", `io.to("a").except("b").volatile.emit("news", 1)`, func(c *client) bool { return c.in("a") && !c.in("b") }},
		{"local", `io.local.emit("news", 1)`, func(c *client) bool { return strings.HasPrefix(c.name, "node") }},
		{"emitter", `emitter.emit("news", 1)`, func(*client) bool { return true }},
		{"emitter to a room", `emitter.to("a").except("b").emit("news", 1)`, func(c *client) bool { return c.in("a") && !c.in("b") }},
		{"emitter to another namespace", `emitter.of("/other").emit("mine", 1)`, func(*client) bool { return false }},
		{"a number", `io.to(7).emit("news", 1)`, func(*client) bool { return false }},
	} {
		t.Run("from Node: "+c.name, func(t *testing.T) {
			js.run(c.code + `; (` + fmt.Sprint(strings.HasPrefix(c.code, "emitter")) + ` ? emitter : io).emit("done", 1)`)
			expectEvent(t, all, "news", c.expect)
		})
	}
	if m := other.Next(); m.Event != "mine" {
		t.Errorf("another namespace got %q", m.Event)
	}
	plain.ExpectNone("news")
	for _, n := range []*node{one, two} {
		if s := n.stats(); s.gaps+s.duplicates+s.invalid+s.unknown > 0 {
			t.Errorf("gaps, duplicates, invalid, unknown: %v", s)
		}
	}
}

// Clients of a Gatehouse node receive the same as those of a server of Node, from another server of Node and
// from another Gatehouse node.
func TestAdapterPayloads(t *testing.T) { onEachPackage(t, testAdapterPayloads) }

func testAdapterPayloads(t *testing.T, m mixed) {
	one, two, js := m.one, m.two, m.js
	pair := []*client{two.connect("gatehouse", func() *apptest.Client { return two.DialSocketIO("/") }), m.more.connect("node", "/")}
	same := func(what string) {
		t.Helper()
		a, b := pair[0].Next(), pair[1].Next()
		if a.Event != b.Event || string(a.Data) != string(b.Data) || fmt.Sprint(a.Attachments) != fmt.Sprint(b.Attachments) {
			t.Errorf("%s: a client of Gatehouse got %q %.200s %v, one of Node %q %.200s %v", what, a.Event, a.Data, a.Attachments, b.Event, b.Data, b.Attachments)
		}
	}
	for _, args := range []string{
		``, `null`, `1, "two", [3], {four: 4}`, `"ü 😀 \u2028"`, `{deep: [{b: Buffer.from("x")}, new Uint8Array([1, 2])]}`, `Buffer.alloc(1 << 20, 7)`,
		`new Date(1e12)`, `-0.5, 1e-300, 2 ** 53, -(2 ** 31), 4294967296`, `NaN`, `Array.from({length: 1000}, (_, i) => i)`, `...Array.from({length: 1000}, (_, i) => i)`, `undefined`, `{u: undefined}`, `true, false`,
		`"x".repeat(70000)`, `{}`, `[]`, `{"__proto__x": 1, "_placeholder": false}`,
		`{deep: [undefined, NaN, -0, Infinity, -Infinity, new Date(-1), new Date(1e15)]}`, `undefined, undefined`, `[undefined], null`,
		`new Date(NaN)`, `new Map([[1, 2]]), new Set([1])`, `new Float64Array([1, 2])`, `new ArrayBuffer(3)`, `Buffer.alloc(0)`, `"\ud800 half"`, `[[[[[[[[[[1]]]]]]]]]]`,
		`...Array.from({length: 10}, () => Buffer.from([1]))`, `Object.create({inherited: 1})`, `{toJSON() { return 1 }}`,
	} {
		js.run(`io.emit("e", ` + args + `)`)
		same("from Node: " + args[:min(len(args), 60)])
	}
	if got := js.run(`try { io.emit("e", 1n) } catch (err) { return err.message }`); got != `"Could not encode"` {
		t.Errorf("a bigint, which no server of Node can send: %s", got)
	}
	for _, v := range []any{
		nil, "ü 😀 \u2028", 1.5, []int{1, 2}, map[string]any{"a": 1, "b": []byte{0}}, make([]byte, 1<<20), websockets.Payload{JSON: []byte(`[1,"a",{"x":null}]`), Spread: true},
		-1 << 40, 1 << 53, strings.Repeat("x", 70_000), map[string]any{},
	} {
		if err := one.server.Emit(t.Context(), "e", v); err != nil {
			t.Fatal(err)
		}
		same(fmt.Sprintf("from Gatehouse: %.60v", v))
	}
	for i := range 3000 {
		if i%2 == 0 {
			if err := one.server.Emit(t.Context(), "n", i); err != nil {
				t.Fatal(err)
			}
		}
	}
	js.run(`for (let i = 1; i < 3000; i += 2) io.emit("n", i)`)
	for _, c := range pair {
		last := []int{-2, -1}
		for range 3000 {
			var n int
			if m := c.Next(); json.Unmarshal(m.Data, &n) != nil || n != last[n%2]+2 {
				t.Fatalf("%s got %s after %v", c.name, m.Data, last)
			}
			last[n%2] = n
		}
	}
	// An event that the wire cannot carry reaches no client of Node, and ends nothing there.
	if err := one.server.To("bad \xff").Emit(t.Context(), "e", 1); err != nil {
		t.Fatal(err)
	}
	if err := one.server.To("bad \xff").Join(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if err := one.server.Emit(t.Context(), "alive", 1); err != nil {
		t.Fatal(err)
	}
	same("after what Node cannot read")
	// An event without a name is none here; many of them do not mute Node.
	js.run(`for (let i = 0; i < 200; i++) io.emit("", i); io.emit("named", 1)`)
	if m := pair[0].Next(); m.Event != "named" {
		t.Errorf("after events without a name: %+v", m)
	}
}

// Joins, leaves, questions and events for the nodes themselves, both ways.
func TestAdapterRequests(t *testing.T) {
	for _, client := range []string{"ioredis", "redis"} {
		for name, opts := range map[string]map[string]any{"default": nil, "specific response channel": {"publishOnSpecificResponseChannel": true}} {
			t.Run(client+"/"+name, func(t *testing.T) { testAdapterRequests(t, startMixed(t, client, opts)) })
		}
	}
}

var hello = websockets.NewNodeEvent[map[string]int]("hello")

func testAdapterRequests(t *testing.T, m mixed) {
	ctx, one, two, js := t.Context(), m.one, m.two, m.js
	ours, theirs := two.connect("ours", func() *apptest.Client { return two.DialSocketIO("/") }, "a"), js.connect("theirs", "/", "a")
	rooms := func(c *client, want string) {
		t.Helper()
		testkit.Eventually(t, c.name+" is in "+want, func() bool { return string(c.Call("rooms")) == want })
	}
	if err := one.server.To("a").Join(ctx, "b", "c"); err != nil {
		t.Fatal(err)
	}
	rooms(ours, `["a","b","c"]`)
	rooms(theirs, `["a","b","c"]`)
	js.run(`io.in("b").socketsJoin("d")`)
	rooms(ours, `["a","b","c","d"]`)
	rooms(theirs, `["a","b","c","d"]`)
	js.run(`io.in("b").socketsLeave(["c", "d"])`)
	rooms(ours, `["a","b"]`)
	if err := one.server.To("a").Leave(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	rooms(theirs, `["a"]`)
	js.run(`emitter.in("a").socketsJoin("e"); emitter.in("a").except("none").socketsLeave("none")`)
	rooms(ours, `["a","e"]`)
	rooms(theirs, `["a","e"]`)

	want := func(what, code, want string) {
		t.Helper()
		if got := js.run(code); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	ids := []string{ours.id, theirs.id}
	slices.Sort(ids)
	both, _ := json.Marshal(ids)
	want("fetchSockets", `return (await io.in("a").fetchSockets()).map((s) => s.id).sort()`, string(both))
	want("rooms of fetchSockets", fmt.Sprintf(`return [...(await io.in(%q).fetchSockets())[0].rooms].sort()[0] !== undefined`, ours.id), `true`)
	want("fetchSockets of no client", `return (await io.in("none").fetchSockets()).length`, `0`)
	want("sockets", `return [...await io.of("/").adapter.sockets(new Set(["a"]))].length`, `1`) // this adapter's own
	want("allRooms", `const all = await io.of("/").adapter.allRooms(); return [all.has("a"), all.has("e"), all.size >= 4]`, `[true,true,true]`)
	want("serverSideEmit with ack", `return (await io.serverSideEmitWithAck("hello", 1)).sort()`, `["from Node",null,null]`) // of two nodes and the other server
	ours.OnCall("vote", func(q json.RawMessage) any { return map[string]any{"q": q, "b": []byte{1}} })
	theirs.OnCall("vote", func(q json.RawMessage) any { return q })
	want("events with acks", `return (await io.timeout(20000).in("a").emitWithAck("vote", "x")).map((a) => JSON.stringify(a)).sort()`, `["\"x\"","{\"b\":{\"type\":\"Buffer\",\"data\":[1]},\"q\":\"x\"}"]`)
	want("no client answers", `return await io.timeout(20000).in("none").emitWithAck("vote", "x")`, `[]`)

	if err := hello.Emit(ctx, one.server, map[string]int{"n": 1}); err != nil {
		t.Fatal(err)
	}
	if got, want := testkit.Receive(t, "an event for the nodes", js.events), `{"event":"hello","args":["/",{"n":1}]}`; got != want {
		t.Errorf("Node got %s, want %s", got, want)
	}
	if err := one.server.ToID(theirs.id).Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Receive(t, "a client of Node leaves", js.events); !strings.Contains(got, theirs.id) || !strings.Contains(got, "server namespace disconnect") {
		t.Errorf("Node: %s", got)
	}
	js.run(`io.in("a").disconnectSockets(true)`)
	ours.ExpectClose()
	if s := two.stats(); s.invalid+s.unknown > 0 {
		t.Errorf("invalid, unknown: %v", s)
	}
}

// Presence crosses nodes beside the wire of Socket.IO.
func TestPresenceByTheAdapter(t *testing.T) {
	server := redistest.Start(t)
	presenceCrosses(t, func() backplane.Backplane { return redis.SocketIO(redis.Address(server.Address)) })
}
