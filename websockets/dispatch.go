package websockets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	if s.expelled.Load() || s.hs.Connection.over.Load() {
		return // it is being closed
	}
	if m.Err != nil {
		s.fail(m, nil, m.Err)
		s.blame(m.Err)
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
			s.fail(m, o, errExited) // there is no goroutine to handle it
		}
	}()
	_ = o.invoke(s.ctx, m, nil)
	returned = true
}

// unknown answers an event that nobody subscribes.
func (s *session) unknown(m *Message) {
	s.ep.rt.unknown.Add(1)
	s.ep.srv.log.Debug("event without a subscription", "event", m.Event, "client", s.ID())
	err := &Error{Message: "Unknown event", Code: CodeUnknownEvent}
	defer s.blame(err)
	if m.Reply {
		_ = s.conn.Reply(m, s.exception(s.tell(err, nil, m), m.Event, m))
	}
}

// spawn runs a Background handler beside the lane.
func (s *session) spawn(sub *boundSub, m *Message) {
	s.mu.Lock()
	if s.tasks[sub] >= sub.background {
		s.mu.Unlock()
		s.fail(m, sub, &Error{
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
	held := m.held()
	s.hs.Connection.held.add(held) // until it is handled
	go func() {
		defer func() {
			free()
			s.hs.Connection.held.release(held)
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
	r := newReply(s, sub, m, returned)
	err := call(ctx, r)
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
		s.fail(m, sub, err)
		if r.refused {
			s.blame(err)
		}
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

// call runs the handler with all that stands before and behind it.
func call(ctx context.Context, r *reply) (err error) {
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		} else if !ended {
			r.returned()
			r.s.fail(r.m, r.sub, errExited)
		}
	}()
	if r.enhanced == nil {
		err = r.sub.invoke(ctx, r.m, r)
	} else {
		err = r.run(ctx)
	}
	probe(err)
	ended = true
	return err
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

// tell gives what the client may see of an error, by the filters or by default.
// sub is nil for what no handler takes.
func (s *session) tell(err error, sub *boundSub, m *Message) *Error {
	chain, g := s.ep.rt.global, (*boundGateway)(nil)
	if sub != nil {
		chain, g = sub.chain, sub.gateway
	}
	if chain.Filtered() {
		c := s.callOf(sub, m)
		if e := chain.Catch(s.ctx, &c, err, s.ep.srv.log); e != nil {
			return e
		}
	}
	return s.report(err, g, m.Event)
}

// fail tells the client of an error: as the event `exception`, and to a waiting
// ack or request id the same object.
func (s *session) fail(m *Message, sub *boundSub, err error) {
	out := s.exception(s.tell(err, sub, m), m.Event, m)
	if m.Reply {
		_ = s.conn.Reply(m, out)
		if s.ep.traits.ReplyAsEvent {
			return // there the reply is the event, with the id beside it
		}
	}
	_ = s.conn.Emit(out, 0)
}

// maxCauseData is how long a payload is sent back with the error that it caused: twice, to
// a waiting ack and as an event, or the answers to large messages would fill the queue.
const maxCauseData = 64 << 10

func (s *session) exception(e *Error, pattern string, m *Message) *Outgoing {
	if e.Body != nil {
		out := NewOutgoing(EventException, e.Body)
		out.Answer = true
		if _, err := out.Payload(s.ep.traits.Binary); err == nil {
			return out
		}
	}
	body := errorBody{Status: "error", Message: e.Message, Code: e.Code, Details: e.Details}
	if pattern != "" {
		body.Cause = &cause{Pattern: pattern}
		if m != nil && !s.ep.hideCause && e.Status != http.StatusTooManyRequests {
			body.Cause.Data = causeData(m.Payload)
		}
	}
	out := NewOutgoing(EventException, body)
	if _, err := out.Payload(s.ep.traits.Binary); err != nil && body.Cause != nil {
		body.Cause.Data = nil // does not encode, or looks like binary beside Details with binary
		out = NewOutgoing(EventException, body)
	}
	if _, err := out.Payload(s.ep.traits.Binary); err != nil {
		body.Details = nil
		out = NewOutgoing(EventException, body)
	}
	out.Answer = true
	return out
}

// causeData is a refused payload as it is sent back: as text, with binary in base64,
// since the error has no attachments of its own. nil without one, or when it is too long.
func causeData(p Payload) *json.RawMessage {
	if len(p.JSON) == 0 || p.Size() > maxCauseData {
		return nil
	}
	text, err := inline(p)
	if err != nil {
		return nil
	}
	return (*json.RawMessage)(&text.JSON)
}
