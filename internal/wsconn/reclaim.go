package wsconn

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// The stack of a reader that has ended is free with the next garbage collection, which an idle process
// makes after minutes, and Go returns free memory to the system slowly. So when many connections were parked
// and the process has become quiet, the sweeper has a collection made and the free memory returned. A process that
// allocates collects by itself, and one whose collector is turned off is left alone.

const (
	// reclaimLeast is how many connections must have been parked since the last time: readers have
	// stacks of 8 KiB, about.
	reclaimLeast = 256
	// reclaimShare is which part of the members they must be: a collection looks at what all of them hold.
	reclaimShare = 8
	// reclaimQuiet is how long no connection was parked and no collection was made.
	reclaimQuiet = 2 * time.Second
)

// reclaim returns the memory of readers whose connections were parked. due is for the sweeper.
type reclaim struct {
	parked atomic.Int64 // whose readers had waited, since the last time

	seen    int64  // of parked, at the last sweep
	cycles  uint64 // of the collector, at the last sweep
	quiet   int64  // stamp: since when both are the same
	running atomic.Bool
}

// due reports whether memory is to be returned now.
func (r *reclaim) due(now int64, members int, collector func() (cycles uint64, on bool)) bool {
	n := r.parked.Load()
	if n < reclaimLeast || n < int64(members/reclaimShare) || r.running.Load() {
		return false
	}
	cycles, on := collector()
	if n != r.seen || cycles != r.cycles {
		r.seen, r.cycles, r.quiet = n, cycles, now
		return false
	}
	if !on || time.Duration(now-r.quiet) < reclaimQuiet {
		return false
	}
	r.parked.Add(-n)
	return true
}

// collector returns how many collections the process has made, and whether it makes them as the heap grows.
func collector() (cycles uint64, on bool) {
	s := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64(), s[1].Value.Uint64() < math.MaxUint64
}

// reclaim returns memory if it is time. For the sweeper.
func (g *Group) reclaimMemory(now int64, members int) {
	if !g.reclaim.due(now, members, collector) || !g.EnterLate() {
		return
	}
	g.reclaim.running.Store(true)
	go func() {
		defer g.Exit()
		defer g.reclaim.running.Store(false)
		debug.FreeOSMemory()
	}()
}
