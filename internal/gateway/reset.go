package gateway

import (
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// minResetPause is the time between two rounds of resets, while events are lost again and again.
const minResetPause = 5 * time.Second

// resets cuts clients that may be recovered when events of other nodes were lost: with backplane.ResetOnGap all of them,
// otherwise those that were recovered after the loss, before it was found.
type resets struct {
	all     bool // ResetOnGap
	mu      sync.Mutex
	lost    time.Time // when the last loss was found that no round has seen; zero for none
	since   time.Time // the earliest time of those losses
	running bool
	stopped bool
	stop    chan struct{} // closed at the stop
	rounds  sync.WaitGroup
}

// afterLoss has a round start soon: there was a loss since some time. It returns at once.
func (rt *Runtime) afterLoss(since time.Time) {
	r := &rt.resets
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost.IsZero() || since.Before(r.since) {
		r.since = since
	}
	r.lost = time.Now()
	if !r.running && !r.stopped {
		r.running = true
		r.rounds.Go(rt.runResets)
	}
}

// runResets runs rounds until no loss is left.
func (rt *Runtime) runResets() {
	r := &rt.resets
	for {
		r.mu.Lock()
		lost, since := r.lost, r.since
		if r.lost = (time.Time{}); lost.IsZero() || r.stopped {
			r.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		started := time.Now()
		rt.resetClients(lost, since)
		await.Within(time.Until(started.Add(minResetPause)), r.stop)
	}
}

// resets reports whether a client is cut.
func (r *resets) resets(s *session, lost, since time.Time) bool {
	before := s.connectedAt.Before(lost)
	if r.all {
		return before || s.recovered // one that was recovered since may have been suspended then
	}
	return s.recovered && before && !s.connectedAt.Before(since)
}

// resetClients resets clients: suspended ones at once, the others at the drain rate.
func (rt *Runtime) resetClients(lost, since time.Time) {
	var connected []adapter.Resetter
	suspended := 0
	for _, e := range rt.endpoints {
		for _, ns := range e.matching("") {
			for _, s := range ns.Suspended() {
				if c, ok := s.conn.(adapter.Resetter); ok && rt.resets.all {
					e.drop(s)
					c.Reset()
					suspended++
				}
			}
			for _, s := range ns.Select(nil, core.Selection{}, false) {
				if c, ok := s.conn.(adapter.Resetter); ok && rt.resets.resets(s, lost, since) {
					connected = append(connected, c)
				}
			}
		}
	}
	perSecond := rt.drainRate
	if perSecond < 0 { // never all at once: they reconnect to this node
		perSecond = DefaultDrainRate
	}
	tick := max(drainTick, time.Second/time.Duration(perSecond))
	perTick := max(1, int(int64(perSecond)*int64(tick)/int64(time.Second)))
	reset := 0
	for i, c := range connected {
		if i > 0 && i%perTick == 0 {
			await.Within(tick, rt.resets.stop)
		}
		if rt.resets.isStopped() {
			return
		}
		if c.Reset() {
			reset++
		}
	}
	if reset+suspended > 0 {
		rt.log.Warn("clients are reset: events of other nodes were lost", "connected", reset, "absent", suspended)
	}
}

func (r *resets) isStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// end stops the rounds, and waits for the one that runs.
func (r *resets) end() {
	r.mu.Lock()
	if !r.stopped {
		r.stopped = true
		close(r.stop)
	}
	r.mu.Unlock()
	r.rounds.Wait()
}
