package websockets

import (
	"context"
	"iter"
	"net"
)

// Server is every client of a gateway, on all its endpoints. It is usable from
// AfterInit on, by any provider that the gateway is injected into. All methods
// are safe for concurrent use.
type Server interface {
	Broadcast

	// Of narrows to one concrete namespace of a Namespace pattern.
	Of(namespace string) Broadcast
	// Addr is where the gateway's first endpoint listens; nil before the
	// application has started and for an application without listeners.
	Addr() net.Addr
	// Natives gives the platform's own server object of each endpoint that has
	// one; use the typed function of the platform's package instead.
	Natives() iter.Seq[any]
}

// Broadcast is a selection of clients. To, In and Except narrow it and leave
// the receiver as it was.
type Broadcast interface {
	Emitter

	// To selects clients that are in any of the rooms. Without rooms it is everybody.
	To(rooms ...string) Broadcast
	// In is To.
	In(rooms ...string) Broadcast
	// Except leaves out clients.
	Except(clients ...Client) Broadcast
	// ExceptRooms leaves out clients that are in any of the rooms.
	ExceptRooms(rooms ...string) Broadcast

	// Call asks every selected client and gathers the answers; see
	// [CallEvent.CallAll] for a typed one. It returns when each client has
	// answered, has left, or could not be asked. The error is of encoding, and
	// then nobody was asked, or of ctx, which had ended before; Answers then has
	// what came until then. A selection of nobody gives nothing. ctx should have a
	// deadline: a client is free never to answer.
	Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error)

	// Clients gives the selected clients, as of the call, in no order.
	Clients() iter.Seq[Client]
	// Count is how many are selected.
	Count() int
	// Join puts all selected clients into rooms; those at their limit stay out.
	Join(rooms ...string)
	// Leave takes them out of rooms, also those who have been cut off and might
	// come back (see [Client.Recovered]).
	Leave(rooms ...string)
	// Disconnect ends their connections, as Client.Disconnect does. Those who have
	// been cut off do not come back as the same clients.
	Disconnect()
}
