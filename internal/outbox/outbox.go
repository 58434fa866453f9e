// Package outbox is the send queue of one client: first in, first out, bounded in bytes.
// A writer goroutine, which runs only while items wait, sends them; from a queue without a
// writer the caller takes them.
//
// A queue has two bounds. At limit, back pressure and the dropping policies apply: Writable
// blocks while more than half of it is used. At max, the policy Refuse fails. The caller
// passes the size of each item, which should be the memory that it holds; [EntrySize] is
// what the queue adds to it.
package outbox

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
)

// Errors of Push and Writable.
var (
	ErrClosed = errors.New("outbox: closed")
	ErrFull   = errors.New("outbox: full")
)

// Policy is what Push does when the queue is full.
type Policy uint8

// The policies of a full queue.
const (
	Refuse     Policy = iota // above max, return ErrFull; once queued, the item is never dropped
	DropNewest               // above limit, return ErrFull
	DropOldest               // above limit, drop waiting droppable items, oldest first, until it fits
	Volatile                 // return ErrFull unless the item can be sent at once, or with what waits for Uncork
	Always                   // queue the item in any case: the caller bounds how many there are
)

// How much one call of write gets.
const (
	batchItems = 128
	batchBytes = 64 << 10

	corkBytes = 64 << 10 // more than this does not wait for Uncork
)

// state is how far a queue is closed.
type state uint8

const (
	open   state = iota
	closed       // Push fails, what waits is still sent
	ended        // nothing is left to send
)

// writer is what the writer of a queue does.
type writer uint8

const (
	idle    writer = iota
	writing        // it runs
	corked         // Uncork will send what waits
	burst          // endBurst will
)

// Queue holds items of type T. Its methods are safe for concurrent use.
type Queue[T any] struct {
	limit int
	max   int
	pool  *Pool[T]

	// Changed with mu held, except by Cork: a load shows what it would have shown under mu.
	corking atomic.Bool // between Cork and Uncork
	filled  atomic.Bool // closed, or more than half of limit is used; for Writable

	mu          sync.Mutex
	write       func([]T) error // nil: the caller takes the items
	direct      direct[T]
	slab        *slab[T] // the waiting items; nil without any
	bytes       int      // waiting or being sent
	writer      writer
	holds       int // calls of Hold without their Release
	state       state
	readyWanted bool          // a caller waits for Ready
	ready       chan struct{} // closed when something waits or the queue is closed; nil when no caller waits for it
	done        chan struct{} // closed when ended; nil until Done is called
	room        chan struct{} // closed when there is room again; nil when no caller waits
	waiters     int           // callers blocked in Writable
}

// New returns a queue with the bounds limit and maxBytes; a maxBytes below limit counts as
// limit. write sends items in order and may block. It is not called concurrently, must not
// panic, and must not keep the slice. When it fails, the queue closes and drops what waits.
// Without write, items are taken with Take until Start.
func New[T any](limit, maxBytes int, pool *Pool[T], write func([]T) error) *Queue[T] {
	return &Queue[T]{limit: limit, max: max(limit, maxBytes), pool: pool, write: write}
}

// Push queues an item of the given size, and starts the writer when none runs.
// An item of any size is accepted when nothing else waits. ErrFull means that this item
// was not queued, ErrClosed that the queue is closed.
func (q *Queue[T]) Push(item T, size int, p Policy) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.state != open {
		return ErrClosed
	}
	if q.writer == burst && (p == Volatile || q.bytes+size > burstBytes || q.over(size, q.limit)) {
		q.sendBurst()
	}
	// What waits for Uncork does not make an item late: nothing is being sent.
	if p == Volatile && (q.bytes > 0 && q.writer != corked || q.write == nil && !q.readyWanted) {
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
	if q.slab == nil {
		if q.write != nil && q.writer != writing {
			switch {
			case q.corking.Load():
				q.writer = corked
			case q.direct.one == nil || q.bytes > 0 || q.holds > 0:
			case q.inBurst():
				q.writer = burst
				go q.endBurst()
			case q.direct.one(item):
				return nil
			}
		}
		q.slab = q.pool.get()
	}
	drop := p == DropNewest || p == DropOldest
	q.slab.entries = append(q.slab.entries, entry[T]{item: item, size: size, drop: drop})
	if drop {
		q.slab.droppable += size
	}
	q.bytes += size
	q.noteFilled()
	if q.writer == corked && q.bytes > corkBytes {
		q.endCork()
	}
	q.wake()
	return nil
}

// noteFilled updates filled after a change of bytes or state; q.mu is held.
func (q *Queue[T]) noteFilled() {
	if p := q.state != open || q.bytes > q.limit/2; p != q.filled.Load() {
		q.filled.Store(p)
	}
}

// Cork delays the start of the writer until Uncork, so that what is pushed meanwhile goes
// out in one batch. It does nothing while the writer runs, and ends by itself when much
// waits or a caller of Writable waits.
func (q *Queue[T]) Cork() { q.corking.Store(true) }

// Uncork ends Cork. What waits is sent on this goroutine, which may block, or without here
// on one of its own.
func (q *Queue[T]) Uncork(here bool) {
	q.mu.Lock()
	waiting := q.writer == corked && q.slab != nil
	q.endCork()
	switch {
	case !waiting:
	case here:
		q.writer = writing
		q.drain()
		return
	default:
		q.wake()
	}
	q.mu.Unlock()
}

// endCork lets nothing wait for Uncork any more; q.mu is held. Push reads corking with q.mu
// held too: it has corked the writer before, or finds corking false afterwards.
func (q *Queue[T]) endCork() {
	q.corking.Store(false)
	if q.writer == corked {
		q.writer = idle
	}
}

// Hold lets nothing leave the queue that is not being sent already, until Release has been
// called as often. Holds must be short: Writable waits for them.
func (q *Queue[T]) Hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holds++
}

// Release ends a Hold. What waits is sent by the writer, or taken by the caller of Take.
func (q *Queue[T]) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holds--
	if q.slab != nil {
		q.wake()
	}
}

// wake starts the writer, or signals Ready; q.mu is held.
func (q *Queue[T]) wake() {
	switch {
	case q.holds > 0:
	case q.write == nil:
		q.signal()
	case q.writer == idle:
		q.writer = writing
		go q.run()
	}
}

func (q *Queue[T]) signal() {
	if q.readyWanted {
		q.readyWanted = false
		close(q.ready)
		q.ready = nil
	}
}

// over reports whether size more bytes exceed the bound.
func (q *Queue[T]) over(size, bound int) bool { return q.bytes > 0 && q.bytes+size > bound }

// dropFor drops droppable items, oldest first, until size fits. When it cannot fit, it
// drops nothing and returns false. q.mu is held.
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

// run is the writer.
func (q *Queue[T]) run() {
	q.mu.Lock()
	q.drain()
}

// drain sends what waits in batches, so that a burst takes few writes. It is called with
// q.mu held and the writer writing, and unlocks q.mu.
func (q *Queue[T]) drain() {
	for q.slab != nil && q.holds == 0 {
		var size int
		q.slab.batch, size = q.slab.take(q.slab.batch[:0], batchItems, batchBytes)
		q.writeBatch(size)
	}
	q.writer = idle
	q.maybeEnd()
	q.mu.Unlock()
}

// writeBatch sends the batch of the slab, of that size; q.mu is held, but not meanwhile.
func (q *Queue[T]) writeBatch(size int) {
	s, write := q.slab, q.write
	q.mu.Unlock()
	err := write(s.batch)
	q.mu.Lock()
	if err != nil {
		q.fail()
	}
	q.sentBatch(size)
}

// sentBatch forgets the batch of the slab; q.mu is held.
func (q *Queue[T]) sentBatch(size int) {
	s := q.slab
	clear(s.batch)
	q.shrink(size)
	if s.empty() {
		q.slab = nil // idle queues keep no memory
		q.pool.put(s)
	}
}

// shrink subtracts size bytes; q.mu is held.
func (q *Queue[T]) shrink(size int) {
	q.bytes -= size
	q.noteFilled()
	if q.room != nil && (q.state != open || q.bytes <= q.limit/2) {
		close(q.room)
		q.room = nil
	}
}

// shut makes Push fail; q.mu is held.
func (q *Queue[T]) shut() {
	q.state = max(q.state, closed)
	q.noteFilled()
}

// fail closes the queue and drops what waits; q.mu is held.
func (q *Queue[T]) fail() {
	q.shut()
	s := q.slab
	if s == nil {
		return
	}
	q.bytes -= s.clear()
	if q.writer != writing {
		q.slab = nil
		q.pool.put(s)
	}
}

// maybeEnd ends a closed queue when nothing is left to send; q.mu is held.
func (q *Queue[T]) maybeEnd() {
	if q.state == closed && q.writer != writing && q.slab == nil && q.bytes == 0 {
		q.state = ended
		if q.done != nil {
			close(q.done)
		}
	}
}

// Take removes waiting items, up to the given number of bytes and at least one, and reports
// whether more wait. Their bytes count until Sent. From a queue with a writer, and during a
// Hold, it returns nothing.
func (q *Queue[T]) Take(dst []T, most int) (items []T, size int, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.slab
	if s == nil || q.write != nil || q.holds > 0 {
		return dst, 0, false
	}
	dst, size = s.take(dst, math.MaxInt, most)
	if more = !s.empty(); !more {
		q.slab = nil
		q.pool.put(s)
	}
	return dst, size, more
}

// Recount changes the size of items that were taken, because they are held in another form
// now. Pass the new size to Sent.
func (q *Queue[T]) Recount(size, now int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shrink(size - now)
}

// Sent subtracts the size of items of Take that have been sent.
func (q *Queue[T]) Sent(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shrink(size)
	q.maybeEnd()
}

// Ready returns a channel that is closed when something waits, or the queue is closed.
// Until then, or until CancelReady, items with the policy Volatile are accepted.
func (q *Queue[T]) Ready() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ready == nil {
		q.ready = make(chan struct{})
	}
	q.readyWanted = true
	ready := q.ready
	if q.slab != nil && q.holds == 0 || q.state != open {
		q.signal()
	}
	return ready
}

// CancelReady ends the interest that Ready has registered.
func (q *Queue[T]) CancelReady() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.readyWanted = false
}

// Start sets the writer, for good. Take returns nothing from then on.
func (q *Queue[T]) Start(write func([]T) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.signal()
	q.write = write
	if q.slab != nil {
		q.wake()
	}
}

// Writable blocks until at most half of limit is used, or the queue is closed (ErrClosed),
// or ctx is done. With a ctx that is done it does not block.
func (q *Queue[T]) Writable(ctx context.Context) error {
	if !q.filled.Load() {
		return nil
	}
	for {
		q.mu.Lock()
		if q.state != open {
			q.mu.Unlock()
			return ErrClosed
		}
		if q.bytes <= q.limit/2 {
			q.mu.Unlock()
			return nil
		}
		if q.writer == corked && q.slab != nil {
			q.endCork()
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

// Pressed reports whether more than limit waits, or a caller of Writable waits. A client
// that accepts nothing meanwhile is too slow.
func (q *Queue[T]) Pressed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state == open && (q.bytes > q.limit || q.waiters > 0)
}

// Close makes Push fail. What waits is still sent, unless discard is set; Done reports
// when that has happened. Close may be called again, to discard.
func (q *Queue[T]) Close(discard bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut()
	if discard {
		q.fail()
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.signal()
	q.maybeEnd()
}

// Done returns a channel that is closed when the queue is closed and nothing is left to
// send.
func (q *Queue[T]) Done() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.done == nil {
		q.done = make(chan struct{})
		if q.state == ended {
			close(q.done)
		}
	}
	return q.done
}

// Bytes returns how many bytes wait, including those that are being sent.
func (q *Queue[T]) Bytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// Len returns how many items wait, without those that are being sent.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.slab == nil {
		return 0
	}
	return q.slab.len()
}
