package gateway

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var (
	_ handler.Exchange = (*reply)(nil)
	_ handler.Exchange = observation{}
)

// reply is one message with its answer. It implements [handler.Exchange].
type reply struct {
	s           *session
	sub         *boundSub
	m           *adapter.Message
	answered    bool
	refused     bool   // by a guard, or for its payload: the handler was not called
	undelivered bool   // what the handler returned was not sent: the client has left, or its queue is full
	returned    func() // the handler has returned
	enhanced    *enhanced
	observed    *observed // nil without observers
}

// replies has replies to handlers without guards, interceptors and pipes, and no streams: when such a handler has
// returned, only this goroutine has its reply.
var replies = sync.Pool{New: func() any { return new(reply) }}

// enhanced is the state of a message with guards, interceptors or pipes.
type enhanced struct {
	call   pipeline.Call
	run    pipe.Run
	out    any  // what the handler returned
	has    bool // and that it did
	denied bool // by a guard
	start  pipe.Moment
}

func newReply(s *session, sub *boundSub, m *adapter.Message, returned func()) *reply {
	if sub.chain.Bare() {
		if sub.Kind == handler.Stream {
			return &reply{s: s, sub: sub, m: m, returned: returned}
		}
		r := replies.Get().(*reply)
		*r = reply{s: s, sub: sub, m: m, returned: returned}
		return r
	}
	both := &struct {
		reply
		enhanced
	}{reply{s: s, sub: sub, m: m, returned: returned}, enhanced{call: s.callOf(sub, m), start: sub.chain.Begin()}}
	both.reply.enhanced = &both.enhanced
	return &both.reply
}

// reusable reports whether the reply is of replies.
func (r *reply) reusable() bool { return r.enhanced == nil && r.sub.Kind != handler.Stream }

// release reuses the memory of a reply that is sent, or to a handler without a result that has returned.
func (r *reply) release() {
	if r.reusable() {
		r.observed.release()
		*r = reply{}
		replies.Put(r)
	}
}

// callOf returns the message as guards and the others see it.
func (s *session) callOf(sub *boundSub, m *adapter.Message) pipeline.Call {
	c := pipeline.Call{
		Kind: pipeline.KindMessage, Pattern: m.Event, Request: s.request.Load(),
		Payload: &m.Payload, Size: m.WireSize(), Store: s.hs.Values(), Connection: s.hs.Connection.Values(),
	}
	if !s.hs.Auth.IsZero() {
		c.Auth = &s.hs.Auth
	}
	if sub != nil {
		c.Name, c.Handler, c.Owner = sub.gateway.short, sub.chain.Handler, sub.chain.Owner
	}
	return c
}

// run runs the guards, then the interceptors with the handler, and sends the result.
func (r *reply) run(ctx context.Context) error {
	x := r.enhanced
	if err := r.sub.chain.Check(ctx, &x.call); err != nil {
		x.denied = true
		return r.Refuse(err)
	}
	v, err := x.run.Do(ctx, r.sub.chain, &x.call, r)
	if err != nil {
		return err
	}
	if v == nil && !x.has {
		return nil
	}
	return r.send(ctx, v)
}

// Refuse implements [handler.Exchange].
func (r *reply) Refuse(err error) error {
	r.refused = true
	return err
}

// Handle implements [pipe.Handler]: it calls the handler and keeps its result for the interceptors.
func (r *reply) Handle(ctx context.Context) (any, error) {
	x := r.enhanced
	x.out, x.has, r.refused = nil, false, false
	err := r.sub.Invoke(ctx, r)
	return x.out, err
}

// Event implements [handler.Exchange].
func (r *reply) Event() string { return r.m.Event }

// Decode implements [handler.Exchange].
func (r *reply) Decode(ctx context.Context, v any) error {
	if err := r.decode(v); err != nil {
		return r.Refuse(err)
	}
	if r.enhanced == nil {
		return nil
	}
	if err := r.sub.chain.Transform(ctx, &r.enhanced.call, v); err != nil {
		return r.Refuse(err)
	}
	return nil
}

func (r *reply) decode(v any) error {
	if p, ok := v.(*websockets.Payload); ok {
		*p = r.m.Payload
		return nil
	}
	if r.sub.several {
		_, err := websockets.DecodeArguments(framework, r.m.Payload, v, r.s.ep.traits.ReplyAsEvent, r.decodeArgument)
		return err
	}
	raw := payload.Raw{JSON: r.m.Payload.JSON, Attachments: r.m.Payload.Attachments}
	return raw.DecodeInto(v, r.sub.decoder, r.sub.decoding, r.s.ep.rt.codec)
}

// decodeArgument decodes one of several arguments.
func (r *reply) decodeArgument(p websockets.Payload, v any) error {
	if dst, ok := v.(*websockets.Payload); ok {
		*dst = p.Clone()
		return nil
	}
	d, err := codec.DecoderOf(reflect.TypeOf(v).Elem())
	if err != nil && r.s.ep.rt.codec == nil {
		return err
	}
	return payload.Raw{JSON: p.JSON, Attachments: p.Attachments}.DecodeInto(v, d, r.sub.decoding, r.s.ep.rt.codec)
}

// Result implements [handler.Exchange].
func (r *reply) Result(ctx context.Context, v any) error {
	if x := r.enhanced; x != nil {
		x.out, x.has = v, true
		return nil
	}
	return r.send(ctx, v)
}

// Private implements [handler.Exchange].
func (r *reply) Private() bool {
	ep := r.s.ep
	observed := ep.hooks != nil && (!r.m.Reply || ep.hooks.WantsAnswered())
	return r.reusable() && len(ep.emits) == 0 && !observed && ep.rt.codec == nil
}

// ResultAt implements [handler.Exchange].
func (r *reply) ResultAt(p any) error {
	r.returned()
	out := r.s.outgoing("", p)
	defer release(out)
	out.SetPlain(framework, r.sub.result)
	var err error
	switch {
	case r.m.Reply:
		err = r.s.answer(r.m, out)
	case r.s.ep.traits.ReplyAsEvent:
		out.Event, out.Answer = r.m.Event, true
		out.SetSingle(framework)
		err = r.s.queue(out, 0, nil)
	default:
		return nil // the client waits for no answer
	}
	if failed := out.EncodeError(framework); failed != nil {
		return failed
	}
	r.answered = r.m.Reply
	return r.delivered(err)
}

// send sends a Response as its event, anything else as the answer.
func (r *reply) send(ctx context.Context, v any) error {
	r.returned()
	if r.sub.responds || r.enhanced != nil {
		if res, ok := v.(emit.Response); ok {
			event, data, opts := res.Emission()
			return r.Respond(ctx, event, data, opts)
		}
	}
	out := r.s.outgoing("", v)
	defer release(out)
	binary := r.s.ep.traits.Binary
	switch {
	case r.m.Reply:
		if err := out.Prepare(framework, binary); err != nil {
			return err
		}
		r.answered = true
		return r.delivered(r.s.answer(r.m, out))
	case r.s.ep.traits.ReplyAsEvent:
		out.Event, out.Answer = r.m.Event, true
		return r.delivered(r.s.emit(ctx, out))
	default:
		return nil // the client waits for no answer
	}
}

// Respond implements [handler.Exchange].
func (r *reply) Respond(ctx context.Context, event string, data any, opts emit.Options) error {
	out := r.s.outgoing(cmp.Or(event, r.m.Event), data)
	defer release(out)
	out.Options, out.Answer = opts, true
	if r.sub.Kind == handler.Stream {
		out.InReplyTo = r.m
		r.observed.item()
	}
	err := r.s.emit(ctx, out)
	if opts.Droppable() && errors.Is(err, websockets.ErrQueueFull) {
		return nil // a waiting ack is still answered, a stream goes on
	}
	return r.delivered(err)
}

// delivered notes the error of a result that was not sent, and returns it.
func (r *reply) delivered(err error) error {
	if errors.Is(err, websockets.ErrClosed) || errors.Is(err, websockets.ErrQueueFull) {
		r.undelivered = true
	}
	return err
}

// Ready implements [handler.Exchange].
func (r *reply) Ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return errStreamStopped
	}
	return r.delivered(r.s.conn.Writable(ctx))
}

// WantsItems implements [handler.Exchange].
func (r *reply) WantsItems() bool { return r.enhanced != nil && r.sub.chain.WantsItems() }

// Item implements [handler.Exchange].
func (r *reply) Item(ctx context.Context, item emit.Response) error {
	v, err := r.sub.chain.Item(ctx, &r.enhanced.call, item)
	switch res, ok := v.(emit.Response); {
	case err != nil:
		return err
	case ok:
		event, data, opts := res.Emission()
		return r.Respond(ctx, event, data, opts)
	case v == nil:
		return nil // an interceptor has removed it
	default:
		return r.Respond(ctx, "", v, emit.Options{})
	}
}

// observation is one message as an [websockets.OnAny] sees it.
type observation struct{ m *adapter.Message }

func (o observation) Event() string { return o.m.Event }

func (o observation) Decode(_ context.Context, v any) error {
	*v.(*websockets.Payload) = o.m.Payload
	return nil
}

func (o observation) Refuse(err error) error                                   { return err }
func (o observation) Result(context.Context, any) error                        { return nil }
func (o observation) Private() bool                                            { return false }
func (o observation) ResultAt(any) error                                       { return nil }
func (o observation) Ready(context.Context) error                              { return nil }
func (o observation) WantsItems() bool                                         { return false }
func (o observation) Item(context.Context, emit.Response) error                { return nil }
func (o observation) Respond(context.Context, string, any, emit.Options) error { return nil }
