package packet

import (
	"encoding/binary"
	"math/bits"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// maxDepth is how deep JSON may nest, the array of a packet included: what the
// decoder behind accepts.
const maxDepth = 10_000

// The functions of this file check JSON as RFC 8259 and JSON.parse have it.
// Names may repeat, escapes may be halves of surrogate pairs; UTF-8 is checked
// elsewhere. Each takes the index to begin at and gives the one behind what it
// has taken, or a negative code.
const (
	badSyntax = -1
	badDepth  = -2
)

// space is inlined where there is none, as usual.
func space(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return spaces(b, i)
}

func spaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value takes one value of any kind, with at most depth brackets open at a time.
// What is open is one bit each, 1 for an object: the innermost 64 in a register,
// the others in blocks of 64 behind it, so that text of usual depth needs no memory.
//
//nolint:gocognit // one state machine, whose states share what is open
func value(b []byte, i, depth int) int {
	var inner uint64
	var outer []uint64
	open := 0
	for {
		if i >= len(b) {
			return badSyntax
		}
		c := b[i]
		switch c {
		case '"':
			i = str(b, i+1)
		case '{', '[':
			if open >= depth {
				return badDepth
			}
			if i = space(b, i+1); i < len(b) && b[i] == c+2 { // in ASCII both closing brackets are two further
				i++
				break
			}
			if open > 0 && open&63 == 0 {
				outer = append(outer, inner)
			}
			open++
			inner <<= 1
			if c == '{' {
				inner |= 1
				if i = name(b, i); i < 0 {
					return i
				}
			}
			continue
		default:
			i = scalar(b, i)
		}
		if i < 0 {
			return i
		}
		for { // a value has ended: close what ends with it
			if open == 0 {
				return i
			}
			if i = space(b, i); i >= len(b) {
				return badSyntax
			}
			c := b[i]
			i++
			if c == ',' {
				i = space(b, i)
				if inner&1 != 0 {
					if i = name(b, i); i < 0 {
						return i
					}
				}
				break
			}
			if c != ']'+byte(inner&1)<<5 { // '}' is 32 further
				return badSyntax
			}
			open--
			inner >>= 1
			if open > 0 && open&63 == 0 {
				inner, outer = outer[len(outer)-1], outer[:len(outer)-1]
			}
		}
	}
}

// name takes a member's name, the colon, and the white space behind it.
func name(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return badSyntax
	}
	if i = str(b, i+1); i < 0 {
		return i
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return badSyntax
	}
	return space(b, i+1)
}

// str takes a string whose first quote lies before i.
func str(b []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	near := i + jsonscan.Near
	for i < len(b) {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			// (x-ones)&^x has the high bit where a byte is 0, w-0x20… where it is below 0x20.
			// Borrows make false hits, but only above a true one.
			hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & highs
			if hit == 0 {
				if i += 8; i >= near {
					i = jsonscan.Plain(b, i)
					near = i + jsonscan.Near
				}
				continue
			}
			i += bits.TrailingZeros64(hit) / 8
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = escape(b, i+1); i < 0 {
				return i
			}
		case c < 0x20:
			return badSyntax
		default:
			i++ // among the last seven bytes
		}
	}
	return badSyntax
}

// escape takes what follows a backslash.
func escape(b []byte, i int) int {
	if i >= len(b) {
		return badSyntax
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return badSyntax
		}
		for _, c := range b[i+1 : i+5] {
			if c-'0' > 9 && c|0x20-'a' > 5 {
				return badSyntax
			}
		}
		return i + 5
	}
	return badSyntax
}

// scalar takes a number, true, false or null.
func scalar(b []byte, i int) int {
	var lit string
	switch b[i] {
	case 't':
		lit = "true"
	case 'f':
		lit = "false"
	case 'n':
		lit = "null"
	default:
		return number(b, i)
	}
	if len(b)-i < len(lit) || string(b[i:i+len(lit)]) != lit {
		return badSyntax
	}
	return i + len(lit)
}

func number(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	if i = digits(b, i); i == start || b[start] == '0' && i > start+1 {
		return badSyntax
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return badSyntax
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return badSyntax
		}
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}
