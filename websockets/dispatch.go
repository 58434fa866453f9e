package websockets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

var (
	errStopping      = errors.New("websockets: the application is stopping")
	errStreamStopped = errors.New("websockets: stream stopped")
	errExited        = errors.New("websockets: the function has ended its goroutine (runtime.Goexit)")
)

// panicError is a recovered panic of a user's function.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// dispatch handles one message, from the lane that took it.
func (s *session) dispatch(m *Message) {
	if m.Err != nil {
		s.fail(m, nil, m.Err)
		return
	}
	for _, o := range s.ep.observers {
		s.observe(o, m)
	}
	sub := s.ep.subs[m.Event]
	if sub == nil {
		sub = s.ep.fallback
	}
	if sub == nil {
		s.unknown(m)
		return
	}
	if sub.background > 0 {
		s.spawn(sub, m)
		return
	}
	s.handle(sub, m, func() {})
}

// observe shows a message to an [OnAny].
func (s *session) observe(o *boundSub, m *Message) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			_ = s.report(&panicError{v, debug.Stack()}, o.gateway, m.Event)
		} else if !returned {
			s.fail(m, o.gateway, errExited) // there is no goroutine to handle it
		}
	}()
	_ = o.invoke(s.ctx, m, nil)
	returned = true
}

// unknown answers an event that nobody subscribes.
func (s *session) unknown(m *Message) {
	s.ep.rt.unknown.Add(1)
	s.ep.srv.log.Debug("event without a subscription", "event", m.Event, "client", s.ID())
	if m.Reply {
		e := &Error{Message: "Unknown event", Code: CodeUnknownEvent}
		_ = s.conn.Reply(m, s.exception(e, m.Event, m))
	}
}

// spawn runs a Background handler beside the lane.
func (s *session) spawn(sub *boundSub, m *Message) {
	s.mu.Lock()
	if s.tasks[sub] >= sub.background {
		s.mu.Unlock()
		s.fail(m, sub.gateway, &Error{
			Message: fmt.Sprintf("Too many at once: %d of %q are running", sub.background, m.Event), Code: CodeTooManyTasks,
		})
		return
	}
	if s.tasks == nil {
		s.tasks = map[*boundSub]int{}
	}
	s.tasks[sub]++
	s.nTasks++
	s.mu.Unlock()
	// The place is free before the client has the answer, so that it may ask again at once.
	free := sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.tasks[sub]--; s.tasks[sub] == 0 {
			delete(s.tasks, sub)
		}
	})
	go func() {
		defer func() {
			free()
			s.mu.Lock()
			s.nTasks--
			s.maybeEnd()
			s.mu.Unlock()
		}()
		s.handle(sub, m, free)
	}()
}

// handle runs the handler and answers; returned is called between the two.
func (s *session) handle(sub *boundSub, m *Message, returned func()) {
	ctx := s.ctx
	if sub.kind == KindStream {
		ctx = s.streamContext()
	}
	r := reply{s: s, m: m, returned: returned}
	err := call(ctx, sub, m, &r)
	returned()
	if err != nil {
		// A handler that gave up because the client left or the stop began has nobody to tell.
		if ctx.Err() != nil && (errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, errStreamStopped) || errors.Is(err, context.Cause(ctx))) {
			return
		}
		if errors.Is(err, ErrClosed) || errors.Is(err, ErrQueueFull) {
			s.ep.srv.log.Debug("reply not delivered", "event", m.Event, "client", s.ID(), "error", err)
			return
		}
		s.fail(m, sub.gateway, err)
		return
	}
	if m.Reply && !r.answered {
		_ = s.conn.Reply(m, &Outgoing{empty: true})
	}
	if len(s.ep.observers) == 0 && !sub.keeps(m) {
		if in, ok := m.Ref.(Releaser); ok {
			in.Release()
		}
	}
}

// keeps reports whether the handler may have kept bytes of the message.
func (b *boundSub) keeps(m *Message) bool {
	return b.raw || len(m.Payload.Attachments) > 0
}

// call runs the handler. Guards, interceptors and pipes will wrap it here.
func call(ctx context.Context, sub *boundSub, m *Message, r *reply) (err error) {
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		} else if !ended {
			r.returned()
			r.s.fail(m, sub.gateway, errExited)
		}
	}()
	err = sub.invoke(ctx, m, r)
	ended = true
	return err
}

// reply is where the results of one message go.
type reply struct {
	s        *session
	m        *Message
	answered bool
	returned func() // the handler has returned
}

func (r *reply) result(v any) error {
	r.returned()
	out := &Outgoing{value: v}
	defer out.release()
	binary := r.s.ep.traits.Binary
	switch {
	case r.m.Reply:
		if _, err := out.Payload(binary); err != nil {
			return err
		}
		r.answered = true
		return r.s.conn.Reply(r.m, out)
	case r.s.ep.traits.ReplyAsEvent:
		out.Event = r.m.Event
		return r.s.emit(out)
	default:
		return nil // nobody asked
	}
}

func (r *reply) respond(out *Outgoing) error {
	err := r.s.emit(out)
	if out.droppable() && errors.Is(err, ErrQueueFull) {
		return nil // a waiting ack is answered all the same, a stream goes on
	}
	return err
}

func (r *reply) item(ctx context.Context) error {
	if ctx.Err() != nil {
		return errStreamStopped
	}
	return r.s.conn.Writable(ctx)
}

// report logs what clients may not see and gives what they may.
func (s *session) report(err error, g *boundGateway, event string) *Error {
	e, ok := visible(err)
	if !ok {
		args := []any{"event", event, "client", s.ID(), "error", err}
		if g != nil {
			args = append(args, "gateway", g.Name)
		}
		if p, isPanic := errors.AsType[*panicError](err); isPanic {
			args = append(args, "stack", string(p.stack))
		}
		s.ep.srv.log.Error("gateway failed", args...)
	}
	return e
}

// fail tells the client of an error: as the event `exception`, and to a waiting
// ack or request id the same object.
func (s *session) fail(m *Message, g *boundGateway, err error) {
	out := s.exception(s.report(err, g, m.Event), m.Event, m)
	if m.Reply {
		_ = s.conn.Reply(m, out)
		if s.ep.traits.ReplyAsEvent {
			return // there the reply is the event, with the id beside it
		}
	}
	_ = s.conn.Emit(out, 0)
}

func (s *session) exception(e *Error, pattern string, m *Message) *Outgoing {
	body := errorBody{Status: "error", Message: e.Message, Code: e.Code, Details: e.Details}
	if pattern != "" {
		body.Cause = &cause{Pattern: pattern}
		if m != nil && !s.ep.hideCause && len(m.Payload.JSON) > 0 {
			raw := json.RawMessage(m.Payload.JSON)
			body.Cause.Data = &raw
		}
	}
	out := NewOutgoing(EventException, body)
	if _, err := out.Payload(false); err != nil { // Details or the client's own data do not encode
		body.Details = nil
		if body.Cause != nil {
			body.Cause.Data = nil
		}
		out = NewOutgoing(EventException, body)
	}
	return out
}
