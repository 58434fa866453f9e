package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// stable is how long a connection must live for the pauses to start from the first again.
const stable = 5 * time.Second

// longestResume bounds the time at which a server may ask its clients to return.
const longestResume = time.Hour

// attempts connects a Conn again and again.
type attempts struct {
	*Conn

	n      int // failed ones in a row
	failed atomic.Pointer[error]
}

// last returns the error of the last attempt; nil without one.
func (a *attempts) last() error {
	if err := a.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// run makes attempts until the Conn is closed.
func (a *attempts) run() {
	defer func() { a.report(Closed, a.cause()) }()
	for {
		if !a.enter(Connecting) {
			return
		}
		a.report(Connecting, nil)
		l, err := a.attempt()
		var resume time.Time
		final := errors.Is(err, ErrNoToken)
		if err == nil {
			opened := time.Now()
			a.log.Info("client: connected", "recovered", l.recovered.Load())
			a.report(Open, nil)
			<-l.done
			lasted := time.Since(opened)
			l.end()
			err, final, resume = l.err, l.final, l.resume
			if lasted > stable {
				a.n = 0
			}
		} else {
			a.failed.Store(&err)
			if l != nil {
				final, resume = l.final, l.resume
			}
			final = final || !a.openedOnce() && inVain(err)
			if resume.IsZero() {
				resume = retryAfter(err)
			}
		}
		if a.isClosing() {
			<-a.closed
			return
		}
		if final {
			if a.openedOnce() {
				a.log.Error("client: closed for good", "error", err)
			}
			a.finish(err)
			return
		}
		if !a.enter(Waiting) {
			return
		}
		d := a.delay(resume)
		a.log.Warn("client: not connected", "error", err, "retryIn", d)
		a.report(Waiting, err)
		if !a.pause(d) {
			return
		}
	}
}

// delay returns the pause before the next attempt: until resume, if the server has set it, but no shorter than without: a server
// must not have its clients connect without a pause.
func (a *attempts) delay(resume time.Time) time.Duration {
	d := a.opts.LongestRetry
	if shifted := a.opts.FirstRetry << min(a.n, 62); a.n < 62 && shifted>>a.n == a.opts.FirstRetry {
		d = min(d, shifted)
	}
	a.n++
	return max(d/2+rand.N(d/2+1), time.Until(resume)) //nolint:gosec // spreads clients
}

// enter changes the state; false if it is closed.
func (c *Conn) enter(s State) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Closed {
		return false
	}
	c.state = s
	return true
}

// isClosing reports whether it is closed, or Close is closing it.
func (c *Conn) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase >= closing
}

func (c *Conn) openedOnce() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wasOpen
}

// report calls OnState.
func (c *Conn) report(s State, err error) {
	if c.opts.OnState == nil {
		return
	}
	err = protect(func() error { c.opts.OnState(s, err); return nil })
	if err != nil {
		c.logError("client: OnState failed", err)
	}
}

// attempt makes a connection that is open. With an error, the link is that of the connection which was lost meanwhile, if there
// was one.
func (a *attempts) attempt() (*link, error) {
	l, err := a.connect()
	if l == nil {
		return nil, err
	}
	if err == nil {
		err = a.prepare(l)
	}
	a.mu.Lock()
	if err == nil && l.stage != over && a.state != Closed {
		a.state, l.stage = Open, ready
		if !a.wasOpen {
			a.wasOpen = true
			close(a.opened)
		}
		a.wake()
		l.wakeWriter()
		a.mu.Unlock()
		return l, nil
	}
	lost := l.stage == over
	a.mu.Unlock()
	if !lost {
		l.lost(err, false)
		l.leave(a.life)
	}
	l.end()
	if lost { // which is why OnConnect has failed
		err = l.err
	}
	return l, err
}

// connect makes a connection, and waits for its session.
func (a *attempts) connect() (*link, error) {
	ctx, cancel := context.WithTimeoutCause(a.life, a.opts.ConnectTimeout, errors.New("the attempt has taken longer than ConnectTimeout"))
	defer cancel()
	l, err := a.open(ctx)
	if err == nil {
		err = l.awaitSession(ctx)
	}
	return l, err
}

// connectError is an error of OnConnect.
type connectError struct{ error }

func (e connectError) Unwrap() error { return e.error }

// prepare calls OnConnect.
func (a *attempts) prepare(l *link) error {
	if a.opts.OnConnect == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithValue(l.ctx, setup{}, l), a.opts.Timeout)
	defer cancel()
	if err := protect(func() error { return a.opts.OnConnect(ctx, a.Conn) }); err != nil {
		return connectError{err}
	}
	return nil
}

// setup is the key of the link in the context of OnConnect.
type setup struct{}

// protect returns the error of a function of the application, or its panic. The function may end its goroutine.
func protect(f func() error) (err error) {
	if failure := recovered.Do(func() { err = f() }); failure != nil {
		return failure
	}
	return err
}

// logError logs an error of a function of the application.
func (c *Conn) logError(text string, err error, attrs ...any) {
	if p, ok := errors.AsType[*recovered.PanicError](err); ok {
		c.log.Error(text, append(append(attrs, "error", err), p.Where()...)...)
		return
	}
	c.log.Warn(text, append(attrs, "error", err)...)
}

// inVain reports whether the error of the first attempt will be that of the next ones.
func inVain(err error) bool {
	if _, ok := errors.AsType[connectError](err); ok {
		return true
	}
	e, ok := errors.AsType[*websockets.Error](err)
	if !ok || e.Status < 400 || e.Status > 499 {
		return false
	}
	return e.Status != http.StatusRequestTimeout && e.Status != http.StatusTooEarly && e.Status != http.StatusTooManyRequests
}

// retryAfter returns the time that a refusal has for the next attempt; zero for none.
func retryAfter(err error) time.Time {
	e, ok := errors.AsType[*websockets.Error](err)
	if !ok {
		return time.Time{}
	}
	seconds, err := strconv.Atoi(e.Header.Get("Retry-After"))
	if err != nil && e.Status == http.StatusTooManyRequests { // by a close frame: as package ratelimit has it
		d, _ := Details[struct {
			RetryAfter int `json:"retryAfter"`
		}](e)
		seconds = d.RetryAfter
	}
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Now().Add(min(time.Duration(min(seconds, 1<<30))*time.Second, longestResume))
}
