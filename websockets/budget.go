package websockets

import (
	"sync"
	"sync/atomic"
)

// connectionInbox is how much memory the messages of one connection may hold, in all its
// namespaces together, waiting or being handled: so many messages of the largest size, and
// at least so many times inboxBytes.
const connectionInbox = 4

// budget is memory that several inboxes share. The zero value is ready to use.
type budget struct {
	used    atomic.Int64
	waiting atomic.Bool // somebody waits for freed

	mu    sync.Mutex
	freed chan struct{} // closed when memory was freed; nil when nobody waits
}

// reserve takes n bytes, also more than the limit when nothing else is taken. It returns
// nil, or the channel that is closed when it is worth another try.
func (b *budget) reserve(n, limit int) <-chan struct{} {
	if b.take(n, limit) {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.Store(true)
	if b.take(n, limit) { // it was freed before waiting was set
		return nil
	}
	if b.freed == nil {
		b.freed = make(chan struct{})
	}
	return b.freed
}

func (b *budget) take(n, limit int) bool {
	if used := b.used.Add(int64(n)); used <= int64(limit) || used == int64(n) {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

// add takes n bytes in any case.
func (b *budget) add(n int) { b.used.Add(int64(n)) }

// release returns n bytes.
func (b *budget) release(n int) {
	b.used.Add(int64(-n))
	if !b.waiting.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.Store(false)
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}
