package websockets

import (
	"context"
	"iter"

	"github.com/gatehouse-go/gatehouse/internal/identity"
)

// Request is an event that clients send and the server answers: one descriptor for both ends.
// Declare one per event, in a package variable.
//
//	var Enter = websockets.NewRequest[EnterIn, Room]("enter")
//
//	func (g *Gateway) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{Enter.On(g.enter)}
//	}
//
// It is immutable.
type Request[In, Out any] struct{ name string }

// NewRequest returns a request named event whose payload is an In and whose answer is an Out.
func NewRequest[In, Out any](event string) Request[In, Out] { return Request[In, Out]{event} }

// Name is the event's name on the wire.
func (r Request[In, Out]) Name() string { return r.name }

// On subscribes a handler, as the function [On] does.
func (r Request[In, Out]) On(h func(context.Context, In) (Out, error), opts ...HandlerOption) Subscription {
	return On(r.name, h, opts...)
}

// Call sends the request and waits for the answer. c is a connection of package client.
func (r Request[In, Out]) Call(ctx context.Context, c Caller, in In) (Out, error) {
	return CallEvent[In, Out]{name: r.name}.Call(ctx, c, in)
}

// StreamEvent is an event that clients send and the server answers with a stream: one
// descriptor for both ends. Declare one per event, in a package variable.
//
//	var (
//		Tick  = websockets.NewEvent[int]("tick")
//		Count = websockets.NewStream[int]("count", Tick)
//	)
//
//	func (g *Gateway) count(ctx context.Context, n int) iter.Seq2[websockets.Response[int], error]
//
//	Count.On(g.count, websockets.Background(1))
//
// It is immutable.
type StreamEvent[In, Item any] struct {
	name string
	item Event[Item]
}

// NewStream returns a stream named event whose payload is an In and whose items are sent as
// the event item.
func NewStream[In, Item any](event string, item Event[Item]) StreamEvent[In, Item] {
	return StreamEvent[In, Item]{event, item}
}

// Name is the event's name on the wire.
func (s StreamEvent[In, Item]) Name() string { return s.name }

// Item is the event of the items.
func (s StreamEvent[In, Item]) Item() Event[Item] { return s.item }

// On subscribes a handler, as the function [Stream] does. Responses without a name of their
// own are sent as the stream's item event.
func (s StreamEvent[In, Item]) On(h func(context.Context, In) iter.Seq2[Response[Item], error], opts ...HandlerOption) Subscription {
	opts = append([]HandlerOption{Sends(s.item), funcNamed(identity.FuncName(h))}, opts...)
	if h == nil {
		return Stream[In, Item](s.name, nil, opts...)
	}
	return Stream(s.name, func(ctx context.Context, in In) iter.Seq2[Response[Item], error] {
		seq := h(ctx, in)
		if seq == nil {
			return nil
		}
		return func(yield func(Response[Item], error) bool) {
			for r, err := range seq {
				if r.Event == "" {
					r.Event, r.opts = s.item.name, s.item.opts
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}, opts...)
}

// Streamer is where streams are requested: the server of a connection of package client.
type Streamer interface {
	// Stream requests a stream when the loop over it starts, and cancels it when the loop is left.
	// An error ends it. Prefer [StreamEvent.Of], which checks types.
	Stream(ctx context.Context, event string, data any, opts ...EmitOption) iter.Seq2[Payload, error]
}

// Of requests the stream: the loop over it receives the items in order. Leaving the loop, and the
// end of ctx, cancel the handler. An error ends the stream; an item that does not decode is one.
//
//	for n, err := range Count.Of(ctx, conn, 3) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (s StreamEvent[In, Item]) Of(ctx context.Context, c Streamer, in In) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for p, err := range c.Stream(ctx, s.name, in) {
			var item Item
			if err == nil {
				err = decodeAnswer(c, p, &item)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
