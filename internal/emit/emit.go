// Package emit has the options with which an event is sent.
package emit

// Overflow is what happens to an event when a client's send queue is full.
type Overflow uint8

// The policies of a full send queue; package websockets documents them.
const (
	OverflowClose Overflow = iota
	OverflowDropNewest
	OverflowDropOldest
)

// Options of one event.
type Options struct {
	// Overflow is what to do when a recipient's queue is full.
	Overflow Overflow
	// Volatile drops the event where it cannot be sent at once.
	Volatile bool
	// Spread sends the elements of the payload, an array, as arguments.
	Spread bool
	// Uncompressed sends the event without compression.
	Uncompressed bool
}

// Droppable reports whether the sender accepts that the event is lost.
func (o Options) Droppable() bool { return o.Volatile || o.Overflow != OverflowClose }

// Response is a handler's result that is sent as an event of its own.
type Response interface {
	// Emission returns the event's name, empty for that of the request, its payload and
	// its options.
	Emission() (event string, data any, opts Options)
}
