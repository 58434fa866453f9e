package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// cycling connects, echoes once and closes, again and again.
type cycling struct {
	*runner

	started  map[*conn]time.Duration
	stopping bool
}

func (r *runner) cycle() error {
	c := &cycling{runner: r, started: map[*conn]time.Duration{}}
	for range r.work.Conns {
		c.connect()
	}
	if err := r.measure(); err != nil {
		return err
	}
	c.stopping = true
	return r.finish(func() int { return len(c.started) })
}

func (c *cycling) connect() {
	fresh, err := c.dial(c)
	if err != nil {
		c.failed = err
		return
	}
	fresh.times = make([]time.Duration, 1)
	c.started[fresh] = c.clock()
}

func (c *cycling) opened(one *conn) { c.send(one, 1) }

func (c *cycling) message(one *conn, msg []byte) { c.check(one, msg) }

func (c *cycling) batch(one *conn) {
	if one.received == 1 {
		one.startClose()
	}
}

func (c *cycling) ended(one *conn, err error) {
	started := c.started[one]
	delete(c.started, one)
	if errors.Is(err, errLeft) {
		c.result.LeftOpen++
	}
	// A Socket.IO server may end the connection when the client leaves the namespace.
	closedWell := one.closeSeen > 0 || errors.Is(err, errEnd) && one.protocol != wire.Plain
	switch {
	case one.received != 1 || !closedWell:
		c.result.Broken++
		c.result.Lost += uint64(one.sent - one.received)
		c.result.faultf("cycle %d: %d replies, then %v", one.number+1, one.received, err)
		if c.result.Broken > uint64(c.work.Conns) && c.result.Broken > c.result.Count {
			c.failed = fmt.Errorf("most cycles fail: %w", err)
			return
		}
	case c.measuring:
		c.result.Count++
		c.result.Latency.Add(c.clock() - started)
	}
	if !c.stopping {
		c.connect()
	}
}
