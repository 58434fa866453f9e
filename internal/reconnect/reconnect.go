// Package reconnect keeps an engine of a backplane connected to its service: it connects, subscribes
// to what the node wants, reports to the framework, and connects anew when the connection has ended.
package reconnect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Errors of a [Loop]. Test with errors.Is.
var (
	// ErrNotConnected: the service cannot be reached. The engine goes on trying.
	ErrNotConnected = errors.New("not connected")
	// ErrStopped: the engine has stopped, or has not started.
	ErrStopped = errors.New("backplane: the engine does not run")
)

// Session is a connection to a service. Subscribe and Ended are safe for concurrent use with Wait.
type Session interface {
	comparable
	// Subscribe adds channels. Nil means that the service has confirmed.
	Subscribe(ctx context.Context, channels []string) error
	// Ended returns why the session has ended; nil while it has not.
	Ended() error
	// Abort ends the session. Wait returns then.
	Abort(err error)
	// Wait waits for the end and returns why. From then on the session calls nothing, and holds
	// nothing.
	Wait() error
}

// Config is how a [Loop] connects.
type Config[S Session] struct {
	// Name is that of the engine, for errors.
	Name string
	// Target names the service, without secrets.
	Target string
	// Dial connects, and subscribes to nothing. It returns when the loop's context ends.
	Dial func() (S, error)
	// Timeout bounds Subscribe of a new session.
	Timeout time.Duration
}

// Loop is the connection of an engine from Start to Stop. Its methods are safe for concurrent use.
type Loop[S Session] struct {
	cfg    Config[S]
	ctx    context.Context // ends with Stop
	cancel context.CancelFunc
	first  chan struct{} // closed when Link has been called for the first time
	done   chan struct{} // closed when run has returned

	mu      sync.Mutex
	started bool
	wants   map[string]struct{} // channels of the framework
	session S                   // zero while there is none
	changed chan struct{}       // closed when there is a session
	cause   error               // why there is none
}

// New returns a loop that has not started.
func New[S Session](cfg Config[S]) *Loop[S] {
	l := &Loop[S]{
		cfg: cfg, wants: map[string]struct{}{},
		first: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}),
		cause: fmt.Errorf("%s: %w", cfg.Target, ErrNotConnected),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background()) //nolint:gosec // Stop calls it
	return l
}

// Context ends with Stop.
func (l *Loop[S]) Context() context.Context { return l.ctx }

// Start connects, and returns when connected for the first time, or when ctx ends, with why it is
// not. starting is called before the first Dial, unless the loop has been started or stopped before.
func (l *Loop[S]) Start(ctx context.Context, in backplane.Inbound, starting func()) error {
	l.mu.Lock()
	if l.started || l.ctx.Err() != nil {
		l.mu.Unlock()
		return &backplane.SetupError{Err: fmt.Errorf("%s: Start: the engine has been started or stopped already: make one for each application", l.cfg.Name)}
	}
	l.started = true
	starting()
	l.mu.Unlock()
	go l.run(in)
	select {
	case <-l.first:
		return nil
	case <-ctx.Done():
		return l.reason()
	case <-l.ctx.Done():
		return ErrStopped
	}
}

// Stop ends the session and waits until nothing runs any more. The error is that ctx has ended first.
func (l *Loop[S]) Stop(ctx context.Context) error {
	l.mu.Lock()
	started := l.started
	l.cancel()
	l.mu.Unlock()
	if !started {
		return nil
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: Stop: the application has not returned from a call: %w", l.cfg.Name, context.Cause(ctx))
	}
}

// run connects until Stop.
func (l *Loop[S]) run(in backplane.Inbound) {
	defer close(l.done)
	failures, connected := 0, false
	for l.ctx.Err() == nil {
		s, err := l.connect()
		if err != nil {
			failures++
			l.mu.Lock()
			l.cause = err
			l.mu.Unlock()
		} else {
			failures = 0
			in.Link(true, connected, nil)
			if !connected {
				connected = true
				close(l.first)
			}
			err = s.Wait()
			l.mu.Lock()
			l.forget(err)
			l.mu.Unlock()
			if l.ctx.Err() != nil {
				return
			}
			in.Link(false, false, err)
		}
		timer := time.NewTimer(backoff(failures, rand.Float64())) //nolint:gosec // spreads load, no secret
		select {
		case <-timer.C:
		case <-l.ctx.Done():
			timer.Stop()
		}
	}
}

const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// backoff returns how long to wait before the next attempt to connect, after failed ones: between
// half and the whole of a time that doubles. chance is between 0 and 1.
func backoff(failures int, chance float64) time.Duration {
	d := min(2*minBackoff<<min(failures, 10), maxBackoff)
	return d/2 + time.Duration(chance*float64(d/2))
}

// connect makes a session that is subscribed to all that the node wants.
func (l *Loop[S]) connect() (s S, err error) {
	if s, err = l.cfg.Dial(); err != nil {
		return s, err
	}
	subscribed := map[string]struct{}{}
	for {
		var missing []string
		l.mu.Lock()
		for c := range l.wants {
			if _, has := subscribed[c]; !has {
				missing = append(missing, c)
				subscribed[c] = struct{}{}
			}
		}
		if len(missing) == 0 {
			l.session = s
			close(l.changed)
			l.mu.Unlock()
			return s, nil
		}
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(l.ctx, l.cfg.Timeout)
		err := s.Subscribe(ctx, missing)
		cancel()
		if err != nil {
			s.Abort(err)
			_ = s.Wait()
			return s, err
		}
	}
}

// forget removes the session; l.mu is held.
func (l *Loop[S]) forget(cause error) {
	var none S
	l.cause = cause
	if l.session != none {
		l.session, l.changed = none, make(chan struct{})
	}
}

// reason returns why there is no session.
func (l *Loop[S]) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.cause, ErrNotConnected) {
		return l.cause
	}
	return fmt.Errorf("%w: %w", ErrNotConnected, l.cause)
}

// current returns the session; zero while there is none, with a channel that is closed when there is
// one.
func (l *Loop[S]) current() (s S, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started || l.ctx.Err() != nil {
		return s, nil, ErrStopped
	}
	var none S
	if l.session != none {
		if err := l.session.Ended(); err != nil {
			l.forget(err) // run has not noticed yet
		}
	}
	return l.session, l.changed, nil
}

// Session returns the session, and waits for one while the service cannot be reached.
func (l *Loop[S]) Session(ctx context.Context) (S, error) {
	for {
		s, changed, err := l.current()
		var none S
		if err != nil || s != none {
			return s, err
		}
		select {
		case <-changed:
		case <-l.ctx.Done():
			return none, ErrStopped
		case <-ctx.Done():
			return none, l.reason()
		}
	}
}

// Want changes which channels sessions are subscribed to from their start, and returns the present
// one, whose subscriptions the caller changes; without one, why.
func (l *Loop[S]) Want(add, drop []string) (S, error) {
	l.mu.Lock()
	for _, c := range drop {
		delete(l.wants, c)
	}
	for _, c := range add {
		l.wants[c] = struct{}{}
	}
	l.mu.Unlock()
	s, _, err := l.current()
	var none S
	if err == nil && s == none {
		err = l.reason()
	}
	return s, err
}
