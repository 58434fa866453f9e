package codec

import (
	"bytes"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// Valid reports whether a text is JSON as [Decoder.Decode] accepts it, for a type that takes any.
func Valid(text []byte, o Options) bool {
	r := newReader(text, o)
	r.space()
	return r.skip() && jsonscan.Space(text, r.at) == len(text)
}

// skip checks a value: its syntax, and that no name is twice in an object.
func (r *reader) skip() bool {
	switch r.next() {
	case '"':
		_, _, ok := r.literal()
		return ok
	case '{':
		return r.skipObject()
	case '[':
		if !r.open() {
			return false
		}
		if r.end(']') {
			return true
		}
		for {
			if !r.skip() {
				return false
			}
			if done, ok := r.more(']'); !ok || done {
				return ok
			}
		}
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	}
	_, ok := r.number()
	return ok
}

func (r *reader) skipObject() bool {
	if !r.open() {
		return false
	}
	if r.end('}') {
		return true
	}
	var known names
	for {
		if !r.other(&known) {
			return false
		}
		if done, ok := r.more('}'); !ok || done {
			return ok
		}
	}
}

// other reads a member whose name must not be among those known.
func (r *reader) other(known *names) bool {
	raw, escaped, ok := r.name()
	return ok && known.add(plain(raw, escaped)) && r.skip()
}

// names is a set of names of members.
type names struct {
	few  [6][]byte
	n    int
	many map[string]struct{}
}

// add adds a name; it returns false if that was in the set.
func (s *names) add(name []byte) bool {
	if s.many == nil {
		for i := range s.n {
			if bytes.Equal(s.few[i], name) {
				return false
			}
		}
		if s.n < len(s.few) {
			s.few[s.n] = name
			s.n++
			return true
		}
		s.many = map[string]struct{}{}
		for _, name := range s.few {
			s.many[string(name)] = struct{}{}
		}
	}
	if _, twice := s.many[string(name)]; twice {
		return false
	}
	s.many[string(name)] = struct{}{}
	return true
}
