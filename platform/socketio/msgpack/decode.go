package msgpack

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

var errText = errors.New("msgpack: text message: this server requires clients with socket.io-msgpack-parser")

// decoder converts a packet to the format of the default parser, and lets the decoder of
// that one check it: the rules for packets are in one place.
type decoder struct {
	json packet.Decoder
}

func (*decoder) Pending() *packet.Packet { return nil }

// Idle reports whether the decoder holds nothing of a connection, so that another may use it.
func (*decoder) Idle() bool { return true }

func (*decoder) Text([]byte) (*packet.Packet, error) { return nil, errText }

func (d *decoder) Binary(msg []byte) (*packet.Packet, error) {
	h, err := readHead(msg)
	if err != nil {
		return nil, err
	}
	if n, most := h.data.buffers, maxBinary(len(msg)); n > most {
		return nil, fmt.Errorf("%w: %d in a message of %d bytes, and this server accepts at most %d", packet.ErrTooManyAttachments, n, len(msg), most)
	}
	w := writer{text: make([]byte, 0, h.room())}
	if w.text, err = h.append(w.text); err != nil {
		return nil, err
	}
	if h.data.raw != nil {
		if err := w.value(h.data.raw); err != nil {
			return nil, err
		}
	}
	p, err := d.json.Text(w.text)
	if err != nil && !utf8.Valid(w.text) {
		err = errUTF8
	}
	for _, a := range w.attachments {
		if err != nil {
			break
		}
		p, err = d.json.Binary(a)
	}
	return p, err
}

// head is a packet whose data is not decoded yet.
type head struct {
	typ   packet.Type
	nsp   []byte
	id    uint64
	hasID bool
	data  data
}

// data is a raw value, nil for none, with the binary values in it.
type data struct {
	raw     []byte
	buffers int
	size    int // of all buffers, in bytes
}

// The keys of a packet that must not occur twice, one bit each.
const (
	hasType = 1 << iota
	hasNamespace
	hasID
	hasData
)

func readHead(msg []byte) (h head, err error) {
	n, b, err := msgp.ReadMapHeaderBytes(msg)
	if err != nil {
		return h, fmt.Errorf("msgpack: the message is not a map: %w", err)
	}
	var seen uint
	for ; n > 0; n-- {
		var key []byte
		if key, b, err = msgp.ReadStringZC(b); err != nil {
			return h, fmt.Errorf("msgpack: key of the packet: %w", err)
		}
		var is uint
		switch string(key) {
		case "type":
			is = hasType
			b, err = h.readType(b)
		case "nsp":
			is = hasNamespace
			h.nsp, b, err = msgp.ReadStringZC(b)
		case "id":
			is = hasID
			b, err = h.readID(b)
		case "data":
			is = hasData
			b, err = h.data.read(b)
		default: // options, and keys of later versions
			var ignored data
			b, err = ignored.read(b)
		}
		if err != nil {
			return h, fmt.Errorf("msgpack: %.20q of the packet: %w", key, err)
		}
		if seen&is != 0 {
			return h, fmt.Errorf("msgpack: %q occurs twice in the packet", key)
		}
		seen |= is
	}
	if seen&hasType == 0 || seen&hasNamespace == 0 {
		return h, errors.New("msgpack: packet without type or nsp")
	}
	if len(b) > 0 {
		return h, errors.New("msgpack: trailing data after the packet")
	}
	return h, nil
}

func (h *head) readType(b []byte) ([]byte, error) {
	typ, rest, err := msgp.ReadUint64Bytes(b)
	if err != nil {
		return nil, err
	}
	if typ > uint64(packet.ConnectError) {
		return nil, fmt.Errorf("unknown type %d", typ)
	}
	h.typ = packet.Type(typ)
	return rest, nil
}

func (h *head) readID(b []byte) (rest []byte, err error) {
	if rest, ok := absent(b); ok {
		return rest, nil
	}
	h.hasID = true
	h.id, rest, err = msgp.ReadUint64Bytes(b)
	return rest, err
}

// read reads a value of any kind and finds its end.
func (d *data) read(b []byte) (rest []byte, err error) {
	if rest, ok := absent(b); ok {
		return rest, nil
	}
	rest = b
	for left := uint64(1); left > 0; left-- {
		if left > uint64(len(rest)) { // each value has at least one byte: the length is wrong
			return nil, msgp.ErrShortBytes
		}
		var n uint32
		switch msgp.NextType(rest) {
		case msgp.MapType:
			n, rest, err = msgp.ReadMapHeaderBytes(rest)
			left += 2 * uint64(n)
		case msgp.ArrayType:
			n, rest, err = msgp.ReadArrayHeaderBytes(rest)
			left += uint64(n)
		default:
			var buf []byte
			var is bool
			if buf, rest, is, err = buffer(rest); is {
				d.buffers++
				d.size += len(buf)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	d.raw = b[:len(b)-len(rest)]
	return rest, nil
}

// room returns how many bytes the text needs when nothing is escaped.
func (h *head) room() int {
	const most = 48 // for the digits before the data, and for each placeholder
	return len(h.nsp) + len(h.data.raw) - h.data.size + most*(1+h.data.buffers)
}

// append writes what is before the data.
func (h *head) append(text []byte) ([]byte, error) {
	kind := msgp.NextType(h.data.raw)
	switch h.typ {
	case packet.Event, packet.Ack:
		if kind != msgp.ArrayType {
			return nil, errors.New("msgpack: data of an event or ack is not an array")
		}
	default:
		if h.data.raw != nil && kind != msgp.MapType {
			return nil, errors.New("msgpack: data of a packet other than events and acks is not a map")
		}
		if h.data.buffers > 0 {
			return nil, errors.New("msgpack: only events and acks have binary values")
		}
	}
	if len(h.nsp) == 0 || h.nsp[0] != '/' || bytes.IndexByte(h.nsp, ',') >= 0 {
		return nil, fmt.Errorf("msgpack: namespace %.64q must start with a slash and not contain a comma", h.nsp)
	}
	if n := h.data.buffers; n > 0 {
		const binary = 3 // from EVENT to BINARY_EVENT, and from ACK to BINARY_ACK
		text = append(text, '0'+binary+byte(h.typ))
		text = strconv.AppendInt(text, int64(n), 10)
		text = append(text, '-')
	} else {
		text = append(text, '0'+byte(h.typ))
	}
	if len(h.nsp) > 1 {
		text = append(text, h.nsp...)
		text = append(text, ',')
	}
	if h.hasID {
		text = strconv.AppendUint(text, h.id, 10)
	}
	return text, nil
}
