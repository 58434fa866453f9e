package codec

import (
	"reflect"
)

// object reads an object into a struct.
func (r *reader) object(o *object, p ptr) bool {
	if !r.open() {
		return false
	}
	if r.end('}') {
		return true
	}
	var seen fieldSet
	var others *names
	for expected := 0; ; {
		i, ok := r.field(o, expected)
		if !ok {
			return false
		}
		if i < 0 { // a name that the struct does not have
			if r.strict {
				return false
			}
			if others == nil {
				others = new(names)
			}
			if !r.other(others) {
				return false
			}
		} else {
			f := &o.fields[i]
			to, ok := p, true
			if len(f.hops) > 0 {
				to, ok = r.follow(f.hops, p)
			}
			if !ok || !seen.add(i) || !r.value(f.node, at(to, f.offset)) {
				return false
			}
			expected = i + 1
		}
		if done, ok := r.more('}'); !ok || done {
			return ok
		}
	}
}

// field reads a name, the colon, and the white space after it. It returns the index of the field; -1 if there is none, and
// then has read nothing.
func (r *reader) field(o *object, expected int) (i int, ok bool) {
	if expected < len(o.fields) {
		m := o.fields[expected].member
		if rest := r.text[r.at:]; len(rest) > len(m) && string(rest[:len(m)]) == m {
			r.at += len(m)
			r.space()
			return expected, true
		}
	}
	from := r.at
	raw, escaped, ok := r.name()
	if !ok {
		return 0, false
	}
	if i, known := o.find(plain(raw, escaped)); known {
		return i, true
	}
	r.at = from
	return -1, true
}

// name reads a name, the colon, and the white space after it.
func (r *reader) name() (raw []byte, escaped, ok bool) {
	if r.next() != '"' {
		return nil, false, false
	}
	if raw, escaped, ok = r.literal(); !ok {
		return nil, false, false
	}
	r.space()
	if r.next() != ':' {
		return nil, false, false
	}
	r.at++
	r.space()
	return raw, escaped, true
}

// follow returns the struct to which embedded pointers lead, which are made.
func (r *reader) follow(hops []hop, p ptr) (ptr, bool) {
	for _, h := range hops {
		p = at(p, h.offset)
		to := pointee(p)
		if to == nil {
			if !r.spend(h.to.Size()) {
				return p, false
			}
			to = addressOf(reflect.New(h.to))
			setPointee(p, to)
		}
		p = to
	}
	return p, true
}

// fieldSet is a set of indexes of fields.
type fieldSet struct {
	first uint64
	more  []uint64
}

// add adds an index; it returns false if that was in the set.
func (s *fieldSet) add(i int) bool {
	word := &s.first
	if i >= 64 {
		for len(s.more) < i/64 {
			s.more = append(s.more, 0)
		}
		word = &s.more[i/64-1]
	}
	bit := uint64(1) << (i % 64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// mapping reads an object into a map.
func (r *reader) mapping(n *node, p ptr) bool {
	if !r.open() {
		return false
	}
	switch n.typ {
	case mapOfAny:
		m, ok := r.members()
		*as[map[string]any](p) = m
		return ok
	case mapOfStrings:
		return r.strings(p)
	}
	m := reflect.MakeMap(n.typ)
	valueAt(n.typ, p).Set(m)
	if r.end('}') {
		return true
	}
	key, elem := reflect.New(n.typ.Key()).Elem(), reflect.New(n.typ.Elem())
	for i := 0; ; i++ {
		raw, escaped, ok := r.name()
		if !ok || !r.spend(n.entries.weight(i)) {
			return false
		}
		key.SetString(r.share(raw, escaped))
		if m.MapIndex(key).IsValid() {
			return false
		}
		elem.Elem().SetZero()
		if !r.value(n.elem, addressOf(elem)) {
			return false
		}
		m.SetMapIndex(key, elem.Elem())
		if done, ok := r.more('}'); !ok || done {
			return ok
		}
	}
}

var (
	mapOfAny     = reflect.TypeFor[map[string]any]()
	mapOfStrings = reflect.TypeFor[map[string]string]()
	stringSize   = reflect.TypeFor[string]().Size()
	anySize      = reflect.TypeFor[any]().Size()
)

// strings reads an object into a map of strings, whose bracket is open.
func (r *reader) strings(p ptr) bool {
	m := map[string]string{}
	*as[map[string]string](p) = m
	if r.end('}') {
		return true
	}
	for {
		raw, escaped, ok := r.name()
		if !ok || !r.spend(2*stringSize) {
			return false
		}
		name := r.share(raw, escaped)
		if _, twice := m[name]; twice {
			return false
		}
		value := ""
		if r.next() != '"' {
			ok = r.word("null")
		} else if raw, escaped, ok = r.literal(); ok {
			value = text(raw, escaped)
		}
		if !ok {
			return false
		}
		m[name] = value
		if done, ok := r.more('}'); !ok || done {
			return ok
		}
	}
}
