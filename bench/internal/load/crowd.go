package load

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

// crowd holds connections that do nothing but answer heartbeats, and has one of them send to all now and then.
// Memory is read before each of these broadcasts: what counts is the most of the second half.
func (r *runner) crowd(payload string) error {
	if err := r.open(min(first, r.work.Conns), true); err != nil {
		return err
	}
	if err := r.closeAll(); err != nil {
		return err
	}
	r.conns, r.ready = nil, 0
	m := &r.result.Memory
	if err := r.settle(&m.Before, &m.GoroutinesBefore); err != nil {
		return err
	}
	if err := r.open(r.work.Conns, true); err != nil {
		return err
	}
	s := &shouting{runner: r, shouts: r.shouts(payload), stopping: true} // it sends when it is asked to
	for _, c := range r.conns {
		c.sent, c.received = 0, 0
	}
	r.handOver(s)
	before, err := r.read()
	if err != nil {
		return err
	}
	r.heartbeats, r.measuring = 0, true
	for elapsed := r.work.Every; elapsed <= r.timing.Hold; elapsed += r.work.Every {
		if err := r.run(before.at+elapsed-r.clock(), func() bool { return r.failed != nil }); err != nil || r.failed != nil {
			return errors.Join(r.failed, err)
		}
		rss, err := proc.RSS(r.server.PID)
		if err != nil {
			return err
		}
		if 2*elapsed > r.timing.Hold {
			m.Idle = max(m.Idle, rss)
		}
		s.shout()
		if err := r.finish(func() int { return s.missing }); err != nil {
			return err
		}
	}
	after, err := r.read()
	if err == nil && r.server.Goroutines != nil {
		m.GoroutinesAtIdle, err = r.server.Goroutines()
	}
	res := r.result
	res.Elapsed, res.ServerCPU, res.ClientCPU = after.at-before.at, after.server-before.server, after.client-before.client
	res.Heartbeats = r.heartbeats
	return err
}
