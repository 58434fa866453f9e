package load

import "time"

// echoing keeps requests under way.
type echoing struct {
	*runner

	stopping bool
	next     int           // Rate: whose turn it is
	due      time.Duration // Rate: when the next message is due
	period   time.Duration
}

func (e *echoing) opened(*conn) {}

func (e *echoing) message(c *conn, msg []byte) {
	if !e.check(c, msg) {
		return
	}
	if e.measuring {
		e.result.Count++
		e.result.Latency.Add(e.now - c.times[(c.received-1)%len(c.times)])
	}
	c.arrived++
}

func (e *echoing) batch(c *conn) {
	n := c.arrived
	c.arrived = 0
	if n > 0 && !e.stopping && e.work.Rate == 0 {
		e.send(c, n)
	}
}

func (r *runner) echo() error {
	if err := r.open(r.work.Conns, true); err != nil {
		return err
	}
	e := &echoing{runner: r}
	r.handOver(e)
	if r.work.Rate > 0 {
		e.period = time.Second / time.Duration(r.work.Rate)
		e.due = r.clock() + e.period
		if err := r.schedule(e.period, e.tick); err != nil {
			return err
		}
	} else {
		for _, c := range r.conns {
			r.send(c, r.work.InFlight)
		}
	}
	if err := r.measure(); err != nil {
		return err
	}
	e.stopping = true
	return r.finish(r.due)
}

// tick sends the messages that are due, one connection after the other. Their
// latency counts from when they were due: a server that falls behind cannot
// slow down what is asked of it.
func (e *echoing) tick(n int) {
	for range n {
		due := e.due
		e.due += e.period
		if e.stopping {
			continue
		}
		c := e.conns[e.next%len(e.conns)]
		e.next++
		if c.state != open {
			continue
		}
		if c.sent-c.received == len(c.times) {
			e.result.Lost++
			e.result.faultf("connection %d: %d requests wait for their reply, the server does not keep up", c.number+1, len(c.times))
			continue
		}
		at := c.sent % len(c.times)
		e.send(c, 1)
		c.times[at] = due
	}
}
