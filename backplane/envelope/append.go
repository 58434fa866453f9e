package envelope

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// The header of frames.
const (
	magic      = "GH"
	major      = 1
	headerSize = 2 + 1 + 1 + idSize
	idSize     = 8 // of nodes and requests, raw
)

// MaxVersion is the newest minor version that this package writes; it reads all of them.
const MaxVersion = 0

// Tags of the fields of a message.
const (
	tagEndpoints   = 1
	tagNamespace   = 3
	tagRooms       = 5
	tagExceptRooms = 7
	tagIDs         = 9
	tagExceptIDs   = 11
	tagRequest     = 13
	tagTo          = 15
	tagWait        = 16
	tagFlags       = 17
	tagEvent       = 19
	tagJSON        = 21
	tagAttachment  = 23
	tagMembership  = 25
	tagBody        = 27
	tagCount       = 28
	tagTrace       = 30

	lastOfSelection = tagExceptIDs
)

// Flags on the wire.
const (
	wireSpread = 1 << 2
	knownFlags = backplane.Volatile | backplane.Uncompressed | backplane.Durable | 3<<4
)

// Append appends a frame with the messages. They have one origin, one channel, one To and one Version, and
// numbers that follow each other; [Split] cuts a batch so. It does not check the limits of receivers, see
// [Limits].Check.
func Append(dst []byte, batch []*backplane.Message) ([]byte, error) {
	if len(batch) == 0 {
		return dst, fmt.Errorf("envelope: no message: %w", ErrInvalid)
	}
	first, kept := batch[0], len(dst)
	dst = append(dst, magic...)
	dst = append(dst, major<<4|first.Version&0x0f, 0)
	dst, err := appendOrigin(dst, first.Origin)
	if err != nil {
		return dst[:kept], err
	}
	dst = binary.AppendUvarint(dst, first.Seq)
	dst = binary.AppendUvarint(dst, uint64(len(batch)))
	for i, m := range batch {
		if i > 0 && !follows(batch[i-1], m) {
			return dst[:kept], fmt.Errorf("envelope: message %d has another origin, channel, To or Version, or does not follow in number: %w", i, ErrInvalid)
		}
		dst = binary.AppendUvarint(dst, uint64(Size(m)))
		if dst, err = appendMessage(dst, m); err != nil {
			return dst[:kept], err
		}
	}
	return dst, nil
}

// follows reports whether b can be after a in a frame.
func follows(a, b *backplane.Message) bool {
	if a.Origin != b.Origin || a.Channel != b.Channel || a.To != b.To || a.Version != b.Version {
		return false
	}
	return b.Seq == a.Seq+1 || a.Seq == 0 && b.Seq == 0
}

// Split calls f with the parts of a batch that fit into a frame each, in their order, until f
// returns an error, and returns that.
func Split(batch []*backplane.Message, f func(part []*backplane.Message) error) error {
	for len(batch) > 0 {
		n := 1
		for n < len(batch) && follows(batch[n-1], batch[n]) {
			n++
		}
		if err := f(batch[:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

func appendMessage(b []byte, m *backplane.Message) ([]byte, error) {
	s := &m.Select
	b = append(b, byte(m.Kind))
	if s.Endpoints != nil {
		b = appendTag(b, tagEndpoints, 4*len(s.Endpoints))
		for _, e := range s.Endpoints {
			b = binary.BigEndian.AppendUint32(b, e)
		}
	}
	b = appendText(b, tagNamespace, s.Namespace)
	b = appendNames(b, tagRooms, s.Rooms)
	b = appendNames(b, tagExceptRooms, s.ExceptRooms)
	b = appendNames(b, tagIDs, s.IDs)
	b = appendNames(b, tagExceptIDs, s.ExceptIDs)
	b, err := appendID(b, tagRequest, m.Request)
	if err != nil {
		return b, err
	}
	if b, err = appendID(b, tagTo, m.To); err != nil {
		return b, err
	}
	b = appendNumber(b, tagWait, uint64(max(0, m.Wait.Milliseconds())))
	b = appendNumber(b, tagFlags, wireFlags(m))
	b = appendText(b, tagEvent, m.Event)
	if len(m.Payload.JSON) > 0 {
		b = append(appendTag(b, tagJSON, len(m.Payload.JSON)), m.Payload.JSON...)
	}
	for _, a := range m.Payload.Attachments {
		b = append(appendTag(b, tagAttachment, len(a)), a...)
	}
	b = appendNames(b, tagMembership, m.Rooms)
	if len(m.Body) > 0 {
		b = append(appendTag(b, tagBody, len(m.Body)), m.Body...)
	}
	b = appendNumber(b, tagCount, uint64(m.Count))
	return appendText(b, tagTrace, m.Traceparent), nil
}

func wireFlags(m *backplane.Message) uint64 {
	f := uint64(m.Flags & knownFlags)
	if m.Payload.Spread {
		f |= wireSpread
	}
	return f
}

func appendTag(b []byte, tag byte, size int) []byte {
	return binary.AppendUvarint(append(b, tag), uint64(size))
}

func appendText(b []byte, tag byte, s string) []byte {
	if s == "" {
		return b
	}
	return append(appendTag(b, tag, len(s)), s...)
}

func appendNumber(b []byte, tag byte, n uint64) []byte {
	if n == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, tag, uvarintSize(n)), n)
}

func appendNames(b []byte, tag byte, names []string) []byte {
	if len(names) == 0 {
		return b
	}
	b = appendTag(b, tag, namesSize(names))
	for _, n := range names {
		b = append(binary.AppendUvarint(b, uint64(len(n))), n...)
	}
	return b
}

// Size returns the size of a message in a frame, without its length before it.
func Size(m *backplane.Message) int {
	s := &m.Select
	n := 1
	if s.Endpoints != nil {
		n += fieldSize(4 * len(s.Endpoints))
	}
	n += textSize(len(s.Namespace)) + namesField(s.Rooms) + namesField(s.ExceptRooms) + namesField(s.IDs) + namesField(s.ExceptIDs)
	if m.Request != "" {
		n += fieldSize(idSize)
	}
	if m.To != "" {
		n += fieldSize(idSize)
	}
	n += numberSize(uint64(max(0, m.Wait.Milliseconds()))) + numberSize(wireFlags(m)) + textSize(len(m.Event)) + textSize(len(m.Payload.JSON))
	for _, a := range m.Payload.Attachments {
		n += fieldSize(len(a))
	}
	return n + namesField(m.Rooms) + textSize(len(m.Body)) + numberSize(uint64(m.Count)) + textSize(len(m.Traceparent))
}

func uvarintSize(n uint64) int { return max(1, (bits.Len64(n)+6)/7) }

func fieldSize(size int) int { return 1 + uvarintSize(uint64(size)) + size }

func textSize(size int) int {
	if size == 0 {
		return 0
	}
	return fieldSize(size)
}

func numberSize(n uint64) int {
	if n == 0 {
		return 0
	}
	return fieldSize(uvarintSize(n))
}

func namesSize(names []string) (n int) {
	for _, s := range names {
		n += uvarintSize(uint64(len(s))) + len(s)
	}
	return n
}

func namesField(names []string) int {
	if len(names) == 0 {
		return 0
	}
	return fieldSize(namesSize(names))
}
