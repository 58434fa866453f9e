package memory

import (
	"container/heap"
	"time"
)

// item is a frame on its way.
type item struct {
	at       time.Time
	order    uint64 // of items of one time
	channel  string
	frame    []byte
	messages int
}

// queue is what waits for a node, in the order of its arrival; guarded by Bus.mu.
type queue struct {
	items heapOfItems
	next  uint64
	bytes int
}

// push adds an item, and reports whether there was room for it.
func (q *queue) push(it item, limit int) bool {
	if q.bytes+len(it.frame) > limit {
		return false
	}
	q.bytes += len(it.frame)
	it.order = q.next
	q.next++
	heap.Push(&q.items, it)
	return true
}

// pop returns the first item if it has arrived; otherwise how long it takes, 0 without any.
func (q *queue) pop(now time.Time) (it item, ok bool, wait time.Duration) {
	if len(q.items) == 0 {
		return item{}, false, 0
	}
	if wait = q.items[0].at.Sub(now); wait > 0 {
		return item{}, false, wait
	}
	it = heap.Pop(&q.items).(item)
	q.bytes -= len(it.frame)
	return it, true, 0
}

// clear removes everything, and returns how many messages that was.
func (q *queue) clear() (messages int) {
	for _, it := range q.items {
		messages += it.messages
	}
	q.items, q.bytes = nil, 0
	return messages
}

type heapOfItems []item

func (h *heapOfItems) Len() int      { return len(*h) }
func (h *heapOfItems) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }
func (h *heapOfItems) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	if a.at.Equal(b.at) {
		return a.order < b.order
	}
	return a.at.Before(b.at)
}

func (h *heapOfItems) Push(x any) { *h = append(*h, x.(item)) }

func (h *heapOfItems) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = item{}
	*h = old[:len(old)-1]
	return last
}

// run calls the application: what has changed, and frames that have arrived.
func (b *Backplane) run() {
	defer close(b.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, stopped := b.step()
		if stopped {
			return
		}
		if wait == 0 {
			wait = time.Hour
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-b.wake:
		case <-b.stop:
			return
		}
	}
}

// step makes all calls that are due, and returns how long the next one takes; 0 without any.
func (b *Backplane) step() (wait time.Duration, stopped bool) {
	for {
		b.bus.mu.Lock()
		if b.state == stateStopped {
			b.bus.mu.Unlock()
			return 0, true
		}
		if len(b.calls) > 0 {
			call := b.calls[0]
			b.calls = b.calls[1:]
			b.bus.mu.Unlock()
			call()
			continue
		}
		it, ok, wait := b.queue.pop(time.Now())
		b.bus.mu.Unlock()
		if !ok {
			return wait, false
		}
		b.in.ReceiveFrame(it.channel, it.frame)
	}
}
