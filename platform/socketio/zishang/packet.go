package zishang

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// packetType is the first digit of a Socket.IO packet.
// https://socket.io/docs/v4/socket-io-protocol/#packet-encoding
type packetType byte

const (
	typeConnect packetType = iota
	typeDisconnect
	typeEvent
	typeAck
	typeConnectError
	typeBinaryEvent
	typeBinaryAck
)

// Bounds of the packet format itself. The message size is bounded before.
const (
	maxAttachments = 10  // as the parsers of Socket.IO 4 do
	maxNamespace   = 512 // bytes
)

// packet is what a client sent.
type packet struct {
	typ   packetType
	nsp   string
	id    uint64
	hasID bool
	event string // of events
	// json is the payload of events and acks as [websockets.Payload] wants it,
	// or the auth object of a CONNECT.
	json []byte
	bufs [][]byte
	want int    // attachments announced
	raw  []byte // the text it came as
}

// reserved names events that only the protocol itself may send.
func reserved(event string) bool {
	switch event {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}

var (
	errTextPending   = errors.New("text frame while attachments are missing")
	errBinary        = errors.New("binary frame that no packet announced")
	errNamespaceSize = fmt.Errorf("namespace is longer than %d bytes", maxNamespace)
)

// decoder puts packets together from the frames of one connection. It is not
// safe for concurrent use.
type decoder struct{ pending *packet }

// text takes a text frame and ownership of its bytes. The packet is nil while
// attachments are missing.
func (d *decoder) text(b []byte) (*packet, error) {
	if d.pending != nil {
		return nil, errTextPending
	}
	p, err := decodePacket(b)
	if err != nil {
		return nil, err
	}
	if p.want > 0 {
		d.pending = p
		return nil, nil
	}
	return p, nil
}

// binary takes an attachment.
func (d *decoder) binary(b []byte) (*packet, error) {
	p := d.pending
	if p == nil {
		return nil, errBinary
	}
	p.bufs = append(p.bufs, b)
	if len(p.bufs) < p.want {
		return nil, nil
	}
	d.pending = nil
	return p, nil
}

// decodePacket reads <type>[<n attachments>-][<namespace>,][<id>][<json>]. It
// takes ownership of b.
func decodePacket(b []byte) (*packet, error) {
	if len(b) == 0 {
		return nil, errors.New("empty packet")
	}
	if !utf8.Valid(b) {
		return nil, errors.New("packet is not UTF-8")
	}
	p := &packet{typ: packetType(b[0] - '0'), nsp: "/", raw: b}
	if b[0] < '0' || p.typ > typeBinaryAck {
		return nil, fmt.Errorf("unknown packet type %q", b[0])
	}
	rest, err := p.readHead(b[1:])
	if err != nil {
		return nil, err
	}
	if err := p.readPayload(rest); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *packet) readHead(b []byte) ([]byte, error) {
	if p.typ == typeBinaryEvent || p.typ == typeBinaryAck {
		n := digits(b)
		// two digits are enough for maxAttachments; "5-" and "50-" are nonsense
		if n == 0 || n > 2 || n == len(b) || b[n] != '-' {
			return nil, errors.New("illegal number of attachments")
		}
		p.want, _ = strconv.Atoi(string(b[:n]))
		if p.want == 0 || p.want > maxAttachments || b[0] == '0' {
			return nil, fmt.Errorf("%d attachments: must be 1 to %d", p.want, maxAttachments)
		}
		b = b[n+1:]
	}
	if len(b) > 0 && b[0] == '/' {
		end := bytes.IndexByte(b, ',')
		if end < 0 {
			end = len(b)
		}
		if end > maxNamespace {
			return nil, errNamespaceSize
		}
		p.nsp = string(b[:end])
		b = b[min(end+1, len(b)):]
	}
	if n := digits(b); n > 0 {
		id, err := strconv.ParseUint(string(b[:min(n, 21)]), 10, 64)
		if err != nil {
			return nil, errors.New("illegal packet id")
		}
		p.id, p.hasID = id, true
		b = b[n:]
	}
	return b, nil
}

func (p *packet) readPayload(b []byte) error {
	switch p.typ {
	case typeConnect:
		if p.hasID {
			return errors.New("CONNECT with an id")
		}
		if len(b) == 0 {
			return nil
		}
		if b[0] != '{' || !jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true)) {
			return errors.New("auth of CONNECT is not a JSON object")
		}
		p.json = b
		return nil
	case typeDisconnect:
		if p.hasID || len(b) > 0 {
			return errors.New("DISCONNECT with a payload")
		}
		return nil
	case typeEvent, typeBinaryEvent:
		return p.readArgs(b, true)
	case typeAck, typeBinaryAck:
		if !p.hasID {
			return errors.New("ACK without an id")
		}
		return p.readArgs(b, false)
	default:
		return errors.New("a client must not send CONNECT_ERROR")
	}
}

// readArgs splits the array of an event or ack into event name and payload: no
// argument is no payload, one is itself, several are a JSON array of them.
func (p *packet) readArgs(b []byte, event bool) error {
	dec := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true))
	if t, err := dec.ReadToken(); err != nil || t.Kind() != '[' {
		return errors.New("payload is not a JSON array")
	}
	open := dec.InputOffset() - 1
	if event {
		v, err := dec.ReadValue()
		if err != nil || v.Kind() != '"' {
			return errors.New("event name is not a string")
		}
		name, err := jsontext.AppendUnquote(nil, v)
		if err != nil {
			return errors.New("event name is not a string")
		}
		if p.event = string(name); reserved(p.event) {
			return fmt.Errorf("event name %q is reserved", p.event)
		}
		open = dec.InputOffset()
	}
	var n int
	var from, to int64
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return fmt.Errorf("payload is not valid JSON: %w", err)
		}
		if n++; n == 1 {
			to = dec.InputOffset()
			from = to - int64(len(v))
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return fmt.Errorf("payload is not valid JSON: %w", err)
	}
	end := dec.InputOffset()
	if len(bytes.TrimLeft(b[end:], " \t\r\n")) > 0 {
		return errors.New("trailing data after the payload")
	}
	switch {
	case n == 1:
		p.json = b[from:to]
	case n > 1 && event:
		comma := open + int64(bytes.IndexByte(b[open:], ','))
		b[comma] = '[' // the arguments become an array of their own without a copy
		p.json = b[comma:end]
	case n > 1:
		p.json = b[open:end]
	}
	if p.want > 0 {
		return checkPlaceholders(p.json, p.want)
	}
	return nil
}

func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
