// Package logsample bounds what clients can make the framework log: 10 lines a second
// for one cause, each of at most 2 KB, and then a count of what was left out.
package logsample

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"
)

const (
	// PerSecond is how many lines of one cause are written in a second by default.
	PerSecond = 10
	// MaxLine is the length of a line in bytes, as the handlers of log/slog write it.
	MaxLine = 2048
	// maxCauses is how many causes are told apart in a second; the others share one.
	maxCauses = 100
	// maxEvent is how much of an event's name distinguishes causes.
	maxEvent = 64
)

// window is the time in which the lines of a cause are counted.
const window = time.Second

// Left is the message that counts lines that were left out: of the message "of", with
// their number as "lines".
const Left = "log lines were left out"

// Sampler is a [slog.Handler] that leaves out lines. The cause of a line is its level,
// its message, its attribute "event" or "pattern", and the type of its attribute "error". It is safe
// for concurrent use.
type Sampler struct {
	*shared

	next  slog.Handler
	fixed int    // cost of the attributes of next
	name  string // when not empty, the cause of all lines
}

var _ slog.Handler = (*Sampler)(nil)

// shared is what the handlers derived from one Sampler have in common.
type shared struct {
	perSecond int // less than 0: all are written

	mu      sync.Mutex
	windows map[cause]*lines
	timer   *time.Timer // writes the counts; nil when there are none
	closed  bool
}

type cause struct {
	level          slog.Level
	message, event string
	class          reflect.Type
}

// lines are those of a cause in its window.
type lines struct {
	since   time.Time
	written int
	left    int
	next    slog.Handler
}

// New makes a Sampler in front of a handler: it writes so many lines of one cause in a
// second, 0 for [PerSecond], less than 0 for all. Close it when no lines follow.
func New(next slog.Handler, perSecond int) *Sampler {
	return &Sampler{shared: &shared{perSecond: cmp.Or(perSecond, PerSecond), windows: map[cause]*lines{}}, next: next}
}

// Named returns a handler whose lines have one cause, whatever they say.
func (s *Sampler) Named(name string) *Sampler {
	named := *s
	named.name = name
	return &named
}

// Raw returns the logger without its Sampler: for lines that no client causes.
func Raw(log *slog.Logger) *slog.Logger {
	if s, ok := log.Handler().(*Sampler); ok {
		return slog.New(s.next)
	}
	return log
}

// Enabled implements [slog.Handler].
func (s *Sampler) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (s *Sampler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *s
	with.next = s.next.WithAttrs(attrs)
	for _, a := range attrs {
		with.fixed += keyCost(a.Key) + cost(text(a.Value))
	}
	return &with
}

// WithGroup implements [slog.Handler].
func (s *Sampler) WithGroup(name string) slog.Handler {
	with := *s
	with.next = s.next.WithGroup(name)
	return &with
}

// Handle implements [slog.Handler].
func (s *Sampler) Handle(ctx context.Context, r slog.Record) error {
	if s.perSecond < 0 {
		return s.next.Handle(ctx, cut(r, MaxLine-s.fixed))
	}
	c := s.causeOf(r)
	now := time.Now()
	s.mu.Lock()
	w := s.windows[c]
	if w == nil {
		c, w = s.open(c, now)
	}
	var over lines
	if now.Sub(w.since) >= window {
		over = *w
		*w = lines{since: now}
	}
	w.next = s.next
	write := w.written < s.perSecond
	if write {
		w.written++
	} else {
		w.left++
		s.schedule()
	}
	s.mu.Unlock()
	over.report(c)
	if !write {
		return nil
	}
	return s.next.Handle(ctx, cut(r, MaxLine-s.fixed))
}

// open begins the window of a cause; s.mu is held. Where there are too many, the
// returned cause is one for all.
func (s *Sampler) open(c cause, now time.Time) (cause, *lines) {
	if len(s.windows) >= maxCauses {
		for k, w := range s.windows {
			if w.left == 0 && now.Sub(w.since) >= window {
				delete(s.windows, k)
			}
		}
	}
	if len(s.windows) >= maxCauses {
		c = cause{level: c.level, message: "of many causes"}
	}
	c.message, c.event = strings.Clone(c.message), strings.Clone(c.event) // they may be part of a message
	w := s.windows[c]
	if w == nil {
		w = &lines{since: now}
		s.windows[c] = w
	}
	return c, w
}

func (s *Sampler) causeOf(r slog.Record) cause {
	c := cause{level: r.Level, message: r.Message}
	if s.name != "" {
		c.message = s.name
		return c
	}
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case (a.Key == "event" || a.Key == "pattern") && a.Value.Kind() == slog.KindString:
			c.event = a.Value.String()
			c.event = c.event[:min(len(c.event), maxEvent)]
		case a.Key == "error" && a.Value.Kind() == slog.KindAny:
			if err, ok := a.Value.Any().(error); ok {
				c.class = classOf(err)
			}
		}
		return true
	})
	return c
}

// maxDepth bounds how deep errors are unwrapped.
const maxDepth = 16

// classOf is the type of the innermost error.
func classOf(err error) (t reflect.Type) {
	defer func() { _ = recover() }() // its Unwrap is the user's
	for range maxDepth {
		t = reflect.TypeOf(err)
		inner := errors.Unwrap(err)
		if inner == nil {
			return t
		}
		err = inner
	}
	return t
}

// schedule has the counts written when the windows are over; s.mu is held.
func (s *shared) schedule() {
	if s.timer == nil && !s.closed {
		s.timer = time.AfterFunc(window, s.flush)
	}
}

// flush writes the counts of windows that are over, and forgets windows.
func (s *shared) flush() {
	now := time.Now()
	s.mu.Lock()
	s.timer = nil
	counted := s.take(func(w *lines) bool { return now.Sub(w.since) >= window })
	for _, w := range s.windows {
		if w.left > 0 {
			s.schedule()
		}
	}
	s.mu.Unlock()
	for c, w := range counted {
		w.report(c)
	}
}

// take removes the windows for which over holds and returns those with a count; s.mu
// is held.
func (s *shared) take(over func(*lines) bool) map[cause]*lines {
	counted := map[cause]*lines{}
	for c, w := range s.windows {
		if over(w) {
			delete(s.windows, c)
			if w.left > 0 {
				counted[c] = w
			}
		}
	}
	return counted
}

// Close writes all counts. Lines that follow are still sampled, and their counts written
// with later ones.
func (s *shared) Close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	counted := s.take(func(*lines) bool { return true })
	s.mu.Unlock()
	for c, w := range counted {
		w.report(c)
	}
}

// report writes the count of what was left out.
func (w *lines) report(c cause) {
	if w.left == 0 {
		return
	}
	r := slog.NewRecord(time.Now(), c.level, Left, 0)
	r.AddAttrs(slog.String("of", c.message))
	if c.event != "" {
		r.AddAttrs(slog.String("event", c.event))
	}
	r.AddAttrs(slog.Int("lines", w.left))
	if ctx := context.Background(); w.next.Enabled(ctx, c.level) {
		_ = w.next.Handle(ctx, cut(r, MaxLine))
	}
}
