package websockets

import (
	"context"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// Event is an event without an answer, with the type of its payload: of the server, or of clients.
// Declare one per event, in a package variable. It is immutable.
//
//	var Posted = websockets.NewEvent[Post]("posted")
//
//	Posted.Emit(ctx, g.Server.To("news"), post)   // a room
//	Posted.Emit(ctx, client, post)                // one client
//
// One that clients send has a handler in Subscriptions:
//
//	var Typing = websockets.NewEvent[string]("typing")
//
//	Typing.On(g.typing)                           // func(ctx context.Context, room string) error
//	Typing.Emit(ctx, conn, "tea")                 // by package client
type Event[T any] struct {
	name string
	opts []EmitOption
	at   callSite
}

// NewEvent returns an event called name whose payload is a T. The options hold for every Emit
// of it.
//
//go:noinline // a call in a package variable has no line when it is inlined
func NewEvent[T any](name string, opts ...EmitOption) Event[T] {
	return Event[T]{name: name, opts: opts, at: caller()}
}

// Name is the event's name on the wire.
func (e Event[T]) Name() string { return e.name }

// EventInfo returns the name and the payload type.
func (e Event[T]) EventInfo() (name string, payload reflect.Type) {
	return e.name, reflect.TypeFor[T]()
}

// EventPlace returns where the event was made. The framework calls it.
func (e Event[T]) EventPlace(seal.Framework) string { return e.at.place() }

// EmitOptions returns how the event is sent. The framework calls it.
func (e Event[T]) EmitOptions(seal.Framework) emit.Options { return emitOptions(e.opts) }

// On subscribes a handler of the event, as the function [Listen] does.
func (e Event[T]) On(h func(context.Context, T) error, opts ...HandlerOption) Subscription {
	return Listen(e.name, h, opts...)
}

// Emit sends the event to a client, a selection of clients, or all of them. It does not wait
// for the network. ctx carries values for interceptors; that it has ended does not stop the
// event. The error is of encoding, [ErrNoEvent], or, where to is one client, [ErrClosed] or
// [ErrQueueFull]; in a selection a client that has left or is slow is no error.
func (e Event[T]) Emit(ctx context.Context, to Emitter, v T) error {
	return to.Emit(ctx, e.name, v, e.opts...)
}

// Response returns a handler's result that sends this event.
func (e Event[T]) Response(v T) Response[T] { return Response[T]{Event: e.name, Data: v, opts: e.opts} }

// EventInfo describes an [Event] or a [CallEvent] to the registry.
type EventInfo interface {
	EventInfo() (name string, payload reflect.Type)
}

// Emitter is where events are sent: a [Client], a [*Server], a [Selection] or a [Local], and the
// connection to a server of package client.
type Emitter interface {
	// Emit sends an event. Prefer [Event.Emit], which checks the payload's type.
	Emit(ctx context.Context, event string, data any, opts ...EmitOption) error
}
