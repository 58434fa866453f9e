// Package logsample limits the log lines that clients can trigger: 10 lines per second
// and cause, each of at most 2 KB, followed by the number of dropped lines.
package logsample

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
)

const (
	// PerSecond is the default number of lines per second and cause.
	PerSecond = 10
	// MaxLine is the maximum length of a line in bytes, as written by the handlers of
	// log/slog.
	MaxLine = 2048
	// maxCauses is the number of causes that are counted separately; further ones share
	// one count.
	maxCauses = 100
	// maxEvent is the number of bytes of an event name that distinguish causes.
	maxEvent = 64
)

// window is the interval in which the lines of a cause are counted.
const window = time.Second

// droppedMessage is the message that reports dropped lines. Its attribute "of" is their
// message, "lines" their number.
const droppedMessage = "log lines dropped"

// Sampler is a [slog.Handler] that drops lines over the limit. The cause of a line is its
// level, its message, its attribute "event" or "pattern" unless that is [Chosen], and the
// type of its attribute "error". It is safe for concurrent use.
type Sampler struct {
	*shared

	next  slog.Handler
	fixed int    // cost of the attributes of next
	name  string // if not empty, the cause of all lines
}

var _ slog.Handler = (*Sampler)(nil)

// shared is the state of a Sampler and the handlers derived from it.
type shared struct {
	perSecond int // negative: no limit

	mu      sync.Mutex
	windows map[cause]*lines
	timer   *time.Timer // writes the counts; nil if no lines were dropped
	closed  bool
}

type cause struct {
	level          slog.Level
	message, event string
	class          reflect.Type
}

// lines counts the lines of a cause in its window.
type lines struct {
	since   time.Time
	written int
	dropped int
	next    slog.Handler
}

// New returns a Sampler that passes perSecond lines per second and cause to next; 0 means
// [PerSecond], negative no limit. Call Close after the last line.
func New(next slog.Handler, perSecond int) *Sampler {
	return &Sampler{shared: &shared{perSecond: cmp.Or(perSecond, PerSecond), windows: map[cause]*lines{}}, next: next}
}

// Named returns a handler whose lines all have the same cause.
func (s *Sampler) Named(name string) *Sampler {
	named := *s
	named.name = name
	return &named
}

// Chosen is text that a client has chosen freely, such as the name of an event that no
// handler declares. It does not distinguish causes, or a client could have one for each of
// its lines.
type Chosen string

// LogValue implements [slog.LogValuer].
func (c Chosen) LogValue() slog.Value { return slog.StringValue(string(c)) }

// Route returns the pattern of a route, "GET /rooms/{room}", for the log: [Chosen] if a client
// has invented the method, as it may where a route is for all methods.
func Route(pattern string) any {
	switch method, _, _ := strings.Cut(pattern, " "); method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY", "":
		return pattern
	}
	return Chosen(pattern)
}

// Raw returns the logger without its Sampler, for lines that clients cannot trigger.
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
	var last lines
	if now.Sub(w.since) >= window {
		last = *w
		*w = lines{since: now}
	}
	w.next = s.next
	write := w.written < s.perSecond
	if write {
		w.written++
	} else {
		w.dropped++
		s.schedule()
	}
	s.mu.Unlock()
	last.report(c)
	if !write {
		return nil
	}
	return s.next.Handle(ctx, cut(r, MaxLine-s.fixed))
}

// open starts the window of a cause. With too many causes it returns one that they share.
// The caller holds s.mu.
func (s *Sampler) open(c cause, now time.Time) (cause, *lines) {
	if len(s.windows) >= maxCauses {
		for k, w := range s.windows {
			if w.dropped == 0 && now.Sub(w.since) >= window {
				delete(s.windows, k)
			}
		}
	}
	if len(s.windows) >= maxCauses {
		c = cause{level: c.level, message: "various messages"}
	}
	c.message, c.event = strings.Clone(c.message), strings.Clone(c.event) // they may be substrings of a client's message
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

// maxDepth limits how often errors are unwrapped.
const maxDepth = 16

// classOf returns the type of the innermost error.
func classOf(err error) (t reflect.Type) {
	defer func() { _ = recover() }() // Unwrap is user code
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

// schedule starts the timer that writes the counts of dropped lines. The caller holds
// s.mu.
func (s *shared) schedule() {
	if s.timer == nil && !s.closed {
		s.timer = time.AfterFunc(window, s.flush)
	}
}

// flush removes the windows that have ended and writes their counts.
func (s *shared) flush() {
	now := time.Now()
	s.mu.Lock()
	s.timer = nil
	counted := s.remove(func(w *lines) bool { return now.Sub(w.since) >= window })
	for _, w := range s.windows {
		if w.dropped > 0 {
			s.schedule()
		}
	}
	s.mu.Unlock()
	for c, w := range counted {
		w.report(c)
	}
}

// remove removes the windows that match and returns those with dropped lines. The caller
// holds s.mu.
func (s *shared) remove(match func(*lines) bool) map[cause]*lines {
	counted := map[cause]*lines{}
	for c, w := range s.windows {
		if match(w) {
			delete(s.windows, c)
			if w.dropped > 0 {
				counted[c] = w
			}
		}
	}
	return counted
}

// Close writes all counts and stops the timer. Later lines are still limited; their
// counts are written together with other lines.
func (s *shared) Close() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	counted := s.remove(func(*lines) bool { return true })
	s.mu.Unlock()
	for c, w := range counted {
		w.report(c)
	}
}

// report writes the number of dropped lines, if any.
func (w *lines) report(c cause) {
	if w.dropped == 0 {
		return
	}
	r := slog.NewRecord(time.Now(), c.level, droppedMessage, 0)
	r.AddAttrs(slog.String("of", c.message))
	if c.event != "" {
		r.AddAttrs(slog.String("event", c.event))
	}
	r.AddAttrs(slog.Int("lines", w.dropped))
	if ctx := context.Background(); w.next.Enabled(ctx, c.level) {
		_ = w.next.Handle(ctx, cut(r, MaxLine))
	}
}
