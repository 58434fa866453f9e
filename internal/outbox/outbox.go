// Package outbox is the queue of what waits to be sent to one client: bounded
// in bytes, first in first out. It pushes to a writer, on a goroutine that
// exists only while something waits; until it is given one it is pulled from.
package outbox

import (
	"context"
	"errors"
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
	Refuse     Policy = iota // return ErrFull; the item is never dropped for others
	DropNewest               // drop the item itself
	DropOldest               // drop waiting droppable items, oldest first, until it fits
	Volatile                 // drop the item, also when it merely could not be sent at once
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
	pool  *Pool[T]

	mu      sync.Mutex
	write   func([]T) error // nil: the queue is pulled from
	try     func(T) bool    // see Direct
	slab    *slab[T]        // what waits; nil when nothing does
	bytes   int             // waiting, and in the hands of who sends
	writing bool
	corked  bool // who corked it will send what waits
	closed  bool
	ended   bool          // closed, and nothing is left to send
	asked   bool          // somebody waits for Ready
	ready   chan struct{} // closed when something waits or the queue is closed; nil when nobody asked
	done    chan struct{} // closed when ended; nil until somebody asked
	room    chan struct{} // replaced when there is room again; nil when nobody waits
	err     error
}

type entry[T any] struct {
	item T
	size int
	drop bool
}

// slab is the memory of a queue that is not empty.
type slab[T any] struct {
	entries []entry[T]
	head    int // entries before it are gone
	batch   []T
}

// Pool keeps the memory of queues while they are empty. One is shared by the
// queues of a server. The zero value is ready to use.
type Pool[T any] struct{ p sync.Pool }

// Slabs with room for more entries than this are not kept.
const pooledEntries = 256

func (p *Pool[T]) get() *slab[T] {
	if s, ok := p.p.Get().(*slab[T]); ok {
		return s
	}
	return &slab[T]{}
}

func (p *Pool[T]) put(s *slab[T]) {
	if cap(s.entries) <= pooledEntries {
		clear(s.entries)
		s.entries, s.head = s.entries[:0], 0
		p.p.Put(s)
	}
}

// New makes a queue of at most limit bytes. write sends items, in order, and may
// block; it is never called by two goroutines at once, must not panic, and must
// not keep the slice. When it fails the queue closes and drops what waits.
// Without write the queue is pulled from until Start.
func New[T any](limit int, pool *Pool[T], write func([]T) error) *Queue[T] {
	return &Queue[T]{limit: limit, pool: pool, write: write}
}

// Push queues an item of the given size, and starts the writer when none runs.
// An item larger than the whole queue is accepted when nothing else waits.
// ErrFull tells that this item was not queued.
func (q *Queue[T]) Push(item T, size int, p Policy) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if p == Volatile && (q.bytes > 0 || q.write == nil && !q.asked) {
		return ErrFull
	}
	if q.full(size) {
		if p == DropOldest {
			q.dropFor(size)
		}
		if q.full(size) {
			return ErrFull
		}
	}
	if q.slab == nil && q.try != nil && q.write != nil && q.bytes == 0 && !q.writing && !q.corked && q.try(item) {
		return nil
	}
	if q.slab == nil {
		q.slab = q.pool.get()
	}
	q.slab.entries = append(q.slab.entries, entry[T]{item, size, p == DropNewest || p == DropOldest})
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

func (q *Queue[T]) full(size int) bool { return q.bytes > 0 && q.bytes+size > q.limit }

// dropFor drops what may be dropped, oldest first, until size fits; nothing
// when it would not fit even so.
func (q *Queue[T]) dropFor(size int) {
	s := q.slab
	if s == nil {
		return
	}
	rest := q.bytes
	for _, e := range s.entries[s.head:] {
		if e.drop {
			rest -= e.size
		}
	}
	if rest > 0 && rest+size > q.limit {
		return
	}
	kept := s.entries[:s.head]
	for _, e := range s.entries[s.head:] {
		if e.drop && q.full(size) {
			q.bytes -= e.size
			continue
		}
		kept = append(kept, e)
	}
	clear(s.entries[len(kept):])
	s.entries = kept
}

// run is the writer. It hands on what waits in batches, so that a burst goes
// out in few writes.
func (q *Queue[T]) run() {
	q.mu.Lock()
	for q.slab != nil {
		s := q.slab
		size := s.fill()
		write := q.write
		q.mu.Unlock()
		err := write(s.batch)
		clear(s.batch)
		q.mu.Lock()
		q.bytes -= size
		if err != nil {
			q.fail(err)
		}
		if q.room != nil && (q.closed || q.bytes <= q.limit/2) {
			close(q.room)
			q.room = nil
		}
		if s.head == len(s.entries) {
			q.slab = nil // idle queues keep no memory
			q.pool.put(s)
		}
	}
	q.writing = false
	q.maybeEnd()
	q.mu.Unlock()
}

// fill takes entries off into batch and gives their size.
func (s *slab[T]) fill() (size int) {
	s.batch = s.batch[:0]
	for s.head < len(s.entries) && len(s.batch) < batchItems {
		e := &s.entries[s.head]
		if len(s.batch) > 0 && size+e.size > batchBytes {
			break
		}
		s.batch = append(s.batch, e.item)
		size += e.size
		*e = entry[T]{}
		s.head++
	}
	if s.head >= pooledEntries/2 { // or a queue that is never empty would grow for ever
		n := copy(s.entries, s.entries[s.head:])
		clear(s.entries[n:])
		s.entries, s.head = s.entries[:n], 0
	}
	return size
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
	for _, e := range s.entries[s.head:] {
		q.bytes -= e.size
	}
	clear(s.entries[s.head:])
	s.entries = s.entries[:s.head]
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

// Take pulls everything that waits. Its bytes go on counting until Sent. The
// queue must have no writer.
func (q *Queue[T]) Take(dst []T) (items []T, size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.slab
	if s == nil || q.write != nil {
		return dst, 0
	}
	for _, e := range s.entries[s.head:] {
		dst = append(dst, e.item)
		size += e.size
	}
	q.slab = nil
	q.pool.put(s)
	return dst, size
}

// Sent tells that what Take gave, of that size, has been sent.
func (q *Queue[T]) Sent(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= size
	if q.room != nil && (q.closed || q.bytes <= q.limit/2) {
		close(q.room)
		q.room = nil
	}
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

// Writable blocks until at most half of the queue is used, or it is closed
// (ErrClosed), or ctx is done.
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
		if q.room == nil {
			q.room = make(chan struct{})
		}
		if q.corked && q.slab != nil {
			q.corked = false
			q.wake()
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
	return len(q.slab.entries) - q.slab.head
}
