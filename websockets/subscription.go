package websockets

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// Subscription binds a handler to an event; see [On], [Listen], [Stream], [Fallback] and
// [OnAny]. It is immutable.
type Subscription struct{ spec handler.Spec }

// Spec returns the description of the handler. The framework calls it.
func (s Subscription) Spec(seal.Framework) handler.Spec { return s.spec }

// Kind is how a handler answers.
type Kind string

// The kinds of subscription.
const (
	KindOn       Kind = "on"       // a result or a Response
	KindListen   Kind = "listen"   // no result
	KindStream   Kind = "stream"   // many responses
	KindFallback Kind = "fallback" // events without a handler of their own
	KindAny      Kind = "any"      // sees every event, answers none
	KindNode     Kind = "node"     // events of other nodes, see NodeEvent
	KindPresence Kind = "presence" // changes of package presence
)

// HandlerOption configures one subscription: [Background], [Strict], [UseGuards] and the
// like, or describes it: [Sends], [Errors].
type HandlerOption interface {
	// ApplyHandler sets the option. The framework calls it.
	ApplyHandler(*handler.Spec)
}

type handlerOption func(*handler.Spec)

func (f handlerOption) ApplyHandler(s *handler.Spec) { f(s) }

// Background runs the handler concurrently with the client's other messages, at most n
// at once for each client; one more is refused with an error. It is for long streams:
// without it, a handler delays the client's next messages until it returns.
func Background(n int) HandlerOption {
	return handlerOption(func(s *handler.Spec) {
		s.Background = n
		if n < 1 {
			s.Problem = fmt.Sprintf("Background(%d): must be at least 1", n)
		}
	})
}

// On subscribes a handler that answers: its result becomes the ack, or, on plain
// WebSocket, the reply frame, whatever the value. A result of type [Response]
// is sent as its event instead, and a waiting ack is answered empty.
//
//	websockets.On("identity", g.Identity)
//
//	func (g *Gateway) Identity(ctx context.Context, n int) (int, error) { return n, nil }
//
// In is decoded from the payload: none leaves it zero, several arguments are a
// JSON array. As In, [Payload] receives the bytes undecoded. A method Validate() error of
// In is called after all pipes, and its error is sent to the client.
func On[In, Out any](event string, h func(context.Context, In) (Out, error), opts ...HandlerOption) Subscription {
	s := handler.Spec{Event: event, Kind: handler.On, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](), Func: identity.FuncName(h)}
	s.Item = itemOf(s.Out)
	validate := pipe.Validator[In]()
	memory := newHandlerMemory[In, Out](s.Item == nil && validate == nil)
	s.Invoke = func(ctx context.Context, x handler.Exchange) error {
		if memory != nil && x.Private() {
			return memory.invoke(ctx, x, h)
		}
		in, err := decode(ctx, x, validate)
		if err != nil {
			return err
		}
		out, err := h(ctx, *in)
		if err != nil {
			return err
		}
		return x.Result(ctx, out)
	}
	return newSubscription(s, h == nil, opts)
}

// Listen subscribes a handler without a result; a waiting ack is answered empty.
func Listen[In any](event string, h func(context.Context, In) error, opts ...HandlerOption) Subscription {
	s := handler.Spec{Event: event, Kind: handler.Listen, In: reflect.TypeFor[In](), Func: identity.FuncName(h)}
	s.Invoke = listener(h, pipe.Validator[In]())
	return newSubscription(s, h == nil, opts)
}

// listener returns the Invoke of a handler without a result.
func listener[In any](h func(context.Context, In) error, validate func(*In) error) func(context.Context, handler.Exchange) error {
	return func(ctx context.Context, x handler.Exchange) error {
		in, err := decode(ctx, x, validate)
		if err != nil {
			return err
		}
		return h(ctx, *in)
	}
}

// Stream subscribes a handler that sends any number of responses, each as soon
// as the sequence yields it, and not faster than the client reads them. The
// sequence is stopped when the client disconnects; an error ends it and is sent to
// the client. A waiting ack is answered empty at the end.
//
//	func (g *Gateway) Count(ctx context.Context, n int) iter.Seq2[websockets.Response[int], error]
//
// A long stream needs [Background].
func Stream[In, Out any](event string, h func(context.Context, In) iter.Seq2[Response[Out], error], opts ...HandlerOption) Subscription {
	s := handler.Spec{
		Event: event, Kind: handler.Stream, In: reflect.TypeFor[In](), Out: reflect.TypeFor[Response[Out]](), Item: reflect.TypeFor[Out](),
		Func: identity.FuncName(h),
	}
	validate := pipe.Validator[In]()
	s.Invoke = func(ctx context.Context, x handler.Exchange) error {
		in, err := decode(ctx, x, validate)
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
			if err := x.Ready(ctx); err != nil {
				return err
			}
			if x.WantsItems() {
				err = x.Item(ctx, item)
			} else {
				event, data, eo := item.Emission()
				err = x.Respond(ctx, event, data, eo)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return newSubscription(s, h == nil, opts)
}

// Fallback subscribes a handler to every event without a handler of its own at the
// endpoint. Its result answers as with [On].
func Fallback[Out any](h func(ctx context.Context, event string, p Payload) (Out, error), opts ...HandlerOption) Subscription {
	s := handler.Spec{Kind: handler.Fallback, In: reflect.TypeFor[Payload](), Out: reflect.TypeFor[Out](), Func: identity.FuncName(h)}
	s.Item = itemOf(s.Out)
	s.Invoke = func(ctx context.Context, x handler.Exchange) error {
		var p Payload
		if err := x.Decode(ctx, &p); err != nil {
			return err
		}
		out, err := h(ctx, x.Event(), p)
		if err != nil {
			return err
		}
		return x.Result(ctx, out)
	}
	return newSubscription(s, h == nil, opts)
}

// OnAny subscribes a function that sees every message of the gateway's endpoint
// before its guards and its handler, whichever gateway that belongs to, also when
// there is none. It is for logs and counters; there may be any number.
//
//	websockets.OnAny(func(ctx context.Context, event string, p websockets.Payload) {
//		g.received.Inc(event)
//	})
//
// It delays the client's messages, so it must be quick. It must not change the payload,
// because the handler receives the same one. ctx is as for a handler. A panic is
// recovered and logged, and the message is handled.
func OnAny(h func(ctx context.Context, event string, p Payload)) Subscription {
	s := handler.Spec{Kind: handler.Any, In: reflect.TypeFor[Payload](), Func: identity.FuncName(h)}
	s.Invoke = func(ctx context.Context, x handler.Exchange) error {
		var p Payload
		if err := x.Decode(ctx, &p); err != nil {
			return err
		}
		h(ctx, x.Event(), p)
		return nil
	}
	return newSubscription(s, h == nil, nil)
}

// Replace returns subs with each of by in the place of the handler of the same event, for a gateway that embeds
// another one and handles some of its events itself. Those that are new are added.
//
//	func (g *VIPChat) Subscriptions() []websockets.Subscription {
//		return websockets.Replace(g.Chat.Subscriptions(), websockets.On("post", g.Post))
//	}
func Replace(subs []Subscription, by ...Subscription) []Subscription {
	all := slices.Clone(subs)
	for _, s := range by {
		same := func(old Subscription) bool {
			return old.spec.Event == s.spec.Event && old.spec.Kind.HasClient() == s.spec.Kind.HasClient() &&
				(old.spec.Kind == handler.Fallback) == (s.spec.Kind == handler.Fallback) && old.spec.Kind != handler.Any
		}
		if i := slices.IndexFunc(all, same); i >= 0 && s.spec.Kind != handler.Any {
			all[i] = s
		} else {
			all = append(all, s)
		}
	}
	return all
}

// NewSubscription returns the subscription of a handler without a client. The framework calls it.
func NewSubscription(_ seal.Framework, s handler.Spec, isNil bool) Subscription {
	return newSubscription(s, isNil, nil)
}

func newSubscription(s handler.Spec, isNil bool, opts []HandlerOption) Subscription {
	s.Place = caller().place()
	for _, o := range opts {
		if o != nil {
			o.ApplyHandler(&s)
		}
	}
	switch {
	case isNil:
		s.Problem = "the handler is nil; pass a method of the gateway"
	case s.Kind != handler.Fallback && s.Kind != handler.Any && s.Event == "":
		s.Problem = "the event has no name; pass the one that clients send"
	case reserved[s.Event]:
		s.Problem = "the name is reserved by the platforms; choose another"
	case len(s.Event) > config.MaxEventName:
		s.Problem = fmt.Sprintf("the name has %d bytes, and messages may name events with %d; choose a shorter one", len(s.Event), config.MaxEventName)
	case !utf8.ValidString(s.Event):
		s.Problem = "the name is not UTF-8, which no message has; choose another"
	}
	return Subscription{s}
}

// reserved names never reach handlers: the platforms use them themselves.
var reserved = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true,
	"newListener": true, "removeListener": true, EventException: true, EventCancel: true,
}

// decode returns the input of the handler: the decoded payload, after all pipes.
func decode[In any](ctx context.Context, x handler.Exchange, validate func(*In) error) (*In, error) {
	in := new(In)
	if err := x.Decode(ctx, in); err != nil {
		return nil, err
	}
	if validate != nil {
		if err := validate(in); err != nil {
			return nil, x.Refuse(err)
		}
	}
	return in, nil
}
