package codec

import (
	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// weigh returns how much memory the elements of a text need that is decoded into the shape; any number over the limit if that
// is exceeded. The text may be wrong: then all before that is counted. With unknown, members that have no field are counted as if
// their elements were the largest of the struct.
func (s *shape) weigh(text []byte, limit int, unknown bool) int {
	w := weigher{text: text, limit: limit, depth: jsonscan.MaxDepth, unknown: unknown}
	w.space()
	w.value(s)
	return w.total
}

// exceeds reports whether the elements of a text need more memory than a budget.
func (s *shape) exceeds(text []byte, budget int, unknown bool) bool {
	shortest := len("0,")
	return s.weights.most*(len(text)/shortest+1) > budget && s.weigh(text, budget, unknown) > budget
}

// weigher counts the elements of a text. Its methods return false to end that: the text is wrong, or over the limit.
type weigher struct {
	text         []byte
	at           int
	depth        int
	total, limit int
	unknown      bool
}

func (w *weigher) space() { w.at = jsonscan.Space(w.text, w.at) }

func (w *weigher) next() byte {
	if w.at < len(w.text) {
		return w.text[w.at]
	}
	return 0
}

func (w *weigher) add(n int) bool {
	w.total += n
	return w.total <= w.limit
}

// skip reads a value, and returns it.
func (w *weigher) skip() (raw []byte, ok bool) {
	from := w.at
	end := jsonscan.Value(w.text, from, w.depth)
	if end < 0 {
		return nil, false
	}
	w.at = end
	return w.text[from:end], true
}

// value counts the elements in a value.
func (w *weigher) value(s *shape) bool {
	for s.form == formPointer && w.next() != 'n' {
		if !w.add(s.elem.size) {
			return false
		}
		if s.elem == s {
			break // a type that points to itself
		}
		s = s.elem
	}
	switch c := w.next(); {
	case s.form == formUnclear:
		raw, ok := w.skip()
		return ok && w.add(s.weights.of(raw))
	case c == '[' && s.form == formAny:
		return w.list(s, int(anySize))
	case c == '[' && s.form == formList:
		return w.list(s.elem, s.elem.size)
	case c == '[' && s.form == formArray:
		return w.list(s.elem, 0)
	case c == '{' && (s.form == formAny || s.form == formMap || s.form == formStruct):
		return w.object(s)
	}
	_, ok := w.skip()
	return ok
}

// open reads an opening bracket and white space. empty reports that the closing bracket follows, which is read too.
func (w *weigher) open(closing byte) (empty, ok bool) {
	w.depth--
	w.at++
	w.space()
	if w.next() == closing {
		w.at++
		w.depth++
		return true, true
	}
	return false, w.depth >= 0
}

// more reads a comma and white space, or the closing bracket. done is true for the bracket.
func (w *weigher) more(closing byte) (done, ok bool) {
	w.space()
	switch w.next() {
	case ',':
		w.at++
		w.space()
		return false, true
	case closing:
		w.at++
		w.depth++
		return true, true
	}
	return false, false
}

// list counts the elements of an array, of a size each.
func (w *weigher) list(elem *shape, size int) bool {
	if empty, ok := w.open(']'); empty || !ok {
		return ok
	}
	for {
		if !w.add(size) || !w.value(elem) {
			return false
		}
		if done, ok := w.more(']'); done || !ok {
			return ok
		}
	}
}

// object counts the elements in an object.
func (w *weigher) object(s *shape) bool {
	if empty, ok := w.open('}'); empty || !ok {
		return ok
	}
	var via uint64
	for count := 0; ; {
		name, ok := w.name()
		if !ok {
			return false
		}
		switch s.form {
		case formAny:
			ok = w.add(int(stringSize+anySize)) && w.value(s)
		case formMap:
			ok = w.add(int(s.entries.weight(count))) && w.value(s.elem)
			count++
		default:
			ok = w.member(s, name, &via)
		}
		if !ok {
			return false
		}
		if done, ok := w.more('}'); done || !ok {
			return ok
		}
	}
}

// name reads the name of a member, the colon, and the white space after it. It returns what is between the quotes.
func (w *weigher) name() (raw []byte, ok bool) {
	from := w.at
	end := jsonscan.Name(w.text, from)
	if end < 0 {
		return nil, false
	}
	w.at = end
	return w.text[from+1 : jsonscan.String(w.text, from+1)-1], true
}

// member counts the elements in a member of a struct. via has the embedded pointers that were followed.
func (w *weigher) member(s *shape, raw []byte, via *uint64) bool {
	var few, folded [32]byte
	name := appendFolded(folded[:0], appendUnescaped(few[:0], raw))
	if m, ok := s.members[string(name)]; ok {
		for i, size := range s.embedded {
			if bit := uint64(1) << i; m.via&bit&^*via != 0 && !w.add(size) {
				return false
			}
		}
		*via |= m.via
		return w.value(m.shape)
	}
	raw, ok := w.skip()
	return ok && (!w.unknown || w.add(s.weights.of(raw)))
}
