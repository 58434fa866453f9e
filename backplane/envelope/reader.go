package envelope

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// Reader reads the messages of a frame, each in two steps: [Reader.Head] for what it is about
// and [Reader.Load] for what it carries. The zero value reads nothing; [Reader.Open] starts a
// frame and may be called again for the next one. It is not safe for concurrent use.
//
// What Head and Load return is valid until the next Next or Open. Strings are copies; Payload and
// Body are parts of the frame.
type Reader struct {
	limits Limits
	origin string
	seq    uint64 // of the next message
	minor  uint8
	left   int    // messages
	rest   []byte // of the frame

	msg     []byte // fields of the current message that are not read yet
	raw     byte   // its kind
	lastTag byte
	names   int // of the current message
	m       backplane.Message
	read    bool  // Head has been called
	err     error // of the current message
}

// Open starts to read a frame. The errors are ErrInvalid, ErrVersion, ErrUnknown and ErrLimit; the
// messages of the frame are lost then.
func (r *Reader) Open(frame []byte, l Limits) error {
	r.limits = l.withDefaults()
	r.left, r.rest, r.msg, r.err = 0, nil, nil, nil
	switch {
	case len(frame) > r.limits.Frame:
		return fmt.Errorf("envelope: frame of %d bytes: %w of %d", len(frame), ErrLimit, r.limits.Frame)
	case len(frame) < headerSize || string(frame[:2]) != magic:
		return fmt.Errorf("envelope: not a frame: %w", ErrInvalid)
	case frame[2]>>4 != major:
		return fmt.Errorf("envelope: major version %d, this is %d: %w", frame[2]>>4, major, ErrVersion)
	case frame[3] != 0:
		return fmt.Errorf("envelope: flags %#x: %w", frame[3], ErrUnknown)
	}
	r.minor = frame[2] & 0x0f
	id := frame[4:headerSize]
	if !sameOrigin(r.origin, id) {
		r.origin = readOrigin(id)
	}
	seq, b, ok := uvarint(frame[headerSize:])
	n, b, ok2 := uvarint(b)
	// A message has 2 bytes at least, so the number of messages is bounded by the frame.
	if !ok || !ok2 || n == 0 || n > uint64(len(b)/2) || seq > math.MaxUint64-n {
		return fmt.Errorf("envelope: number or count: %w", ErrInvalid)
	}
	r.seq, r.left, r.rest = seq, int(n), b
	return nil
}

// OriginOf returns the 8 bytes of a frame that identify the node that sent it; nil when it is too
// short.
func OriginOf(frame []byte) []byte {
	if len(frame) < headerSize {
		return nil
	}
	return frame[4:headerSize]
}

// sameOrigin reports whether id is that of a node, so that a reader of many frames of one node
// allocates nothing for it.
func sameOrigin(origin string, id []byte) bool {
	if len(origin) != 2*idSize {
		return false
	}
	for i, c := range id {
		high, _ := digit(origin[2*i])
		low, _ := digit(origin[2*i+1])
		if c != high<<4|low {
			return false
		}
	}
	return true
}

// Origin returns the node that has sent the frame.
func (r *Reader) Origin() string { return r.origin }

// Seq returns the number of the next message.
func (r *Reader) Seq() uint64 { return r.seq }

// Current returns the number of the current message.
func (r *Reader) Current() uint64 { return r.m.Seq }

// Len returns how many messages are left.
func (r *Reader) Len() int { return r.left }

// Next goes to the next message, and reports whether there is one. Without one, err is ErrInvalid
// if the frame ended early or has bytes after the last message.
func (r *Reader) Next() (ok bool, err error) {
	if r.left == 0 {
		if rest := len(r.rest); rest > 0 {
			r.rest = nil
			return false, fmt.Errorf("envelope: %d bytes after the last message: %w", rest, ErrInvalid)
		}
		return false, nil
	}
	size, b, ok := uvarint(r.rest)
	if !ok || size == 0 || size > uint64(len(b)) {
		r.left, r.rest = 0, nil
		return false, fmt.Errorf("envelope: length of a message: %w", ErrInvalid)
	}
	r.raw, r.msg, r.rest = b[0], b[1:size:size], b[size:]
	seq := r.seq
	if r.seq != 0 {
		r.seq++
	}
	r.left--
	r.lastTag, r.names, r.read, r.err = 0, 0, false, nil
	sel := &r.m.Select
	r.m = backplane.Message{
		Kind: backplane.Kind(r.raw), Origin: r.origin, Seq: seq, Version: r.minor, Rooms: r.m.Rooms[:0],
		Payload: backplane.Payload{Attachments: r.m.Payload.Attachments[:0]},
		Select: backplane.Selection{
			Endpoints: sel.Endpoints[:0], Rooms: sel.Rooms[:0], ExceptRooms: sel.ExceptRooms[:0], IDs: sel.IDs[:0], ExceptIDs: sel.ExceptIDs[:0],
		},
	}
	return true, nil
}

// Head reads kind, number and selection of the current message. Lists that it does not have are
// empty; Endpoints is nil then. The errors are ErrInvalid, ErrUnknown and ErrLimit, of this
// message only.
func (r *Reader) Head() (*backplane.Message, error) {
	if r.read {
		return &r.m, r.err
	}
	r.read = true
	hasEndpoints := false
	for len(r.msg) > 0 && r.msg[0] <= lastOfSelection {
		tag, value, err := r.field()
		if err == nil {
			hasEndpoints = hasEndpoints || tag == tagEndpoints
			err = r.selection(tag, value)
		}
		if err != nil {
			r.err = err
			return nil, err
		}
	}
	if !hasEndpoints {
		r.m.Select.Endpoints = nil
	}
	return &r.m, nil
}

// Load reads the rest of the current message into what Head has returned. Errors are those of
// Head, and ErrInvalid for a payload that is not JSON.
func (r *Reader) Load() (*backplane.Message, error) {
	if m, err := r.Head(); err != nil {
		return m, err
	}
	for len(r.msg) > 0 {
		tag, value, err := r.field()
		if err == nil {
			err = r.content(tag, value)
		}
		if err != nil {
			r.err = err
			return nil, err
		}
	}
	if len(r.m.Payload.Attachments) > 0 && len(r.m.Payload.JSON) == 0 {
		r.err = fmt.Errorf("envelope: attachments without JSON: %w", ErrInvalid)
		return nil, r.err
	}
	return &r.m, nil
}

// field reads a field. Tags ascend; only attachments repeat.
func (r *Reader) field() (tag byte, value []byte, err error) {
	tag = r.msg[0]
	size, b, ok := uvarint(r.msg[1:])
	if !ok || size > uint64(len(b)) {
		return tag, nil, fmt.Errorf("envelope: length of field %d: %w", tag, ErrInvalid)
	}
	if tag < r.lastTag || tag == r.lastTag && tag != tagAttachment {
		return tag, nil, fmt.Errorf("envelope: field %d after field %d: %w", tag, r.lastTag, ErrInvalid)
	}
	r.lastTag, r.msg = tag, b[size:]
	return tag, b[:size:size], nil
}

// uvarint reads a number from the start of b.
func uvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}

// Decode returns all messages of a frame, which share its bytes. It stops at the first error.
func Decode(frame []byte, l Limits) ([]*backplane.Message, error) {
	r := &Reader{}
	if err := r.Open(frame, l); err != nil {
		return nil, err
	}
	var all []*backplane.Message
	for {
		ok, err := r.Next()
		if err != nil || !ok {
			return all, err
		}
		m, err := r.Load()
		if err != nil {
			return all, err
		}
		own := *m
		all = append(all, &own)
		r.m = backplane.Message{} // its lists belong to own
	}
}
