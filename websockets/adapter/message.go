package adapter

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Message is an event that a client sent.
type Message struct {
	// Event is its name.
	Event string
	// Payload as it was received: no argument is an empty Payload, one argument is itself,
	// several are a JSON array of them with Spread set: without it a list
	// is one argument, except with Traits.ReplyAsEvent.
	Payload websockets.Payload
	// Reply reports that the client waits for an answer.
	Reply bool
	// Held is how many bytes of memory the message keeps until it has been handled: the
	// capacity of its buffers, the name and what the adapter allocated for it. Default: the
	// length of event and payload.
	Held int
	// Wire is how many bytes the client sent for it, after decompression. Default: the
	// length of event and payload.
	Wire int
	// Traceparent and Tracestate are the W3C Trace Context that the client has sent with the message, in the form of the
	// platform; empty without one. The framework drops what has another form, and passes the rest to observers. Nothing needs
	// them without ServerConfig.TraceContext.
	Traceparent, Tracestate string
	// Ref is the adapter's own: what its Conn.Reply needs to answer. It may be a
	// [Releaser].
	Ref any
	// Err, when not nil, is why the frame is not a message: a [*websockets.Error] with
	// [websockets.CodeBadMessage], since the text of others is hidden from the client. No
	// handler sees it; it is answered with an `exception`, under the id of the request when
	// Reply is set. Event and Payload are what could be parsed, if anything.
	Err error

	cancelled bool          // see Cancel
	number    uint32        // see SetNumber
	stamp     time.Duration // see Stamp
}

// Cancel marks a message whose stream is to end before it has started.
func (m *Message) Cancel(seal.Framework) { m.cancelled = true }

// Cancelled reports whether Cancel was called.
func (m *Message) Cancelled(seal.Framework) bool { return m.cancelled }

// Stamp sets when the message was received, on a clock of the framework's own.
func (m *Message) Stamp(_ seal.Framework, t time.Duration) { m.stamp = t }

// Stamped returns what Stamp has set.
func (m *Message) Stamped(seal.Framework) time.Duration { return m.stamp }

// SetNumber sets the number by which observers know the message.
func (m *Message) SetNumber(_ seal.Framework, n uint32) { m.number = n }

// Number returns what SetNumber has set.
func (m *Message) Number(seal.Framework) uint32 { return m.number }

// Releaser is a Message.Ref that reuses the message: Release is called at most once, when
// neither the message nor its bytes are used any more. It is not called when a handler may
// have kept them.
type Releaser interface{ Release() }

// messageSize is what a Message takes beside its buffers, its place in the inbox included.
const messageSize = int(unsafe.Sizeof(Message{}) + unsafe.Sizeof((*Message)(nil)))

// Memory returns how many bytes of memory the message holds.
func (m *Message) Memory() int {
	if m.Held > 0 {
		return m.Held + len(m.Traceparent) + len(m.Tracestate) + messageSize
	}
	return len(m.Event) + m.Payload.Size() + len(m.Traceparent) + len(m.Tracestate) + messageSize
}

// WireSize returns how many bytes the client sent for the message.
func (m *Message) WireSize() int {
	if m.Wire > 0 {
		return m.Wire
	}
	return len(m.Event) + m.Payload.Size()
}

// MaxEventName is the maximum length of the name of an event that a client sends: 256 bytes.
const MaxEventName = config.MaxEventName

// shownName is how much of a longer name the error shows.
const shownName = 64

// Check sets Err when the name of the event is longer than [MaxEventName], and drops the
// payload and most of the name. It drops a trace context that is none. [Session].Receive does so with every message; adapters that
// keep messages before that call it first.
func (m *Message) Check() {
	if m.Traceparent != "" && !tracecontext.Valid(m.Traceparent) {
		m.Traceparent = ""
	}
	if m.Traceparent == "" || !tracecontext.ValidState(m.Tracestate) {
		m.Tracestate = ""
	}
	if len(m.Event) <= MaxEventName {
		return
	}
	m.Event = strings.Clone(strings.ToValidUTF8(m.Event[:shownName], "")) + "..."
	m.Payload = websockets.Payload{}
	if m.Err == nil {
		m.Err = &websockets.Error{
			Message: "Bad message: the name of the event is longer than " + strconv.Itoa(MaxEventName) + " bytes",
			Code:    websockets.CodeBadMessage,
		}
	}
}
