// Package placeholder finds the objects in a JSON text that refer to the binary
// attachments of a Socket.IO packet: {"_placeholder":true,"num":0}.
//
// As in socket.io-parser, an object whose "_placeholder" is true is a placeholder,
// whatever other members it has, and "num" is the index of its attachment. If a name is
// repeated, the last member counts.
package placeholder

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/jsonpointer"
)

// Place is the position of a placeholder: text[Start:End].
type Place struct {
	Start, End int
	// Num is the index of the attachment; -1 if "num" is missing or not a plain index.
	Num int
}

// Fit reports whether the placeholders in a JSON text refer to each of n attachments
// exactly once, and to no others.
func Fit(text []byte, n int) bool {
	var few [16]bool
	used := few[:]
	if n > len(few) {
		used = make([]bool, n)
	}
	left := n
	ok := walk(text, false, func(p Place) bool {
		if p.Num < 0 || p.Num >= n || used[p.Num] {
			return false
		}
		used[p.Num] = true
		left--
		return true
	})
	return ok && left == 0
}

// All returns the placeholders of a JSON text in order. It omits those inside another
// placeholder, because clients ignore them.
func All(text []byte) []Place {
	var all []Place
	walk(text, false, func(p Place) bool {
		for len(all) > 0 && all[len(all)-1].Start > p.Start {
			all = all[:len(all)-1]
		}
		all = append(all, p)
		return true
	})
	return all
}

// MaxDepth limits the nesting of values with binary data that are sent to clients.
// socket.io-parser and msgpack clients process them recursively: with some thousand
// levels they overflow their stack and disconnect.
const MaxDepth = 1000

// ErrDepth is the error for values nested deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("is nested more than %d deep, which clients of Socket.IO cannot decode", MaxDepth)

// Check is [Fit] for a text that is sent with n attachments. It is stricter, because
// older versions of socket.io-parser and clients in other languages accept any truthy
// "_placeholder". The error names the positions. Check also rejects values nested deeper
// than [MaxDepth].
func Check(text []byte, n int) error {
	if deeper(text, MaxDepth) {
		return fmt.Errorf("the payload %w", ErrDepth)
	}
	var few [16]Place
	used := few[:]
	if n > len(few) {
		used = make([]Place, n)
	}
	var first, second Place
	fits := walk(text, true, func(p Place) bool {
		first = p
		if p.Num < 0 || p.Num >= n {
			return false
		}
		if used[p.Num].End != 0 {
			second = used[p.Num]
			return false
		}
		used[p.Num] = p
		return true
	})
	switch {
	case !fits && second.End != 0:
		return fmt.Errorf("%s or %s %w", pointer(text, second.Start), pointer(text, first.Start), errReserved)
	case !fits:
		return fmt.Errorf("%s %w", pointer(text, first.Start), errReserved)
	}
	for i := range n {
		if used[i].End == 0 {
			return fmt.Errorf("no placeholder refers to attachment %d of %d", i, n)
		}
	}
	return nil
}

var errReserved = errors.New(`has a member "_placeholder": clients would replace the object by an attachment: ` +
	`send such objects and []byte in separate messages`)

// At returns the placeholder that starts at start, of those that [All] returned.
func At(places []Place, start int) (p Place, ok bool) {
	i, ok := search(places, start)
	if ok {
		p = places[i]
	}
	return p, ok
}

// Within reports whether the object or array that starts at start contains one of the
// places, other than itself.
func Within(text []byte, places []Place, start int) bool {
	i, _ := search(places, start+1)
	return i < len(places) && places[i].Start < valueEnd(text, start)
}

func search(places []Place, start int) (int, bool) {
	return slices.BinarySearchFunc(places, start, func(p Place, start int) int { return p.Start - start })
}

// level is one open object or array.
type level struct {
	start  int
	marked bool
	num    int
}

// walk calls visit for each placeholder until it returns false, and reports whether it
// always returned true. With truthy it accepts any truthy "_placeholder". The text may be
// invalid JSON; the placeholders found in it are unspecified then.
func walk(text []byte, truthy bool, visit func(Place) bool) bool {
	var shallow [16]level
	open := shallow[:0]
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			open = append(open, level{start: i, num: -1})
			i++
		case '}', ']':
			i++
			if len(open) == 0 {
				return true
			}
			top := open[len(open)-1]
			open = open[:len(open)-1]
			if top.marked && !visit(Place{top.start, i, top.num}) {
				return false
			}
		case '"':
			name := text[i:StringEnd(text, i+1)]
			i += len(name)
			if i = space(text, i); i < len(text) && text[i] == ':' && len(open) > 0 {
				if i = space(text, i+1); i < len(text) {
					open[len(open)-1].member(name, text[i:], truthy)
				}
			}
		default:
			i++
		}
	}
	return true
}

// member records a member of the object. quoted is its name in quotes, rest the text
// starting with its value.
func (l *level) member(quoted, rest []byte, truthy bool) {
	if len(quoted) < 2 {
		return
	}
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted) // an error means half a surrogate pair, which is in neither name
	}
	switch string(name) {
	case "_placeholder":
		l.marked = rest[0] == 't' || truthy && rest[0] != 'f' && rest[0] != 'n'
	case "num":
		l.num = index(rest)
	}
}

// deeper reports whether a text is nested deeper than limit.
func deeper(text []byte, limit int) bool {
	if len(text) <= limit {
		return false
	}
	depth := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			if depth++; depth > limit {
				return true
			}
			i++
		case '}', ']':
			depth--
			i++
		case '"':
			i = StringEnd(text, i+1)
		default:
			i++
		}
	}
	return false
}

// index returns the number at the start of b if it is a plain index, otherwise -1.
func index(b []byte) int {
	const maxIndex = 1 << 20
	n, end := 0, 0
	for ; end < len(b) && b[end]-'0' < 10; end++ {
		if n = n*10 + int(b[end]-'0'); n > maxIndex {
			return -1
		}
	}
	if end == 0 || end < len(b) && (b[end] == '.' || b[end]|0x20 == 'e') {
		return -1
	}
	return n
}

// StringEnd returns the index after a string whose opening quote is at i-1.
func StringEnd(text []byte, i int) int {
	for {
		n := bytes.IndexByte(text[i:], '"')
		if n < 0 {
			return len(text)
		}
		end := i + n
		escapes := 0
		for end-escapes > i && text[end-escapes-1] == '\\' {
			escapes++
		}
		if i = end + 1; escapes%2 == 0 {
			return i
		}
	}
}

// valueEnd returns the index after the object or array that starts at i.
func valueEnd(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		c := text[i]
		i++
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			i = StringEnd(text, i)
		}
		if depth == 0 {
			break
		}
	}
	return i
}

func space(text []byte, i int) int {
	for i < len(text) && text[i] <= ' ' {
		i++
	}
	return i
}

// pointer returns the path of the object that starts at start: "items.0.file".
func pointer(text []byte, start int) string {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return "the payload" // text that is not JSON
		}
		if dec.InputOffset() > int64(start) {
			break
		}
	}
	if p := dec.StackPointer(); p != "" {
		return jsonpointer.Dotted(p)
	}
	return "the payload"
}
