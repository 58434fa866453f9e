package backplane

import "time"

// Message is what one node sends to others.
type Message struct {
	// Kind is what the message is about.
	Kind Kind
	// Origin is the id of the node that sends it, or [Emitter].
	Origin string
	// Seq numbers the messages of Origin on Channel, from 1 without holes; 0: not numbered.
	Seq uint64
	// Channel is where it is sent: the framework chooses the name, the engine puts its prefix
	// before it. See [ChannelEvents].
	Channel string
	// To is the id of the only node that receives it; empty for all.
	To string
	// Request joins a question and its answers: 16 lower-case hexadecimal digits, empty without.
	Request string
	// Wait is how long the node that asks still waits for answers, with a precision of 1 ms.
	Wait time.Duration
	// Select is the clients that the message is about.
	Select Selection
	// Event and Payload are those of an event.
	Event   string
	Payload Payload
	Flags   Flags
	// Rooms are those of [Join] and [Leave].
	Rooms []string
	// Body is that of the other kinds; only the framework knows its form. That of [Fetched] is a JSON
	// array of clients with "id", "platform", "namespace", "rooms" and "shared", an object of values.
	Body []byte
	// Count is a number of clients; that of messages of [Lost].
	Count uint32
	// Traceparent is the W3C trace context in which an event, a call or a node event was sent, of 55
	// characters; empty without.
	Traceparent string
	// Version is the minor version of package envelope that it is sent with.
	Version uint8
}

// Emitter is the origin of messages of programs that are not nodes.
const Emitter = "emitter"

// Channels of the framework.
const (
	// ChannelNodes is for the nodes themselves, and for what is asked of all of them.
	ChannelNodes = "c"
	// ChannelEvents is for what is sent to clients.
	ChannelEvents = "e"
	// ChannelPresence is for changes of presence.
	ChannelPresence = "p"
)

// ChannelNode returns the channel of one node.
func ChannelNode(id string) string { return "n:" + id }

// Selection is the clients that a message is about, on the nodes that receive it. A client is
// selected when it is in one of Rooms or has one of IDs, or always when both are empty.
type Selection struct {
	// Endpoints are the keys of endpoints; nil for all that serve Namespace.
	Endpoints []uint32
	// Namespace is a concrete namespace; empty for every one of the endpoints.
	Namespace string
	Rooms     []string
	IDs       []string
	// ExceptRooms and ExceptIDs are removed from the result.
	ExceptRooms []string
	ExceptIDs   []string
}

// Payload has the fields of websockets.Payload, and is converted to it without a copy.
type Payload struct {
	// JSON is one JSON value; empty without any argument.
	JSON []byte
	// Attachments are the binary parts that placeholders in JSON refer to.
	Attachments [][]byte
	// Spread reports that JSON is an array of several arguments.
	Spread bool
}

// Flags are how an event is sent to each client. Bits 4 and 5 are the policy of a full send
// queue, see [Flags.Overflow].
type Flags uint8

// Flags of an event.
const (
	Volatile     Flags = 1 << 0 // dropped where it cannot be sent at once
	Uncompressed Flags = 1 << 1 // sent without compression
	Durable      Flags = 1 << 3 // kept by engines that keep events
)

const overflowShift = 4

// WithOverflow returns the flags with the policy of a full send queue: 0 to 3, the values of
// websockets.Overflow.
func (f Flags) WithOverflow(policy uint8) Flags {
	return f&^(3<<overflowShift) | Flags(policy&3)<<overflowShift
}

// Overflow returns the policy of a full send queue.
func (f Flags) Overflow() uint8 { return uint8(f>>overflowShift) & 3 }
