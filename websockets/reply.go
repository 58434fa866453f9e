package websockets

import (
	"context"
	"errors"

	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// reply is where the results of one message go.
type reply struct {
	s        *session
	sub      *boundSub
	m        *Message
	answered bool
	refused  bool   // by a guard, or because of the payload: no handler was called
	returned func() // the handler has returned
	enhanced *enhanced
}

// enhanced is what a message needs more when anything stands before its handler.
type enhanced struct {
	call pipeline.Call
	run  enhance.Run
	out  any  // what the handler returned
	has  bool // and that it did
}

func newReply(s *session, sub *boundSub, m *Message, returned func()) *reply {
	if sub.chain.Bare() {
		return &reply{s: s, sub: sub, m: m, returned: returned}
	}
	both := &struct {
		reply
		enhanced
	}{reply{s: s, sub: sub, m: m, returned: returned}, enhanced{call: s.callOf(sub, m)}}
	both.reply.enhanced = &both.enhanced
	return &both.reply
}

// callOf is the message as guards and all others see it.
func (s *session) callOf(sub *boundSub, m *Message) pipeline.Call {
	c := pipeline.Call{
		Kind: pipeline.KindMessage, Pattern: m.Event, Request: s.request.Load(),
		Payload: &m.Payload, Size: m.wire(), Store: &s.hs.values, Connection: s.hs.Connection.Values(),
	}
	if !s.hs.Auth.IsZero() {
		c.Auth = &s.hs.Auth
	}
	if sub != nil {
		c.Name, c.Handler, c.Owner = sub.gateway.Name, sub.chain.Handler, sub.chain.Owner
	}
	return c
}

// run asks the guards and runs the interceptors, the handler inside of them, and
// sends what came out.
func (r *reply) run(ctx context.Context) error {
	x := r.enhanced
	if err := r.sub.chain.Check(ctx, &x.call); err != nil {
		return r.refuse(err)
	}
	v, err := x.run.Do(ctx, r.sub.chain, &x.call, r.invoke)
	if err != nil {
		return err
	}
	if v == nil && !x.has {
		return nil
	}
	return r.send(v)
}

// refuse notes that the error is about what the client has sent.
func (r *reply) refuse(err error) error {
	r.refused = true
	return err
}

// invoke is the inmost: it keeps the result for the interceptors.
func (r *reply) invoke(ctx context.Context) (any, error) {
	x := r.enhanced
	x.out, x.has, r.refused = nil, false, false
	err := r.sub.invoke(ctx, r.m, r)
	return x.out, err
}

// transform runs the pipes over a decoded payload, which v points to.
func (r *reply) transform(ctx context.Context, v any) error {
	if r.enhanced == nil {
		return nil
	}
	if err := r.sub.chain.Transform(ctx, &r.enhanced.call, v); err != nil {
		return r.refuse(err)
	}
	return nil
}

// result takes what the handler returned.
func (r *reply) result(v any) error {
	if x := r.enhanced; x != nil {
		x.out, x.has = v, true
		return nil
	}
	return r.send(v)
}

// send answers: a Response as its event, anything else as the result.
func (r *reply) send(v any) error {
	r.returned()
	if r.sub.responds || r.enhanced != nil {
		if res, ok := v.(response); ok {
			return r.respond(res.outgoing(r.m.Event))
		}
	}
	out := &Outgoing{value: v, codec: r.s.ep.rt.codec}
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
		out.Event, out.Answer = r.m.Event, true
		return r.s.emit(out)
	default:
		return nil // nobody asked
	}
}

func (r *reply) respond(out *Outgoing) error {
	out.Answer = true
	err := r.s.emit(out)
	if out.droppable() && errors.Is(err, ErrQueueFull) {
		return nil // a waiting ack is answered all the same, a stream goes on
	}
	return err
}

// ready waits until the client can take one more response of a stream.
func (r *reply) ready(ctx context.Context) error {
	if ctx.Err() != nil {
		return errStreamStopped
	}
	return r.s.conn.Writable(ctx)
}

// wantsItems reports whether interceptors see the items of streams.
func (r *reply) wantsItems() bool { return r.enhanced != nil && r.sub.chain.WantsItems() }

// item sends one response of a stream as the interceptors leave it.
func (r *reply) item(ctx context.Context, item response) error {
	v, err := r.sub.chain.Item(ctx, &r.enhanced.call, item)
	switch res, ok := v.(response); {
	case err != nil:
		return err
	case ok:
		return r.respond(res.outgoing(r.m.Event))
	case v == nil:
		return nil // left out
	default:
		return r.respond(NewOutgoing(r.m.Event, v))
	}
}
