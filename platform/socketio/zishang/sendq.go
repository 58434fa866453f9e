package zishang

import (
	"context"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// maxBatch is how many bytes the library is given at once, unless one message
// alone is larger. It has no bound of its own on what it holds.
const maxBatch = 64 << 10

// sendQueue is what waits for one connection, bounded in bytes of memory: limit is
// where back pressure and the dropping policies act, max where other events are
// refused. The caller that finds the transport idle writes: there is no goroutine. Its methods
// are safe for concurrent use.
type sendQueue struct {
	limit int
	max   int
	idle  func() bool    // the transport has written everything it was given
	write func(*message) // passes one message to the library; does not block
	watch func()         // called when something waits and nothing watches; may be nil

	mu        sync.Mutex
	items     []queued
	kept      int    // items before it may not be dropped
	gone      int    // dropped items that are still in items
	droppable int    // bytes that may be dropped
	bytes     int    // waiting, and given to the library but not written yet
	given     int    // the part of bytes that the library has
	taken     uint64 // how often the transport has written what it was given
	waiters   int    // callers blocked in wait
	watched   bool
	pumping   bool
	closed    bool
	change    chan struct{} // closed and replaced when bytes shrink or the queue closes; nil when no caller waits
}

type queued struct {
	m    *message // nil when it was dropped
	size int
	drop bool
}

// push queues m. It returns ErrQueueFull when it was not queued. Answers are queued in
// any case.
func (q *sendQueue) push(m *message, o websockets.Overflow, answer bool) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return websockets.ErrClosed
	}
	full := false
	switch {
	case o == websockets.OverflowClose:
		full = !answer && q.over(m.charge, max(q.max, q.limit))
	case q.over(m.charge, q.limit):
		full = o != websockets.OverflowDropOldest || !q.dropFor(m.charge)
	}
	if full {
		q.mu.Unlock()
		return websockets.ErrQueueFull
	}
	q.add(m, o != websockets.OverflowClose)
	q.mu.Unlock()
	q.pump()
	return nil
}

// offer queues m only if the transport can write it at once, otherwise
// ErrQueueFull. What another goroutine is handing over counts as waiting.
func (q *sendQueue) offer(m *message) error {
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return websockets.ErrClosed
	case q.pumping || len(q.items) > 0 || !q.idle():
		q.mu.Unlock()
		return websockets.ErrQueueFull
	}
	q.add(m, true)
	q.mu.Unlock()
	q.pump()
	return nil
}

// add appends m; q.mu is held.
func (q *sendQueue) add(m *message, drop bool) {
	q.items = append(q.items, queued{m, m.charge, drop})
	q.bytes += m.charge
	if drop {
		q.droppable += m.charge
	}
	if !q.watched && q.watch != nil {
		q.watched = true
		q.watch()
	}
}

// over lets a message that is larger than the queue pass when nothing else waits.
func (q *sendQueue) over(size, bound int) bool { return q.bytes > 0 && q.bytes+size > bound }

// dropFor drops what may be dropped, oldest first, until size fits. It drops nothing
// and returns false when it would not fit even so. q.mu is held.
func (q *sendQueue) dropFor(size int) bool {
	if kept := q.bytes - q.droppable; kept > 0 && kept+size > q.limit {
		return false
	}
	for q.over(size, q.limit) {
		for !q.items[q.kept].drop {
			q.kept++
		}
		e := &q.items[q.kept]
		q.bytes -= e.size
		q.droppable -= e.size
		*e = queued{}
		q.gone++
	}
	if q.gone > len(q.items)/2 { // each item is moved once in a while, not with every push
		q.items = slices.DeleteFunc(q.items, func(e queued) bool { return e.m == nil })
		q.kept, q.gone = 0, 0
	}
	return true
}

// pump passes to the library what it can write. It is called whenever something is
// queued and whenever the transport may have become idle.
func (q *sendQueue) pump() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pumping {
		return // that goroutine looks again before it stops
	}
	q.pumping = true
	for !q.closed && q.idle() {
		if q.given > 0 {
			q.bytes -= q.given
			q.given = 0
			q.taken++
			q.changed()
		}
		batch := q.take()
		if len(batch) == 0 {
			break
		}
		q.mu.Unlock()
		for _, e := range batch {
			q.write(e)
		}
		q.mu.Lock()
	}
	q.pumping = false
}

func (q *sendQueue) take() (batch []*message) {
	n := 0
	for ; n < len(q.items); n++ {
		e := &q.items[n]
		if e.m == nil {
			q.gone--
			continue
		}
		if len(batch) > 0 && q.given+e.size > maxBatch {
			break
		}
		batch = append(batch, e.m)
		q.given += e.size
		if e.drop {
			q.droppable -= e.size
		}
		*e = queued{}
	}
	q.kept = max(0, q.kept-n)
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil // an idle queue keeps no memory
	}
	return batch
}

// pressed reports whether more than limit waits, or a caller waits for room, how often
// the transport has written what it was given, and how much it has been given since.
func (q *sendQueue) pressed() (pressed bool, taken uint64, given int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > q.limit || q.waiters > 0, q.taken, q.given
}

// unwatch reports whether the queue needs no watching any more; below reports that
// data waits in the kernel.
func (q *sendQueue) unwatch(below bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.watched = (q.bytes > 0 || below) && !q.closed
	return !q.watched
}

func (q *sendQueue) changed() {
	if q.change != nil {
		close(q.change)
		q.change = nil
	}
}

// wait blocks until at most n bytes are unwritten: ErrClosed when the queue has
// been closed, otherwise the cause of ctx.
func (q *sendQueue) wait(ctx context.Context, n int) error {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return websockets.ErrClosed
		}
		if q.bytes <= n {
			q.mu.Unlock()
			return nil
		}
		if ctx.Err() != nil {
			q.mu.Unlock()
			return context.Cause(ctx)
		}
		if q.change == nil {
			q.change = make(chan struct{})
		}
		change := q.change
		q.waiters++
		q.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
		}
		q.mu.Lock()
		q.waiters--
		q.mu.Unlock()
	}
}

// close drops what waits and takes no more.
func (q *sendQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items, q.kept, q.gone, q.droppable = nil, 0, 0, 0
	q.changed()
}

// isClosed reports whether the connection has ended, or is being cut.
func (q *sendQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// size is how many bytes are unwritten.
func (q *sendQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
