package websockets

import "github.com/gatehouse-go/gatehouse/internal/emit"

// Response is what a handler returns to send an event of its own choice instead
// of answering the request: the client receives Event with Data, and a waiting
// ack is answered empty. Only this type does so; another struct with an Event field is
// an ordinary result.
type Response[T any] struct {
	// Event is the event's name; empty means the event of the request.
	Event string
	// Data is the payload.
	Data T

	opts []EmitOption
}

// Respond makes a Response.
func Respond[T any](event string, data T) Response[T] { return Response[T]{Event: event, Data: data} }

var _ emit.Response = Response[int]{}

// Emission returns how the response is sent. The framework calls it.
func (r Response[T]) Emission() (event string, data any, opts emit.Options) {
	if len(r.opts) > 0 {
		opts = emitOptions(r.opts)
	}
	return r.Event, r.Data, opts
}

func emitOptions(opts []EmitOption) emit.Options {
	var o emit.Options
	for _, opt := range opts {
		opt.ApplyEmit(&o)
	}
	return o
}
