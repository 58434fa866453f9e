package websockets

import (
	"context"
	"time"
)

// EventShutdown is what every client of a large application is sent right before it
// is told goodbye by a stop, with a [Shutdown]: the name under which clients listen
// for it. With socket.io-client:
//
//	socket.on("shutdown", ({ retryAfter }) => {
//	  socket.io.reconnectionDelay(retryAfter);
//	  socket.io.randomizationFactor(0);
//	});
//
// Small applications, whose clients are all told at once, do not send it.
const EventShutdown = "shutdown"

// Shutdown is the payload of [EventShutdown].
type Shutdown struct {
	// RetryAfter is after how many milliseconds the client should come back. Clients
	// are given times that are spread evenly.
	RetryAfter int64 `json:"retryAfter"`
}

// DefaultDrainRate is how many clients a second a stop tells goodbye unless another
// rate is set.
const DefaultDrainRate = 1000

const (
	drainTick = 20 * time.Millisecond
	// What clients are given at least before they come back, and over how long they
	// come back at least: a new process has to be up.
	minRetry  = 500 * time.Millisecond
	minSpread = time.Second
)

// drainAll ends the sessions for a stop, so many a second that neither this process
// nor that to which their clients turn has to do with all at once. It takes half of
// the time that ctx leaves at most. Who is not told yet is served as before.
func (rt *Runtime) drainAll(ctx context.Context, all []*session) {
	n, perTick := len(all), int(int64(rt.drainRate)*int64(drainTick)/int64(time.Second))
	if rt.drainRate < 0 || n <= max(perTick, 1) {
		for _, s := range all {
			s.drain()
		}
		return
	}
	began := time.Now()
	over := time.Duration(float64(n) / float64(rt.drainRate) * float64(time.Second))
	if end, ok := ctx.Deadline(); ok {
		over = max(0, min(over, end.Sub(began)/2))
	}
	spread := max(over, minSpread)
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for told := 0; told < n; {
		elapsed := time.Since(began)
		until := n
		if elapsed < over && ctx.Err() == nil {
			until = min(n, int(float64(n)*float64(elapsed)/float64(over))+max(perTick, 1))
		}
		for ; told < until; told++ {
			slot := time.Duration(float64(spread) * float64(told) / float64(n)) // from the beginning of the stop on
			all[told].retryAfter.Store(int64(max(0, slot-elapsed) + minRetry))
			all[told].drain()
		}
		if told < n {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
}

// sayWhen tells the client when to come back.
func (s *session) sayWhen() {
	if after := time.Duration(s.retryAfter.Load()); after > 0 {
		out := NewOutgoing(EventShutdown, Shutdown{after.Milliseconds()})
		out.Answer = true
		_ = s.conn.Emit(out, 0)
	}
}
