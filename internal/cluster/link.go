package cluster

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Health is how well a node is connected to the others.
type Health struct {
	// Up reports whether the service can be reached.
	Up bool
	// Degraded reports that it cannot, or that messages were lost within the last minute, or that
	// a node reads only other versions of messages.
	Degraded bool
	// Since is when Up or Degraded last changed.
	Since time.Time
	// Reason is why it is degraded; nil when it is not.
	Reason error
}

// lossTime is how long a node is degraded after a loss.
const lossTime = time.Minute

var errNotConnected = errors.New("not connected")

// linkState is the health of a node.
type linkState struct {
	// changed is called without mu when Up or Degraded has changed; one call at a time.
	changed func(was, is Health)

	mu     sync.Mutex
	since  time.Time // see Health; zero until Start has connected or has failed to
	down   error     // why it is not up; nil when it is
	hello  bool      // due: the link has come up
	lost   error     // what was lost last
	lostAt time.Time

	reported  Health
	reporting bool // changed is being called
}

// up reports whether the service can be reached; l.mu is held.
func (l *linkState) up() bool { return l.down == nil && !l.since.IsZero() }

// set records a change of the link, and reports whether it is one.
func (l *linkState) set(up bool, err error) (changed bool) {
	l.mu.Lock()
	if changed = l.up() != up || l.since.IsZero(); changed {
		l.since = time.Now()
	}
	switch l.down = err; {
	case up:
		l.hello, l.down = true, nil
	case err == nil:
		l.down = errNotConnected
	}
	l.mu.Unlock()
	l.report()
	return changed
}

// failed records why the first connection has failed, unless it has been made meanwhile.
func (l *linkState) failed(err error) {
	l.mu.Lock()
	if l.since.IsZero() {
		l.since, l.down = time.Now(), err
	}
	l.mu.Unlock()
	l.report()
}

// lose records that messages were lost.
func (l *linkState) lose(err error) {
	l.mu.Lock()
	if !l.get().Degraded {
		l.since = time.Now()
	}
	l.lost, l.lostAt = err, time.Now()
	l.mu.Unlock()
	l.report()
}

// get returns the health; l.mu is held.
func (l *linkState) get() Health {
	if l.lost != nil && time.Since(l.lostAt) >= lossTime {
		l.lost = nil
		if l.up() {
			l.since = later(l.since, l.lostAt.Add(lossTime))
		}
	}
	h := Health{Up: l.up(), Since: l.since, Reason: l.lost}
	switch {
	case l.down != nil && l.lost != nil:
		h.Reason = fmt.Errorf("%w; %w", l.down, l.lost)
	case l.down != nil:
		h.Reason = l.down
	}
	h.Degraded = h.Reason != nil
	return h
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// report calls changed until it has been called with the health as it is.
func (l *linkState) report() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reporting || l.since.IsZero() {
		return
	}
	l.reporting = true
	for {
		was, is := l.reported, l.get()
		if !was.Since.IsZero() && was.Up == is.Up && was.Degraded == is.Degraded {
			break
		}
		l.reported = is
		l.mu.Unlock()
		l.changed(was, is)
		l.mu.Lock()
	}
	l.reporting = false
}

func (l *linkState) health() Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.get()
}

// take returns whether the link is up, and whether a hello is due, which it is not any more then.
func (l *linkState) take() (up, hello bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hello = l.up() && l.hello
	if hello {
		l.hello = false
	}
	return l.up(), hello
}
