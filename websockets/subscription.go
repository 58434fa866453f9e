package websockets

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
)

// Subscription binds a handler to an event; see [On], [Listen], [Stream],
// [Fallback] and [OnAny]. It is immutable.
type Subscription struct {
	event      string
	kind       Kind
	in, out    reflect.Type
	invoke     invoker
	background int
	enhanced   enhance.Binding
	strict     bool
	problem    string
}

// Kind tells how a handler answers.
type Kind string

// The kinds of subscription.
const (
	KindOn       Kind = "on"       // a result or a Response
	KindListen   Kind = "listen"   // no result
	KindStream   Kind = "stream"   // many responses
	KindFallback Kind = "fallback" // events that nobody subscribes
	KindAny      Kind = "any"      // sees every event, answers none
)

// invoker decodes the payload, calls the handler, and hands what comes out to the reply.
type invoker func(ctx context.Context, m *Message, r *reply) error

// HandlerOption configures one subscription.
type HandlerOption interface {
	applyHandler(*Subscription)
}

type handlerOptionFunc func(*Subscription)

func (f handlerOptionFunc) applyHandler(s *Subscription) { f(s) }

// Background lets the handler run beside the client's other messages, at most n
// at once for each client; one more is refused with an error. It is for streams
// that last: without it, a handler holds back the client's next messages until
// it returns.
func Background(n int) HandlerOption {
	return handlerOptionFunc(func(s *Subscription) {
		s.background = n
		if n < 1 {
			s.problem = fmt.Sprintf("Background(%d): must be at least 1", n)
		}
	})
}

// On subscribes a handler that answers: its result becomes the ack, or, on plain
// WebSocket, the reply frame, whatever the value. A result of type [Response]
// is sent as its event instead, and a waiting ack is answered empty.
//
//	websockets.On("identity", g.Identity)
//	func (g *Gateway) Identity(ctx context.Context, n int) (int, error) { return n, nil }
//
// In is decoded from the payload: none leaves it zero, several arguments are a
// JSON array. As In, [Payload] takes the bytes undecoded. An In with a method
// Validate() error is asked after all pipes, and its error told to the client.
func On[In, Out any](event string, h func(context.Context, In) (Out, error), opts ...HandlerOption) Subscription {
	s := Subscription{event: event, kind: KindOn, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	validate := enhance.Validator[In]()
	s.invoke = func(ctx context.Context, m *Message, r *reply) error {
		in, err := decode(ctx, m, r, validate)
		if err != nil {
			return err
		}
		out, err := h(ctx, *in)
		if err != nil {
			return err
		}
		return r.result(out)
	}
	return s.with(h == nil, opts)
}

// Listen subscribes a handler without a result; a waiting ack is answered empty.
func Listen[In any](event string, h func(context.Context, In) error, opts ...HandlerOption) Subscription {
	s := Subscription{event: event, kind: KindListen, in: reflect.TypeFor[In]()}
	validate := enhance.Validator[In]()
	s.invoke = func(ctx context.Context, m *Message, r *reply) error {
		in, err := decode(ctx, m, r, validate)
		if err != nil {
			return err
		}
		return h(ctx, *in)
	}
	return s.with(h == nil, opts)
}

// Stream subscribes a handler that sends any number of responses, each as soon
// as the sequence yields it, and not faster than the client takes them. The
// sequence is stopped when the client leaves; an error ends it and is told to
// the client. A waiting ack is answered empty at the end.
//
//	func (g *Gateway) Count(ctx context.Context, n int) iter.Seq2[websockets.Response[int], error]
//
// A stream that lasts wants [Background].
func Stream[In, Out any](event string, h func(context.Context, In) iter.Seq2[Response[Out], error], opts ...HandlerOption) Subscription {
	s := Subscription{event: event, kind: KindStream, in: reflect.TypeFor[In](), out: reflect.TypeFor[Response[Out]]()}
	validate := enhance.Validator[In]()
	s.invoke = func(ctx context.Context, m *Message, r *reply) error {
		in, err := decode(ctx, m, r, validate)
		if err != nil {
			return err
		}
		seq := h(ctx, *in)
		if seq == nil {
			return nil
		}
		for item, err := range seq {
			if err != nil {
				return err
			}
			if err := r.ready(ctx); err != nil {
				return err
			}
			if r.wantsItems() {
				err = r.item(ctx, item)
			} else {
				err = r.respond(item.outgoing(m.Event))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return s.with(h == nil, opts)
}

// Fallback subscribes a handler to every event that no other one of the
// endpoint takes. Its result answers as with [On].
func Fallback[Out any](h func(ctx context.Context, event string, p Payload) (Out, error), opts ...HandlerOption) Subscription {
	s := Subscription{kind: KindFallback, in: reflect.TypeFor[Payload](), out: reflect.TypeFor[Out]()}
	s.invoke = func(ctx context.Context, m *Message, r *reply) error {
		p := m.Payload
		if err := r.transform(ctx, &p); err != nil {
			return err
		}
		out, err := h(ctx, m.Event, p)
		if err != nil {
			return err
		}
		return r.result(out)
	}
	return s.with(h == nil, opts)
}

// OnAny subscribes a function that sees every message of the gateway's endpoint
// before its guards and its handler, whichever gateway that belongs to, also when
// there is none. It is for logs and counters; there may be any number.
//
//	websockets.OnAny(func(ctx context.Context, event string, p websockets.Payload) {
//		g.received.Inc(event)
//	})
//
// It runs on the way of the client's messages, so it must be quick, and must not
// change the payload, which the handler gets. ctx is as for a handler. A panic
// is recovered and logged, and the message goes on.
func OnAny(h func(ctx context.Context, event string, p Payload)) Subscription {
	s := Subscription{kind: KindAny, in: reflect.TypeFor[Payload]()}
	s.invoke = func(ctx context.Context, m *Message, _ *reply) error {
		h(ctx, m.Event, m.Payload)
		return nil
	}
	return s.with(h == nil, nil)
}

func (s Subscription) with(isNil bool, opts []HandlerOption) Subscription {
	for _, o := range opts {
		if o != nil {
			o.applyHandler(&s)
		}
	}
	switch {
	case isNil:
		s.problem = "the handler is nil"
	case s.kind != KindFallback && s.kind != KindAny && s.event == "":
		s.problem = "the event has no name"
	case reserved[s.event]:
		s.problem = "the name is reserved by the platforms; choose another"
	}
	return s
}

// reserved names never reach handlers: the platforms use them themselves.
var reserved = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true,
	"newListener": true, "removeListener": true, EventException: true,
}

// decode gives the payload as the handler takes it, after all pipes.
func decode[In any](ctx context.Context, m *Message, r *reply, validate func(*In) error) (*In, error) {
	in := new(In)
	if p, ok := any(in).(*Payload); ok {
		*p = m.Payload
	} else if err := m.Payload.decodeWith(r.s.ep.rt.codec, in, r.sub.strict); err != nil {
		return nil, r.refuse(err)
	}
	if err := r.transform(ctx, in); err != nil {
		return nil, err
	}
	if validate != nil {
		if err := validate(in); err != nil {
			return nil, r.refuse(err)
		}
	}
	return in, nil
}
