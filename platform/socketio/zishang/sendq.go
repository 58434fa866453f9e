package zishang

import (
	"context"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// maxBatch is how many bytes the library is given at once, unless one message
// alone is larger. It has no bound of its own on what it holds.
const maxBatch = 64 << 10

// sendQueue holds what waits for one connection, bounded in bytes. Its writer
// is whoever finds the transport idle: there is no goroutine. Its methods are
// safe for concurrent use.
type sendQueue struct {
	limit int
	idle  func() bool    // the transport has written everything it was given
	write func(*message) // gives one message to the library; does not block

	mu      sync.Mutex
	items   []queued
	bytes   int // waiting, and given to the library but not written yet
	given   int // the part of bytes that the library has
	pumping bool
	closed  bool
	change  chan struct{} // closed and replaced when bytes shrink or the queue closes; nil when nobody waits
}

type queued struct {
	m    *message
	size int
	drop bool
}

// push queues m. ErrQueueFull tells that it was not queued.
func (q *sendQueue) push(m *message, o websockets.Overflow) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return websockets.ErrClosed
	}
	size := m.size()
	if q.full(size) {
		if o == websockets.OverflowDropOldest {
			q.dropFor(size)
		}
		if q.full(size) {
			q.mu.Unlock()
			return websockets.ErrQueueFull
		}
	}
	q.items = append(q.items, queued{m, size, o != websockets.OverflowClose})
	q.bytes += size
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
	size := m.size()
	q.items = append(q.items, queued{m, size, true})
	q.bytes += size
	q.mu.Unlock()
	q.pump()
	return nil
}

// full lets a message that is larger than the queue pass when nothing else waits.
func (q *sendQueue) full(size int) bool { return q.bytes > 0 && q.bytes+size > q.limit }

func (q *sendQueue) dropFor(size int) {
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

// pump gives the library what it can write. It is called whenever something is
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
			q.changed()
		}
		batch := q.take()
		if len(batch) == 0 {
			break
		}
		q.mu.Unlock()
		for _, e := range batch {
			q.write(e.m)
		}
		q.mu.Lock()
	}
	q.pumping = false
}

func (q *sendQueue) take() []queued {
	n := 0
	for n < len(q.items) && (n == 0 || q.given+q.items[n].size <= maxBatch) {
		q.given += q.items[n].size
		n++
	}
	batch := q.items[:n:n]
	if q.items = q.items[n:]; len(q.items) == 0 {
		q.items = nil // an idle queue keeps no memory
	}
	return batch
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
		if q.change == nil {
			q.change = make(chan struct{})
		}
		change := q.change
		q.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// close drops what waits and takes no more.
func (q *sendQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.items = nil
	q.changed()
}

// size is how many bytes are unwritten.
func (q *sendQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
