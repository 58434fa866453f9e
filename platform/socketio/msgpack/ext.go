package msgpack

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// The supported extensions. notepack.io, the base of socket.io-msgpack-parser, uses type 0
// for three kinds of values, which differ in their first byte.
const (
	extNotepack  = 0
	extTimestamp = -1
)

// First bytes.
const (
	ext8    = 0xc7 // followed by ext16 and ext32; in notepack a buffer
	ext32   = 0xc9
	fixext1 = 0xd4 // in notepack undefined
	fixext8 = 0xd7 // in notepack a date
)

// undefined skips JavaScript's undefined, whose data byte is ignored.
func undefined(b []byte) (rest []byte, ok bool) {
	if len(b) < 3 || b[0] != fixext1 || b[1] != extNotepack {
		return b, false
	}
	return b[3:], true
}

// absent skips undefined or nil.
func absent(b []byte) (rest []byte, ok bool) {
	if rest, ok := undefined(b); ok {
		return rest, true
	}
	if !msgp.IsNil(b) {
		return b, false
	}
	return b[1:], true
}

// buffer reads one value that is neither array nor map. It returns its bytes if it is
// binary.
func buffer(b []byte) (buf, rest []byte, is bool, err error) {
	if msgp.NextType(b) == msgp.BinType {
		buf, rest, err = msgp.ReadBytesZC(b)
		return buf, rest, err == nil, err
	}
	if rest, err = msgp.Skip(b); err != nil {
		return nil, nil, false, err
	}
	if b[0] >= ext8 && b[0] <= ext32 {
		head := 2 + 1<<(b[0]-ext8) // the first byte, the length in 1, 2 or 4, and the type
		if b[head-1] == extNotepack {
			return b[head : len(b)-len(rest)], rest, true, nil
		}
	}
	return nil, rest, false, nil
}

// appendTime writes an extension, whose length was checked, if it is a date.
func appendTime(text, raw []byte) ([]byte, error) {
	if len(raw) == 10 && raw[0] == fixext8 && raw[1] == extNotepack {
		ms := int64(binary.BigEndian.Uint64(raw[2:]))
		return appendDate(text, time.UnixMilli(ms)), nil
	}
	typ := int8(raw[1])
	if raw[0] >= ext8 && raw[0] <= ext32 {
		typ = int8(raw[1+1<<(raw[0]-ext8)])
	}
	if typ != extTimestamp {
		return nil, fmt.Errorf("msgpack: extension of type %d: only timestamps, and dates, buffers and undefined of socket.io-msgpack-parser, are supported", typ)
	}
	t, _, err := msgp.ReadTimeBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("msgpack: timestamp: %w", err)
	}
	return appendDate(text, t), nil
}

// maxSeconds is how far from 1970 a JavaScript date may be.
const maxSeconds = 8_640_000_000_000

// appendDate writes a date as JSON.stringify does, but with nanoseconds if it has more
// than milliseconds.
func appendDate(text []byte, t time.Time) []byte {
	t = t.UTC()
	if s := t.Unix(); s < -maxSeconds || s > maxSeconds || s == maxSeconds && t.Nanosecond() > 0 {
		return append(text, "null"...)
	}
	text = append(text, '"')
	if y := t.Year(); y < 0 || y > 9999 {
		text = fmt.Appendf(text, "%+07d", y)
	} else {
		text = fmt.Appendf(text, "%04d", y)
	}
	layout := "-01-02T15:04:05.000Z"
	if t.Nanosecond()%1e6 != 0 {
		layout = "-01-02T15:04:05.000000000Z"
	}
	return append(t.AppendFormat(text, layout), '"')
}
