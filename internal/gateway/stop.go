package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Stop refuses new clients, waits for running handlers, runs HandleDisconnect, closes every
// connection and then the servers. Many clients are closed in batches, see [Config]. When
// ctx ends it closes the rest at once.
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
	all := make([]*session, 0, len(rt.sessions))
	for s := range rt.sessions {
		all = append(all, s)
	}
	rt.mu.Unlock()
	rt.dropSuspended() // first: no client reconnects to this process
	rt.drainAll(ctx, all)
	var late error
	select {
	case <-rt.empty:
	case <-ctx.Done():
		rt.mu.Lock()
		all = all[:0]
		for s := range rt.sessions {
			all = append(all, s)
		}
		rt.mu.Unlock()
		for _, s := range all {
			s.cancelCalls(errStopping)
			s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
		}
		late = fmt.Errorf("websockets: stop: handlers of %d clients did not finish in time: %w", len(all), ctx.Err())
	}
	return errors.Join(late, rt.close(ctx))
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
			all[closed].retryAfter.Store(int64(max(0, slot-elapsed) + minRetry))
			all[closed].drain()
		}
		if closed < n {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
}

// sendRetryAfter sends the client the time to wait before it reconnects.
func (s *session) sendRetryAfter() {
	if after := time.Duration(s.retryAfter.Load()); after > 0 {
		out := adapter.NewOutgoing(websockets.EventShutdown, websockets.Shutdown{RetryAfter: after.Milliseconds()})
		out.Answer = true
		_ = s.conn.Emit(out, 0)
	}
}
