package adapter

import (
	"context"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Handover moves clients that may be recovered (see [Suspension]) between the nodes of an application. The framework
// implements it; a platform uses it where its server is a [Mover]:
//
//   - The private ids of its clients start with Prefix, so that the others know whose they are.
//   - When a client has passed Admit with a private id that the server does not have, it calls Claim. The other node's
//     server is asked to Release the client.
//   - With an Arrival it calls that one's Resume instead of Endpoint.Connect.
//
// Methods are safe for concurrent use.
type Handover interface {
	// Prefix returns what the private ids of this node start with. It is constant.
	Prefix() string
	// Claim asks the node of a private id for its client, which has passed Admit of e with h, and has received
	// everything up to a position. It blocks, for 2 s at most and not longer than ctx. It returns nil when the client is
	// a new one: the other node is gone, does not have it, or finds that h is of another client. One of Resume and Drop
	// of the result must be called.
	Claim(ctx context.Context, e Endpoint, h *Handshake, key, position string) Arrival
}

// Arrival is a client of another node that is on its way to this one. It is in its rooms here, and the framework records
// what it misses.
type Arrival interface {
	// Resume makes conn the client, with what it had at the other node: id, rooms, and shared values unless Admit has
	// set others. accept is called first, with the id and all that the client has missed, in order; from then on conn
	// has the id, and what it is passed by Emit comes after that. No broadcast is passed to any client while accept runs,
	// so it must be short and must not call the framework. accept returns false when the connection has ended. The
	// result is nil then, and when the client is lost after all: the adapter closes the connection.
	Resume(conn Conn, h *Handshake, accept func(id string, missed []Missed) bool) Session
	// Drop leaves the client at the other node, where it may be claimed again. It does nothing after Resume.
	Drop()
}

// Missed is an event that a client has missed.
type Missed struct {
	Event   string
	Payload websockets.Payload
	// Uncompressed: see [EmitOptions].
	Uncompressed bool
}

// Mover is a [Server] whose clients may move to other nodes, see [Handover].
type Mover interface {
	Server
	// Moves reports whether its clients may move. It is constant.
	Moves() bool
	// Release has a client with a private id leave for another node: it ends its connection, if it has one, with
	// [websockets.CauseMoved], and waits until the client is suspended, or ctx ends. Before it changes anything it calls
	// same with the session, and does nothing if the result is false. nil: there is no such client in the namespace, or
	// it has missed too much since the position, or it is being resumed or released already.
	Release(ctx context.Context, namespace, key, position string, same func(Session) bool) Departure
}

// Departure is a suspended client on its way to another node. Emit of its Conn records what it misses until Keep or Moved is
// called, one of which must be.
type Departure interface {
	// Suspension returns that of the client.
	Suspension() Suspension
	// Missed returns what the client has missed up to this call, in order. The framework passes no broadcast to any
	// client during the call; read, which may take longer, is called later, once. nil: it has missed too much.
	Missed() (read func() ([]Missed, error))
	// Keep has the client be absent as before: it did not move.
	Keep()
	// Moved forgets the client. The framework drops its suspension.
	Moved()
}
