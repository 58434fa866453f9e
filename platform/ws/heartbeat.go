package ws

import (
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// clock stamps events of connections. Stamps are nanoseconds since the server
// was made, never 0. The coarse one costs a load; it lags by up to one sweep.
type clock struct {
	base time.Time
	last atomic.Int64
}

func (c *clock) now() int64 {
	t := int64(time.Since(c.base)) + 1
	c.last.Store(t)
	return t
}

func (c *clock) coarse() int64 { return c.last.Load() }

// sweepInterval is how often connections are looked at: often enough that no
// timeout is off by more than a quarter.
func sweepInterval(l websockets.Limits, o Options) time.Duration {
	d := min(l.PingInterval, l.PingTimeout)
	if o.MessageTimeout > 0 {
		d = min(d, o.MessageTimeout)
	}
	return min(max(d/8, time.Millisecond), 2*time.Second)
}

// sweep looks after the heartbeat of all connections until stop is closed. One
// goroutine per server does it, and only while there are connections.
func (s *server) sweep(stop <-chan struct{}) {
	defer s.exit()
	t := time.NewTicker(s.tick)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
		}
		now := s.clock.now()
		s.mu.Lock()
		for c := range s.conns {
			c.beat(now)
		}
		s.mu.Unlock()
	}
}

// beat does what is due for one connection. It must not block.
func (c *conn) beat(now int64) {
	w, limits := c.wire, &c.srv.limits
	// Coarse stamps are too old by up to one tick, so that much is granted.
	over := func(since int64, d time.Duration) bool {
		return time.Duration(now-since) > d+c.srv.tick
	}
	if since := w.writingSince.Load(); since != 0 && over(since, limits.PingTimeout) {
		c.leave(websockets.Reason{Cause: websockets.CauseTransportError, Text: "the client takes no data"}, cut)
		return
	}
	reading := w.readingSince.Load()
	if reading == 0 {
		// The reader waits for a handler: the client may have answered all the while.
		w.heardAt.Store(now)
		w.pingedAt.Store(0)
		return
	}
	if since := w.partialSince.Load(); since != 0 && c.srv.opts.MessageTimeout > 0 &&
		over(since, c.srv.opts.MessageTimeout) {
		c.leave(websockets.Reason{
			Cause: websockets.CauseParseError, Code: int(websocket.StatusPolicyViolation), Text: "a message took too long",
		}, farewell)
		return
	}
	if pinged := w.pingedAt.Load(); pinged != 0 {
		if time.Duration(now-pinged) >= limits.PingTimeout {
			c.leave(websockets.Reason{Cause: websockets.CausePingTimeout}, cut)
		}
		return
	}
	if time.Duration(now-max(reading, w.heardAt.Load())) >= limits.PingInterval {
		c.ping()
	}
}
