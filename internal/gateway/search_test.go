package gateway

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// TestMadeUpPrivateIDs: private ids that no node has, such as made-up ones, do not have a node ask all others without end, and a while later it asks them again.
func TestMadeUpPrivateIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		var all []*testRuntime
		for range 4 {
			engine := bus.Node()
			k, _ := newNodeRuntime(t, engine, func(rt *Runtime) { rt.moves = newMoves(rt, engine) })
			all = append(all, k)
		}
		synctest.Wait()
		<-time.After(2 * startGrace)
		k := all[0]
		mv, e := k.rt.moves, k.endpoint()
		claim := func() moveFailure {
			a, failure := mv.claim(t.Context(), e, k.handshake("/"), claimBody{Key: all[1].rt.node.ID[:prefixSize] + rand.Text(), Position: "1"})
			if a != nil {
				t.Fatal("it is found")
			}
			return failure
		}
		searched := func() (n int) {
			for claim() == failedRefused {
				n++
			}
			return n
		}
		if !mv.searches.take(searchBurst - 100) {
			t.Fatal("none may be asked")
		}
		if n := searched(); n != 50 { // at the two that are not the likely one
			t.Errorf("%d are asked for, want 50", n)
		}
		<-time.After(100 * time.Millisecond)
		if n := searched(); n != searchRate/10/2 {
			t.Errorf("%d are asked for after 100 ms", n)
		}
		mv.searches.found(20) // others
		if n := searched(); n != 10 {
			t.Errorf("%d are asked for, want 10", n)
		}
	})
}
