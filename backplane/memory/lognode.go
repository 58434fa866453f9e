package memory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// ErrLost means that a call or its answer was lost, see [LogFaults]: it is unknown whether it was done.
var ErrLost = errors.New("memory: the log does not answer")

// LogNode is the engine of one application on a bus with [Log], see [Bus.LogNode]. Faults of links are
// about other channels than that of events.
type LogNode struct {
	*Backplane
}

var _ backplane.Log = (*LogNode)(nil)

// LogNode returns the engine of one application. The bus must have [Log], and all its nodes be such.
func (bus *Bus) LogNode() *LogNode {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	if bus.log == nil {
		bus.log = newEventLog(DefaultRetention, bus.queueSize)
	}
	return &LogNode{bus.node()}
}

// HasLog reports whether the nodes of the bus are those of [Bus.LogNode].
func (bus *Bus) HasLog() bool {
	bus.mu.Lock()
	defer bus.mu.Unlock()
	return bus.log != nil
}

// Name implements [backplane.Backplane].
func (*LogNode) Name() string { return "memory/log" }

// Start implements [backplane.Backplane]. An Inbound that is no [backplane.LogInbound] receives no events.
func (n *LogNode) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	var r *logReader
	if log, reads := in.(backplane.LogInbound); reads {
		r = newLogReader(n.Backplane, log)
	}
	return n.start(ctx, self, in, r)
}

// doubt is messages of which it is unknown whether they were appended; guarded by Bus.mu.
type doubt struct {
	seq  uint64 // the number of the last one
	base uint64 // the log's when they were sent first
}

// Send implements [backplane.Backplane].
func (n *LogNode) Send(ctx context.Context, batch []*backplane.Message) error {
	n.bus.mu.Lock()
	base := n.bus.log.base
	n.bus.mu.Unlock()
	err := n.call(ctx, func(*eventLog, time.Time) error { return n.send(batch) })
	if err == nil || errors.Is(err, ErrCut) || errors.Is(err, backplane.ErrUncertain) {
		return err
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, m := range batch {
		if m.Channel == backplane.ChannelEvents && m.Seq > n.doubt.seq {
			n.doubt = doubt{m.Seq, base}
		}
	}
	return err
}

// Retention implements [backplane.Log].
func (n *LogNode) Retention() time.Duration {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	return n.bus.log.retention
}

// Read implements [backplane.Log].
func (n *LogNode) Read(ctx context.Context, after, until uint64, f func(backplane.Entry) error) error {
	var all []backplane.Entry
	err := n.call(ctx, func(l *eventLog, _ time.Time) (err error) {
		all, err = l.read(after, until)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// Save implements [backplane.Log].
func (n *LogNode) Save(ctx context.Context, records []backplane.Record, keep time.Duration) (taken []int, err error) {
	err = n.call(ctx, func(l *eventLog, now time.Time) error {
		taken = l.save(now, records, keep)
		return nil
	})
	return taken, err
}

// Take implements [backplane.Log].
func (n *LogNode) Take(ctx context.Context, key, owner string, keep time.Duration) (r backplane.Record, err error) {
	err = n.call(ctx, func(l *eventLog, now time.Time) (err error) {
		r, err = l.take(now, key, owner, keep)
		return err
	})
	return r, err
}

// Refresh implements [backplane.Log].
func (n *LogNode) Refresh(ctx context.Context, records []backplane.Record, keep time.Duration) (taken []int, err error) {
	err = n.call(ctx, func(l *eventLog, now time.Time) error {
		taken = l.refresh(now, records, keep)
		return nil
	})
	return taken, err
}

// Drop implements [backplane.Log].
func (n *LogNode) Drop(ctx context.Context, records []backplane.Record) error {
	return n.call(ctx, func(l *eventLog, _ time.Time) error {
		l.drop(records)
		return nil
	})
}

// call calls f, as a service that answers: with the faults of the node, and while it is connected.
func (n *LogNode) call(ctx context.Context, f func(l *eventLog, now time.Time) error) error {
	to, back, lost := n.drawLogFaults()
	if err := n.wait(ctx, to); err != nil {
		return err
	}
	if err := n.ready(ctx); err != nil {
		return err
	}
	switch {
	case !n.link.up:
		n.bus.mu.Unlock()
		return ErrCut
	case lost == lostRequest:
		n.bus.mu.Unlock()
		return ErrLost
	}
	err := f(n.bus.log, time.Now())
	n.bus.mu.Unlock()
	if lost == lostAnswer {
		return ErrLost
	}
	return errors.Join(err, n.wait(ctx, back))
}

// wait waits for a part of a call.
func (n *LogNode) wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-n.stop:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("memory: the log does not respond: %w", context.Cause(ctx))
	}
}

func newRand(seed uint64, number int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(number))) //nolint:gosec // faults that repeat, no secret
}
