package packet

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// level is one open object or array.
type level struct {
	marked bool // "_placeholder": true was seen
	num    int  // of "num"; -1 when absent or no index
}

// placeholdersFit reports whether the placeholders in a valid JSON text point to
// each of n attachments exactly once.
func placeholdersFit(text []byte, n int) bool {
	var few [16]bool
	used := few[:]
	if n > len(few) {
		used = make([]bool, n)
	}
	left := n
	var shallow [16]level
	open := shallow[:0]
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			open = append(open, level{num: -1})
			i++
		case '}', ']':
			top := open[len(open)-1]
			open = open[:len(open)-1]
			i++
			if !top.marked {
				break
			}
			if top.num < 0 || top.num >= n || used[top.num] {
				return false
			}
			used[top.num] = true
			left--
		case '"':
			start := i
			i = str(text, start+1)
			name := text[start:i]
			if i = space(text, i); i < len(text) && text[i] == ':' {
				i = space(text, i+1)
				open[len(open)-1].member(name, text[i:])
			}
		default:
			i++
		}
	}
	return left == 0
}

// member takes note of a member whose value begins the rest. The last one of a
// name counts, as in JavaScript.
func (l *level) member(quoted, rest []byte) {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted) // an error is half a surrogate pair: no name of ours
	}
	switch string(name) {
	case "_placeholder":
		l.marked = rest[0] == 't'
	case "num":
		l.num = index(rest)
	}
}

// index gives the number at the beginning of valid JSON if it is a plain index,
// otherwise -1.
func index(b []byte) int {
	const most = 1 << 20
	n := 0
	end := digits(b, 0)
	for _, c := range b[:end] {
		if n = n*10 + int(c-'0'); n > most {
			return -1
		}
	}
	if end == 0 || end < len(b) && (b[end] == '.' || b[end]|0x20 == 'e') {
		return -1
	}
	return n
}
