package gateway

import (
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// Those that wait for the gate together share one hold of it, with the same numbers; a panic is that of its caller alone.
func TestFreeze(t *testing.T) {
	bus := memory.NewBus()
	k, _ := newNodeRuntime(t, bus.Node())
	mv := newMoves(k.rt, bus.Node())
	mv.delivered.set(liarID, 7)
	mv.gate.RLock() // a broadcast runs
	calls := 0
	var all sync.WaitGroup
	panicked := make(chan any, 1)
	for i := range 50 {
		all.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					panicked <- v
				}
			}()
			mv.freeze(func(now vector) {
				if mv.gate.TryRLock() {
					t.Error("the gate is open")
				}
				if calls++; now[liarID] != 7 {
					t.Errorf("numbers %v", now)
				}
				if i == 25 {
					panic("25")
				}
			})
		})
	}
	testkit.Eventually(t, "all wait", func() bool {
		mv.freezer.mu.Lock()
		defer mv.freezer.mu.Unlock()
		return len(mv.freezer.waiting) == 50
	})
	mv.gate.RUnlock()
	all.Wait()
	if v := <-panicked; calls != 50 || v != "25" {
		t.Errorf("%d of 50 were called, panic %v", calls, v)
	}
	mv.freeze(func(vector) { calls++ })
	if calls != 51 || !mv.gate.TryLock() {
		t.Error("the gate stays closed")
	}
}
