package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// logReader passes the entries of the log to a node.
type logReader struct {
	b      *Backplane
	in     backplane.LogInbound
	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	wake   chan struct{}
	done   chan struct{} // closed when run has returned

	// Guarded by Bus.mu.
	read   uint64 // the last position that was taken
	frozen bool
	due    time.Time // when the entry after read arrives; zero: not known yet
}

func newLogReader(b *Backplane, in backplane.LogInbound) *logReader {
	r := &logReader{b: b, in: in, wake: make(chan struct{}, 1), done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

func (r *logReader) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run passes entries until Stop.
func (r *logReader) run() {
	defer close(r.done)
	select {
	case <-r.b.connected:
	case <-r.ctx.Done():
		return
	}
	for r.ctx.Err() == nil {
		e, wait := r.next()
		switch {
		case wait > 0:
			r.pause(wait)
		case r.in.ReceiveEntry(r.ctx, owned(e)):
			r.b.bus.mu.Lock()
			r.read, r.due = e.Last(), time.Time{}
			r.b.bus.mu.Unlock()
		}
	}
}

// pause waits for a time, or until something has changed.
func (r *logReader) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.wake:
	case <-r.ctx.Done():
	}
}

// next returns the next entry, or how long to wait.
func (r *logReader) next() (e backplane.Entry, wait time.Duration) {
	r.b.bus.mu.Lock()
	defer r.b.bus.mu.Unlock()
	l := r.b.bus.log
	i := l.after(r.read)
	if i == len(l.entries) || r.frozen || !r.b.link.up || r.b.state != stateStarted {
		return e, time.Hour
	}
	if r.due.IsZero() {
		r.due = l.entries[i].at.Add(r.b.logDelay())
	}
	return l.entries[i].Entry, max(time.Until(r.due), 0)
}

// position returns the last position that the node has read; Bus.mu is held.
func (b *Backplane) position() uint64 {
	if b.reader == nil {
		return 0
	}
	return b.reader.read
}

// appendPart appends a frame of messages, unless the log has them; Bus.mu is held.
func (b *Backplane) appendPart(part []*backplane.Message, frame []byte) error {
	l, last := b.bus.log, part[len(part)-1]
	if last.Seq > 0 && part[0].Seq <= l.seqs[last.Origin] {
		return nil // it was sent before
	}
	if l.rebase(time.Now(), b.position()); last.Seq > 0 && part[0].Seq <= b.doubt.seq && b.doubt.base != l.base {
		b.doubt = doubt{}
		b.bus.wakeReaders()
		return fmt.Errorf("memory: a new base at %d: %w", l.base, backplane.ErrUncertain)
	}
	b.bus.appendEntry(frame, len(part), b.position())
	if last.Seq > 0 {
		l.seqs[last.Origin] = last.Seq
	}
	return nil
}

// appendEntry appends a frame to the log; bus.mu is held.
func (bus *Bus) appendEntry(frame []byte, messages int, read uint64) {
	bus.log.append(time.Now(), frame, messages, read)
	bus.wakeReaders()
}

// wakeReaders has the readers look at the log again; bus.mu is held.
func (bus *Bus) wakeReaders() {
	for _, n := range bus.nodes {
		if n.reader != nil {
			n.reader.signal()
		}
	}
}
