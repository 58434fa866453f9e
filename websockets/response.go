package websockets

// Response is what a handler returns to send an event of its own choice instead
// of answering the request: the client receives Event with Data, and a waiting
// ack is answered empty. Only this type does so; a struct of yours that happens
// to have an Event field is an ordinary result.
type Response[T any] struct {
	// Event is the event's name; empty means the event of the request.
	Event string
	// Data is the payload.
	Data T

	opts []EmitOption
}

// Respond makes a Response.
func Respond[T any](event string, data T) Response[T] { return Response[T]{Event: event, Data: data} }

// response is how the dispatcher recognises a Response of any T.
type response interface {
	outgoing(requestEvent string) *Outgoing
}

func (r Response[T]) outgoing(requestEvent string) *Outgoing {
	event := r.Event
	if event == "" {
		event = requestEvent
	}
	return newOutgoing(event, r.Data, r.opts)
}
