package cluster_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func suspendedAt(n *node) int { return n.App.App().Stats().Endpoints[0].Suspended }

// A client that may have missed an event of another node is a new one when it reconnects, to any node: its node has found
// the gap while it was connected or absent, or the node that keeps it has.
func TestGapBeforeRecovery(t *testing.T) {
	for name, c := range map[string]struct {
		absent bool                                     // when the event is lost
		then   func(t *testing.T, all []*node) (to int) // after the gap, with the client absent
	}{
		"absent":                     {true, func(*testing.T, []*node) int { return 1 }},
		"connected":                  {false, func(*testing.T, []*node) int { return 1 }},
		"absent, to another node":    {true, func(*testing.T, []*node) int { return 0 }},
		"connected, to another node": {false, func(*testing.T, []*node) int { return 2 }},
		"absent, and its node stops": {true, func(t *testing.T, all []*node) int {
			if err := all[1].App.App().Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			return 2
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 3)
			v := all[1].visit(nil)
			emitNumbers(t, all[1].server, 0, 1)
			v.number()
			if c.absent {
				v.leave(t)
			}
			lose(t, bus, all[0], all[1])
			if !c.absent {
				v.number() // it receives what is emitted after the gap
				v.leave(t)
			}
			if to := all[c.then(t, all)]; to.visit(v).ID() == v.ID() {
				t.Error("it is recovered")
			}
			for _, n := range all {
				if lines := n.log.Lines("no node could keep"); len(lines) > 0 {
					t.Errorf("the log has %q", lines)
				}
			}
		})
	}
}

// The same for a client that another node keeps.
func TestGapAtKeeper(t *testing.T) {
	bus := memory.NewBus()
	all := movingNodes(t, bus, 3)
	v := all[2].visit(nil)
	emitNumbers(t, all[2].server, 0, 1)
	v.number()
	if err := all[2].App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	keeper := slices.IndexFunc(all[:2], func(n *node) bool { return suspendedAt(n) == 1 })
	if keeper < 0 {
		t.Fatal("it is not parked")
	}
	lose(t, bus, all[1-keeper], all[keeper])
	if all[1-keeper].visit(v).ID() == v.ID() {
		t.Error("it is recovered")
	}
}

// Clients that come after a gap are recovered: they have missed nothing.
func TestGapBeforeConnect(t *testing.T) {
	bus := memory.NewBus()
	all := movingNodes(t, bus, 2)
	lose(t, bus, all[0], all[1])
	v := all[1].visit(nil)
	emitNumbers(t, all[0].server, 0, 1)
	v.number()
	v.leave(t)
	if all[1].visit(v).ID() != v.ID() {
		t.Error("it is a new one")
	}
}

// loseSilently has nodes miss events of another, of which they learn by the beats that follow.
func loseSilently(t *testing.T, bus *memory.Bus, from *node, to ...*node) {
	t.Helper()
	lost := bus.Lost()
	for _, n := range to {
		from.engine.SetFaults(memory.Faults{Cut: true}, n.engine)
		defer from.engine.SetFaults(memory.Faults{}, n.engine)
	}
	emitNumbers(t, from.server, 10, 30)
	testkit.Eventually(t, "they are lost", func() bool { return bus.Lost() >= lost+20*len(to) })
}

// A client that was recovered before its node has learned of a gap is cut, and is a new one then; one that was connected at the
// time stays.
func TestGapAfterRecovery(t *testing.T) {
	for name, to := range map[string]int{"at the same node": 1, "by another node": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 3)
			v, stays := all[1].visit(nil), all[to].visit(nil)
			emitNumbers(t, all[1].server, 0, 1)
			v.number()
			v.leave(t)
			testkit.Within(2*time.Second, func() bool { return false }) // all beats are here: it is known what was sent so far
			loseSilently(t, bus, all[0], all[1:]...)
			back := all[to].visit(v)
			if back.ID() != v.ID() {
				t.Fatal("it is a new one")
			}
			back.ExpectClose()
			if gaps := all[to].stats().gaps; gaps == 0 {
				t.Error("no gap is counted")
			}
			if all[to].visit(back).ID() == v.ID() {
				t.Error("it is recovered")
			}
			stays.Call("id")
		})
	}
}

// What a node that stops has sent last, and is lost, is a gap at the others, also where nothing of it comes any more.
func TestGapBeforeBye(t *testing.T) {
	bus := memory.NewBus()
	all := movingNodes(t, bus, 2)
	v := all[1].visit(nil)
	emitNumbers(t, all[1].server, 0, 1)
	v.number()
	v.leave(t)
	loseSilently(t, bus, all[0], all[1])
	if err := all[0].App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "a gap is counted", func() bool { return all[1].stats().gaps > 0 })
	if all[1].visit(v).ID() == v.ID() {
		t.Error("it is recovered")
	}
}

// What a node has not sent because its queue was full is a gap at the others.
func TestGapOfFullQueue(t *testing.T) {
	bus := memory.NewBus()
	a := startRecoveringOn(t, bus, []backplane.Option{backplane.Queue(8<<20, 10)})
	b := startRecovering(t, bus)
	meet(t, a, b)
	v := b.visit(nil)
	emitNumbers(t, b.server, 0, 1)
	v.number()
	v.leave(t)
	a.engine.Freeze()
	full := 0
	for range 30 {
		if a.server.Emit(t.Context(), "n", 1) != nil {
			full++
		}
	}
	a.engine.Thaw()
	if full == 0 {
		t.Fatal("the queue is not full")
	}
	testkit.Eventually(t, "a gap is counted", func() bool { return b.stats().gaps >= uint64(full) })
	if b.visit(v).ID() == v.ID() {
		t.Error("it is recovered")
	}
}
