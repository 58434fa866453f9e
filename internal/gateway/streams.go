package gateway

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// runningStream is a stream whose handler runs.
type runningStream struct {
	m      *adapter.Message
	cancel context.CancelCauseFunc
}

// startStream returns the context of a stream's handler. end must be called when the handler
// has returned, before the message is released; it may be called again.
func (s *session) startStream(m *adapter.Message) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(s.streamContext())
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.ensureExtra()
	x.running = append(x.running, runningStream{m, cancel})
	if m.Cancelled(framework) {
		cancel(websockets.ErrCancelled)
	}
	return ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.running = slices.DeleteFunc(x.running, func(r runningStream) bool { return r.m == m })
		cancel(nil)
	}
}

// Cancel implements [adapter.Session].
func (s *session) Cancel(match func(*adapter.Message) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.readExtra().running {
		if match(r.m) {
			r.cancel(websockets.ErrCancelled)
		}
	}
	for _, m := range s.inbox.waiting() {
		if match(m) {
			m.Cancel(framework)
		}
	}
}

// cancelEvent handles an EventCancel, at once: the stream may be what the next messages of the
// client wait for.
func (s *session) cancelEvent(m *adapter.Message) {
	var event string
	if err := m.Payload.Decode(&event); err != nil {
		s.fail(m, nil, nil, err)
		s.countError(err)
		return
	}
	s.Cancel(func(m *adapter.Message) bool { return m.Event == event })
	if m.Reply {
		_ = s.answer(m, adapter.NewEmptyAnswer())
	}
}

// endedByCancel reports whether err is how a cancelled stream ends.
func endedByCancel(ctx context.Context, err error) bool {
	return errors.Is(context.Cause(ctx), websockets.ErrCancelled) &&
		(errors.Is(err, errStreamStopped) || errors.Is(err, context.Canceled) || errors.Is(err, websockets.ErrCancelled))
}
