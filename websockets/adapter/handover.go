package adapter

import (
	"context"
	"net/netip"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Handover moves clients that may be recovered (see [Suspension]) between the nodes of an application. The framework
// implements it; a platform uses it where its server is a [Mover]:
//
//   - The private ids that it makes start with Prefix. A client keeps its private id at other nodes.
//   - When a client has passed Admit with a private id that the server does not have, it calls Claim. The server of the node
//     that has the client is asked to Release it.
//   - With an Arrival it calls that one's Resume instead of Endpoint.Connect.
//   - It calls Suspended when a client is suspended, so that a stop of the node can park it: another node keeps it, and is asked
//     for it afterwards.
//
// Methods are safe for concurrent use.
type Handover interface {
	// Prefix returns what the private ids that this node makes start with. It is constant.
	Prefix() string
	// Claim asks other nodes for the client of a private id, which has passed Admit of e with h, and has received
	// everything up to a position. It blocks, not longer than ctx: for 5 s at most while others are on their way, then for 5 s in all, and 2 s for each answer. It returns nil when the client is
	// a new one: no node that answers has it, or that one finds that h is of another client. One of Resume and Drop
	// of the result must be called.
	Claim(ctx context.Context, e Endpoint, h *Handshake, key, position string) Arrival
	// Suspended reports that a client is suspended, and may be released by its private id. It does not block.
	Suspended(s Suspension, key string)
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
	// Position is that of the event in [Parked], for a client that may have received it; otherwise empty.
	Position string
	// Source names the event in [Parked]: it is the same one in the other clients that a node parks of the namespace. Empty:
	// it is not known to be.
	Source string
}

// Parked is an absent client that a node has which stops, with all that another node needs to keep it.
type Parked struct {
	// ID is that of the client, Namespace the one that it is in, From the node that parks it.
	ID, Namespace, From string
	// Key is its private id.
	Key string
	// Positions are those that the client names if it has received none of Missed.
	Positions []string
	// Missed is what the client may have missed, in order. Those with a Position come first. One without an Event has
	// only a position: a volatile event.
	Missed []Missed
	// Left is for how long it may still be absent.
	Left time.Duration
	// Address is what absent clients are counted by; Guessed reports that it may be a proxy's.
	Address netip.Addr
	Guessed bool
}

// Parker is a [Conn] whose client may be parked when the application stops: Close with [websockets.CauseShutdown]
// suspends it.
type Parker interface {
	Conn
	// MayPark reports whether the client may be parked.
	MayPark() bool
}

// Mover is a [Server] whose clients may move to other nodes, see [Handover].
type Mover interface {
	Server
	// Moves reports whether its clients may move. It is constant.
	Moves() bool
	// Release has a client with a private id leave for another node: it ends its connection, if it has one, with
	// [websockets.CauseMoved], and waits until the client is suspended, or ctx ends. Before it changes anything it calls
	// same with the session, and does nothing if the result is false. nil: there is no such client in the namespace, or
	// it has missed too much since the position, or it is being resumed or released already. With an empty position all that the
	// client may have missed is asked for, by Parked.
	Release(ctx context.Context, namespace, key, position string, same func(Session) bool) Departure
	// Keep has a client of a node that stops be absent at this one, as if it had been here and had lost its connection. The
	// framework passes no broadcast to any client during the call, so it must be short and must not call the framework.
	// What the result is passed by Emit the client misses. suspended is called after it, once. false: it has missed too much.
	Keep(p Parked) (c Conn, suspended func(Session, Suspension), ok bool)
}

// Departure is a suspended client on its way to another node. Emit of its Conn records what it misses until Keep or Moved is
// called, one of which must be.
type Departure interface {
	// Suspension returns that of the client.
	Suspension() Suspension
	// Missed returns what the client has missed up to this call, in order. The framework passes no broadcast to any
	// client during the call; read, which may take longer, is called later, once. nil: it has missed too much.
	Missed() (read func() ([]Missed, error))
	// Parked is Missed for a client whose position is unknown.
	Parked() (read func() (Parked, error))
	// Keep has the client be absent as before: it did not move.
	Keep()
	// Moved forgets the client. The framework drops its suspension.
	Moved()
}
