package zishang

import (
	"context"
	"sync"
)

// tasks counts what a server has under way: connections, requests, goroutines.
// Unlike a WaitGroup it may grow while a caller waits.
type tasks struct {
	run func(func()) // with recovery

	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n is 0; nil when no caller waits
}

func (t *tasks) add() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.none != nil {
		close(t.none)
		t.none = nil
	}
}

// start runs f on a goroutine of its own.
func (t *tasks) start(f func()) {
	t.add()
	go func() {
		defer t.done()
		t.run(f)
	}()
}

// wait returns when nothing is under way, or the error of ctx.
func (t *tasks) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
