package codec

// any reads a value of any kind, as Go's types of its kind.
func (r *reader) any() (any, bool) {
	switch r.next() {
	case '"':
		raw, escaped, ok := r.literal()
		if !ok {
			return nil, false
		}
		return r.share(raw, escaped), true
	case '{':
		if r.placeholder() {
			data, ok := r.attachment()
			return data, ok
		}
		if !r.open() {
			return nil, false
		}
		m, ok := r.members()
		return m, ok
	case '[':
		return r.elements()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	f, ok := r.parseFloat(64)
	if !ok {
		return nil, false
	}
	return f, true
}

// members reads the members of an object, whose bracket is open.
func (r *reader) members() (map[string]any, bool) {
	m := map[string]any{}
	if r.end('}') {
		return m, true
	}
	for {
		raw, escaped, ok := r.name()
		if !ok || !r.spend(stringSize+anySize) {
			return m, false
		}
		name := r.share(raw, escaped)
		if _, twice := m[name]; twice {
			return m, false
		}
		v, ok := r.any()
		if !ok {
			return m, false
		}
		m[name] = v
		if done, ok := r.more('}'); !ok || done {
			return m, ok
		}
	}
}

// shareTyped is the size of an input from which on strings in other types than any are shared too.
const shareTyped = 1 << 10

// share is text for names and short strings in any, which are often the same in all elements of a list: those that are
// found again are not copied.
func (r *reader) share(raw []byte, escaped bool) string {
	const shortest, longest, least = 2, 32, 256
	if escaped || len(raw) < shortest || len(raw) > longest || len(r.text) < least {
		return text(raw, escaped)
	}
	if r.shared == nil {
		r.shared = new([64]string)
	}
	hash := uint(len(raw)) + 7*uint(raw[0]) + 17*uint(raw[len(raw)/2]) + 31*uint(raw[len(raw)-1])
	s := &r.shared[hash%uint(len(r.shared))]
	if *s != string(raw) {
		*s = string(raw)
	}
	return *s
}

// elements reads the elements of an array.
func (r *reader) elements() (any, bool) {
	if !r.open() {
		return nil, false
	}
	list := []any{}
	if r.end(']') {
		return list, true
	}
	for {
		if !r.spend(anySize) {
			return nil, false
		}
		v, ok := r.any()
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if done, ok := r.more(']'); !ok || done {
			return list, ok
		}
	}
}
