package outbox

import (
	"math"
	"time"
)

const (
	// burstGap is how soon after another an item belongs to a burst.
	burstGap = 100 * time.Microsecond
	// burstBytes is how much of a burst waits at most, before it is sent.
	burstBytes = 16 << 10
)

var started = time.Now()

// direct is what a queue needs to send without its writer.
type direct[T any] struct {
	one    func(T) bool // nil: everything is for the writer
	many   func([]T) bool
	pushed time.Duration // since started: when the last item was pushed that one could have sent
}

// Direct sets functions that send one item, or several in order, without the writer, when
// nothing else waits. They must neither block nor use the queue, nor keep the slice; when they
// return false, they have sent nothing, and the writer does.
//
// Items that follow each other within 100 µs are a burst: after the first, up to 16 KiB wait
// until another goroutine runs, and are sent together.
func (q *Queue[T]) Direct(one func(T) bool, many func([]T) bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.direct = direct[T]{one: one, many: many, pushed: math.MinInt64 / 2}
}

// inBurst reports whether the last item that could be sent directly was pushed a moment ago;
// q.mu is held.
func (q *Queue[T]) inBurst() bool {
	last := q.direct.pushed
	q.direct.pushed = time.Since(started)
	return q.direct.pushed-last < burstGap
}

// endBurst sends what has gathered since the burst has started, unless Push has done so.
func (q *Queue[T]) endBurst() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.writer == burst {
		q.sendBurst()
	}
}

// sendBurst sends what waits of a burst at once, or starts the writer for it; q.mu is held.
func (q *Queue[T]) sendBurst() {
	q.writer = idle
	for q.slab != nil && q.holds == 0 {
		var size int
		q.slab.batch, size = q.slab.take(q.slab.batch[:0], batchItems, burstBytes)
		if !q.direct.many(q.slab.batch) {
			q.writer = writing
			go q.finishBatch(size)
			return
		}
		q.sentBatch(size)
	}
	q.maybeEnd()
}

// finishBatch is the writer, which starts with a batch that could not be sent at once.
func (q *Queue[T]) finishBatch(size int) {
	q.mu.Lock()
	q.writeBatch(size)
	q.drain()
}
