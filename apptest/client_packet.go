package apptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Engine.IO packets that the client handles. A message starts with "4".
const (
	engineClose   = "1"
	enginePing    = "2"
	enginePong    = "3"
	engineMessage = '4'
	engineNoop    = "6"
)

// packetKind is the type of a Socket.IO packet. The binary types, 5 and 6, become
// events and acks with attachments.
type packetKind byte

const (
	packetConnect      packetKind = '0'
	packetDisconnect   packetKind = '1'
	packetEvent        packetKind = '2'
	packetAck          packetKind = '3'
	packetConnectError packetKind = '4'
	packetBinaryEvent  packetKind = '5'
	packetBinaryAck    packetKind = '6'
)

// packet is one Socket.IO packet.
type packet struct {
	kind        packetKind
	namespace   string
	ack         bool // has an id
	id          uint64
	data        json.RawMessage
	expected    int // attachments
	attachments [][]byte
}

// frames encodes the packet as Engine.IO messages.
func (p *packet) frames() []frame {
	kind := p.kind
	if len(p.attachments) > 0 {
		kind += packetBinaryEvent - packetEvent
	}
	b := []byte{engineMessage, byte(kind)}
	if len(p.attachments) > 0 {
		b = fmt.Appendf(b, "%d-", len(p.attachments))
	}
	if p.namespace != "/" {
		b = append(append(b, p.namespace...), ',')
	}
	if p.ack {
		b = strconv.AppendUint(b, p.id, 10)
	}
	frames := []frame{{data: append(b, p.data...)}}
	for _, a := range p.attachments {
		frames = append(frames, frame{binary: true, data: a})
	}
	return frames
}

// parsePacket parses a text frame as strictly as the JavaScript client.
func parsePacket(text string) (*packet, error) {
	if len(text) < 2 || text[0] != engineMessage {
		return nil, errors.New("not an Engine.IO message")
	}
	p := &packet{kind: packetKind(text[1]), namespace: "/"}
	rest := text[2:]
	switch p.kind {
	case packetConnect, packetDisconnect, packetEvent, packetAck, packetConnectError:
	case packetBinaryEvent, packetBinaryAck:
		count, after, found := strings.Cut(rest, "-")
		n, err := strconv.Atoi(count)
		if !found || err != nil || n < 1 {
			return nil, errors.New("a binary packet without a number of attachments")
		}
		p.expected, rest = n, after
		p.kind -= packetBinaryEvent - packetEvent
	default:
		return nil, fmt.Errorf("no Socket.IO packet starts with %q", text[1])
	}
	if strings.HasPrefix(rest, "/") {
		// The comma is optional in a packet without data.
		p.namespace, rest, _ = strings.Cut(rest, ",")
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if digits > 0 {
		id, err := strconv.ParseUint(rest[:digits], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("ack id: %w", err)
		}
		p.ack, p.id, rest = true, id, rest[digits:]
	}
	if rest != "" {
		if !json.Valid([]byte(rest)) {
			return nil, errors.New("the packet's data is not JSON")
		}
		p.data = json.RawMessage(rest)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// check checks the data against the type of packet.
func (p *packet) check() error {
	var first byte
	if len(p.data) > 0 {
		first = p.data[0]
	}
	var ok bool
	switch p.kind {
	case packetConnect:
		ok = first == '{' || first == 0
	case packetDisconnect:
		ok = first == 0
	case packetConnectError:
		ok = first == '{' || first == '"'
	default:
		ok = first == '['
	}
	if !ok {
		return fmt.Errorf("invalid data %.100q in a packet of type %c", p.data, p.kind)
	}
	return nil
}
