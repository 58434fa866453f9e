package gateway

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// refusalOf returns a refusal by a check.
func refusalOf(stage observe.Stage, err error) observe.Refusal {
	if errors.Is(err, errNotAccepting) {
		stage = observe.StageStopping
	}
	sent, _ := httperr.Visible(err)
	return observe.Refusal{Stage: stage, Err: err, Sent: sent}
}

// attempt returns the connection that a handshake opens.
func (e *endpoint) attempt(h *adapter.Handshake) observe.Attempt {
	parent, state := traceOfHandshake(h)
	return observe.Attempt{
		Request: h.Request, Platform: e.srv.adapter.Name(), Path: e.srv.path, Endpoint: e.pattern.name, Namespace: h.Namespace,
		Traceparent: parent, Tracestate: state, Values: h.Values(),
	}
}

// Endpoint is for [observe.EndpointOf].
func (s *session) Endpoint() observe.Endpoint {
	return observe.Endpoint{Platform: s.Platform(), Path: s.ep.srv.path, Namespace: s.ep.pattern.name, HidesPayloads: s.ep.errors.HideCauseData}
}

// QueuedBytes is for [observe.QueuedBytes].
func (s *session) QueuedBytes() int { return s.conn.State().Queued }

func (e *endpoint) observeRefusal(h *adapter.Handshake, r observe.Refusal) {
	if e.hooks != nil {
		e.hooks.Refused(h.Request.Context(), e.attempt(h), r)
	}
}

// observeRefused reports a request that was refused before its namespace is known.
func (s *boundServer) observeRefused(r *http.Request, stage observe.Stage, err error) {
	if s.hooks != nil {
		a := observe.Attempt{Request: r, Platform: s.adapter.Name(), Path: s.path}
		a.Traceparent, a.Tracestate = traceOfRequest(r)
		s.hooks.Refused(r.Context(), a, refusalOf(stage, err))
	}
}

func (s *session) observeReceived(m *adapter.Message) {
	if s.ep.hooks == nil {
		return
	}
	m.Stamp(framework, time.Duration(pipe.Now()))
	m.SetNumber(framework, s.ep.numbered.Add(1))
	s.ep.hooks.Received(s, observe.Received{
		Event: m.Event, Payload: m.Payload, Bytes: m.WireSize(), Number: uint64(m.Number(framework)), WantsAnswer: m.Reply, Err: m.Err,
	})
}

func (s *session) observeAnswer(id uint64, p websockets.Payload) {
	if s.ep.hooks != nil {
		s.ep.hooks.Received(s, observe.Received{Payload: p, Bytes: p.Size(), Number: id, Answer: true})
	}
}

// observed is a message whose handling is observed. Its methods accept nil.
type observed struct {
	ctx   context.Context // of the handler, with what the observers have put in
	start pipe.Moment
	items int
	end   observers.Ending[observe.Outcome]
}

// observedMessages has those of replies that are reused themselves.
var observedMessages = sync.Pool{New: func() any { return new(observed) }}

func (o *observed) item() {
	if o != nil {
		o.items++
	}
}

// context returns the context of a message's handler, for what is done about the message when the handler has returned; that of
// the client if it has not started, or is not observed.
func (s *session) context(r *reply) context.Context {
	switch {
	case r == nil || r.observed == nil:
		return s.ctx
	case r.sub.Kind == handler.Stream: // its context has ended
		return valueContext{s.ctx, r.observed.ctx}
	}
	return r.observed.ctx
}

// valueContext ends with one context, and has the values of another.
type valueContext struct {
	context.Context

	values context.Context
}

// Value implements [context.Context].
func (c valueContext) Value(key any) any { return c.values.Value(key) }

// observeHandling returns the context of the handler.
func (s *session) observeHandling(ctx context.Context, r *reply) context.Context {
	if !s.ep.hooks.WantsHandle() {
		return ctx
	}
	if r.reusable() {
		r.observed = observedMessages.Get().(*observed)
	} else {
		r.observed = new(observed)
	}
	s.startObserving(ctx, r.observed, r.m, r.sub)
	return r.observed.ctx
}

func (s *session) startObserving(ctx context.Context, o *observed, m *adapter.Message, sub *boundSub) {
	o.start = pipe.Now()
	h := observe.Handling{
		Client: s, Number: uint64(m.Number(framework)), Waited: time.Duration(o.start) - m.Stamped(framework), Traceparent: m.Traceparent, Tracestate: m.Tracestate,
	}
	if sub != nil {
		h.Gateway, h.Event = sub.gateway.short, sub.Event
	}
	o.ctx, o.end = s.ep.hooks.Handle(ctx, h)
}

// observeOutcome reports how the handling of a message ended. r is nil for one whose handler
// has not started.
func (s *session) observeOutcome(m *adapter.Message, sub *boundSub, r *reply, err error, sent *websockets.Error) {
	if !s.ep.hooks.WantsHandle() {
		return
	}
	var o *observed
	out := observe.Outcome{Err: err, Sent: sent}
	if r != nil {
		o = r.observed
		out.Denied = r.enhanced != nil && r.enhanced.denied
	}
	if o == nil {
		o = new(observed)
		s.startObserving(s.ctx, o, m, sub)
	}
	if o.end.Wanted() {
		_, out.Panicked = errors.AsType[*recovered.PanicError](err)
		out.Items, out.Took = o.items, time.Duration(pipe.Now()-o.start)
		o.end.Call(out)
	}
}

// release reuses the memory of an observed message, with that of its reply.
func (o *observed) release() {
	if o != nil {
		*o = observed{}
		observedMessages.Put(o)
	}
}

// answer answers a message under its ack or id.
func (s *session) answer(m *adapter.Message, out *adapter.Outgoing) error {
	if !s.ep.hooks.WantsAnswered() {
		return s.conn.Reply(m, out)
	}
	p, _ := out.Payload(s.ep.traits.Binary)
	err := s.conn.Reply(m, out)
	if err == nil {
		s.ep.hooks.Answered(s, observe.Answer{Event: m.Event, Number: uint64(m.Number(framework)), Payload: p, Failed: out.Event == s.ep.exceptionEvent()})
	}
	return err
}

// delivery counts the recipients of an event. Its methods accept nil.
type delivery struct{ recipients, dropped, bytes, answers atomic.Int64 }

func (d *delivery) answered() {
	if d != nil {
		d.answers.Add(1)
	}
}

func (d *delivery) add(size int, err error) {
	switch {
	case d == nil:
	case err != nil:
		d.dropped.Add(1)
	default:
		d.recipients.Add(1)
		d.bytes.Add(int64(size))
	}
}

// queue queues an event for the client.
func (s *session) queue(out *adapter.Outgoing, ack uint64, d *delivery) error {
	err := s.queueUnseen(out, ack)
	if s.ep.hooks != nil {
		s.observeQueued(out, ack, d, err)
	}
	return err
}

// queueUnseen is queue without observers.
func (s *session) queueUnseen(out *adapter.Outgoing, ack uint64) error {
	err := s.conn.Emit(out, ack)
	if errors.Is(err, websockets.ErrQueueFull) {
		s.ep.dropped.Add(1)
	}
	return err
}

func (s *session) observeQueued(out *adapter.Outgoing, ack uint64, d *delivery, err error) {
	var p websockets.Payload
	if d != nil || s.ep.hooks.WantsSent() {
		p, _ = out.Payload(s.ep.traits.Binary)
	}
	d.add(len(out.Event)+p.Size(), err)
	switch {
	case err == nil:
		s.ep.hooks.Sent(s, observe.Sent{Event: out.Event, Payload: p, Call: ack != 0, Number: ack})
	case errors.Is(err, websockets.ErrQueueFull), errors.Is(err, websockets.ErrClosed):
		s.ep.hooks.Dropped(s, out.Event, err)
	}
}

// emission describes an event for the client.
func (s *session) emission(out *adapter.Outgoing) observe.Emission {
	return observe.Emission{Event: out.Event, Client: s, Namespace: s.hs.Namespace}
}

// emissionOf describes an event for a selection.
func emissionOf(sel core.Selection, out *adapter.Outgoing) observe.Emission {
	return observe.Emission{Event: out.Event, Namespace: sel.Namespace, Rooms: sel.Rooms.Slice()}
}

// arrivalOf describes a message of another node.
func arrivalOf(m *backplane.Message) observe.Arrival {
	return observe.Arrival{
		Event: m.Event, Node: m.Origin, Traceparent: m.Traceparent, Call: m.Kind == backplane.Call, NodeEvent: m.Kind == backplane.NodeEvent,
	}
}

// observeEmission sends an event between the hooks.
func observeEmission(ctx context.Context, hooks *observers.Set, e observe.Emission, send func(context.Context, *delivery) error) error {
	if hooks == nil {
		return send(ctx, nil)
	}
	start := pipe.Now()
	ctx, end := hooks.Emit(ctx, e)
	return sendCounted(ctx, start, end, send)
}

// observeArrival handles an event of another node between the hooks.
func observeArrival(ctx context.Context, hooks *observers.Set, a observe.Arrival, handle func(context.Context, *delivery) error) error {
	if hooks == nil {
		return handle(ctx, nil)
	}
	start := pipe.Now()
	ctx, end := hooks.Deliver(ctx, a)
	return sendCounted(ctx, start, end, handle)
}

// sendCounted sends an event, and passes end what has become of it.
func sendCounted(ctx context.Context, start pipe.Moment, end observers.Ending[observe.Delivery], send func(context.Context, *delivery) error) error {
	if !end.Wanted() {
		return send(ctx, nil)
	}
	d, err := &delivery{}, recovered.ErrExited
	defer func() { // a handler of a NodeEvent may end its goroutine
		end.Call(observe.Delivery{
			Recipients: int(d.recipients.Load()), Dropped: int(d.dropped.Load()), Bytes: int(d.bytes.Load()), Answers: int(d.answers.Load()),
			Err: err, Took: time.Duration(pipe.Now() - start),
		})
	}()
	err = send(ctx, d)
	return err
}
