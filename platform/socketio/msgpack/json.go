package msgpack

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tinylib/msgp/msgp"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/internal/placeholder"
)

// node is an array or object of a JSON text. MessagePack needs its size before its
// elements.
type node struct {
	size   uint32
	end    uint32 // index after its closing bracket
	next   uint32 // the first node after those in it
	num    int32  // of the attachment that replaces it, or -1
	marked bool   // it has "_placeholder": true
}

var errJSON = errors.New("msgpack: payload is not valid JSON")

// appendJSON writes a JSON value as MessagePack, with attachments instead of their
// placeholders.
func appendJSON(msg, text []byte, attachments [][]byte) ([]byte, error) {
	if len(text) > math.MaxInt32 || !valid(text) { // the code below relies on it
		return nil, errJSON
	}
	var few [32]node
	nodes, err := measure(few[:0], text, len(attachments))
	if err != nil {
		return nil, err
	}
	at := 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '{', '[':
			n := nodes[at]
			at++
			i++
			switch {
			case n.num >= 0:
				msg = msgp.AppendBytes(msg, attachments[n.num])
				i, at = int(n.end), int(n.next)
			case c == '{':
				msg = msgp.AppendMapHeader(msg, n.size)
			default:
				msg = msgp.AppendArrayHeader(msg, n.size)
			}
		case '"':
			end := placeholder.StringEnd(text, i+1)
			msg = appendUnquoted(msg, text[i:end])
			i = end
		case 't':
			msg = msgp.AppendBool(msg, true)
			i += len("true")
		case 'f':
			msg = msgp.AppendBool(msg, false)
			i += len("false")
		case 'n':
			msg = msgp.AppendNil(msg)
			i += len("null")
		case ' ', '\n', '\t', '\r', ',', ':', ']', '}':
			i++
		default:
			end := numberEnd(text, i)
			if msg, err = appendNumber(msg, text[i:end]); err != nil {
				return nil, err
			}
			i = end
		}
	}
	return msg, nil
}

// valid reports whether text is JSON in UTF-8. Names may repeat, and escapes may be half
// of a surrogate pair.
func valid(text []byte) bool {
	v := jsontext.Value(text)
	return v.IsValid(jsontext.AllowDuplicateNames(true)) ||
		utf8.Valid(text) && v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// measure returns the arrays and objects of valid JSON, in the order of their opening
// brackets. An object is a placeholder under the condition of Socket.IO clients:
// "_placeholder" is true and "num" is the index of an attachment.
func measure(nodes []node, text []byte, attachments int) ([]node, error) {
	used := make([]bool, attachments)
	var few [16]uint32
	open := few[:0]
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			if len(open) == placeholder.MaxDepth+1 { // one of them is the packet's
				return nil, fmt.Errorf("msgpack: the payload %w", placeholder.ErrDepth)
			}
			open = append(open, uint32(len(nodes)))
			n := node{num: -1}
			if i = jsonscan.Space(text, i+1); text[i] != '}' && text[i] != ']' {
				n.size = 1
			}
			nodes = append(nodes, n)
		case ',':
			nodes[open[len(open)-1]].size++
			i++
		case '}', ']':
			i++
			n := &nodes[open[len(open)-1]]
			open = open[:len(open)-1]
			n.end, n.next = uint32(i), uint32(len(nodes))
			if !n.marked || int(n.num) >= attachments {
				n.num = -1
			}
			if n.num >= 0 {
				used[n.num] = true
			}
		case '"':
			from := i
			i = placeholder.StringEnd(text, i+1)
			if attachments == 0 {
				break
			}
			name := text[from:i]
			if i = jsonscan.Space(text, i); i < len(text) && text[i] == ':' {
				i = jsonscan.Space(text, i+1)
				nodes[open[len(open)-1]].member(name, text[i:])
			}
		default:
			i++
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fmt.Errorf("msgpack: no placeholder refers to attachment %d of %d", i, attachments)
	}
	return nodes, nil
}

// member records a member of a possible placeholder; rest starts with its value. The last
// member of a name counts, as in JavaScript.
func (n *node) member(quoted, rest []byte) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted) // an error is half a surrogate pair: not one of our names
	}
	switch string(name) {
	case "_placeholder":
		n.marked = rest[0] == 't'
	case "num":
		n.num = -1
		if i, err := strconv.ParseUint(string(rest[:numberEnd(rest, 0)]), 10, 31); err == nil {
			n.num = int32(i)
		}
	}
}

// appendUnquoted writes a string literal. Half a surrogate pair becomes U+FFFD.
func appendUnquoted(msg, quoted []byte) []byte {
	plain := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(plain, '\\') >= 0 {
		var few [64]byte
		plain, _ = jsontext.AppendUnquote(few[:0], quoted) // the only possible error is that half
	}
	return msgp.AppendStringFromBytes(msg, plain)
}

// appendNumber writes an integer of up to 64 bits as such, any other number as a float.
func appendNumber(msg, text []byte) ([]byte, error) {
	digits, negative := bytes.CutPrefix(text, []byte{'-'})
	switch whole := !bytes.ContainsAny(digits, ".eE"); {
	case whole && !negative:
		if u, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return msgp.AppendUint64(msg, u), nil
		}
	case whole:
		if i, err := strconv.ParseInt(string(text), 10, 64); err == nil && i != 0 { // -0 is a float
			return msgp.AppendInt64(msg, i), nil
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return nil, fmt.Errorf("msgpack: number %.64s does not fit into a float64", text)
	}
	return msgp.AppendFloat64(msg, f), nil
}

// The functions below take the index where they start, in valid JSON, and return the index
// after what they have read.

// numberEnd reads a number, if there is one.
func numberEnd(text []byte, i int) int {
	for i < len(text) && (text[i]-'0' < 10 || text[i] == '-' || text[i] == '+' || text[i] == '.' || text[i]|0x20 == 'e') {
		i++
	}
	return i
}
