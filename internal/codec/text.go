package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// specials marks, in the high bits of the bytes of w, those that end the plain part of a string: quotes, backslashes and
// control characters. Borrows make false marks, but only above a true one.
func specials(w uint64) uint64 {
	quote, slash := w^'"'*ones, w^'\\'*ones
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-0x20*ones)&^w) & highs
}

// literal reads the string whose first quote is next. It returns what is between the quotes, and whether that has escapes,
// which are valid.
func (r *reader) literal() (raw []byte, escaped, ok bool) {
	b, i := r.text, r.at+1
	from, near := i, i+jsonscan.Near
	var high uint64
	for i < len(b) {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			hit := specials(w)
			if hit == 0 {
				high |= w
				if i += 8; i >= near {
					var more uint64
					i, more = jsonscan.Run(b, i)
					high |= more
					near = i + jsonscan.Near
				}
				continue
			}
			n := bits.TrailingZeros64(hit) &^ 7
			high |= w & (1<<n - 1)
			i += n / 8
		}
		switch c := b[i]; {
		case c == '"':
			r.at = i + 1
			raw = b[from:i]
			return raw, escaped, high&highs == 0 || utf8.Valid(raw)
		case c == '\\':
			escaped = true
			if i = r.escape(i + 1); i < 0 {
				return nil, true, false
			}
		case c < ' ':
			return nil, escaped, false
		default:
			high |= uint64(c)
			i++ // among the last seven bytes
		}
	}
	return nil, escaped, false
}

// escape checks what follows a backslash and returns the index after it; -1 if it is wrong.
func (r *reader) escape(i int) int {
	b := r.text
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		c, ok := hex4(b, i+1)
		if !ok {
			return -1
		}
		i += 5
		if !r.strict || !utf16.IsSurrogate(c) {
			return i
		}
		if i+2 <= len(b) && b[i] == '\\' && b[i+1] == 'u' {
			if low, ok := hex4(b, i+2); ok && utf16.DecodeRune(c, low) != utf8.RuneError {
				return i + 6
			}
		}
	}
	return -1
}

// hex4 returns the number that starts at i, of four hexadecimal digits.
func hex4(b []byte, i int) (c rune, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, d := range b[i : i+4] {
		switch {
		case d-'0' < 10:
			d -= '0'
		case d|0x20-'a' < 6:
			d = d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		c = c<<4 | rune(d)
	}
	return c, true
}

// text returns the string that raw, of literal, means.
func text(raw []byte, escaped bool) string {
	if !escaped {
		return string(raw)
	}
	return unalias(appendUnescaped(make([]byte, 0, len(raw)), raw))
}

// plain returns the bytes of the string that raw, of literal, means. They may be those of raw.
func plain(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	return appendUnescaped(make([]byte, 0, len(raw)), raw)
}

// appendUnescaped appends a string without its escapes. Half a surrogate pair becomes U+FFFD.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			n := bytes.IndexByte(raw[i:], '\\')
			if n < 0 {
				return append(dst, raw[i:]...)
			}
			dst = append(dst, raw[i:i+n]...)
			i += n
		}
		c := raw[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			u, _ := hex4(raw, i)
			i += 4
			if utf16.IsSurrogate(u) {
				pair := utf8.RuneError
				if i+2 <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, _ := hex4(raw, i+2)
					pair = utf16.DecodeRune(u, low)
				}
				if u = pair; pair != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, u)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
