// Package placeholder finds the objects in a JSON text that stand for the binary
// attachments of a Socket.IO packet: {"_placeholder":true,"num":0}.
//
// The rule is that of socket.io-parser: an object whose "_placeholder" is true is
// one, whatever other members it has, and "num" is the index of its attachment. Of
// members with the same name the last one counts.
package placeholder

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Place is where a placeholder is: text[Start:End].
type Place struct {
	Start, End int
	// Num is the index of the attachment, -1 when "num" is absent or not a plain index.
	Num int
}

// Fit reports whether the placeholders in a JSON text refer to each of n
// attachments exactly once, and to nothing else.
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

// All returns the placeholders of a JSON text in order, without those that are inside
// of another one, which nobody looks at.
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

// MaxDepth is how deep a value may nest that is sent to clients with binary in it.
// socket.io-parser looks for placeholders, and msgpack clients decode, by recursion:
// from some thousand levels on they run out of stack and disconnect.
const MaxDepth = 1000

// ErrDepth is the error of a value that nests deeper than [MaxDepth].
var ErrDepth = fmt.Errorf("is nested more than %d deep, which clients of Socket.IO cannot decode", MaxDepth)

// Check is [Fit] for a text that is about to be sent with n attachments. It is
// stricter: older versions of socket.io-parser and clients in other languages take
// any true-ish "_placeholder" for a placeholder. The error names the places. It also
// refuses what nests deeper than [MaxDepth].
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
		return fmt.Errorf("%s or %s %w", pointer(text, second.Start), pointer(text, first.Start), errTaken)
	case !fits:
		return fmt.Errorf("%s %w", pointer(text, first.Start), errTaken)
	}
	for i := range n {
		if used[i].End == 0 {
			return fmt.Errorf("no placeholder refers to attachment %d of %d", i, n)
		}
	}
	return nil
}

var errTaken = errors.New(`is an object with a "_placeholder", which clients would replace by one of the message's binary parts: ` +
	`send such objects and []byte in messages of their own`)

// At returns the placeholder that begins at start, of those that [All] returned.
func At(places []Place, start int) (p Place, ok bool) {
	i, ok := search(places, start)
	if ok {
		p = places[i]
	}
	return p, ok
}

// Within reports whether one of the places is inside the object or array that begins
// at start; the value itself does not count.
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

// walk calls visit for each placeholder until it returns false, and reports whether
// it never did; wide accepts all that is true-ish as "_placeholder". The text may be
// anything; what is found in invalid JSON is unspecified.
func walk(text []byte, wide bool, visit func(Place) bool) bool {
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
			name := text[i:stringEnd(text, i+1)]
			i += len(name)
			if i = space(text, i); i < len(text) && text[i] == ':' && len(open) > 0 {
				if i = space(text, i+1); i < len(text) {
					open[len(open)-1].member(name, text[i:], wide)
				}
			}
		default:
			i++
		}
	}
	return true
}

// member notes a member, given its name in quotes and the text from its value on.
func (l *level) member(quoted, rest []byte, wide bool) {
	if len(quoted) < 2 {
		return
	}
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		name, _ = jsontext.AppendUnquote(nil, quoted) // the error of half a surrogate pair: not one of the two names
	}
	switch string(name) {
	case "_placeholder":
		l.marked = rest[0] == 't' || wide && rest[0] != 'f' && rest[0] != 'n'
	case "num":
		l.num = index(rest)
	}
}

// deeper reports whether a text nests deeper than a limit.
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
			i = stringEnd(text, i+1)
		default:
			i++
		}
	}
	return false
}

// index returns the number that b begins with if it is a plain index, otherwise -1.
func index(b []byte) int {
	const most = 1 << 20
	n, end := 0, 0
	for ; end < len(b) && b[end]-'0' < 10; end++ {
		if n = n*10 + int(b[end]-'0'); n > most {
			return -1
		}
	}
	if end == 0 || end < len(b) && (b[end] == '.' || b[end]|0x20 == 'e') {
		return -1
	}
	return n
}

// stringEnd returns the index behind a string, of which i is behind the first quote.
func stringEnd(text []byte, i int) int {
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

// valueEnd returns the index behind the object or array that begins at i.
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
			i = stringEnd(text, i)
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

// pointer names the object that begins at start by its place: "items.0.file".
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
	p := dec.StackPointer()
	if p == "" {
		return "the payload"
	}
	name := make([]byte, 0, len(p))
	for token := range p.Tokens() {
		if len(name) > 0 {
			name = append(name, '.')
		}
		name = append(name, token...)
	}
	return string(name)
}
