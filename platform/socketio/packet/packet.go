// Package packet has the packets of Socket.IO protocol 5 and the forms in which
// they travel. [JSON] is the default parser; the one for MessagePack is in
// package msgpack, so that only those who use it link it.
//
// Source: https://socket.io/docs/v4/socket-io-protocol/
package packet

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Type is what a packet is for. BINARY_EVENT and BINARY_ACK are no types of
// their own here: an Event or Ack with attachments is one.
type Type uint8

// The types, with the numbers of the protocol.
const (
	Connect      Type = 0
	Disconnect   Type = 1
	Event        Type = 2
	Ack          Type = 3
	ConnectError Type = 4
)

// Packet is one Socket.IO packet.
type Packet struct {
	Type Type
	// Namespace begins with "/".
	Namespace string
	// ID belongs to an Ack, and to an Event that asks for one; HasID tells
	// whether it is there. It is at most [MaxID].
	ID    uint64
	HasID bool
	// Event is the name of an Event, never a reserved one.
	Event string
	// Payload of an Event or Ack: no argument is an empty one, one argument is
	// itself, several are a JSON array of them, with Spread set. Of Connect and ConnectError: the
	// JSON object, or empty.
	Payload websockets.Payload
	// Offset, when not empty, follows the arguments of an Event that is sent as
	// one more, for connection state recovery. Never set by decoders.
	Offset string
}

// Parser is a form of packets on the wire, the same on both sides of a
// connection. It must be safe for concurrent use, and comparable. A panic in it ends
// the connection, and fails the packet; nothing else.
type Parser interface {
	// Name is for logs.
	Name() string
	// NewDecoder makes the decoder of one connection.
	NewDecoder(l Limits) Decoder
	// Append appends the first message of the packet to dst, and gives the
	// attachments that follow it as binary messages of their own. Binary tells
	// that the first message is binary too. Errors: [ErrTooManyAttachments],
	// [ErrReserved], or what cannot be encoded; dst is returned as it was then.
	Append(dst []byte, p *Packet, l Limits) (msg []byte, binary bool, attachments [][]byte, err error)
}

// MaxID is the largest id: the last whole number that JavaScript is exact about.
// Its clients would answer a larger one under another.
const MaxID = 1<<53 - 1

// Limits bound one packet.
type Limits struct {
	// Attachments is how many binary parts a packet may have. Default 10, as
	// socket.io-parser 4.2 has it; negative: none.
	Attachments int
}

func (l Limits) attachments() int {
	if l.Attachments == 0 {
		return 10
	}
	return max(l.Attachments, 0)
}

// Decoder puts packets together from the messages of one connection. Any error
// is a violation of the protocol, after which the decoder must not be used. A
// packet is the decoder's own until the next call; its payload is the caller's.
type Decoder interface {
	// Text takes a text message and ownership of its bytes. The packet is nil
	// while attachments are missing.
	Text(msg []byte) (*Packet, error)
	// Binary does the same with a binary message.
	Binary(msg []byte) (*Packet, error)
	// Pending returns the packet that waits for attachments, nil when none does. It is
	// the decoder's own until it is complete; its Payload.JSON may be replaced.
	Pending() *Packet
}

// Errors of parsers and decoders; test with errors.Is.
var (
	ErrTooManyAttachments = errors.New("packet: too many attachments")
	ErrReserved           = errors.New("packet: reserved event name")
)

// Reserved reports whether only the protocol itself may send events of the name.
func Reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
