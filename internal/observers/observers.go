// Package observers calls the hooks of package observe.
package observers

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Set is the hooks of an application. A nil Set has none. Its methods recover panics of
// hooks.
type Set struct {
	hooks []observe.Hooks
	log   *slog.Logger

	// The hooks that are called for every message or connection, without those that are nil.
	admit    []starter[observe.Attempt, error]
	handle   []starter[observe.Handling, observe.Outcome]
	emit     []starter[observe.Emission, observe.Delivery]
	deliver  []starter[observe.Arrival, observe.Delivery]
	received []func(websockets.Client, observe.Received)
	sent     []func(websockets.Client, observe.Sent)

	rooms, answered bool // see the methods Wants…

	// loggedAt is when a panic was last logged, in nanoseconds since the start of 1970.
	loggedAt atomic.Int64
}

// New returns the set of hooks; nil without any.
func New(hooks []observe.Hooks, log *slog.Logger) *Set {
	if len(hooks) == 0 {
		return nil
	}
	s := &Set{hooks: hooks, log: log}
	for _, h := range hooks {
		s.admit = appendSet(s.admit, h.Admit, h.Admit != nil)
		s.handle = appendSet(s.handle, h.Handle, h.Handle != nil)
		s.emit = appendSet(s.emit, h.Emit, h.Emit != nil)
		s.deliver = appendSet(s.deliver, h.Deliver, h.Deliver != nil)
		s.received = appendSet(s.received, h.Received, h.Received != nil)
		s.sent = appendSet(s.sent, h.Sent, h.Sent != nil)
		s.rooms = s.rooms || h.Joined != nil || h.Left != nil
		s.answered = s.answered || h.Answered != nil
	}
	return s
}

func appendSet[F any](to []F, f F, set bool) []F {
	if set {
		return append(to, f)
	}
	return to
}

// each calls f with every hook.
func (s *Set) each(name string, f func(h *observe.Hooks)) {
	if s == nil {
		return
	}
	for i := range s.hooks {
		s.call(name, &s.hooks[i], f)
	}
}

func (s *Set) call(name string, h *observe.Hooks, f func(h *observe.Hooks)) {
	returned := false
	defer func() {
		if v := recover(); v != nil || !returned {
			s.logPanic(name, v)
		}
	}()
	f(h)
	returned = true
}

// logPanic logs at most one line a second: hooks are called for every message.
func (s *Set) logPanic(name string, v any) {
	now, last := time.Now().UnixNano(), s.loggedAt.Load()
	if now-last >= int64(time.Second) && s.loggedAt.CompareAndSwap(last, now) {
		s.log.Error("panic in an observer", append([]any{"hook", name}, recovered.New(v).Attrs()...)...)
	}
}

// Admit calls the hooks of that name.
func (s *Set) Admit(ctx context.Context, a observe.Attempt) (context.Context, Ending[error]) {
	if s == nil {
		return ctx, Ending[error]{}
	}
	return startAll(ctx, s, "Admit", s.admit, a)
}

// Handle calls the hooks of that name.
func (s *Set) Handle(ctx context.Context, m observe.Handling) (context.Context, Ending[observe.Outcome]) {
	if s == nil {
		return ctx, Ending[observe.Outcome]{}
	}
	return startAll(ctx, s, "Handle", s.handle, m)
}

// Emit calls the hooks of that name.
func (s *Set) Emit(ctx context.Context, e observe.Emission) (context.Context, Ending[observe.Delivery]) {
	if s == nil {
		return ctx, Ending[observe.Delivery]{}
	}
	return startAll(ctx, s, "Emit", s.emit, e)
}

// Deliver calls the hooks of that name.
func (s *Set) Deliver(ctx context.Context, a observe.Arrival) (context.Context, Ending[observe.Delivery]) {
	if s == nil {
		return ctx, Ending[observe.Delivery]{}
	}
	return startAll(ctx, s, "Deliver", s.deliver, a)
}

// Traceparent returns what the first hook of that name returns that returns one; "" without.
func (s *Set) Traceparent(ctx context.Context) (found string) {
	s.each("Traceparent", func(h *observe.Hooks) {
		if found == "" && h.Traceparent != nil {
			found = h.Traceparent(ctx)
		}
	})
	return found
}

// WantsHandle reports whether a hook Handle is set.
func (s *Set) WantsHandle() bool { return s != nil && len(s.handle) > 0 }

// WantsSent reports whether a hook Sent is set.
func (s *Set) WantsSent() bool { return s != nil && len(s.sent) > 0 }

// WantsRooms reports whether a hook Joined or Left is set.
func (s *Set) WantsRooms() bool { return s != nil && s.rooms }

// WantsAnswered reports whether a hook Answered is set.
func (s *Set) WantsAnswered() bool { return s != nil && s.answered }

// Refused calls the hooks of that name.
func (s *Set) Refused(ctx context.Context, a observe.Attempt, r observe.Refusal) {
	s.each("Refused", func(h *observe.Hooks) {
		if h.Refused != nil {
			h.Refused(ctx, a, r)
		}
	})
}

// Connected calls the hooks of that name.
func (s *Set) Connected(c websockets.Client) {
	s.each("Connected", func(h *observe.Hooks) {
		if h.Connected != nil {
			h.Connected(c)
		}
	})
}

// Ready calls the hooks of that name.
func (s *Set) Ready(c websockets.Client) {
	s.each("Ready", func(h *observe.Hooks) {
		if h.Ready != nil {
			h.Ready(c)
		}
	})
}

// Upgraded calls the hooks of that name.
func (s *Set) Upgraded(c websockets.Client) {
	s.each("Upgraded", func(h *observe.Hooks) {
		if h.Upgraded != nil {
			h.Upgraded(c)
		}
	})
}

// Leaving calls the hooks of that name.
func (s *Set) Leaving(c websockets.Client, r websockets.Reason) {
	s.each("Leaving", func(h *observe.Hooks) {
		if h.Leaving != nil {
			h.Leaving(c, r)
		}
	})
}

// Disconnected calls the hooks of that name.
func (s *Set) Disconnected(c websockets.Client, r websockets.Reason, lasted time.Duration) {
	s.each("Disconnected", func(h *observe.Hooks) {
		if h.Disconnected != nil {
			h.Disconnected(c, r, lasted)
		}
	})
}

// Received calls the hooks of that name.
func (s *Set) Received(c websockets.Client, m observe.Received) {
	if s != nil {
		callAll(s, "Received", s.received, c, m)
	}
}

// Answered calls the hooks of that name.
func (s *Set) Answered(c websockets.Client, a observe.Answer) {
	s.each("Answered", func(h *observe.Hooks) {
		if h.Answered != nil {
			h.Answered(c, a)
		}
	})
}

// Sent calls the hooks of that name.
func (s *Set) Sent(c websockets.Client, e observe.Sent) {
	if s != nil {
		callAll(s, "Sent", s.sent, c, e)
	}
}

// Dropped calls the hooks of that name.
func (s *Set) Dropped(c websockets.Client, event string, err error) {
	s.each("Dropped", func(h *observe.Hooks) {
		if h.Dropped != nil {
			h.Dropped(c, event, err)
		}
	})
}

// Joined calls the hooks of that name for every room.
func (s *Set) Joined(c websockets.Client, rooms []string) {
	for _, r := range rooms {
		s.each("Joined", func(h *observe.Hooks) {
			if h.Joined != nil {
				h.Joined(c, r)
			}
		})
	}
}

// Left calls the hooks of that name for every room.
func (s *Set) Left(c websockets.Client, rooms []string) {
	for _, r := range rooms {
		s.each("Left", func(h *observe.Hooks) {
			if h.Left != nil {
				h.Left(c, r)
			}
		})
	}
}

// Drain calls the hooks of that name.
func (s *Set) Drain(d observe.DrainStep) {
	s.each("Drain", func(h *observe.Hooks) {
		if h.Drain != nil {
			h.Drain(d)
		}
	})
}

// Backplane calls the hooks of that name.
func (s *Set) Backplane(b observe.BackplaneStep) {
	s.each("Backplane", func(h *observe.Hooks) {
		if h.Backplane != nil {
			h.Backplane(b)
		}
	})
}
