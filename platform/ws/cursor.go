package ws

import (
	"bytes"
	"errors"

	"github.com/gatehouse-go/gatehouse/internal/eventname"
	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

var (
	errSyntax = errors.New("not valid JSON")
	errDepth  = errors.New("nested too deeply")
)

// cursor reads one message from front to back. Payloads that it passes on undecoded are
// checked by package jsonscan to be JSON.
type cursor struct {
	b []byte
	i int // of the next byte; after an error, of the first byte that is wrong

	names *eventname.Cache // nil for none
}

// next skips white space and consumes c when it comes next.
func (s *cursor) next(c byte) bool {
	if s.i = jsonscan.Space(s.b, s.i); s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *cursor) peek() byte {
	if s.i = jsonscan.Space(s.b, s.i); s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// value consumes one value of any kind and returns its text.
func (s *cursor) value() ([]byte, error) {
	s.i = jsonscan.Space(s.b, s.i)
	return s.consume(jsonscan.Value(s.b, s.i, jsonscan.MaxDepth))
}

// str consumes a string and returns it with its quotes; escaped reports that there are
// escapes in it.
func (s *cursor) str() (lit []byte, escaped bool, err error) {
	if s.peek() != '"' {
		return nil, false, errSyntax
	}
	lit, err = s.consume(jsonscan.String(s.b, s.i+1))
	return lit, bytes.IndexByte(lit, '\\') >= 0, err
}

// consume advances to end, a result of package jsonscan, and returns what it passed.
func (s *cursor) consume(end int) ([]byte, error) {
	if end < 0 {
		at, deep := jsonscan.Error(end)
		s.i = at
		if deep {
			return nil, errDepth
		}
		return nil, errSyntax
	}
	text := s.b[s.i:end]
	s.i = end
	return text, nil
}
