package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
)

// Errors of [Backplane].
var (
	// ErrCut: the node is cut off, or the bus is down.
	ErrCut = errors.New("memory: the node is not connected to the bus")
	// ErrStopped: the node has stopped, or has not started.
	ErrStopped = errors.New("memory: the node does not run")
)

// Backplane is the engine of one application, see [Bus.Node].
type Backplane struct {
	bus    *Bus
	number int

	// Guarded by Bus.mu.
	self    backplane.Node
	in      backplane.Inbound
	state   state
	cut     bool
	link    connection
	frozen  chan struct{} // closed by Thaw; nil unless frozen
	wants   map[string]struct{}
	links   map[*Backplane]*link // to others
	calls   []func()             // of in, before the frames
	queue   queue
	reader  *logReader // nil unless the node reads a log
	logLink logLink
	doubt   doubt

	wake      chan struct{} // there is something to do for run
	connected chan struct{} // closed when Link has been called with up for the first time
	stop      chan struct{}
	done      chan struct{} // closed when run has returned
}

type state uint8

const (
	stateNew state = iota
	stateStarted
	stateKilled
	stateStopped
)

// connection is whether a node is connected.
type connection struct{ up, wasUp bool }

var _ backplane.Backplane = (*Backplane)(nil)

// Name implements [backplane.Backplane].
func (*Backplane) Name() string { return "memory" }

// Traits implements [backplane.Backplane].
func (b *Backplane) Traits() backplane.Traits {
	return backplane.Traits{Interest: true, Direct: true, Loopback: b.bus.loopback, Receipts: true, MaxBytes: b.bus.maxBytes}
}

// Start implements [backplane.Backplane].
func (b *Backplane) Start(ctx context.Context, self backplane.Node, in backplane.Inbound) error {
	return b.start(ctx, self, in, nil)
}

// start is Start; reader is that of a node that reads a log.
func (b *Backplane) start(ctx context.Context, self backplane.Node, in backplane.Inbound, reader *logReader) error {
	b.bus.mu.Lock()
	if b.state != stateNew {
		b.bus.mu.Unlock()
		return errors.New("memory: Start: the node has been started or stopped already: call Bus.Node for each application")
	}
	b.state, b.self, b.in, b.reader = stateStarted, self, in, reader
	b.bus.nodes = append(b.bus.nodes, b)
	b.relink()
	b.bus.mu.Unlock()
	go b.run()
	if reader != nil {
		go reader.run()
	}
	select {
	case <-b.connected:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrCut, context.Cause(ctx))
	case <-b.stop:
		return ErrStopped
	}
}

// relink reports a change of the connection; Bus.mu is held.
func (b *Backplane) relink() {
	up := !b.cut && !b.bus.down
	if b.state != stateStarted || up == b.link.up {
		return
	}
	b.link.up = up
	if !up {
		b.bus.lost += b.queue.clear()
		b.call(func() { b.in.Link(false, false, ErrCut) })
		return
	}
	first := !b.link.wasUp
	b.link.wasUp = true
	if r := b.reader; r != nil {
		if first {
			base, last := b.bus.log.open(time.Now())
			r.read = last
			b.call(func() { r.in.Opened(base, last) })
		}
		r.signal()
	}
	b.call(func() {
		b.in.Link(true, !first, nil)
		if first {
			close(b.connected)
		}
	})
}

// call has run call f; Bus.mu is held.
func (b *Backplane) call(f func()) {
	b.calls = append(b.calls, f)
	b.signal()
}

func (b *Backplane) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Send implements [backplane.Backplane].
func (b *Backplane) Send(ctx context.Context, batch []*backplane.Message) error {
	if err := b.ready(ctx); err != nil {
		return err
	}
	defer b.bus.mu.Unlock()
	return b.send(batch)
}

// send is Send; Bus.mu is held.
func (b *Backplane) send(batch []*backplane.Message) error {
	if limit := b.bus.maxBytes; limit > 0 {
		for _, m := range batch {
			if n := envelope.Size(m); n > limit {
				return fmt.Errorf("memory: message of %d bytes: %w of %d", n, envelope.ErrLimit, limit)
			}
		}
	}
	if !b.link.up {
		for _, m := range batch {
			b.bus.lost += len(b.bus.receivers(b, m))
		}
		return ErrCut
	}
	return envelope.Split(batch, func(part []*backplane.Message) error {
		frame, err := envelope.Append(nil, part)
		if err != nil {
			return err
		}
		if b.bus.log != nil && part[0].Channel == backplane.ChannelEvents {
			return b.appendPart(part, frame)
		}
		b.deliver(part, frame)
		return nil
	})
}

// deliver queues a frame for its receivers; Bus.mu is held.
func (b *Backplane) deliver(part []*backplane.Message, frame []byte) {
	now := time.Now()
	to := b.bus.receivers(b, part[0])
	if len(to) == 0 && part[0].To != "" {
		for _, m := range part {
			lost := &backplane.Message{Kind: m.Kind, To: m.To, Request: m.Request}
			b.call(func() { b.in.NoNode(lost) })
		}
	}
	for _, n := range to {
		arrivals := b.bus.link(b, n).arrivals(b.bus.faults, now)
		if !n.link.up || b.bus.groups[b] != b.bus.groups[n] {
			arrivals = nil
		}
		kept := false
		for _, at := range arrivals {
			kept = n.queue.push(item{at: at, channel: part[0].Channel, frame: bytes.Clone(frame), messages: len(part)}, b.bus.queueSize) || kept
		}
		if !kept {
			b.bus.lost += len(part)
		}
		n.signal()
	}
}

// ready waits while the node is frozen. Without an error, Bus.mu is held.
func (b *Backplane) ready(ctx context.Context) error {
	for {
		b.bus.mu.Lock()
		frozen := b.frozen
		switch {
		case b.state != stateStarted:
			b.bus.mu.Unlock()
			return ErrStopped
		case frozen == nil:
			return nil
		}
		b.bus.mu.Unlock()
		select {
		case <-frozen:
		case <-b.stop:
		case <-ctx.Done():
			return fmt.Errorf("memory: the bus does not respond: %w", context.Cause(ctx))
		}
	}
}

// Interest implements [backplane.Backplane].
func (b *Backplane) Interest(ctx context.Context, add, drop []string) error {
	b.bus.mu.Lock()
	for _, c := range drop {
		delete(b.wants, c)
	}
	for _, c := range add {
		b.wants[c] = struct{}{}
	}
	b.bus.mu.Unlock()
	if err := b.ready(ctx); err != nil {
		return err
	}
	defer b.bus.mu.Unlock()
	if !b.link.up {
		return ErrCut
	}
	return nil
}

// Stop implements [backplane.Backplane].
func (b *Backplane) Stop(ctx context.Context) error {
	b.bus.mu.Lock()
	before := b.state
	b.state = stateStopped
	switch before {
	case stateNew:
		close(b.done) // run never starts
	case stateStarted, stateKilled:
		close(b.stop)
		b.bus.remove(b)
	}
	ended := []<-chan struct{}{b.done}
	if b.reader != nil {
		b.reader.cancel()
		ended = append(ended, b.reader.done)
	}
	b.bus.mu.Unlock()
	for _, done := range ended {
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("memory: Stop: the application has not returned from a call: %w", context.Cause(ctx))
		}
	}
	return nil
}

// SetFaults sets the faults of what b sends to another node, or to every node without any.
func (b *Backplane) SetFaults(f Faults, to ...*Backplane) {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	if len(to) == 0 {
		to = b.bus.nodes
	}
	for _, n := range to {
		b.bus.link(b, n).own = &f
	}
}

// Cut cuts the node off, as if its connection had ended: Link reports it, what others send it is
// lost, and its Send fails, until Restore.
func (b *Backplane) Cut() { b.setCut(true) }

// Restore connects the node again, unless it was killed.
func (b *Backplane) Restore() { b.setCut(false) }

func (b *Backplane) setCut(cut bool) {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	b.cut = cut
	b.relink()
}

// Kill ends the node as the end of its process would: others hear nothing of it any more, not even
// that it has left, and what waits for it is lost. The application, which still runs in this
// process, learns that its connection has ended. Stop must still be called.
func (b *Backplane) Kill() {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	if b.state != stateStarted {
		return
	}
	b.cut = true
	b.relink()
	b.state = stateKilled
	b.bus.remove(b)
}

// Freeze has Send and Interest of the node block until Thaw, as when the service does not respond.
func (b *Backplane) Freeze() {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	if b.frozen == nil {
		b.frozen = make(chan struct{})
	}
}

// Thaw ends Freeze.
func (b *Backplane) Thaw() {
	b.bus.mu.Lock()
	defer b.bus.mu.Unlock()
	if b.frozen != nil {
		close(b.frozen)
		b.frozen = nil
	}
}
