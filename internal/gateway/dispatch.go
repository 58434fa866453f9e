package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var (
	errStopping      = errors.New("websockets: the application is stopping")
	errStreamStopped = errors.New("websockets: stream stopped")
	errExited        = fmt.Errorf("websockets: %w", recovered.ErrExited)
)

// dispatch handles one message.
func (s *session) dispatch(m *adapter.Message) {
	if s.disconnected.Load() || s.hs.Connection.Closing() {
		return // it is being closed
	}
	if m.Err != nil {
		s.fail(m, nil, nil, m.Err)
		s.countError(m.Err)
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
	if sub.Background > 0 {
		s.spawn(sub, m)
		return
	}
	s.handle(sub, m, func() {})
}

// observe passes a message to an [websockets.OnAny].
func (s *session) observe(o *boundSub, m *adapter.Message) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			_ = s.logError(s.ctx, recovered.New(v), o.gateway, s.ep.logged(m.Event))
		} else if !returned {
			s.fail(m, o, nil, errExited) // no goroutine is left that handles it
		}
	}()
	_ = o.Invoke(s.ctx, observation{m})
	returned = true
}

// unknown answers an event without a handler.
func (s *session) unknown(m *adapter.Message) {
	s.ep.unknown.Add(1)
	s.ep.log.DebugContext(s.ctx, "event without a subscription", "event", logsample.Chosen(m.Event), "client", s.ID())
	s.ep.warnUnknown(m.Event)
	err := &websockets.Error{Message: "Unknown event", Code: websockets.CodeUnknownEvent}
	defer s.countError(err)
	var sent *websockets.Error
	if m.Reply {
		sent = s.clientError(s.ctx, err, nil, m)
		_ = s.answer(m, s.exception(sent, m.Event, m))
	}
	s.report(m, nil, nil, err, sent)
}

// spawn runs a Background handler on a goroutine of its own.
func (s *session) spawn(sub *boundSub, m *adapter.Message) {
	s.mu.Lock()
	if s.readExtra().tasks[sub] >= sub.Background {
		s.mu.Unlock()
		s.fail(m, sub, nil, &websockets.Error{
			Message: fmt.Sprintf("Too many at once: %d of %q are running", sub.Background, m.Event), Code: websockets.CodeTooManyTasks,
		})
		return
	}
	tasks := s.ensureExtra().tasks
	if tasks == nil {
		tasks = map[*boundSub]int{}
		s.ensureExtra().tasks = tasks
	}
	tasks[sub]++
	s.nTasks++
	s.mu.Unlock()
	// The client may send the next one as soon as it has the answer.
	free := sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if tasks[sub]--; tasks[sub] == 0 {
			delete(tasks, sub)
		}
	})
	held := m.Memory()
	s.hs.Connection.Held().Add(held)
	go func() {
		defer func() {
			free()
			s.hs.Connection.Held().Release(held)
			s.mu.Lock()
			s.nTasks--
			s.maybeEnd()
			s.mu.Unlock()
		}()
		s.handle(sub, m, free)
	}()
}

// handle runs the handler and answers; returned is called between the two.
func (s *session) handle(sub *boundSub, m *adapter.Message, returned func()) {
	ctx, end := s.ctx, func() {}
	if sub.Kind == handler.Stream {
		ctx, end = s.startStream(m)
		defer end()
	}
	r := newReply(s, sub, m, returned)
	err := call(s.observeHandling(ctx, r), r)
	returned()
	if err != nil && !endedByCancel(ctx, err) {
		// The handler ended because the client has left or the stop has started: no client reads
		// the error.
		if endedWith(ctx, err) || ctx.Err() != nil && errors.Is(err, errStreamStopped) {
			s.report(m, sub, r, err, nil)
			return
		}
		if r.undelivered {
			s.ep.log.DebugContext(ctx, "reply not delivered", "event", s.ep.logged(m.Event), "client", s.ID(), "error", err)
			s.report(m, sub, r, err, nil)
			return
		}
		s.fail(m, sub, r, err)
		if r.refused {
			s.countError(err)
		}
		return
	}
	if m.Reply && !r.answered {
		_ = s.answer(m, adapter.NewEmptyAnswer())
	}
	end()
	s.report(m, sub, r, nil, nil)
	if len(s.ep.observers) == 0 && !sub.keeps(m) && (r.enhanced == nil || !r.enhanced.run.Running()) {
		if in, ok := m.Ref.(adapter.Releaser); ok {
			in.Release()
		}
	}
	r.release()
}

// endedWith reports whether err is how a function of the user ends when its context does.
func endedWith(ctx context.Context, err error) bool {
	return ctx.Err() != nil &&
		(errors.Is(err, websockets.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx)))
}

// keeps reports whether the handler may have kept bytes of the message.
func (b *boundSub) keeps(m *adapter.Message) bool {
	return b.keepsBytes || len(m.Payload.Attachments) > 0
}

// call runs the handler with its guards, interceptors and pipes.
func call(ctx context.Context, r *reply) (err error) {
	ended := false
	defer func() {
		if v := recover(); v != nil {
			err = recovered.New(v)
		} else if !ended {
			r.returned()
			r.s.fail(r.m, r.sub, r, errExited)
		}
	}()
	if r.enhanced == nil {
		err = r.sub.Invoke(ctx, r)
	} else {
		err = r.run(ctx)
	}
	callErrorMethods(err)
	ended = true
	return err
}

// logError returns what a client may see of an error, and logs the rest.
func (s *session) logError(ctx context.Context, err error, g *boundGateway, event any) *websockets.Error {
	e, ok := httperr.Visible(err)
	if !ok {
		s.ep.log.ErrorContext(ctx, "gateway failed", g.failed(err, "event", event, "client", s.ID(), "error", err)...)
	}
	return e
}

// clientError returns what the client may see of an error: by the filters, or by default.
// sub is nil for an event without a handler.
func (s *session) clientError(ctx context.Context, err error, sub *boundSub, m *adapter.Message) *websockets.Error {
	chain, g := s.ep.rt.global, (*boundGateway)(nil)
	if sub != nil {
		chain, g = sub.chain, sub.gateway
	}
	if chain.Filtered() {
		c := s.callOf(sub, m)
		if e := chain.Catch(ctx, &c, err, s.ep.log); e != nil {
			return e
		}
	}
	return s.logError(ctx, err, g, s.ep.logged(m.Event))
}

// logged returns the name of an event for the log: the client has chosen it unless a handler has declared it.
func (e *endpoint) logged(event string) any {
	if e.subs[event] == nil {
		return logsample.Chosen(event)
	}
	return event
}

// fail sends an error to the client: as the event `exception`, and the same object to a
// waiting ack or request id. r is nil if the handler has not started.
func (s *session) fail(m *adapter.Message, sub *boundSub, r *reply, err error) {
	e := s.clientError(s.context(r), err, sub, m)
	defer s.report(m, sub, r, err, e)
	out := s.exception(e, m.Event, m)
	if m.Reply {
		_ = s.answer(m, out)
		if s.ep.traits.ReplyAsEvent || s.ep.errors.AnswerOnly {
			return // the reply is the event, with the id in it
		}
	}
	_ = s.queue(out, 0, nil)
}

// maxCauseData limits the payload that is sent back with the error that it caused: twice, to
// a waiting ack and as an event, or the answers to large messages would fill the queue.
const maxCauseData = 64 << 10

func (s *session) exception(e *websockets.Error, pattern string, m *adapter.Message) *adapter.Outgoing {
	if e.Body != nil {
		out := adapter.NewOutgoing(s.ep.exceptionEvent(), e.Body)
		out.Answer = true
		_, err := out.Payload(s.ep.traits.Binary)
		if err == nil {
			return out
		}
		s.logOmission(httperr.Omission{Part: httperr.Body, Err: err}, e, pattern)
	}
	body := httperr.EventOf(e)
	if pattern != "" {
		body.Cause = &httperr.Cause{Pattern: pattern}
		if m != nil && !s.ep.errors.HideCauseData && e.Status != http.StatusTooManyRequests {
			body.Cause.Data = causeData(m.Payload)
		}
	}
	out := adapter.NewOutgoing(s.ep.exceptionEvent(), body)
	if _, err := out.Payload(s.ep.traits.Binary); err != nil && body.Cause != nil {
		body.Cause.Data = nil // does not encode, or looks like binary beside Details with binary
		out = adapter.NewOutgoing(s.ep.exceptionEvent(), body)
	}
	if _, err := out.Payload(s.ep.traits.Binary); err != nil {
		s.logOmission(httperr.Omission{Part: httperr.Details, Err: err}, e, pattern)
		body.Details = nil
		out = adapter.NewOutgoing(s.ep.exceptionEvent(), body)
	}
	out.Answer = true
	return out
}

// exceptionEvent is the event of errors. Where a reply is an event, its name is a part of the protocol.
func (e *endpoint) exceptionEvent() string {
	if e.errors.Event == "" || e.traits.ReplyAsEvent {
		return websockets.EventException
	}
	return e.errors.Event
}

// joinErrors adds the options of one gateway, and returns what is wrong with them.
func (e *endpoint) joinErrors(o config.Errors) string {
	e.errors.HideCauseData = e.errors.HideCauseData || o.HideCauseData
	e.errors.AnswerOnly = e.errors.AnswerOnly || o.AnswerOnly
	if e.errors.Event != "" && o.Event != "" && e.errors.Event != o.Event {
		return fmt.Sprintf("ExceptionEvent(%q): another gateway of this namespace has %q: give both the same", o.Event, e.errors.Event)
	}
	e.errors.Event = cmp.Or(e.errors.Event, o.Event)
	return ""
}

func (s *session) logOmission(o httperr.Omission, e *websockets.Error, pattern string) {
	o.Log(s.ctx, s.ep.log, e, "event", s.ep.logged(pattern), "client", s.ID())
}

// causeData returns a refused payload as it is sent back: as text, with binary in base64,
// since the error has no attachments of its own; nil without one, or when it is too long.
func causeData(p websockets.Payload) *json.RawMessage {
	if len(p.JSON) == 0 || p.Size() > maxCauseData {
		return nil
	}
	text, err := payload.Raw{JSON: p.JSON, Attachments: p.Attachments}.Inline()
	if err != nil {
		return nil
	}
	return (*json.RawMessage)(&text)
}

// callErrorMethods calls the methods of an application's error, which may panic, while a
// recover is there.
func callErrorMethods(err error) {
	if err != nil {
		_ = errors.Is(err, websockets.ErrClosed)
		_, _ = httperr.Visible(err)
	}
}

// countError counts an error of the client, and closes the connection when it has made too
// many. Errors of the server do not count: an outage must not end connections.
func (s *session) countError(err error) {
	if e, ok := httperr.Visible(err); !ok || e.Status >= http.StatusInternalServerError {
		return
	}
	if s.hs.Connection.CountError(s.ep.srv.limits.ClientErrors) {
		s.conn.CloseConnection(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "too many bad or refused messages"})
	}
}
