package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

var (
	errUTF8  = errors.New("msgpack: a string is not UTF-8")
	errDepth = fmt.Errorf("msgpack: data is nested more than %d deep", jsonscan.MaxDepth)
)

// writer writes values as JSON, and collects binary values as attachments.
type writer struct {
	text        []byte
	attachments [][]byte
}

// level is an array or map that is being written.
type level struct {
	left   uint32 // elements, or members, that are not read yet
	object bool
	filled bool // it has an element
}

// value writes one value of any kind, which data.read has checked.
func (w *writer) value(b []byte) (err error) {
	var few [16]level
	open := few[:0]
	for {
		switch kind := msgp.NextType(b); kind {
		case msgp.MapType, msgp.ArrayType:
			if len(open) == jsonscan.MaxDepth {
				return errDepth
			}
			var l level
			if l, b, err = w.open(b, kind); err == nil {
				open = append(open, l)
			}
		default:
			b, err = w.scalar(b, kind)
		}
		for more := false; err == nil && !more; { // go to the next value, and close what has ended
			if len(open) == 0 {
				return nil
			}
			l := &open[len(open)-1]
			if more, b, err = w.next(l, b); !more {
				w.text = append(w.text, closing(l.object))
				open = open[:len(open)-1]
			}
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) open(b []byte, kind msgp.Type) (l level, rest []byte, err error) {
	if l.object = kind == msgp.MapType; l.object {
		w.text = append(w.text, '{')
		l.left, rest, err = msgp.ReadMapHeaderBytes(b)
	} else {
		w.text = append(w.text, '[')
		l.left, rest, err = msgp.ReadArrayHeaderBytes(b)
	}
	return l, rest, err
}

func closing(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

// next writes what is before the next value of an open array or map, and reports whether
// there is one.
func (w *writer) next(l *level, b []byte) (more bool, rest []byte, err error) {
	for ; l.left > 0; l.left-- {
		before := len(w.text)
		if l.filled {
			w.text = append(w.text, ',')
		}
		if l.object {
			if b, err = w.key(b); err != nil {
				return false, nil, err
			}
			if rest, undefined := undefined(b); undefined {
				w.text, b = w.text[:before], rest
				continue
			}
			w.text = append(w.text, ':')
		}
		l.filled = true
		l.left--
		return true, b, nil
	}
	return false, b, nil
}

// key writes the name of a member.
func (w *writer) key(b []byte) ([]byte, error) {
	switch kind := msgp.NextType(b); kind {
	case msgp.StrType:
		return w.scalar(b, kind)
	case msgp.IntType, msgp.UintType:
		w.text = append(w.text, '"')
		rest, err := w.scalar(b, kind)
		w.text = append(w.text, '"')
		return rest, err
	default:
		return nil, fmt.Errorf("msgpack: key of a map is of type %s: use strings", kind)
	}
}

// scalar writes any value that is neither an array nor a map.
func (w *writer) scalar(b []byte, kind msgp.Type) (rest []byte, err error) {
	switch kind {
	case msgp.StrType:
		var s []byte
		if s, rest, err = msgp.ReadStringZC(b); err == nil {
			w.text, err = appendString(w.text, s)
		}
	case msgp.IntType:
		var i int64
		i, rest, err = msgp.ReadInt64Bytes(b)
		w.text = strconv.AppendInt(w.text, i, 10)
	case msgp.UintType:
		var u uint64
		u, rest, err = msgp.ReadUint64Bytes(b)
		w.text = strconv.AppendUint(w.text, u, 10)
	case msgp.Float32Type, msgp.Float64Type:
		var f float64
		if f, rest, err = msgp.ReadFloat64Bytes(b); err == nil {
			w.text = appendFloat(w.text, f)
		}
	case msgp.BoolType:
		var v bool
		v, rest, err = msgp.ReadBoolBytes(b)
		w.text = strconv.AppendBool(w.text, v)
	case msgp.NilType:
		rest, err = msgp.ReadNilBytes(b)
		w.text = append(w.text, "null"...)
	default:
		return w.other(b)
	}
	return rest, err
}

// other writes values that JSON does not have.
func (w *writer) other(b []byte) (rest []byte, err error) {
	buf, rest, is, err := buffer(b)
	switch {
	case err != nil:
		return nil, err
	case is:
		w.text = append(w.text, `{"_placeholder":true,"num":`...)
		w.text = strconv.AppendInt(w.text, int64(len(w.attachments)), 10)
		w.text = append(w.text, '}')
		w.attachments = append(w.attachments, slices.Clip(buf))
		return rest, nil
	}
	if rest, ok := undefined(b); ok {
		w.text = append(w.text, "null"...)
		return rest, nil
	}
	w.text, err = appendTime(w.text, b[:len(b)-len(rest)])
	return rest, err
}

// appendString quotes s, which rarely needs escapes. Without escapes it does not check for
// UTF-8: that is done once for the whole text.
func appendString(text, s []byte) ([]byte, error) {
	if !plain(s) {
		text, err := jsontext.AppendQuote(text, s)
		if err != nil {
			return nil, errUTF8
		}
		return text, nil
	}
	text = append(text, '"')
	text = append(text, s...)
	return append(text, '"'), nil
}

// plain reports whether s needs no escapes.
func plain(s []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64(s)
		quote, slash := w^'"'*ones, w^'\\'*ones
		// (x-ones)&^x has the high bit where a byte is 0, w-0x20… where it is below 0x20.
		if ((quote-ones)&^quote|(slash-ones)&^slash|(w-0x20*ones)&^w)&highs != 0 {
			return false
		}
	}
	for _, c := range s {
		if c < 0x20 || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendFloat writes the shortest digits that parse to the same float64. What JSON has no
// number for is null, as in JavaScript's JSON.
func appendFloat(text []byte, f float64) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(text, "null"...)
	case f != 0 && (abs < 1e-6 || abs >= 1e21):
		text = strconv.AppendFloat(text, f, 'e', -1, 64)
		if n := len(text); text[n-4] == 'e' && text[n-2] == '0' { // 1e-07
			text[n-2] = text[n-1]
			text = text[:n-1]
		}
		return text
	}
	return strconv.AppendFloat(text, f, 'f', -1, 64)
}
