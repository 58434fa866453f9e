package load

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

const (
	dialing     = 64                    // handshakes at the same time
	openWithin  = 2 * time.Minute       // for all of them
	linger      = 20 * time.Millisecond // for answers that are too many
	closeWithin = 2 * time.Second       // for the close handshakes
)

// runner is what the kinds of work share.
type runner struct {
	*loop

	work   Work
	timing Timing
	echoes exchanges
	result *Result

	conns     []*conn
	ready     int
	failed    error // the run cannot go on
	measuring bool
	out       []byte
}

// opening brings up connections; each is ready when its first echo is back, so
// that the server has really taken it in.
type opening struct {
	*runner

	prove bool // with an echo
}

func (o opening) opened(c *conn) {
	if o.prove {
		o.send(c, 1)
		return
	}
	c.ready = true
	o.ready++
}

func (o opening) message(c *conn, msg []byte) {
	if o.check(c, msg) && !c.ready {
		c.ready = true
		o.ready++
	}
}

func (opening) batch(*conn) {}

func (o opening) ended(c *conn, err error) {
	o.failed = fmt.Errorf("connection %d of %d: %w", c.number+1, o.work.Conns, err)
}

func (r *runner) open(n int, prove bool) error {
	target := r.ready + n
	deadline := r.clock() + openWithin
	for r.ready < target {
		for len(r.conns) < target && len(r.conns)-r.ready < dialing {
			c, err := r.dial(opening{r, prove})
			if err != nil {
				return err
			}
			c.times = make([]time.Duration, r.ring())
			r.conns = append(r.conns, c)
		}
		if err := r.run(time.Until(r.start.Add(deadline)), func() bool {
			return r.failed != nil || r.ready == target || len(r.conns) < target && len(r.conns)-r.ready < dialing
		}); err != nil {
			return err
		}
		if r.failed != nil {
			return r.failed
		}
		if r.clock() >= deadline {
			return fmt.Errorf("only %d of %d connections were ready after %v", r.ready, target, openWithin)
		}
	}
	return nil
}

// ring is how many messages of a connection may wait for their answer.
func (r *runner) ring() int {
	if r.work.Rate > 0 {
		return 4096
	}
	return max(1, r.work.InFlight)
}

// send puts n requests on the wire in one write.
func (r *runner) send(c *conn, n int) {
	now := r.clock()
	r.out = r.out[:0]
	for range n {
		r.out = r.echoes[c.protocol].request.Append(r.out, wire.Number{Conn: c.number, Seq: c.sent})
		c.times[c.sent%len(c.times)] = now
		c.sent++
	}
	c.write(r.out)
}

// check compares an answer with the one that is due on the connection.
func (r *runner) check(c *conn, msg []byte) bool {
	if c.received == c.sent {
		r.wrongf("connection %d: nothing was due, but it received %.200q", c.number+1, msg)
		return false
	}
	r.result.Checked++
	if !r.echoes[c.protocol].due.Matches(msg, wire.Number{Conn: c.number, Seq: c.received}) {
		r.wrongf("connection %d: answer %d is not what was sent: %.200q", c.number+1, c.received+1, msg)
	}
	c.received++
	return true
}

func (r *runner) wrongf(format string, args ...any) {
	r.result.Wrong++
	r.result.faultf(format, args...)
}

// ended counts a connection that should have stayed.
func (r *runner) ended(c *conn, err error) {
	r.result.Broken++
	r.result.faultf("connection %d: %v", c.number+1, err)
	r.result.Lost += uint64(c.sent - c.received)
	if r.result.Broken > uint64(len(r.conns)/2) {
		r.failed = fmt.Errorf("more than half of the connections broke: %w", err)
	}
}

func (r *runner) handOver(h handler) {
	for _, c := range r.conns {
		c.on = h
	}
}

// measure lets the work run: warm-up, then what is measured.
func (r *runner) measure() error {
	broken := func() bool { return r.failed != nil }
	if err := r.run(r.timing.Warmup, broken); err != nil {
		return err
	}
	before, err := r.read()
	if err != nil {
		return err
	}
	r.measuring = true
	if err := r.run(r.timing.Duration, broken); err != nil {
		return err
	}
	r.measuring = false
	after, err := r.read()
	if err != nil {
		return errors.Join(r.failed, err)
	}
	res := r.result
	res.Elapsed = after.at - before.at
	res.ServerCPU, res.ClientCPU = after.server-before.server, after.client-before.client
	res.OtherCPU = max(0, after.busy-before.busy-res.ServerCPU-res.ClientCPU)
	if r.failed == nil && res.Count == 0 {
		res.faultf("no answer in %v: the server used %v of CPU, the client %v, others %v",
			res.Elapsed, res.ServerCPU, res.ClientCPU, res.OtherCPU)
	}
	return r.failed
}

type reading struct{ at, server, client, busy time.Duration }

func (r *runner) read() (at reading, err error) {
	at.at = r.clock()
	var errs [3]error
	at.server, errs[0] = proc.CPU(r.server.PID)
	at.client, errs[1] = proc.CPU(os.Getpid())
	at.busy, errs[2] = proc.Busy()
	return at, errors.Join(errs[:]...)
}

// finish waits for the last answers, and a little for answers that are too many.
func (r *runner) finish(due func() int) error {
	if err := r.run(r.timing.Drain, func() bool { return r.failed != nil || due() == 0 }); err != nil {
		return err
	}
	if n := due(); n > 0 {
		r.result.Lost += uint64(n)
		r.result.faultf("%d answers never came", n)
	}
	if err := r.run(linger, nil); err != nil {
		return err
	}
	return r.failed
}

// due counts the answers that connections wait for.
func (r *runner) due() int {
	n := 0
	for _, c := range r.conns {
		if c.state == open {
			n += c.sent - c.received
		}
	}
	return n
}

// closeAll closes what is open; how it closes is not looked at here.
func (r *runner) closeAll() error {
	r.handOver(leaving{r})
	for _, c := range r.conns {
		c.startClose()
	}
	return r.run(closeWithin, func() bool { return len(r.loop.conns) == 0 })
}

type leaving struct{ r *runner }

func (leaving) opened(*conn)          {}
func (leaving) message(*conn, []byte) {}
func (leaving) batch(*conn)           {}
func (l leaving) ended(_ *conn, err error) {
	if errors.Is(err, errLeft) {
		l.r.result.LeftOpen++
	}
}
