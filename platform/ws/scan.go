package ws

import (
	"encoding/binary"
	"errors"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// maxDepth is how deep JSON may nest: what the decoders behind accept.
const maxDepth = 10_000

var (
	errSyntax = errors.New("not valid JSON")
	errDepth  = errors.New("nested too deeply")
)

// scanner walks over JSON text once. It checks the grammar of RFC 8259 in full
// so that a payload passed on undecoded is known to be JSON; not checked are
// UTF-8, duplicate names, and surrogate pairs in escapes.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// next skips white space and takes c when it comes next.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// peek skips white space and gives the byte that comes next, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// str takes a string literal and gives it with its quotes.
func (s *scanner) str() (lit []byte, escaped bool, err error) {
	if s.peek() != '"' {
		return nil, false, errSyntax
	}
	start := s.i
	s.i++
	for {
		s.plain()
		if s.i >= len(s.b) {
			return nil, false, errSyntax
		}
		switch s.b[s.i] {
		case '"':
			s.i++
			return s.b[start:s.i], escaped, nil
		case '\\':
			escaped = true
			if !s.escape() {
				return nil, false, errSyntax
			}
		default: // a control character
			return nil, false, errSyntax
		}
	}
}

// plain skips to the next quote, backslash or control character, eight bytes
// at a time.
func (s *scanner) plain() {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	b, i := s.b, s.i
	for near := i + jsonscan.Near; i+8 <= len(b); i += 8 {
		if i >= near {
			i = jsonscan.Plain(b, i)
			break
		}
		w := binary.LittleEndian.Uint64(b[i:])
		quote := w ^ '"'*ones
		slash := w ^ '\\'*ones
		// (x-ones)&^x has the high bit where a byte is 0, w-0x20… where it is below 0x20;
		// false alarms above the first hit are settled by the loop below.
		if ((quote-ones)&^quote|(slash-ones)&^slash|(w-0x20*ones)&^w)&highs != 0 {
			break
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	s.i = i
}

func (s *scanner) escape() bool {
	s.i++
	if s.i >= len(s.b) {
		return false
	}
	switch s.b[s.i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return true
	case 'u':
		if s.i+5 > len(s.b) {
			return false
		}
		for _, c := range s.b[s.i+1 : s.i+5] {
			if !(c-'0' < 10 || c|0x20-'a' < 6) {
				return false
			}
		}
		s.i += 5
		return true
	}
	return false
}

// number takes a number literal.
func (s *scanner) number() bool {
	b, i := s.b, s.i
	digits := func() bool {
		start := i
		for i < len(b) && b[i]-'0' < 10 {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	s.i = i
	return true
}

func (s *scanner) literal(lit string) bool {
	if len(s.b)-s.i < len(lit) || string(s.b[s.i:s.i+len(lit)]) != lit {
		return false
	}
	s.i += len(lit)
	return true
}

// name takes a member's name and the colon.
func (s *scanner) name() error {
	if _, _, err := s.str(); err != nil {
		return err
	}
	if !s.next(':') {
		return errSyntax
	}
	return nil
}

// value takes one value of any kind and gives its text.
func (s *scanner) value() ([]byte, error) {
	s.space()
	start := s.i
	var room [64]byte
	open := room[:0] // the closing brackets that are due
	for {
		end, err := s.begin(len(open))
		if err != nil {
			return nil, err
		}
		if end != 0 {
			open = append(open, end)
			continue
		}
		for { // a value has ended: close what ends with it
			if len(open) == 0 {
				return s.b[start:s.i], nil
			}
			end := open[len(open)-1]
			if s.next(end) {
				open = open[:len(open)-1]
				continue
			}
			if !s.next(',') {
				return nil, errSyntax
			}
			if end == '}' {
				if err := s.name(); err != nil {
					return nil, err
				}
			}
			break
		}
	}
}

// begin takes a scalar, an empty object or array, or the beginning of another
// one up to its first value; then it gives the bracket that ends it.
func (s *scanner) begin(depth int) (end byte, err error) {
	var ok bool
	switch c := s.peek(); c {
	case '"':
		_, _, err := s.str()
		return 0, err
	case '{', '[':
		if depth >= maxDepth {
			return 0, errDepth
		}
		s.i++
		end := c + 2 // in ASCII both closing brackets are two further
		if s.next(end) {
			return 0, nil
		}
		if c == '{' {
			err = s.name()
		}
		return end, err
	case 't':
		ok = s.literal("true")
	case 'f':
		ok = s.literal("false")
	case 'n':
		ok = s.literal("null")
	default:
		ok = s.number()
	}
	if !ok {
		return 0, errSyntax
	}
	return 0, nil
}
