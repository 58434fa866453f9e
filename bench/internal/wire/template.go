package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Places in a template, as long as the numbers that come there: 15 digits are
// exact in a float64 too.
const (
	seqMark = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
	idMark  = "\x02\x02\x02\x02\x02\x02\x02\x02"

	firstSeq = 100_000_000_000_000
	firstID  = 10_000_000
)

// Number identifies a message: which connection, and which of its messages.
type Number struct {
	Conn int // taken modulo 90,000
	Seq  int // from 0, below 10^9; the ack id repeats after 80 million
}

func (n Number) seq() int { return firstSeq + n.Conn%90_000*1_000_000_000 + n.Seq }
func (n Number) id() int  { return firstID + n.Seq%80_000_000 }

// Template is a message with places for its number. It is not safe for concurrent use.
type Template struct {
	protocol Protocol
	text     []byte // the last one filled
	frame    []byte // the same as it goes on the wire
	seq, id  int    // where in text; -1: nowhere
}

func newTemplate(p Protocol, text string) *Template {
	t := &Template{protocol: p, text: []byte(text), seq: strings.Index(text, seqMark), id: strings.Index(text, idMark)}
	t.fill(t.text, Number{}, false)
	t.frame = p.Append(nil, t.text)
	return t
}

// Append appends the message with its number as it goes on the wire.
func (t *Template) Append(dst []byte, n Number) []byte {
	start := len(dst) + len(t.frame) - len(t.text)
	dst = append(dst, t.frame...)
	t.fill(dst[start:], n, t.protocol != Raw)
	return dst
}

// Matches reports whether msg is the message with that number. The order of keys
// and the spelling of JSON do not count.
func (t *Template) Matches(msg []byte, n Number) bool {
	t.fill(t.text, n, false)
	if bytes.Equal(msg, t.text) {
		return true
	}
	if t.protocol == Raw {
		return false
	}
	prefix, value := split(msg)
	wantPrefix, wantValue := split(t.text)
	var got, want any
	return bytes.Equal(prefix, wantPrefix) && json.Unmarshal(value, &got) == nil &&
		json.Unmarshal(wantValue, &want) == nil && reflect.DeepEqual(got, want)
}

// split cuts a message where its JSON starts.
func split(msg []byte) (prefix, value []byte) {
	i := max(0, bytes.IndexAny(msg, "[{"))
	return msg[:i], msg[i:]
}

func (t *Template) fill(text []byte, n Number, masked bool) {
	if t.seq >= 0 {
		digits(text, t.seq, len(seqMark), n.seq(), masked)
	}
	if t.id >= 0 {
		digits(text, t.id, len(idMark), n.id(), masked)
	}
}

func digits(text []byte, at, width, value int, masked bool) {
	for i := at + width - 1; i >= at; i-- {
		text[i] = byte('0' + value%10)
		if masked {
			text[i] ^= maskKey[i&3]
		}
		value /= 10
	}
}
