// Package outbox is the send queue of one client: first in, first out, bounded
// in bytes. A writer goroutine, which exists only while items wait, sends them;
// a queue without a writer is pulled from.
//
// A queue has two bounds. Limit is where back pressure and the dropping policies
// act: Writable blocks over half of it. Max is where Refuse fails. Sizes are given
// by the caller and should be what an item holds in memory; [EntrySize] is the
// queue's own share of it.
package outbox

import (
	"context"
	"errors"
	"math"
	"sync"
)

// Errors of Push and Writable.
var (
	ErrClosed = errors.New("outbox: closed")
	ErrFull   = errors.New("outbox: full")
)

// Policy says what Push does when the queue has no room.
type Policy uint8

// The policies of a full queue.
const (
	Refuse     Policy = iota // return ErrFull above Max; the item is never dropped for others
	DropNewest               // drop the item itself above Limit
	DropOldest               // above Limit drop waiting droppable items, oldest first, until it fits
	Volatile                 // drop the item when it cannot be sent at once
	Always                   // queue the item in any case: the caller bounds how many there are
)

// How much the writer is given at once.
const (
	batchItems = 128
	batchBytes = 64 << 10

	corkBytes = 64 << 10 // more than this does not wait for Uncork
)

// Queue holds items of type T. Its methods are safe for concurrent use.
type Queue[T any] struct {
	limit int
	max   int
	pool  *Pool[T]

	mu      sync.Mutex
	write   func([]T) error // nil: the queue is pulled from
	try     func(T) bool    // see Direct
	slab    *slab[T]        // what waits; nil when nothing does
	bytes   int             // waiting or being sent
	writing bool
	corked  bool // who corked it will send what waits
	closed  bool
	ended   bool          // closed, and nothing is left to send
	asked   bool          // somebody waits for Ready
	ready   chan struct{} // closed when something waits or the queue is closed; nil when nobody asked
	done    chan struct{} // closed when ended; nil until somebody asked
	room    chan struct{} // replaced when there is room again; nil when nobody waits
	waiters int           // callers blocked in Writable
	err     error
}

// New makes a queue whose bounds are limit and max bytes; a max below limit counts
// as limit. write sends items, in order, and may block; it is never called by two
// goroutines at once, must not panic, and must not keep the slice. When it fails the
// queue closes and drops what waits. Without write the queue is pulled from until Start.
func New[T any](limit, maxBytes int, pool *Pool[T], write func([]T) error) *Queue[T] {
	return &Queue[T]{limit: limit, max: max(limit, maxBytes), pool: pool, write: write}
}

// Push queues an item of the given size, and starts the writer when none runs.
// An item larger than the whole queue is accepted when nothing else waits.
// It returns ErrFull when this item was not queued.
func (q *Queue[T]) Push(item T, size int, p Policy) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if p == Volatile && (q.bytes > 0 || q.write == nil && !q.asked) {
		return ErrFull
	}
	switch {
	case p == Always:
	case p == Refuse:
		if q.over(size, q.max) {
			return ErrFull
		}
	case q.over(size, q.limit):
		if p != DropOldest || !q.dropFor(size) {
			return ErrFull
		}
	}
	if q.slab == nil && q.try != nil && q.write != nil && q.bytes == 0 && !q.writing && !q.corked && q.try(item) {
		return nil
	}
	if q.slab == nil {
		q.slab = q.pool.get()
	}
	drop := p == DropNewest || p == DropOldest
	q.slab.entries = append(q.slab.entries, entry[T]{item: item, size: size, drop: drop})
	if drop {
		q.slab.droppable += size
	}
	q.bytes += size
	if q.corked && q.bytes > corkBytes {
		q.corked = false
	}
	q.wake()
	return nil
}

// Cork keeps the writer from being started until Uncork, so that what is pushed
// meanwhile goes out at once. It does nothing while the writer runs, and ends by
// itself when much waits or somebody waits for room.
func (q *Queue[T]) Cork() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.corked = q.write != nil && !q.writing && q.slab == nil
}

// Uncork ends Cork. What waits is sent on this goroutine, which may block, or, unless
// here is set, on one of its own.
func (q *Queue[T]) Uncork(here bool) {
	q.mu.Lock()
	if !q.corked {
		q.mu.Unlock()
		return
	}
	q.corked = false
	if !here || q.slab == nil || q.writing {
		if q.slab != nil {
			q.wake()
		}
		q.mu.Unlock()
		return
	}
	q.writing = true
	q.mu.Unlock()
	q.run()
}

// wake lets somebody send what waits; q.mu is held.
func (q *Queue[T]) wake() {
	switch {
	case q.write == nil:
		q.signal()
	case !q.writing && !q.corked:
		q.writing = true
		go q.run()
	}
}

func (q *Queue[T]) signal() {
	if q.asked {
		q.asked = false
		close(q.ready)
		q.ready = nil
	}
}

// over reports whether size more would be over the bound.
func (q *Queue[T]) over(size, bound int) bool { return q.bytes > 0 && q.bytes+size > bound }

// dropFor drops what may be dropped, oldest first, until size fits. It drops nothing
// and returns false when it would not fit even so. q.mu is held.
func (q *Queue[T]) dropFor(size int) bool {
	s := q.slab
	if s == nil {
		return false
	}
	if kept := q.bytes - s.droppable; kept > 0 && kept+size > q.limit {
		return false
	}
	for q.over(size, q.limit) {
		q.bytes -= s.dropNext()
	}
	s.compact()
	return true
}

// run is the writer. It passes on what waits in batches, so that a burst goes
// out in few writes.
func (q *Queue[T]) run() {
	q.mu.Lock()
	for q.slab != nil {
		s := q.slab
		var size int
		s.batch, size = s.take(s.batch[:0], batchItems, batchBytes)
		write := q.write
		q.mu.Unlock()
		err := write(s.batch)
		clear(s.batch)
		q.mu.Lock()
		if err != nil {
			q.fail(err)
		}
		q.shrink(size)
		if s.empty() {
			q.slab = nil // idle queues keep no memory
			q.pool.put(s)
		}
	}
	q.writing = false
	q.maybeEnd()
	q.mu.Unlock()
}

// shrink forgets size bytes; q.mu is held.
func (q *Queue[T]) shrink(size int) {
	q.bytes -= size
	if q.room != nil && (q.closed || q.bytes <= q.limit/2) {
		close(q.room)
		q.room = nil
	}
}

// fail closes the queue and drops what waits; q.mu is held.
func (q *Queue[T]) fail(err error) {
	if q.err == nil {
		q.err = err
	}
	q.closed = true
	s := q.slab
	if s == nil {
		return
	}
	q.bytes -= s.clear()
	if !q.writing {
		q.slab = nil
		q.pool.put(s)
	}
}

// maybeEnd ends a closed queue when nothing is left to send; q.mu is held.
func (q *Queue[T]) maybeEnd() {
	if q.closed && !q.writing && q.slab == nil && q.bytes == 0 && !q.ended {
		q.ended = true
		if q.done != nil {
			close(q.done)
		}
	}
}

// Take pulls what waits, up to the given number of bytes and at least one item, and
// reports whether more waits. Its bytes go on counting until Sent. A queue with a
// writer has nothing to pull.
func (q *Queue[T]) Take(dst []T, most int) (items []T, size int, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.slab
	if s == nil || q.write != nil {
		return dst, 0, false
	}
	dst, size = s.take(dst, math.MaxInt, most)
	if more = !s.empty(); !more {
		q.slab = nil
		q.pool.put(s)
	}
	return dst, size, more
}

// Recount changes what counts for items that were taken: they are held in another
// form from now on. Sent has to be given the new size.
func (q *Queue[T]) Recount(size, now int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shrink(size - now)
}

// Sent reports that items of Take, of that size, have been sent.
func (q *Queue[T]) Sent(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shrink(size)
	q.maybeEnd()
}

// Ready is closed when something waits, or the queue is closed. Whoever waits
// for it counts as able to send at once.
func (q *Queue[T]) Ready() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ready == nil {
		q.ready = make(chan struct{})
	}
	q.asked = true
	ready := q.ready
	if q.slab != nil || q.closed {
		q.signal()
	}
	return ready
}

// Forgo takes back the interest of Ready.
func (q *Queue[T]) Forgo() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = false
}

// Direct gives the queue with a writer a way to send an item without one, when
// nothing else waits. try must not block and not use the queue; false leaves the item
// to the writer.
func (q *Queue[T]) Direct(try func(T) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.try = try
}

// Start gives the queue its writer, for good, and ends the time of Take.
func (q *Queue[T]) Start(write func([]T) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.signal()
	q.write = write
	if q.slab != nil {
		q.wake()
	}
}

// Writable blocks until at most half of Limit is used, or the queue is closed
// (ErrClosed), or ctx is done. With a ctx that is done it does not block.
func (q *Queue[T]) Writable(ctx context.Context) error {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return ErrClosed
		}
		if q.bytes <= q.limit/2 {
			q.mu.Unlock()
			return nil
		}
		if q.corked && q.slab != nil {
			q.corked = false
			q.wake()
		}
		if ctx.Err() != nil {
			q.mu.Unlock()
			return context.Cause(ctx)
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.waiters++
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		q.mu.Lock()
		q.waiters--
		q.mu.Unlock()
	}
}

// Pressed reports whether more than Limit waits, or a caller of Writable does. A
// client that takes nothing while its queue is pressed does not keep up.
func (q *Queue[T]) Pressed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.closed && (q.bytes > q.limit || q.waiters > 0)
}

// Close takes no more items. What waits is still sent, unless discard is set.
// Done tells when that has happened. Close may be called again, to discard.
func (q *Queue[T]) Close(discard bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if discard {
		q.fail(nil)
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.signal()
	q.maybeEnd()
}

// Done is closed when the queue is closed and nothing is left to send.
func (q *Queue[T]) Done() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done == nil {
		q.done = make(chan struct{})
		if q.ended {
			close(q.done)
		}
	}
	return q.done
}

// Err is why a write failed, or nil.
func (q *Queue[T]) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// Bytes is how much waits, including what is being sent.
func (q *Queue[T]) Bytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Len is how many items wait, without those that are being sent.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.slab == nil {
		return 0
	}
	return q.slab.len()
}
