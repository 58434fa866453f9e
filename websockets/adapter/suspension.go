package adapter

// Suspension is a client that has been disconnected and may reconnect. The framework keeps
// its rooms and typed values, the adapter what it misses:
//
//   - From Suspend on, the Emit of the old Conn is called with every broadcast that would
//     have reached the client, without a gap, but not with calls and volatile events; also
//     with emits to the old Client by code that still holds it. The adapter records it and
//     returns nil.
//   - When the client reconnects in time, and the adapter still has all that it missed,
//     it passes Endpoint.Admit like any other, and then Resume instead of
//     Endpoint.Connect. Each broadcast is passed to the old Conn or to the new one, never to
//     both; a few may still reach the old one after Resume has returned. So the two share
//     the record, and what either receives is sent to the client in that order. The new Conn
//     has the ID of the old.
//   - When it does not, Drop. The adapter limits for how long and how many are kept.
//
// Methods are safe for concurrent use; only the first call of either has an effect.
type Suspension interface {
	// Resume makes conn a client at once, in the rooms of the old one and with its typed
	// values, except where Admit has set others. HandleConnection runs again, after the old
	// client's HandleDisconnect, with Client.Recovered() true; messages wait for it. It is
	// nil when the client has been dropped or resumed, by the application's stop for
	// instance; the adapter then calls Endpoint.Connect as for a new client, or closes the
	// connection where the client takes itself for recovered already.
	Resume(conn Conn, h *Handshake) Session
	// Drop removes the client.
	Drop()
}
