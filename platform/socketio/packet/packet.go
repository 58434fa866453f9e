// Package packet has the packets of Socket.IO protocol 5 and their formats on the wire.
// [JSON] is the default parser. The one for MessagePack is in package msgpack, so that
// only programs that use it link it.
//
// Source: https://socket.io/docs/v4/socket-io-protocol/
package packet

import (
	"errors"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Type is the type of a packet. BINARY_EVENT and BINARY_ACK have no types of their own: an
// Event or Ack with attachments is one.
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
	// Namespace starts with "/".
	Namespace string
	// ID is that of an Ack, or of an Event that requests one; HasID reports whether
	// there is one. It is at most [MaxID].
	ID    uint64
	HasID bool
	// Event is the name of an Event, never a reserved one.
	Event string
	// Payload of an Event or Ack is empty without arguments, the argument itself when
	// there is one, and a JSON array with Spread set when there are several. Of Connect
	// and ConnectError it is a JSON object, or empty.
	Payload websockets.Payload
	// Offset, when not empty, is sent as an additional last argument of an Event, for
	// connection state recovery. Decoders never set it.
	Offset string
}

// Parser is a format of packets on the wire; both sides of a connection must use the same.
// It must be safe for concurrent use, and comparable. A panic in it closes the connection
// and fails the packet, nothing else.
type Parser interface {
	// Name returns the name for logs.
	Name() string
	// NewDecoder returns the decoder of one connection.
	NewDecoder(l Limits) Decoder
	// Append appends the first message of the packet to dst, and returns the attachments
	// that follow it as binary messages of their own. binary reports whether the first
	// message is binary too. Errors are [ErrTooManyAttachments], [ErrReserved], or about
	// what cannot be encoded; then dst is returned unchanged. It must keep neither dst nor p.
	Append(dst []byte, p *Packet, l Limits) (msg []byte, binary bool, attachments [][]byte, err error)
}

// MaxID is the largest id: JavaScript clients would round a larger one and answer with
// another id.
const MaxID = 1<<53 - 1

// Limits bounds one packet.
type Limits struct {
	// Attachments is how many attachments a packet may have. Default 10, as in
	// socket.io-parser 4.2; negative for none.
	Attachments int
}

func (l Limits) attachments() int {
	if l.Attachments == 0 {
		return 10
	}
	return max(l.Attachments, 0)
}

// Decoder assembles packets from the messages of one connection. Any error is a violation
// of the protocol, after which the decoder must not be used. A returned packet is valid
// until the next call; its payload belongs to the caller.
type Decoder interface {
	// Text decodes a text message and takes ownership of its bytes. The packet is nil
	// while attachments are missing.
	Text(msg []byte) (*Packet, error)
	// Binary does the same for a binary message.
	Binary(msg []byte) (*Packet, error)
	// Pending returns the packet that waits for attachments; nil without one. It belongs
	// to the decoder until it is complete, but its Payload.JSON may be replaced.
	Pending() *Packet
}

// Errors of parsers and decoders, for errors.Is.
var (
	ErrTooManyAttachments = errors.New("packet: too many attachments")
	ErrReserved           = errors.New("packet: reserved event name")
)

// Reserved reports whether the name is reserved for the protocol.
func Reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
