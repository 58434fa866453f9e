// Package memguard reports when memory usage comes close to GOMEMLIMIT.
//
// It has no goroutine: a call of Exceeded reads the results of the last garbage
// collection, at most every 100 ms.
package memguard

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// DefaultPercent is the default threshold, in percent of GOMEMLIMIT.
	DefaultPercent = 90
	// hysteresis is how many percentage points below the threshold usage must fall.
	hysteresis = 10
	// collectionsOver is the number of collections in a row over the threshold after
	// which it counts as exceeded.
	collectionsOver = 2
	// readInterval is the minimum time between two reads of the runtime's metrics.
	readInterval = 100 * time.Millisecond
	// staleAfter is the time without a collection after which Exceeded starts one: when
	// connections are rejected, too little may be allocated to start one.
	staleAfter = 5 * time.Second
)

// Sample holds metrics of the runtime.
type Sample struct {
	// Used is the live heap after the last collection plus the stacks, in bytes.
	Used uint64
	// Limit is GOMEMLIMIT in bytes; math.MaxInt64 if it is not set.
	Limit uint64
	// Cycles is the number of completed collections.
	Cycles uint64
}

// Config configures a [Guard]. The zero value has the defaults.
type Config struct {
	// Percent is the threshold, in percent of GOMEMLIMIT; 0 means [DefaultPercent].
	Percent int
	// Log may be nil.
	Log *slog.Logger
	// Read and Collect replace the runtime in tests.
	Read    func() Sample
	Collect func()
}

// Guard reports when memory usage exceeds the threshold. It is safe for concurrent use.
type Guard struct {
	threshold, resume uint64 // percent
	log               *slog.Logger
	read              func() Sample
	collect           func()

	mu         sync.Mutex
	next       time.Time // of the next read
	cycles     uint64    // of the last sample
	since      time.Time // when cycles changed
	over       int       // collections in a row over the threshold
	exceeded   bool
	collecting bool
}

// New returns a Guard.
func New(cfg Config) *Guard {
	if cfg.Percent <= 0 {
		cfg.Percent = DefaultPercent
	}
	p := uint64(cfg.Percent)
	g := &Guard{threshold: p, resume: p / 2, log: cfg.Log, read: cfg.Read, collect: cfg.Collect}
	if p > 2*hysteresis {
		g.resume = p - hysteresis
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.read == nil {
		g.read = read
	}
	if g.collect == nil {
		g.collect = runtime.GC
	}
	return g
}

// Exceeded reports whether memory usage exceeds the threshold: from two collections in a
// row (of those that calls have observed) at or above it, until usage falls 10 percentage
// points below it. Without GOMEMLIMIT it returns false.
func (g *Guard) Exceeded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.next) {
		return g.exceeded
	}
	g.next = now.Add(readInterval)
	s := g.read()
	if s.Limit >= math.MaxInt64 || s.Limit == 0 {
		g.set(false, s)
		return false
	}
	if s.Cycles == g.cycles {
		if g.exceeded && now.Sub(g.since) >= staleAfter && !g.collecting {
			g.collecting = true
			go g.collectOnce()
		}
		return g.exceeded
	}
	g.cycles, g.since = s.Cycles, now
	switch percent := s.percent(); {
	case !g.exceeded && percent >= g.threshold:
		if g.over++; g.over >= collectionsOver {
			g.set(true, s)
		}
	case percent < g.resume, !g.exceeded:
		g.set(false, s)
	}
	return g.exceeded
}

func (s Sample) percent() uint64 { return uint64(float64(s.Used) / float64(s.Limit) * 100) }

// set stores and logs a change. The caller holds g.mu.
func (g *Guard) set(exceeded bool, s Sample) {
	g.over = 0
	if g.exceeded == exceeded {
		return
	}
	g.exceeded = exceeded
	args := []any{"percent", s.percent(), "used", s.Used, "limit", s.Limit}
	if exceeded {
		g.log.Warn("memory usage is high, new connections are rejected: see app.MemoryGuard and GOMEMLIMIT", args...)
	} else {
		g.log.Info("memory usage is normal again, new connections are accepted", args...)
	}
}

func (g *Guard) collectOnce() {
	g.collect()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collecting = false
}

// read returns the metrics of the runtime.
func read() Sample {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/gomemlimit:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	for i := range s {
		if s[i].Value.Kind() != metrics.KindUint64 { // not supported by this runtime
			return Sample{Limit: math.MaxInt64}
		}
	}
	return Sample{Used: s[0].Value.Uint64() + s[1].Value.Uint64(), Limit: s[2].Value.Uint64(), Cycles: s[3].Value.Uint64()}
}
