package envelope

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// maxWait bounds the time of a request, so that a number from the wire does not overflow.
const maxWait = 24 * time.Hour

// selection reads a field of the selection.
func (r *Reader) selection(tag byte, value []byte) (err error) {
	s := &r.m.Select
	switch tag {
	case tagEndpoints:
		s.Endpoints, err = r.readKeys(s.Endpoints, value)
	case tagNamespace:
		s.Namespace, err = r.readText("namespace", value, r.limits.Name)
	case tagRooms:
		s.Rooms, err = r.readNames(s.Rooms, value)
	case tagExceptRooms:
		s.ExceptRooms, err = r.readNames(s.ExceptRooms, value)
	case tagIDs:
		s.IDs, err = r.readNames(s.IDs, value)
	case tagExceptIDs:
		s.ExceptIDs, err = r.readNames(s.ExceptIDs, value)
	default:
		err = unknownTag(tag)
	}
	return err
}

// content reads any other field.
func (r *Reader) content(tag byte, value []byte) (err error) {
	m := &r.m
	switch tag {
	case tagRequest:
		m.Request, err = readID(tag, value)
	case tagTo:
		m.To, err = readID(tag, value)
	case tagWait:
		var ms uint64
		ms, err = readNumber(tag, value, uint64(maxWait/time.Millisecond))
		m.Wait = time.Duration(ms) * time.Millisecond
	case tagFlags:
		var f uint64
		f, err = readNumber(tag, value, math.MaxUint64)
		m.Flags, m.Payload.Spread = backplane.Flags(f)&knownFlags, f&wireSpread != 0
	case tagEvent:
		m.Event, err = r.readText("event name", value, r.limits.Event)
	case tagJSON:
		if m.Payload.JSON = value; !validJSON(value) {
			err = fmt.Errorf("envelope: payload is not JSON: %w", ErrInvalid)
		}
	case tagAttachment:
		if len(m.Payload.Attachments) == r.limits.Attachments {
			return fmt.Errorf("envelope: attachments: %w of %d", ErrLimit, r.limits.Attachments)
		}
		m.Payload.Attachments = append(m.Payload.Attachments, value)
	case tagMembership:
		m.Rooms, err = r.readNames(m.Rooms, value)
	case tagBody:
		m.Body = value
	case tagCount:
		var n uint64
		n, err = readNumber(tag, value, math.MaxUint32)
		m.Count = uint32(n)
	case tagTrace:
		m.Traceparent = traceOf(value)
	default:
		err = unknownTag(tag)
	}
	return err
}

// unknownTag returns nil for tags that may be skipped.
func unknownTag(tag byte) error {
	if tag%2 == 0 && tag != 0 {
		return nil
	}
	return fmt.Errorf("envelope: field %d: %w", tag, ErrUnknown)
}

func (r *Reader) count(n int) error {
	if r.names += n; r.names > r.limits.Names {
		return fmt.Errorf("envelope: rooms, ids and endpoints: %w of %d", ErrLimit, r.limits.Names)
	}
	return nil
}

func (r *Reader) readKeys(dst []uint32, b []byte) ([]uint32, error) {
	if len(b)%4 != 0 {
		return dst, fmt.Errorf("envelope: endpoints: %w", ErrInvalid)
	}
	if err := r.count(len(b) / 4); err != nil {
		return dst, err
	}
	if dst == nil {
		dst = make([]uint32, 0, len(b)/4) // not nil, which would be all endpoints
	}
	for ; len(b) > 0; b = b[4:] {
		dst = append(dst, binary.BigEndian.Uint32(b))
	}
	return dst, nil
}

func (r *Reader) readNames(dst []string, b []byte) ([]string, error) {
	for len(b) > 0 {
		size, rest, ok := uvarint(b)
		if !ok || size > uint64(len(rest)) {
			return dst, fmt.Errorf("envelope: length of a name: %w", ErrInvalid)
		}
		if size > uint64(r.limits.Name) {
			return dst, fmt.Errorf("envelope: name of %d bytes: %w of %d", size, ErrLimit, r.limits.Name)
		}
		if err := r.count(1); err != nil {
			return dst, err
		}
		dst, b = append(dst, string(rest[:size])), rest[size:]
	}
	return dst, nil
}

func (*Reader) readText(what string, b []byte, limit int) (string, error) {
	if len(b) > limit {
		return "", fmt.Errorf("envelope: %s of %d bytes: %w of %d", what, len(b), ErrLimit, limit)
	}
	if !utf8.Valid(b) {
		return "", fmt.Errorf("envelope: %s is not UTF-8: %w", what, ErrInvalid)
	}
	return string(b), nil
}

func readID(tag byte, b []byte) (string, error) {
	if len(b) != idSize {
		return "", fmt.Errorf("envelope: length of id %d: %w", tag, ErrInvalid)
	}
	return hex.EncodeToString(b), nil
}

func readNumber(tag byte, b []byte, limit uint64) (uint64, error) {
	n, rest, ok := uvarint(b)
	if !ok || len(rest) > 0 || n > limit {
		return 0, fmt.Errorf("envelope: number %d: %w", tag, ErrInvalid)
	}
	return n, nil
}
