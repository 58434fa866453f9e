package websockets

import "github.com/gatehouse-go/gatehouse/internal/emit"

// EmitOption configures how an event is sent: [WithOverflow], [Volatile], [Uncompressed],
// [Spread].
type EmitOption interface {
	// ApplyEmit sets the option. The framework calls it.
	ApplyEmit(*emit.Options)
}

type emitOption func(*emit.Options)

func (f emitOption) ApplyEmit(o *emit.Options) { f(o) }

// Overflow is what happens to an event when the client's send queue is full.
type Overflow = emit.Overflow

// The policies of a full send queue.
const (
	// OverflowClose closes the client when more than Limits.SendQueueMax would wait for it:
	// close code 1008 on plain WebSocket, "queue overflow" as [Reason]. It is the default:
	// no loss goes unnoticed.
	OverflowClose = emit.OverflowClose
	// OverflowDropNewest drops this event when more than Limits.SendQueue would wait.
	OverflowDropNewest = emit.OverflowDropNewest
	// OverflowDropOldest drops waiting droppable events (those emitted with DropNewest or
	// DropOldest), oldest first, until this one fits into Limits.SendQueue.
	OverflowDropOldest = emit.OverflowDropOldest
)

// WithOverflow sets what happens to the event when a client's send queue is full. Default
// [OverflowClose].
func WithOverflow(o Overflow) EmitOption { return emitOption(func(e *emit.Options) { e.Overflow = o }) }

// Volatile marks an event that is stale at once, such as a position: it is dropped unless
// it can be sent immediately, or with other events of the same handler. Emit to one client returns [ErrQueueFull] when it was dropped;
// a broadcast reports nothing.
//
//	var Moved = websockets.NewEvent[Point]("moved", websockets.Volatile())
func Volatile() EmitOption { return emitOption(func(e *emit.Options) { e.Volatile = true }) }

// Uncompressed sends the event without compression where the connection compresses: for
// what is compressed already, such as a picture.
func Uncompressed() EmitOption { return emitOption(func(e *emit.Options) { e.Uncompressed = true }) }

// Spread sends the event's payload, which must encode as an array, as several arguments
// where the platform has them, for Socket.IO clients that expect (x, y) rather than
// ([x, y]). Elsewhere the array is sent.
//
//	var Moved = websockets.NewEvent[[2]float64]("moved", websockets.Spread())
func Spread() EmitOption { return emitOption(func(e *emit.Options) { e.Spread = true }) }
