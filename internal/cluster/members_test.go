package cluster

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// Nodes know each other from their start until they stop.
func TestHelloAndBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, _, _ := pair(t, bus)
		c := start(t, 3, bus.Node())
		synctest.Wait()
		for _, x := range []*testNode{a, b, c} {
			if got := x.known(); !slices.Equal(got, []string{"node 1", "node 2", "node 3"}) {
				t.Errorf("%s knows %q", x.Self().Name, got)
			}
		}
		b.mu.Lock()
		b.clients, b.draining = 7, true
		b.mu.Unlock()
		b.Announce()
		synctest.Wait()
		if n := a.Others()[0]; n.Clients != 7 || !n.Draining {
			t.Errorf("after Announce: %+v", n)
		}
		b.stop(t)
		synctest.Wait()
		if got := a.known(); !slices.Equal(got, []string{"node 1", "node 3"}) {
			t.Errorf("after a stop: %q", got)
		}
		if len(a.log.Lines("node has left", "node 2")) != 1 {
			t.Error(a.log)
		}
	})
}

// A node that is not heard of counts as dead after the time for it, and is known again when it is
// heard of.
func TestDeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, engineA, engineB := pair(t, bus)
		engineB.SetFaults(memory.Faults{Cut: true}, engineA) // a hears nothing of b
		pass(5 * time.Second)
		if len(a.known()) != 2 {
			t.Error("a node is dead after 5 s")
		}
		pass(4 * time.Second)
		if len(a.known()) != 1 || len(b.known()) != 2 {
			t.Errorf("after 9 s: %q and %q", a.known(), b.known())
		}
		if len(a.log.Lines("node does not respond")) != 1 {
			t.Error(a.log)
		}
		engineB.SetFaults(memory.Faults{}, engineA)
		pass(3 * time.Second)
		if len(a.known()) != 2 {
			t.Error("a node that is back is not known again")
		}
	})
}

// Both times are options.
func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		fast := backplane.Beats(200*time.Millisecond, 600*time.Millisecond)
		a, _, engineA, engineB := pair(t, bus, fast)
		engineB.SetFaults(memory.Faults{Cut: true}, engineA)
		pass(time.Second)
		if len(a.known()) != 1 {
			t.Error("a node is not dead after a second")
		}
	})
}

// A node that was cut off finds the others again, and sends what has waited.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, _, engineB := pair(t, bus)
		engineB.Cut()
		synctest.Wait()
		a.mustEmit("lost")
		b.mustEmit("waits")
		pass(10 * time.Second)
		if len(a.known())+len(b.known()) != 2 || b.Stats().Up {
			t.Errorf("while one is cut off: %q, %q, up %t", a.known(), b.known(), b.Stats().Up)
		}
		engineB.Restore()
		synctest.Wait()
		if len(a.known()) != 2 || len(b.known()) != 2 || !b.Stats().Up || b.Stats().Reconnects != 1 {
			t.Errorf("after it: %q, %q, %+v", a.known(), b.known(), b.Stats())
		}
		a.want("waits")
		b.want()
		pass(5 * time.Second) // two beats
		if got := b.Stats().Gaps; got != 1 {
			t.Errorf("%d gaps, want 1", got)
		}
		if len(b.log.Lines("backplane is not connected")) != 1 || len(b.log.Lines("backplane is connected")) != 2 || len(b.log.Lines("messages of another node were lost")) != 1 {
			t.Error(b.log)
		}
	})
}

// A node with other endpoints is logged.
func TestOtherEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a := start(t, 1, bus.Node())
		b := newNode(t, 2, bus.Node())
		b.cfg.Endpoints = []Endpoint{{1, "ws /"}, {2, "ws /more"}}
		if err := b.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer b.stop(t)
		synctest.Wait()
		if len(a.log.Lines("other endpoints", "only there: ws /more")) != 1 || len(b.log.Lines("other endpoints", "only here: ws /more")) != 1 {
			t.Errorf("%s\n%s", a.log, b.log)
		}
	})
}

// An engine that finds no node for a direct message ends the node's membership.
func TestNoNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, _, _ := pair(t, bus)
		inbound{a.Cluster}.NoNode(&backplane.Message{To: b.id})
		inbound{a.Cluster}.NoNode(&backplane.Message{To: b.id})
		if len(a.known()) != 1 {
			t.Errorf("%q", a.known())
		}
	})
}
