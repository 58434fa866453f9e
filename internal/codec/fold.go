package codec

import (
	"unicode"
	"unicode/utf8"
)

// appendFolded appends a name so that names that match case-insensitively, without dashes and underscores, are equal.
func appendFolded(dst, name []byte) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(name[i:])
			dst = utf8.AppendRune(dst, foldRune(r))
			i += n
			continue
		}
		i++
		if c == '_' || c == '-' {
			continue
		}
		if c-'a' < 26 {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// foldRune returns the smallest rune of those that are equal without case.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
