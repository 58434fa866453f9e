package cluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// An event that is lost at the new node while a client moves there: the client has it where the old node has it, and is a new one
// otherwise.
func TestGapDuringMove(t *testing.T) {
	for name, late := range map[string]bool{"the old node has it": false, "the old node gets it later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 3)
			from, to, source := all[0], all[1], all[2]
			v := settle(t, from)
			_ = v.conn.CloseNow()
			testkit.Eventually(t, "it is suspended", func() bool { return suspendedAt(from) == 1 })
			way := memory.Faults{Delay: 200 * time.Millisecond} // of each message of the move
			from.engine.SetFaults(way, to.engine)
			to.engine.SetFaults(way, from.engine)
			if late {
				source.engine.SetFaults(memory.Faults{Delay: 3 * time.Second}, from.engine)
			}
			connected := make(chan error, 1)
			go func() { connected <- v.connect(to) }()
			testkit.Eventually(t, "it records", func() bool { return suspendedAt(to) == 1 })
			gaps := to.stats().gaps
			lost := bus.Lost()
			source.engine.SetFaults(memory.Faults{Cut: true}, to.engine)
			emitStamps(t, source.server.To("tea"), 2, 3)
			testkit.Eventually(t, "it is lost", func() bool { return bus.Lost() > lost })
			source.engine.SetFaults(memory.Faults{}, to.engine)
			emitStamps(t, source.server.To("tea"), 3, 4)
			testkit.Eventually(t, "the gap is counted", func() bool { return to.stats().gaps > gaps })
			err := testkit.Receive(t, "the answer", connected)
			for _, n := range all {
				n.engine.SetFaults(memory.Faults{})
			}
			if late && errors.Is(err, errCut) {
				err = v.connect(to)
			}
			switch {
			case late && !errors.Is(err, errNew):
				t.Errorf("the client, which has missed an event: %v", err)
			case !late && err != nil:
				t.Error(err)
			case !late:
				v.reads(t, 2)
			}
			_ = v.conn.CloseNow()
		})
	}
}

// What was sent before a node has started, and arrives late at the node that has a client, is not missed by the client that moves
// to the new one: it waits, whether the sender lives or has stopped.
func TestMoveToNewNode(t *testing.T) {
	for name, stops := range map[string]bool{"sender lives": false, "sender stops": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 2)
			from, source := all[0], all[1]
			v := settle(t, from)
			_ = v.conn.CloseNow()
			testkit.Eventually(t, "it is suspended", func() bool { return suspendedAt(from) == 1 })
			engine := bus.Node()
			source.engine.SetFaults(memory.Faults{Delay: 700 * time.Millisecond}, from.engine)
			source.engine.SetFaults(memory.Faults{Delay: 500 * time.Millisecond}, engine)
			emitStamps(t, source.server.To("tea"), 2, 4)
			if stops {
				if err := source.App.App().Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			to := startMoving(t, func() backplane.Backplane { return engine })
			if err := v.connect(to); err != nil {
				t.Fatal(err)
			}
			emitStamps(t, to.server.To("tea"), 4, 5)
			v.reads(t, 3)
			source.engine.SetFaults(memory.Faults{})
			_ = v.conn.CloseNow()
		})
	}
}
