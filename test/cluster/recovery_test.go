package cluster_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
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

// startRecovering starts a node whose Socket.IO clients are recovered.
func startRecovering(t *testing.T, bus *memory.Bus) *node {
	t.Helper()
	return startRecoveringOn(t, bus, nil)
}

func startRecoveringOn(t *testing.T, bus *memory.Bus, on []backplane.Option, opts ...app.Option) *node {
	t.Helper()
	n := &node{log: &testkit.Log{}, engine: bus.Node()}
	io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{}})
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(io), websockets.Via(ws.New(), websockets.Path("/ws")))))
	all := []app.Option{app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(n.engine, append(on, backplane.Beats(500*time.Millisecond, time.Minute))...)}
	n.App = apptest.New(t, m, apptest.With(append(all, opts...)...))
	g := apptest.Get[*gateway](n.App)
	n.server, n.left = g.Server, g.left
	return n
}

// returning is a client that can be recovered.
type returning struct {
	*apptest.Client

	n *node
}

// visit connects a client, as the one that an earlier one was.
func (n *node) visit(former *returning) *returning {
	var opts []apptest.DialOption
	if former != nil {
		opts = append(opts, apptest.WithRecovery(former.Client))
	}
	return &returning{n.DialSocketIO("/", opts...), n}
}

// number receives an event with a number.
func (c *returning) number() string {
	m := c.Next()
	return fmt.Sprint(m.Event, " ", string(m.Data))
}

// leave cuts a client off, and waits until its node has suspended it.
func (c *returning) leave(t *testing.T) {
	t.Helper()
	suspended := func() int { return c.n.App.App().Stats().Endpoints[0].Suspended }
	before := suspended()
	c.Abort()
	testkit.Eventually(t, "the client is suspended", func() bool { return suspended() == before+1 })
}

// What other nodes do with a suspended client is what its own node does: it misses no event, it
// leaves rooms and joins none, one that is disconnected is a new client when it reconnects, and it is
// not counted or asked.
func TestSuspendedClients(t *testing.T) {
	type outcome struct {
		Recovered bool
		Events    []string
		Rooms     string
		Counted   int
		Fetched   int
		Missing   int
	}
	play := func(t *testing.T, remote bool, do func(s *websockets.Server, id string) error) outcome {
		bus := memory.NewBus()
		own := startRecovering(t, bus)
		other := startRecovering(t, bus)
		meet(t, own, other)
		from := own
		if remote {
			from = other
		}
		ctx := t.Context()
		c := own.visit(nil)
		c.Call("join", []string{"a", "b"})
		id := c.ID()
		if err := from.server.Emit(ctx, "n", 0); err != nil {
			t.Fatal(err)
		}
		if got := c.number(); got != "n 0" {
			t.Fatal(got)
		}
		c.leave(t)
		if err := do(from.server, id); err != nil {
			t.Fatal(err)
		}
		var o outcome
		var err error
		if o.Counted, err = from.server.Count(ctx); err != nil {
			t.Fatal(err)
		}
		f, err := from.server.Fetch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		votes, err := vote.CallAll(ctx, from.server, "for")
		if err != nil {
			t.Fatal(err)
		}
		o.Fetched, o.Missing = len(f.Clients), len(votes.Missing)+len(votes.Answered)
		back := own.visit(c)
		o.Recovered = back.ID() == id
		if err := from.server.Emit(ctx, "end", 0); err != nil {
			t.Fatal(err)
		}
		for {
			e := back.number()
			if e == "end 0" {
				break
			}
			o.Events = append(o.Events, e)
		}
		o.Rooms = string(back.Call("rooms"))
		return o
	}
	for name, c := range map[string]struct {
		do   func(s *websockets.Server, id string) error
		want outcome
	}{
		"Emit": {func(s *websockets.Server, id string) error {
			for i, to := range []websockets.Emitter{s, s.To("a"), s.ToID(id), s.To("a", "b"), s.To("c"), s.ExceptID(id), s.ExceptRooms("b"), s.Of("/"), s.Of("/x")} {
				if err := to.Emit(t.Context(), "n", i+1); err != nil {
					return err
				}
			}
			return s.Emit(t.Context(), "n", 100, websockets.Volatile())
		}, outcome{Recovered: true, Events: []string{"n 1", "n 2", "n 3", "n 4", "n 8"}, Rooms: `["a","b"]`}},
		"Join": {func(s *websockets.Server, id string) error {
			if err := s.ToID(id).Join(t.Context(), "c"); err != nil {
				return err
			}
			return s.To("c").Emit(t.Context(), "n", 1)
		}, outcome{Recovered: true, Rooms: `["a","b"]`}},
		"Leave": {func(s *websockets.Server, _ string) error {
			if err := s.To("b").Leave(t.Context(), "a"); err != nil {
				return err
			}
			if err := s.To("a").Emit(t.Context(), "n", 1); err != nil {
				return err
			}
			return s.To("b").Emit(t.Context(), "n", 2)
		}, outcome{Recovered: true, Events: []string{"n 2"}, Rooms: `["b"]`}},
		"Disconnect": {func(s *websockets.Server, id string) error { return s.ToID(id).Disconnect(t.Context()) }, outcome{Rooms: `[]`}},
	} {
		for _, remote := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, by another node %t", name, remote), func(t *testing.T) {
				got := play(t, remote, c.do)
				if got.Recovered != c.want.Recovered || !slices.Equal(got.Events, c.want.Events) || got.Rooms != c.want.Rooms || got.Counted+got.Fetched+got.Missing > 0 {
					t.Errorf("got %+v\nwant %+v", got, c.want)
				}
			})
		}
	}
}

// lose has a node miss an event of another, and learn of it.
func lose(t *testing.T, bus *memory.Bus, from, to *node) {
	t.Helper()
	gaps := to.stats().gaps
	for range 3 {
		lost := bus.Lost()
		from.engine.SetFaults(memory.Faults{Cut: true}, to.engine)
		if err := from.server.Emit(t.Context(), "lost", 0); err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, "it is lost", func() bool { return bus.Lost() > lost })
		from.engine.SetFaults(memory.Faults{}, to.engine)
		if err := from.server.Emit(t.Context(), "n", 1); err != nil {
			t.Fatal(err)
		}
		if testkit.Within(testkit.Patience/3, func() bool { return to.stats().gaps > gaps }) {
			return
		}
		// What was lost was a beat, before the event was sent.
	}
	t.Fatal("no gap is counted")
}

// Clients that may have missed events of another node are not recovered. With ResetOnGap they are cut; those that cannot be
// recovered anyway stay.
func TestResetOnGap(t *testing.T) {
	for _, reset := range []bool{false, true} {
		t.Run(fmt.Sprint(reset), func(t *testing.T) {
			bus := memory.NewBus()
			var opts []backplane.Option
			if reset {
				opts = append(opts, backplane.ResetOnGap())
			}
			a := startRecovering(t, bus)
			b := startRecoveringOn(t, bus, opts)
			meet(t, a, b)
			elsewhere, connected, absent := a.visit(nil), b.visit(nil), b.visit(nil)
			plain := b.DialWS("/ws")
			if err := a.server.Emit(t.Context(), "n", 0); err != nil {
				t.Fatal(err)
			}
			for _, c := range []*returning{elsewhere, connected, absent} {
				c.number()
			}
			absent.leave(t)
			lose(t, bus, a, b)
			if reset {
				connected.ExpectClose()
				causes := map[string]bool{}
				for range 2 { // that of the absent client, which was aborted, too
					_, cause, _ := strings.Cut(testkit.Receive(t, "HandleDisconnect", b.left), " ")
					causes[cause] = true
				}
				if !causes[string(websockets.CauseTransportClose)] || !causes[string(websockets.CauseTransportError)] {
					t.Errorf("HandleDisconnect has %v", causes)
				}
				testkit.Eventually(t, "it is logged", func() bool { return len(b.log.Lines("clients are reset")) > 0 })
			} else {
				connected.leave(t)
			}
			for name, c := range map[string]*returning{"connected": connected, "absent": absent} {
				if back := b.visit(c); back.ID() == c.ID() {
					t.Errorf("the %s client: %s after %s", name, back.ID(), c.ID())
				}
			}
			plain.Call("id")
			elsewhere.Call("id")
		})
	}
}

// Resets are as slow as a drain, and a stop ends them.
func TestResetsArePaced(t *testing.T) {
	bus := memory.NewBus()
	a := startRecovering(t, bus)
	b := startRecoveringOn(t, bus, []backplane.Option{backplane.ResetOnGap()}, app.DrainRate(1))
	meet(t, a, b)
	for range 5 {
		b.visit(nil)
	}
	started := time.Now()
	lose(t, bus, a, b)
	testkit.Receive(t, "the first client", b.left)
	testkit.Receive(t, "the second client", b.left)
	if took := time.Since(started); took < time.Second*9/10 {
		t.Errorf("two clients after %v, want one a second", took)
	}
	if err := b.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.App.App().Stats().Endpoints[0].Clients; n > 0 {
		t.Errorf("%d clients after the stop", n)
	}
}
