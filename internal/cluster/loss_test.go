package cluster

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// What is lost is reported with its numbers and the time before which nothing was: found by a later message, by a beat, or by the
// Bye of a node that has nothing later.
func TestLosses(t *testing.T) {
	for name, find := range map[string]func(t *testing.T, a *testNode){
		"message": func(_ *testing.T, a *testNode) { a.mustEmit("later") },
		"beat":    func(*testing.T, *testNode) { pass(10 * time.Second) },
		"bye":     func(t *testing.T, a *testNode) { a.stop(t); pass(2 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, engineA, engineB := pair(t, memory.NewBus())
				a.mustEmit("1", "2")
				arrived := time.Now()
				pass(10 * time.Second)
				engineA.SetFaults(memory.Faults{Cut: true}, engineB)
				sent := time.Now()
				a.mustEmit("3", "4")
				synctest.Wait()
				engineA.SetFaults(memory.Faults{}, engineB)
				find(t, a)
				synctest.Wait()
				b.mu.Lock()
				defer b.mu.Unlock()
				if len(b.losses) != 1 || b.losses[0].Origin != nodeID(1) || b.losses[0].First != 3 || b.losses[0].Last != 4 {
					t.Fatalf("%+v", b.losses)
				}
				if since := b.losses[0].Since; since.Before(arrived) || since.After(sent) || sent.Sub(since) > 3*b.cfg.Options.Beat {
					t.Errorf("since %v, events arrived by %v and were lost at %v", since, arrived, sent)
				}
			})
		})
	}
}

// A node has left when its last message is there, also where that comes after its Bye.
func TestLeft(t *testing.T) {
	for _, c := range []struct {
		name   string
		steps  []uint64 // numbers of messages; 0 is the Bye
		losses int
	}{
		{"in order", []uint64{1, 2, 0}, 0},
		{"late", []uint64{1, 0, 2}, 0},
		{"never", []uint64{1, 0}, 1},
		{"before it was known", []uint64{0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := start(t, 1, &engine{})
				from := nodeID(2)
				for i, n := range c.steps {
					m := &backplane.Message{Kind: backplane.Event, Origin: from, Seq: n, Channel: backplane.ChannelEvents, Event: "e"}
					if n == 0 {
						m = &backplane.Message{Kind: backplane.Bye, Origin: from, Seq: 1, Channel: backplane.ChannelNodes, Body: encode(byeBody{2})}
					}
					inbound{x.Cluster}.Receive([]*backplane.Message{m})
					synctest.Wait()
					if x.mu.Lock(); len(x.left) > 0 && slices.Contains(c.steps[i+1:], 2) {
						t.Error("it has left before its last message is there")
					}
					x.mu.Unlock()
				}
				pass(2 * x.cfg.Options.Beat)
				x.mu.Lock()
				defer x.mu.Unlock()
				if len(x.losses) != c.losses || !slices.Equal(x.left, []string{from}) {
					t.Errorf("left %q, losses %+v", x.left, x.losses)
				}
			})
		})
	}
}
