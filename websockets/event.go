package websockets

import "reflect"

// Event is an event that the server sends, with the type of its payload. Make
// one per event, in a package variable. It is immutable.
//
//	var Posted = websockets.NewEvent[Post]("posted")
//
//	Posted.Emit(g.Server.To("news"), post)   // a room
//	Posted.Emit(client, post)                // one client
type Event[T any] struct {
	name string
	opts []EmitOption
}

// NewEvent describes an event called name whose payload is a T. The options
// hold for every Emit of it.
func NewEvent[T any](name string, opts ...EmitOption) Event[T] {
	return Event[T]{name: name, opts: opts}
}

// Name is the event's name on the wire.
func (e Event[T]) Name() string { return e.name }

// EventInfo gives name and payload type.
func (e Event[T]) EventInfo() (name string, payload reflect.Type) {
	return e.name, reflect.TypeFor[T]()
}

// Emit sends the event to a client, a room, or everybody. It does not wait for
// the network. The error is of encoding, or, where to is one client, [ErrClosed]
// or [ErrQueueFull]; in a broadcast a client that left or is slow is no error.
func (e Event[T]) Emit(to Emitter, v T) error {
	return to.Emit(e.name, v, e.opts...)
}

// Response makes a handler's result that sends this event.
func (e Event[T]) Response(v T) Response[T] { return Response[T]{Event: e.name, Data: v, opts: e.opts} }

// EventInfo describes an [Event] to the registry.
type EventInfo interface {
	EventInfo() (name string, payload reflect.Type)
}

// Emitter is where events go: a [Client], a [Server] or a [Broadcast].
type Emitter interface {
	// Emit sends an event. Prefer [Event.Emit], which checks the payload's type.
	Emit(event string, data any, opts ...EmitOption) error
}
