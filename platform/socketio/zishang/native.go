package zishang

import (
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

// SocketOf returns the library's own object of a client, and false for a client
// of another platform.
//
// It is there for reading (Handshake, Conn, Client), and for handing to code
// that expects it. Mind the difference to the framework's client:
//
//   - Events and acks of the client do not arrive at it: On and OnAny never
//     fire for them, and neither do callbacks given to Emit. "disconnect" does.
//   - Its rooms are not [websockets.Client.Rooms]: Join, To and Broadcast know
//     nothing of the framework's rooms, nor the framework of these.
//   - Volatile, Timeout and Compress change the shared socket, not a copy: while
//     another goroutine calls Emit, that message is dropped or delayed instead.
//     An ack timeout's callback that panics ends the process.
//   - RemoveListener, OffAny and Once compare code, not closures, and may
//     remove a listener that is not yours.
//   - Disconnect(true) cuts the connection without sending what is queued. Use
//     [websockets.Client.Disconnect].
//   - What does not encode as JSON is sent as an empty packet, without an error.
func SocketOf(c websockets.Client) (*socket.Socket, bool) {
	if c == nil {
		return nil, false
	}
	s, ok := c.Native().(*socket.Socket)
	return s, ok
}

// NamespaceOf returns the library's namespace that the gateway's first endpoint
// on this platform is served in, and false when it has none. For a namespace
// pattern it is the parent of all that exist.
//
// The hazards of [SocketOf] hold for its sockets. A middleware given to Use runs
// after the framework has admitted a client, and may refuse it.
func NamespaceOf(s *websockets.Server) (socket.Namespace, bool) {
	if s == nil {
		return nil, false
	}
	for n := range s.Natives() {
		if nsp, ok := n.(socket.Namespace); ok {
			return nsp, true
		}
	}
	return nil, false
}

// ServerOf returns the library's server behind a gateway, and false when the
// gateway has no endpoint on this platform. Never call its Close, Listen,
// Attach, Bind or ServeHandler: the framework owns the listeners, and the
// connections of another engine would be unknown to it.
func ServerOf(s *websockets.Server) (*socket.Server, bool) {
	n, ok := NamespaceOf(s)
	if !ok {
		return nil, false
	}
	return n.Server(), true
}
