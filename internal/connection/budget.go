package connection

import (
	"sync"
	"sync/atomic"
)

// Budget is memory that several inboxes share. The zero value is ready to use. Its methods
// are safe for concurrent use.
type Budget struct {
	used    atomic.Int64
	waiting atomic.Bool // a caller waits for freed

	mu    sync.Mutex
	freed chan struct{} // closed when memory was freed; nil when no caller waits
}

// Reserve takes n bytes, also more than the limit when nothing else is taken. It returns
// nil, or the channel that is closed when another try is worth it.
func (b *Budget) Reserve(n, limit int) <-chan struct{} {
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

func (b *Budget) take(n, limit int) bool {
	if used := b.used.Add(int64(n)); used <= int64(limit) || used == int64(n) {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

// Add takes n bytes in any case.
func (b *Budget) Add(n int) { b.used.Add(int64(n)) }

// Release returns n bytes.
func (b *Budget) Release(n int) {
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
