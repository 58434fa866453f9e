package client

// State is how a [Conn] is connected.
type State uint8

// The states of a Conn.
const (
	// Waiting for the next attempt, or for Connect.
	Waiting State = iota
	// Connecting: an attempt runs.
	Connecting
	// Open: messages are sent.
	Open
	// Closed for good.
	Closed
)

// String returns the name: waiting, connecting, open, closed.
func (s State) String() string {
	switch s {
	case Connecting:
		return "connecting"
	case Open:
		return "open"
	case Closed:
		return "closed"
	}
	return "waiting"
}
