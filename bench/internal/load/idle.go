package load

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

// first is how many connections come and go before memory is read, so that what
// a server needs once is not counted for the connections.
const first = 50

func (r *runner) idle() error {
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
	if err := r.open(r.work.Conns, false); err != nil {
		return err
	}
	e := &echoing{runner: r, stopping: true}
	r.handOver(e)
	if err := r.settle(&m.Idle, &m.GoroutinesAtIdle); err != nil {
		return err
	}
	r.measuring = true
	for _, c := range r.conns {
		r.send(c, 1)
		if err := r.poll(0); err != nil {
			return err
		}
	}
	if err := r.run(r.timing.Drain, func() bool { return r.failed != nil || r.due() == 0 }); err != nil {
		return err
	}
	r.measuring = false
	if err := r.settle(&m.AfterEcho, nil); err != nil {
		return err
	}
	return errors.Join(r.failed, r.finish(r.due))
}

// settle waits, then reads memory and goroutines.
func (r *runner) settle(rss *int64, goroutines *int) error {
	err := r.run(r.timing.Settle, func() bool { return r.failed != nil })
	if err != nil || r.failed != nil {
		return errors.Join(r.failed, err)
	}
	if *rss, err = proc.RSS(r.server.PID); err != nil {
		return err
	}
	if goroutines != nil && r.server.Goroutines != nil {
		*goroutines, err = r.server.Goroutines()
	}
	return err
}
