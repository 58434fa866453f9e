package gateway

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Stop refuses new clients, waits for running handlers, runs HandleDisconnect, closes every
// connection and then the servers, leaves the other nodes, and waits for the handlers of their events and of presence. Many clients are closed in batches, see [Config]. When
// ctx ends it closes the rest at once, see cutOff.
func (rt *Runtime) Stop(ctx context.Context) error {
	rt.accepting.Store(false)
	defer rt.cancel()
	defer rt.workers.stop()
	rt.mu.Lock()
	if !rt.stopping {
		rt.stopping = true
		if len(rt.sessions) == 0 {
			close(rt.empty)
		}
	}
	all := slices.Collect(maps.Keys(rt.sessions))
	rt.mu.Unlock()
	if rt.cluster != nil {
		rt.cluster.Announce() // that it drains
	}
	rt.hooks.Drain(observe.DrainStep{Phase: observe.DrainStarted, Clients: len(all)})
	rt.resets.end()
	rt.parkSuspended() // first: no client reconnects to this process
	rt.drainAll(ctx, all)
	var late error
	select {
	case <-rt.empty:
	case <-ctx.Done():
		late = rt.cutOff(ctx)
	}
	if rt.moves != nil {
		rt.moves.parking.wait(ctx, rt.moves)
	}
	rt.dropSuspended()
	rt.moves.stop()
	rt.history.stop()
	rt.nodeEvents.close()
	err := errors.Join(rt.close(ctx), rt.disconnect(ctx), rt.nodeEvents.wait(ctx), rt.roster.Stop(ctx))
	rt.mu.Lock()
	left := len(rt.sessions)
	rt.mu.Unlock()
	rt.hooks.Drain(observe.DrainStep{Phase: observe.DrainDone, Clients: left})
	return errors.Join(late, err)
}

func (rt *Runtime) close(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(rt.servers))
	for i, s := range rt.servers {
		wg.Go(func() { errs[i] = s.adapterServer.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// DefaultDrainRate is how many clients a second a stop closes unless another rate is set.
const DefaultDrainRate = 1000

const (
	drainTick = 20 * time.Millisecond
	// The least time before clients reconnect, and over which they do: a new process has to
	// be up.
	minRetry  = 500 * time.Millisecond
	minSpread = time.Second
)

// drainAll closes the sessions for a stop, at a rate that overloads neither this process nor
// the next one. It uses at most half of the time until ctx ends. Clients that are not
// closed yet are served as before.
func (rt *Runtime) drainAll(ctx context.Context, all []*session) {
	n, perTick := len(all), int(int64(rt.drainRate)*int64(drainTick)/int64(time.Second))
	if rt.drainRate < 0 || n <= max(perTick, 1) {
		for _, s := range all {
			s.drain()
		}
		rt.hooks.Drain(observe.DrainStep{Phase: observe.DrainClosing, Clients: n})
		return
	}
	started := time.Now()
	over := time.Duration(float64(n) / float64(rt.drainRate) * float64(time.Second))
	if end, ok := ctx.Deadline(); ok {
		over = max(0, min(over, end.Sub(started)/2))
	}
	spread := max(over, minSpread)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for closed := 0; closed < n; {
		elapsed := time.Since(started)
		until := n
		if elapsed < over && ctx.Err() == nil {
			until = min(n, int(float64(n)*float64(elapsed)/float64(over))+max(perTick, 1))
		}
		for ; closed < until; closed++ {
			slot := time.Duration(float64(spread) * float64(closed) / float64(n)) // from the start of the stop on
			all[closed].setRetryAfter(max(0, slot-elapsed) + minRetry)
			all[closed].drain()
		}
		rt.hooks.Drain(observe.DrainStep{Phase: observe.DrainClosing, Clients: closed})
		if closed < n {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
}

// setRetryAfter sets the time that sendRetryAfter sends.
func (s *session) setRetryAfter(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureExtra().retryAfter = d
}

// sendRetryAfter sends the client the time to wait before it reconnects.
func (s *session) sendRetryAfter() {
	s.mu.Lock()
	after := s.readExtra().retryAfter
	s.mu.Unlock()
	if after > 0 {
		out := adapter.NewOutgoing(websockets.EventShutdown, websockets.Shutdown{RetryAfter: after.Milliseconds()})
		out.Answer = true
		_ = s.queue(out, 0, nil)
	}
}
