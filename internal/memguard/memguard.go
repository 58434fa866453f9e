// Package memguard reports when the memory that is in use comes near to the limit that
// the process has been given by GOMEMLIMIT.
//
// It has no goroutine: it looks when it is asked, at most every 100 ms, at what the
// garbage collector has found last.
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
	// DefaultPercent is the share of the limit from which memory is short.
	DefaultPercent = 90
	// hysteresis is how many percent below that it is not short any more.
	hysteresis = 10
	// inARow is after how many collections in a row with too much in use it is.
	inARow = 2
	// every is how often the runtime is asked at most.
	every = 100 * time.Millisecond
	// stale is after how long without a collection one is begun while memory is short:
	// nothing might be allocated that would begin one.
	stale = 5 * time.Second
)

// Sample is what the runtime says.
type Sample struct {
	// Used is the live heap, as of the last collection, and the stacks, in bytes.
	Used uint64
	// Limit is GOMEMLIMIT in bytes; math.MaxInt64 without one.
	Limit uint64
	// Cycles is how many collections there have been.
	Cycles uint64
}

// Config of a [Guard]. The zero value has the defaults.
type Config struct {
	// Percent of the limit from which memory is short; 0 for [DefaultPercent].
	Percent int
	// Log may be nil.
	Log *slog.Logger
	// Read and Collect stand in for the runtime, in tests.
	Read    func() Sample
	Collect func()
}

// Guard reports when memory is short. It is safe for concurrent use.
type Guard struct {
	refuse, resume uint64 // percent
	log            *slog.Logger
	read           func() Sample
	collect        func()

	mu         sync.Mutex
	next       time.Time // not asked again until then
	cycles     uint64    // of the last sample
	since      time.Time // when they changed
	high       int       // collections in a row
	short      bool
	collecting bool
}

// New makes a Guard.
func New(cfg Config) *Guard {
	if cfg.Percent <= 0 {
		cfg.Percent = DefaultPercent
	}
	p := uint64(cfg.Percent)
	g := &Guard{refuse: p, resume: p / 2, log: cfg.Log, read: cfg.Read, collect: cfg.Collect}
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

// Short reports whether memory is short. It becomes so when at least Percent of the limit
// were in use after two collections in a row, of those that calls have seen, and stays so
// until 10 percentage points less are. Without a limit it never is.
func (g *Guard) Short() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.next) {
		return g.short
	}
	g.next = now.Add(every)
	s := g.read()
	if s.Limit >= math.MaxInt64 || s.Limit == 0 {
		g.set(false, s)
		return false
	}
	if s.Cycles == g.cycles {
		if g.short && now.Sub(g.since) >= stale && !g.collecting {
			g.collecting = true
			go g.collectOnce()
		}
		return g.short
	}
	g.cycles, g.since = s.Cycles, now
	switch percent := s.percent(); {
	case !g.short && percent >= g.refuse:
		if g.high++; g.high >= inARow {
			g.set(true, s)
		}
	case percent < g.resume, !g.short:
		g.set(false, s)
	}
	return g.short
}

func (s Sample) percent() uint64 { return uint64(float64(s.Used) / float64(s.Limit) * 100) }

// set notes a change, and logs it; g.mu is held.
func (g *Guard) set(short bool, s Sample) {
	g.high = 0
	if g.short == short {
		return
	}
	g.short = short
	args := []any{"percent", s.percent(), "used", s.Used, "limit", s.Limit}
	if short {
		g.log.Warn("memory is short, connections are refused: see app.MemoryGuard and GOMEMLIMIT", args...)
	} else {
		g.log.Info("memory is not short any more, connections are accepted", args...)
	}
}

func (g *Guard) collectOnce() {
	g.collect()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collecting = false
}

// read asks the runtime.
func read() Sample {
	s := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/gc/gomemlimit:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	for i := range s {
		if s[i].Value.Kind() != metrics.KindUint64 { // a runtime without it
			return Sample{Limit: math.MaxInt64}
		}
	}
	return Sample{Used: s[0].Value.Uint64() + s[1].Value.Uint64(), Limit: s[2].Value.Uint64(), Cycles: s[3].Value.Uint64()}
}
