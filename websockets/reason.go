package websockets

import "strconv"

// Cause is why a connection ended. The texts of the first eight are Socket.IO's own.
type Cause string

// The causes of a disconnect.
const (
	CauseClientDisconnect Cause = "client namespace disconnect" // the client left the namespace or closed the connection
	CauseServerDisconnect Cause = "server namespace disconnect" // Client.Disconnect, or HandleConnection refused
	CauseShutdown         Cause = "server shutting down"
	CauseTransportClose   Cause = "transport close" // the connection was closed
	CauseTransportError   Cause = "transport error"
	CausePingTimeout      Cause = "ping timeout"
	CauseParseError       Cause = "parse error" // the client broke the protocol
	CauseForcedClose      Cause = "forced close"
	CauseQueueOverflow    Cause = "queue overflow" // the client read too slowly
	CauseMessageTooBig    Cause = "message too big"
	CauseMoved            Cause = "moved"                  // the client has connected to another node, and is the same client there
	CauseClientErrors     Cause = "too many client errors" // the client did wrong too often
)

// Reason is why a client disconnected. The zero Reason means a cut connection.
type Reason struct {
	// Cause is what happened, on every platform the same words.
	Cause Cause
	// Code is the WebSocket close code of RFC 6455 §7.4 where the platform has
	// one, 0 otherwise: received for CauseClientDisconnect, sent for the server's own causes.
	Code int
	// Text is the close reason that went with Code, or a word of detail.
	Text string
	// Clean reports that the client closed the connection itself, by the protocol: with a
	// close frame, a DISCONNECT packet or Engine.IO's close packet. What it had sent
	// before is handled with a context that lives for Limits.CloseTimeout.
	Clean bool
}

// String is the cause, with code and text where there are any.
func (r Reason) String() string {
	s := string(r.Cause)
	if s == "" {
		s = string(CauseTransportClose)
	}
	if r.Code != 0 {
		s += " (" + strconv.Itoa(r.Code)
		if r.Text != "" {
			s += " " + r.Text
		}
		return s + ")"
	}
	if r.Text != "" {
		s += ": " + r.Text
	}
	return s
}
