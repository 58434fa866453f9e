// Package await waits for functions of users until a context ends: Go cannot end a goroutine, but
// the framework can go on without it.
package await

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

const (
	// Late is how long a function may take to return after its context has ended.
	Late = time.Second
	// lateInAll limits the sum of these times for all functions of a Waiter.
	lateInAll = 5 * time.Second
	// leastLate is what a function has after that: enough for one that does not wait.
	leastLate = 10 * time.Millisecond
)

// ErrStuck is the error of a function that has not returned.
var ErrStuck = errors.New("is stuck: it has not returned, and the application does not wait for it any longer")

// Waiter calls functions with one context. It is safe for concurrent use.
type Waiter struct {
	ctx context.Context

	mu   sync.Mutex
	late time.Duration // the sum of the times after the end of ctx
}

// New returns a Waiter.
func New(ctx context.Context) *Waiter { return &Waiter{ctx: ctx} }

// Context is that of the functions.
func (w *Waiter) Context() context.Context { return w.ctx }

// Call calls f on a goroutine of its own and returns its error; that of a panic is a
// *[recovered.PanicError]. If f has not returned [Late] after the context has ended, the error is
// an [ErrStuck] that wraps the cause of the end; what f does after that has no effect here.
func (w *Waiter) Call(f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		err := recovered.ErrExited
		defer func() {
			if v := recover(); v != nil {
				err = recovered.New(v)
			}
			done <- err
		}()
		err = f(w.ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-w.ctx.Done():
	}
	started := time.Now()
	timer := time.NewTimer(w.lateTime())
	defer timer.Stop()
	select {
	case err := <-done:
		w.spend(time.Since(started))
		return err
	case <-timer.C:
		w.spend(time.Since(started))
		return fmt.Errorf("%w (%w)", ErrStuck, context.Cause(w.ctx))
	}
}

// Done waits until done is closed, for as long as ctx; then it calls cancel and waits [Late] longer.
// It reports whether done is closed.
func Done(ctx context.Context, done <-chan struct{}, cancel func()) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	cancel()
	return Within(Late, done)
}

// Within waits until done is closed, at most for d, and reports whether it is closed.
func Within(d time.Duration, done <-chan struct{}) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-done:
		return true
	case <-late.C:
		return false
	}
}

// lateTime returns how long a function may take now that the context has ended.
func (w *Waiter) lateTime() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(min(Late, lateInAll-w.late), leastLate)
}

func (w *Waiter) spend(d time.Duration) {
	w.mu.Lock()
	w.late += d
	w.mu.Unlock()
}
