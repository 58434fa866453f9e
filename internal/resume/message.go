package resume

import (
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
)

// Message is an encoded event for any number of clients. Except for holders it is immutable
// once it was passed to a journal.
type Message struct {
	Item   wsconn.Item
	Charge int    // what it counts for in a send queue
	Held   int    // what it counts for in a ring: its memory
	Pos    uint64 // in the ring of its namespace; 0 without recovery
	source string // of an event that a node has parked; otherwise empty

	holders atomic.Int32 // journals that hold it, see Ring
}
