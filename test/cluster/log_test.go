package cluster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// logged is an application on several nodes with a log.
type logged struct {
	*apptest.Cluster

	t   *testing.T
	bus *memory.Bus
}

// startLogged starts nodes that are connected by a log. recovery may be nil for the defaults.
func startLogged(t *testing.T, nodes int, recovery *socketio.Recovery, opts ...app.Option) *logged {
	t.Helper()
	if recovery == nil {
		recovery = &socketio.Recovery{}
	}
	io, plain := socketio.New(socketio.Options{Recovery: recovery}), ws.New(ws.Options{Recovery: recovery})
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Shares(nameKey), websockets.Via(io), websockets.Via(plain, websockets.Path("/ws")))))
	bus := memory.NewBus(memory.Log(time.Minute))
	return &logged{apptest.NewCluster(t, nodes, m, apptest.OnBus(bus), apptest.With(opts...)), t, bus}
}

// server returns that of a node.
func (l *logged) server(node int) *websockets.Server {
	l.t.Helper()
	return apptest.Get[*gateway](l.Node(node)).Server
}

// visit connects a client of Socket.IO to a node, as the one that an earlier one was.
func (l *logged) visit(node int, former *apptest.Client) *apptest.Client {
	l.t.Helper()
	var opts []apptest.DialOption
	if former != nil {
		opts = append(opts, apptest.WithRecovery(former))
	}
	return l.Node(node).DialSocketIO("/", opts...)
}

// numbers receives so many events.
func numbers(c *apptest.Client, n int) (all []string) {
	for range n {
		m := c.Next()
		all = append(all, m.Event+" "+string(m.Data))
	}
	return all
}

// A client whose node was killed is the same client at another one: id, rooms, shared values, and every event once and in order.
func TestLogKill(t *testing.T) {
	t.Run("socketio", func(t *testing.T) { testLogKill(t, (*logged).visit) })
	t.Run("ws", func(t *testing.T) { testLogKill(t, (*logged).visitPlain) })
}

// visitPlain is visit for a client of gatehouse.v1.
func (l *logged) visitPlain(node int, former *apptest.Client) *apptest.Client {
	l.t.Helper()
	opts := []apptest.DialOption{apptest.WithSubprotocols("gatehouse.v1")}
	if former != nil {
		opts = append(opts, apptest.WithRecovery(former))
	}
	return l.Node(node).DialWS("/ws", opts...)
}

func testLogKill(t *testing.T, visit func(l *logged, node int, former *apptest.Client) *apptest.Client) {
	l := startLogged(t, 2, nil)
	c := visit(l, 0, nil)
	c.Call("join", []string{"tea"})
	c.Call("name", "ada")
	emitNumbers(t, l.server(0).To("tea"), 0, 3)
	emitNumbers(t, l.server(0).ToID(c.ID()), 3, 4)
	if got, want := numbers(c, 4), []string{"n 0", "n 1", "n 2", "n 3"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	l.recorded(1)
	l.Kill(0)
	emitNumbers(t, l.server(1).To("tea"), 4, 6)
	emitNumbers(t, l.server(1).To("milk"), 6, 7)
	emitNumbers(t, l.server(1).Except(), 7, 8)
	back := visit(l, 1, c)
	isSame(t, back, c, true)
	emitNumbers(t, l.server(1).To("tea"), 8, 9)
	if got, want := numbers(back, 4), []string{"n 4", "n 5", "n 7", "n 8"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if rooms := string(back.Call("rooms")); rooms != `["tea"]` {
		t.Errorf("rooms %s", rooms)
	}
	f, err := l.server(1).ToID(c.ID()).Fetch(t.Context())
	if err != nil || len(f.Clients) != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	if name, _ := nameKey.Of(f.Clients[0].Shared); name != "ada" {
		t.Errorf("the shared value is %q", name)
	}
}

// receives checks the next events of a client.
func receives(t *testing.T, c *apptest.Client, want ...string) {
	t.Helper()
	if got := numbers(c, len(want)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// isSame fails unless a client is the same as before.
func isSame(t *testing.T, back, before *apptest.Client, want bool) {
	t.Helper()
	if (back.ID() == before.ID()) != want {
		t.Fatalf("%s after %s: the same: %t, want %t", back.ID(), before.ID(), back.ID() == before.ID(), want)
	}
}

// joined connects a client that is in a room, has received an event, and may be recovered.
func (l *logged) joined(node int, room string) *apptest.Client {
	l.t.Helper()
	c := l.visit(node, nil)
	c.Call("join", []string{room})
	emitNumbers(l.t, l.server(node).ToID(c.ID()), 0, 1)
	receives(l.t, c, "n 0")
	l.recorded(1)
	return c
}

// recorded waits until the bus has so many records.
func (l *logged) recorded(n int) {
	l.t.Helper()
	testkit.Eventually(l.t, "the clients are recorded", func() bool { return l.bus.Records() >= n })
}

// What is done with a client while it is absent is done when it returns, to any node: it misses no event, and joins and leaves rooms, in the
// order of the log. One that is disconnected is a new client.
func TestLogAbsent(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(s *websockets.Server, id string) error
		same  bool
		want  []string
		rooms string
	}{
		"Emit": {func(s *websockets.Server, id string) error {
			for i, to := range []websockets.Emitter{s, s.To("a"), s.ToID(id), s.To("a", "b"), s.To("c"), s.ExceptID(id), s.ExceptRooms("a"), s.Of("/"), s.Of("/x"), s.Local()} {
				if err := to.Emit(t.Context(), "n", i+1); err != nil {
					return err
				}
			}
			return s.Emit(t.Context(), "n", 100, websockets.Volatile())
		}, true, []string{"n 1", "n 2", "n 3", "n 4", "n 8"}, `["a"]`},
		"Join": {func(s *websockets.Server, id string) error {
			return errors.Join(s.To("c").Emit(t.Context(), "n", 1), s.ToID(id).Join(t.Context(), "c"), s.To("c").Emit(t.Context(), "n", 2))
		}, true, []string{"n 2"}, `["a","c"]`},
		"Leave": {func(s *websockets.Server, _ string) error {
			return errors.Join(s.To("a").Emit(t.Context(), "n", 1), s.To("a").Leave(t.Context(), "a"), s.To("a").Emit(t.Context(), "n", 2))
		}, true, []string{"n 1"}, `[]`},
		"Disconnect": {func(s *websockets.Server, id string) error { return s.ToID(id).Disconnect(t.Context()) }, false, nil, `[]`},
	} {
		for _, to := range []int{0, 1} {
			t.Run(fmt.Sprint(name, " ", to), func(t *testing.T) {
				l := startLogged(t, 2, nil)
				before := l.joined(0, "a")
				l.cut(0, before)
				if err := c.do(l.server(1), before.ID()); err != nil {
					t.Fatal(err)
				}
				back := l.visit(to, before)
				isSame(t, back, before, c.same)
				emitNumbers(t, l.server(1).ToID(back.ID()), 200, 201) // by the same node: after the others
				receives(t, back, append(c.want, "n 200")...)
				if rooms := string(back.Call("rooms")); rooms != c.rooms {
					t.Errorf("rooms %s, want %s", rooms, c.rooms)
				}
			})
		}
	}
}

// cut cuts a client off, and waits for HandleDisconnect.
func (l *logged) cut(node int, c *apptest.Client) {
	l.t.Helper()
	c.Abort()
	testkit.Receive(l.t, "HandleDisconnect", apptest.Get[*gateway](l.Node(node)).left)
}

// Events from before the client was in a room, and after it has left it, are not sent when it resumes from an older offset; those
// from between are.
func TestLogRoomHistory(t *testing.T) {
	l := startLogged(t, 2, nil)
	v := l.raw(0)
	s := l.server(1)
	event := func() int { return v.number(t) }
	emit := func(room string, n int) { emitNumbers(t, s.To(room), n, n+1) }
	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	emitNumbers(t, s.ToID(v.id), 1, 2)
	if n := event(); n != 1 {
		t.Fatal(n)
	}
	offset := v.offset
	emit("b", 2)
	change(s.ToID(v.id).Join(t.Context(), "b"))
	emit("b", 3)
	change(s.ToID(v.id).Leave(t.Context(), "b"))
	emit("b", 4)
	emitNumbers(t, s.ToID(v.id), 5, 6)
	if a, b := event(), event(); a != 3 || b != 5 {
		t.Fatalf("events %d, %d", a, b)
	}
	l.recorded(1)
	l.Kill(0)
	if err := v.connectWith(l.Node(1).URL(), map[string]any{"pid": v.pid, "offset": offset}); err != nil {
		t.Fatal(err)
	}
	if a, b := event(), event(); a != 3 || b != 5 {
		t.Errorf("after the kill: events %d, %d", a, b)
	}
}

// raw connects a client of which each offset is known.
func (l *logged) raw(node int) *traveller {
	l.t.Helper()
	v := &traveller{}
	if err := v.connectWith(l.Node(node).URL(), map[string]any{}); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = v.conn.CloseNow() })
	return v
}

// number reads an event with a number.
func (v *traveller) number(t *testing.T) (n int) {
	t.Helper()
	text, err := v.next(t.Context(), "42")
	var args [3]json.RawMessage // name, number, offset
	if err := errors.Join(err, json.Unmarshal(text, &args), json.Unmarshal(args[1], &n), json.Unmarshal(args[2], &v.offset)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// A change of a client is seen only once it is stored: otherwise the client is cut off.
func TestLogOutputCommit(t *testing.T) {
	l := startLogged(t, 2, nil)
	c := l.joined(0, "a")
	l.Engine(0).SetLogFaults(memory.LogFaults{LoseRequest: 1})
	if answer, err := c.TryCall("join", []string{"b"}); err == nil {
		t.Errorf("answered with %s", answer)
	}
	c.ExpectClose()
	l.Engine(0).SetLogFaults(memory.LogFaults{})
	back := l.visit(1, c)
	isSame(t, back, c, true)
	if rooms := string(back.Call("rooms")); rooms != `["a"]` {
		t.Errorf("rooms %s", rooms)
	}
}

// While the log does not respond, clients get events of their node without a position, from which they cannot resume. Afterwards they can, and
// nothing is sent twice.
func TestLogLocalMode(t *testing.T) {
	l := startLogged(t, 2, nil)
	c := l.joined(0, "a")
	l.Engine(0).FreezeReader()
	emitNumbers(t, l.server(0).To("a"), 1, 3)
	receives(t, c, "n 1", "n 2")
	c.Abort()
	refused := l.visit(1, c)
	isSame(t, refused, c, false)
	d := l.raw(0)
	emitNumbers(t, l.server(0).ToID(d.id), 3, 4)
	if n := d.number(t); n != 3 || d.offset != "0" {
		t.Errorf("event %d with the offset %q", n, d.offset)
	}
	l.Engine(0).ThawReader()
	next := 4
	testkit.Eventually(t, "events have positions", func() bool {
		emitNumbers(t, l.server(0).ToID(d.id), next, next+1)
		if n := d.number(t); n != next {
			t.Fatalf("event %d, want %d", n, next)
		}
		next++
		return d.offset != "0"
	})
	l.recorded(3)
	l.Kill(0)
	emitNumbers(t, l.server(1).ToID(d.id), next, next+1)
	if err := d.connectWith(l.Node(1).URL(), map[string]any{"pid": d.pid, "offset": d.offset}); err != nil {
		t.Fatal(err)
	}
	if n := d.number(t); n != next {
		t.Errorf("after the kill: event %d, want %d", n, next)
	}
}

// When the service has lost its positions, no client resumes from an older one; those that are connected can resume later.
func TestLogNewBase(t *testing.T) {
	l := startLogged(t, 2, nil)
	gone, stays := l.joined(0, "a"), l.joined(0, "a")
	l.cut(0, gone)
	l.bus.FlushLog()
	emitNumbers(t, l.server(1).To("a"), 1, 2)
	receives(t, stays, "n 1")
	isSame(t, l.visit(1, gone), gone, false)
	l.recorded(1)
	l.Kill(0)
	emitNumbers(t, l.server(1).To("a"), 2, 3)
	back := l.visit(1, stays)
	isSame(t, back, stays, true)
	receives(t, back, "n 2")
}

// A client that has missed what the log does not have any more is a new one.
func TestLogTrimmed(t *testing.T) {
	l := startLogged(t, 2, nil)
	c := l.joined(0, "a")
	l.cut(0, c)
	emitNumbers(t, l.server(1).To("a"), 1, 5)
	l.Restart(1)
	l.Await()
	l.bus.TrimLog(0)
	isSame(t, l.visit(1, c), c, false)
}

// A client that resumes elsewhere while its connection is open loses that one.
func TestLogTaken(t *testing.T) {
	for _, to := range []int{0, 1} {
		t.Run(fmt.Sprint("to node ", to), func(t *testing.T) {
			l := startLogged(t, 2, nil)
			c := l.joined(0, "a")
			back := l.visit(to, c)
			isSame(t, back, c, true)
			c.ExpectClose()
			if got := testkit.Receive(t, "HandleDisconnect", apptest.Get[*gateway](l.Node(0)).left); got != c.ID()+" "+string(websockets.CauseMoved) {
				t.Errorf("HandleDisconnect: %s", got)
			}
			emitNumbers(t, l.server(0).To("a"), 1, 2)
			receives(t, back, "n 1")
		})
	}
}

// A stop leaves the records: clients resume at another node, also when all nodes have stopped meanwhile.
func TestLogStop(t *testing.T) {
	l := startLogged(t, 2, nil)
	c := l.joined(0, "a")
	l.Stop(0)
	emitNumbers(t, l.server(1).To("a"), 1, 2)
	l.Stop(1)
	l.Restart(0)
	back := l.visit(0, c)
	isSame(t, back, c, true)
	receives(t, back, "n 1")
}

// A client is absent for MaxDisconnection at most, and the limits of absent clients hold.
func TestLogLimits(t *testing.T) {
	t.Run("MaxDisconnection", func(t *testing.T) {
		l := startLogged(t, 2, &socketio.Recovery{MaxDisconnection: 300 * time.Millisecond})
		c := l.joined(0, "a")
		stays := l.joined(0, "a")
		since := time.Now()
		testkit.Eventually(t, "the records are kept for longer", func() bool { return time.Since(since) > 700*time.Millisecond })
		l.cut(0, c)
		testkit.Eventually(t, "the record has expired", func() bool { return l.bus.Records() == 1 })
		isSame(t, l.visit(1, c), c, false)
		l.Kill(0)
		isSame(t, l.visit(1, stays), stays, true)
	})
	t.Run("MaxClients", func(t *testing.T) {
		l := startLogged(t, 2, &socketio.Recovery{MaxClients: 1})
		first, second := l.joined(0, "a"), l.joined(0, "a")
		l.cut(0, first)
		l.cut(0, second)
		testkit.Eventually(t, "the first one is dropped", func() bool { return l.bus.Records() == 1 })
		isSame(t, l.visit(1, first), first, false)
		isSame(t, l.visit(1, second), second, true)
	})
	t.Run("MaxBytes", func(t *testing.T) {
		l := startLogged(t, 2, &socketio.Recovery{MaxBytes: 2000})
		c := l.joined(0, "a")
		l.cut(0, c)
		emitNumbers(t, l.server(1).To("a"), 1, 100)
		isSame(t, l.visit(1, c), c, false)
	})
}

// An event for a client arrives before its disconnection.
func TestLogEmitBeforeDisconnect(t *testing.T) {
	l := startLogged(t, 1, nil)
	c := l.joined(0, "a")
	client := slices.Collect(l.server(0).Local().Clients())[0]
	emitNumbers(t, client, 1, 3)
	client.Disconnect()
	receives(t, c, "n 1", "n 2")
	c.ExpectClose()
}

// Only the same client resumes: for another one with its private id nothing changes. Guards run at the new node.
func TestLogIdentity(t *testing.T) {
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprint("SkipAdmit ", skip), func(t *testing.T) {
			io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: skip}})
			m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(io), websockets.UseGuards(byToken{}))))
			bus := memory.NewBus(memory.Log(time.Minute))
			l := &logged{apptest.NewCluster(t, 2, m, apptest.OnBus(bus)), t, bus}
			token := func(s string) apptest.DialOption { return apptest.WithAuth(map[string]string{"token": s}) }
			ada := l.Node(0).DialSocketIO("/", token("ada"))
			emitNumbers(t, l.server(0), 0, 1)
			receives(t, ada, "n 0")
			l.recorded(1)
			isSame(t, l.Node(1).DialSocketIO("/", token("eve"), apptest.WithRecovery(ada)), ada, false)
			ada.Call("join", []string{"a"}) // its connection stands, and its record is its own
			if _, err := apptest.TryDialSocketIO(t, l.Node(1).URL(), apptest.WithRecovery(ada)); err == nil {
				t.Error("the guards do not run")
			}
			isSame(t, l.Node(1).DialSocketIO("/", token("ada"), apptest.WithRecovery(ada)), ada, true)
		})
	}
}

// What does not fit into the queue reaches the clients of this node, in its order.
func TestLogQueueFull(t *testing.T) {
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(socketio.New(socketio.Options{Recovery: &socketio.Recovery{}})))))
	bus := memory.NewBus(memory.Log(time.Minute))
	l := &logged{apptest.NewCluster(t, 2, m, apptest.OnBus(bus), apptest.Backplane(backplane.Queue(1<<20, 4))), t, bus}
	c := l.joined(0, "a")
	l.Engine(0).Freeze()
	full := 0
	for i := range 20 {
		if err := l.server(0).To("a").Emit(t.Context(), "n", i); errors.Is(err, websockets.ErrBackplaneFull) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
		receives(t, c, fmt.Sprint("n ", i))
	}
	l.Engine(0).Thaw()
	if full < 5 {
		t.Errorf("the queue was full %d times", full)
	}
}
