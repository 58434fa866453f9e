package adapter

import (
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Recovery configures connection state recovery: a client that reconnects in time keeps
// its id, its rooms and its typed values (websockets.Key), and receives the events that
// it missed, once and in order. HandleDisconnect runs when the connection is lost;
// HandleConnection runs again, with Client.Recovered() true.
//
// Calls and volatile events are not kept. A client that lost its connection before
// HandleConnection had accepted it is not recovered. A platform documents what else it does not
// keep.
type Recovery struct {
	// MaxDisconnection is how long a client may be away. Default 2 min.
	MaxDisconnection time.Duration
	// SkipAdmit skips [websockets.Admit] and guards, other than those that identify the
	// client, when a client reconnects. Default: they run again, so that a token that
	// was revoked meanwhile is noticed.
	SkipAdmit bool
	// SameClient reports whether a client that reconnects, and has passed the checks, is
	// the one that left. Otherwise it becomes a new client, and the old one may still
	// reconnect. The typed values of both can be read. It is called concurrently and must
	// be quick; a panic counts as false.
	//
	// Default: clients are the same when guards have set the same [pipeline.Identity] on
	// both, as jwtauth does. With guards or Admit that set none, no client is recovered;
	// without guards and Admit, every client that has the private id is.
	SameClient func(old websockets.Client, h *websockets.Handshake) bool
	// MaxClients is how many absent clients a server keeps; one more drops one of the client
	// address that has the most of them, the one that left first. Default 10,000.
	MaxClients int
	// MaxClientsPerAddress is how many absent clients of one address (IPv6: of a /64) a
	// server keeps; one more drops the one of them that left first. It does not apply to
	// clients without an address, and to addresses that may be those of a proxy, see
	// [app.MaxConnectionsPerAddress]. Default 100.
	MaxClientsPerAddress int
	// MaxBytes bounds the memory of the events that are kept for one client; a client that
	// missed more is not recovered. A short event counts about 250 bytes. At most
	// Limits.SendQueueMax, since a client that returns is sent all that it has missed at
	// once. Default 256 KiB, or SendQueueMax if that is less.
	MaxBytes int
	// MaxTotalBytes bounds the memory of all that a server keeps of events, for connected
	// clients too; an event to many clients counts once. Beyond it, the client address that
	// holds most loses its absent clients and then the events of its connected ones, until an
	// eighth is free. What else absent clients hold, their handshake and values, is bounded
	// by MaxClients. Default 256 MiB.
	MaxTotalBytes int64
}
