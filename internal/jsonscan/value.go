package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth is how deep JSON may nest in what a client sends: the limit of the decoders
// that read it afterwards.
const MaxDepth = 10_000

// The functions below check JSON by RFC 8259 without decoding it. Not checked are UTF-8,
// duplicate names, and surrogate pairs in escapes.
//
// Each takes the index where it starts and returns the index after what it has read. A
// negative result is an error, see [Error].

// Error decodes a negative result: at is the index of the first byte that is not
// allowed, or len of the text where it ends too early; deep reports that the nesting is
// over the limit.
func Error(result int) (at int, deep bool) {
	code := ^result
	return code >> 1, code&1 != 0
}

func syntaxError(at int) int { return ^(at << 1) }
func depthError(at int) int  { return ^(at<<1 | 1) }

// Space skips white space. It is inlined where there is none, the usual case.
func Space(b []byte, i int) int {
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

// Value reads one value of any kind, with at most depth brackets open at a time. There
// is no white space before it.
//
// What is open is one bit each, 1 for an object: the innermost 64 in a register, the
// others in blocks of 64 on the heap, so that text of usual depth needs no memory.
//
//nolint:gocognit // one state machine, whose states share what is open
func Value(b []byte, i, depth int) int {
	var inner uint64
	var outer []uint64
	open := 0
	for {
		if i >= len(b) {
			return syntaxError(i)
		}
		c := b[i]
		switch c {
		case '"':
			i = String(b, i+1)
		case '{', '[':
			if open >= depth {
				return depthError(i)
			}
			if i = Space(b, i+1); i < len(b) && b[i] == c+2 { // in ASCII both closing brackets are two further
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
				if i = Name(b, i); i < 0 {
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
			if i = Space(b, i); i >= len(b) {
				return syntaxError(i)
			}
			c := b[i]
			if c == ',' {
				i = Space(b, i+1)
				if inner&1 != 0 {
					if i = Name(b, i); i < 0 {
						return i
					}
				}
				break
			}
			if c != ']'+byte(inner&1)<<5 { // '}' is 32 further
				return syntaxError(i)
			}
			i++
			open--
			inner >>= 1
			if open > 0 && open&63 == 0 {
				inner, outer = outer[len(outer)-1], outer[:len(outer)-1]
			}
		}
	}
}

// Name reads the name of a member, the colon, and the white space after it.
func Name(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return syntaxError(i)
	}
	if i = String(b, i+1); i < 0 {
		return i
	}
	if i = Space(b, i); i >= len(b) || b[i] != ':' {
		return syntaxError(i)
	}
	return Space(b, i+1)
}

// String reads a string from the byte after its first quote to the one after its last quote.
func String(b []byte, i int) int {
	near := i + Near
	for i < len(b) {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			// (x-ones)&^x has the high bit where a byte is 0, w-0x20… where it is below 0x20.
			// Borrows make false hits, but only above a true one.
			hit := ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & highs
			if hit == 0 {
				if i += 8; i >= near {
					i = Plain(b, i)
					near = i + Near
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
			return syntaxError(i)
		default:
			i++ // among the last seven bytes
		}
	}
	return syntaxError(i)
}

// escape reads what follows a backslash.
func escape(b []byte, i int) int {
	if i >= len(b) {
		return syntaxError(i)
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if i+5 > len(b) {
			return syntaxError(i)
		}
		for _, c := range b[i+1 : i+5] {
			if c-'0' > 9 && c|0x20-'a' > 5 {
				return syntaxError(i)
			}
		}
		return i + 5
	}
	return syntaxError(i)
}

// scalar reads a number, true, false or null.
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
		return Number(b, i)
	}
	if len(b)-i < len(lit) || string(b[i:i+len(lit)]) != lit {
		return syntaxError(i)
	}
	return i + len(lit)
}

// Number reads a number. It ends after a leading zero: the digit that follows in 01 is
// left for the caller, which rejects it: no value can follow there.
func Number(b []byte, i int) int {
	from := i
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digits(b, i); i == start {
		return syntaxError(from)
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return syntaxError(from)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return syntaxError(from)
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
