package adapter

import "github.com/gatehouse-go/gatehouse/websockets"

// Log is a [Handover] of an application whose backplane keeps events, see backplane.Log. Clients are recovered by what they have
// received of it, and by records that the framework stores while they are connected. So a platform keeps nothing of what it has sent:
//
//   - Private ids need no prefix of a node. A client keeps its own when it is recovered.
//   - The offset of an event is [Outgoing.Position]. With an event that has none the client keeps the offset that it
//     has, or gets the one that it was sent last.
//   - As a text, in Claim and Missed.Position, a position is a number in base 36.
//   - Position 0 is sent too. No client resumes from it.
//   - Every client that resumes is asked for by Claim, also one of this node. Release and Keep are not called.
//   - Conns are [Recorded]. The Suspension of an absent client only counts it: Resume returns nil, Drop drops the record.
type Log interface {
	Handover
	// Position returns that of the last event that was passed to clients; 0 if there is none from which a client can resume. A client
	// that has received nothing yet resumes from there.
	Position() uint64
}

// Recorded is a [Conn] whose client may be recovered by a record in a [Log].
type Recorded interface {
	Conn
	// PrivateID returns that of the client; "" if it cannot be recovered. It is constant once Endpoint.Connect or
	// Arrival.Resume is called.
	PrivateID() string
	// HoldOutput lets nothing leave that is not being sent already, until ReleaseOutput is called as often: a change of the client is
	// stored before it sees what follows from it.
	HoldOutput()
	ReleaseOutput()
	// Abort closes the connection at once. What waits is not sent.
	Abort(why websockets.Reason)
}

// Recoverer is a [Server] with clients that may be recovered.
type Recoverer interface {
	Server
	// Recovery returns its options, with defaults; nil without recovery.
	Recovery() *Recovery
}
