package codec

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

func appendInt(b []byte, v int64) []byte   { return strconv.AppendInt(b, v, 10) }
func appendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

// appendQuoted appends a string as JSON, with as few escapes as there can be. Invalid UTF-8 becomes U+FFFD, each byte on its own.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := len(dst)
	dst = append(dst, s...)
	i, high := plainPrefix(dst[from:])
	if i == len(s) && (high&highs == 0 || utf8.Valid(dst[from:])) {
		return append(dst, '"')
	}
	return append(appendEscaped(dst[:from], []byte(s)), '"')
}

// plainPrefix returns how many bytes from the first one on need no escape, and all of them joined by a bitwise or.
func plainPrefix(b []byte) (n int, high uint64) {
	i := 0
	for ; i < jsonscan.Near && i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if hit := specials(w); hit != 0 {
			n := bits.TrailingZeros64(hit) &^ 7
			return i + n/8, high | w&(1<<n-1)
		}
		high |= w
	}
	if i+8 <= len(b) {
		end, more := jsonscan.Run(b, i)
		return end, high | more
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c == '"' || c == '\\' {
			return i, high
		}
		high |= uint64(b[i])
	}
	return i, high
}

// appendEscaped appends a string with its escapes.
func appendEscaped(dst, s []byte) []byte {
	for len(s) > 0 {
		n, high := plainPrefix(s)
		if high&highs == 0 {
			dst = append(dst, s[:n]...)
		} else {
			dst = appendValid(dst, s[:n])
		}
		if n == len(s) {
			break
		}
		dst = appendEscape(dst, s[n])
		s = s[n+1:]
	}
	return dst
}

// appendValid appends bytes with U+FFFD for each that is not UTF-8.
func appendValid(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst
}

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// appendName appends the name of a member of a map, and the colon. It returns false for invalid UTF-8: two such names may be
// equal as JSON.
func appendName(dst []byte, name string) ([]byte, bool) {
	if !utf8.ValidString(name) {
		return dst, false
	}
	return append(appendQuoted(dst, name), ':'), true
}
