package resume

import (
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Live is the connection of a client that is not absent. Values are compared; methods are
// called with the lock of its journal held, except AwaitBinding and Abort.
type Live interface {
	// Send queues a message with the policy of out.
	Send(m *Message, out *adapter.Outgoing) error
	// Replay queues a message that the client has missed.
	Replay(m *Message) error
	// AwaitBinding blocks until the client has its session, which is soon.
	AwaitBinding()
	// Abort closes the connection at once.
	Abort(why websockets.Reason)
}
