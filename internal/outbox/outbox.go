// Package outbox is the queue of what waits to be sent to one client: bounded
// in bytes, first in first out, with a writer goroutine that exists only while
// something waits.
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
)

// Queue holds items of type T. Its methods are safe for concurrent use.
type Queue[T any] struct {
	limit int
	write func(T) error

	mu      sync.Mutex
	items   []entry[T]
	bytes   int // waiting, and in the hands of the writer
	writing bool
	closed  bool
	done    chan struct{} // closed when closed and the writer has ended
	room    chan struct{} // replaced when there is room again; nil when nobody waits
	err     error
}

type entry[T any] struct {
	item T
	size int
	drop bool
}

// New makes a queue of at most limit bytes. write sends one item and may
// block; it is never called by two goroutines at once, and must not panic. When
// it fails the queue closes and drops what waits.
func New[T any](limit int, write func(T) error) *Queue[T] {
	return &Queue[T]{limit: limit, write: write, done: make(chan struct{})}
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
	if q.full(size) {
		if p == DropOldest {
			q.dropFor(size)
		}
		if q.full(size) {
			return ErrFull
		}
	}
	q.items = append(q.items, entry[T]{item, size, p != Refuse})
	q.bytes += size
	if !q.writing {
		q.writing = true
		go q.run()
	}
	return nil
}

func (q *Queue[T]) full(size int) bool { return q.bytes > 0 && q.bytes+size > q.limit }

// dropFor drops what may be dropped, oldest first, until size fits; nothing
// when it would not fit even so.
func (q *Queue[T]) dropFor(size int) {
	rest := q.bytes
	for _, e := range q.items {
		if e.drop {
			rest -= e.size
		}
	}
	if rest > 0 && rest+size > q.limit {
		return
	}
	kept := q.items[:0]
	for _, e := range q.items {
		if e.drop && q.full(size) {
			q.bytes -= e.size
			continue
		}
		kept = append(kept, e)
	}
	clear(q.items[len(kept):])
	q.items = kept
}

func (q *Queue[T]) run() {
	q.mu.Lock()
	for len(q.items) > 0 {
		e := q.items[0]
		q.items[0] = entry[T]{}
		q.items = q.items[1:]
		q.mu.Unlock()
		err := q.write(e.item)
		q.mu.Lock()
		q.bytes -= e.size
		if err != nil {
			q.fail(err)
		}
		if q.room != nil && (q.closed || q.bytes <= q.limit/2) {
			close(q.room)
			q.room = nil
		}
	}
	q.items = nil // idle queues keep no memory
	q.writing = false
	if q.closed {
		close(q.done)
	}
	q.mu.Unlock()
}

func (q *Queue[T]) fail(err error) {
	if q.err == nil {
		q.err = err
	}
	q.closed = true
	for _, e := range q.items {
		q.bytes -= e.size
	}
	q.items = nil
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
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close takes no more items. What waits is still written, unless discard is
// set. Done tells when the writer has ended. Close may be called again, to discard.
func (q *Queue[T]) Close(discard bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.closed
	q.closed = true
	if discard {
		q.fail(nil)
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	if first && !q.writing {
		close(q.done)
	}
}

// Done is closed when the queue is closed and the writer has ended.
func (q *Queue[T]) Done() <-chan struct{} { return q.done }

// Err is why a write failed, or nil.
func (q *Queue[T]) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// Bytes is how much waits, including what the writer is sending.
func (q *Queue[T]) Bytes() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
