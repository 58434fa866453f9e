package codec

import (
	"encoding"
	"encoding/base64"
	stdjson "encoding/json"
	"reflect"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// Decode stores JSON in what v points to, a zero value of the decoder's type; fields that JSON does not reach need not be
// zero. Errors are those of the library, and [ErrBudget]. After an error the value is unspecified.
func (d *Decoder) Decode(text []byte, v any, o Options) error {
	p := dataOf(v)
	if reflect.TypeOf(v) != d.pointer || p == nil {
		return Unmarshal(text, v, o) // of another type: with its own plan
	}
	r := newReader(text, o)
	switch {
	case r.whole(d.root, p):
		return nil
	case r.left < 0:
		return ErrBudget
	}
	// The library finds the error again, in a value of its own: it would merge into what is there.
	if err := decodeByLibrary(text, reflect.New(d.root.typ).Interface(), o); err != nil {
		return err
	}
	if d.root.shape.exceeds(text, o.budget(len(text)), false) {
		return ErrBudget
	}
	return decodeByLibrary(text, v, o) // something that plans do not know
}

// budget returns the budget of an input.
func (o Options) budget(size int) int {
	if o.Budget > 0 {
		return o.Budget
	}
	return max(DefaultBudget, BudgetFactor*size)
}

// reader decodes one input by plans. Its methods report false if they cannot go on; the library knows why.
type reader struct {
	text   []byte
	at     int
	depth  int // how many more brackets may be opened
	left   int // of the budget; negative if it was exceeded
	ahead  int // how many bytes may still be read ahead, see grow
	strict bool
	shared *[64]string // strings that are likely to come again, see share

	attachments *attachments
}

func newReader(text []byte, o Options) reader {
	return reader{
		text: text, depth: jsonscan.MaxDepth, left: o.budget(len(text)), ahead: 4 * len(text), strict: o.Strict,
		attachments: newAttachments(text, o.Attachments),
	}
}

// whole reads a value, and that nothing follows it.
func (r *reader) whole(n *node, p ptr) bool {
	r.at = jsonscan.Space(r.text, 0)
	if !r.value(n, p) {
		return false
	}
	return jsonscan.Space(r.text, r.at) == len(r.text)
}

// next returns the next byte; 0 at the end.
func (r *reader) next() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// space skips white space.
func (r *reader) space() { r.at = jsonscan.Space(r.text, r.at) }

// word reads true, false or null.
func (r *reader) word(w string) bool {
	if len(r.text)-r.at < len(w) || string(r.text[r.at:r.at+len(w)]) != w {
		return false
	}
	r.at += len(w)
	return true
}

// spend takes bytes of decoded elements from the budget.
func (r *reader) spend(n uintptr) bool {
	r.left -= int(n)
	return r.left >= 0
}

// value reads a value into p.
func (r *reader) value(n *node, p ptr) bool {
	switch n.dec {
	case opString:
		if r.next() != '"' {
			return r.word("null")
		}
		raw, escaped, ok := r.literal()
		switch {
		case !ok:
			return false
		case len(r.text) >= shareTyped:
			*as[string](p) = r.share(raw, escaped)
		default:
			*as[string](p) = text(raw, escaped)
		}
		return true
	case opInt:
		return r.int(n, p)
	case opUint:
		return r.uint(n, p)
	case opFloat:
		return r.float(n, p)
	case opBool:
		switch r.next() {
		case 't':
			*as[bool](p) = true
			return r.word("true")
		case 'f':
			return r.word("false")
		}
		return r.word("null")
	case opStruct:
		if r.next() != '{' {
			return r.word("null")
		}
		return !r.placeholder() && r.object(n.object, p)
	case opSlice:
		if r.next() != '[' {
			return r.word("null")
		}
		return r.slice(n, p)
	case opPointer:
		return r.pointer(n, p)
	case opMap:
		if r.next() != '{' {
			return r.word("null")
		}
		return !r.placeholder() && r.mapping(n, p)
	case opAny:
		v, ok := r.any()
		*as[any](p) = v
		return ok
	case opArray:
		if r.next() != '[' {
			return r.word("null")
		}
		return r.array(n, p)
	case opBytes, opByteArray:
		return r.bytes(n, p)
	case opText:
		return r.byText(n, p)
	case opTime:
		return r.time(as[time.Time](p))
	case opJSON:
		raw, ok := r.skipped()
		return ok && !r.attachments.between(r.at-len(raw), r.at) && interfaceAt(n.typ, p).(stdjson.Unmarshaler).UnmarshalJSON(raw) == nil
	}
	return r.byLibrary(n, p)
}

// byText calls UnmarshalText.
func (r *reader) byText(n *node, p ptr) bool {
	if r.next() != '"' {
		return r.word("null")
	}
	raw, escaped, ok := r.literal()
	return ok && interfaceAt(n.typ, p).(encoding.TextUnmarshaler).UnmarshalText(plain(raw, escaped)) == nil
}

// byLibrary has the library decode a value.
func (r *reader) byLibrary(n *node, p ptr) bool {
	raw, ok := r.skipped()
	if !ok {
		return false
	}
	if n.shape.form != formNone && !r.spend(uintptr(n.shape.weigh(raw, r.left, false))) {
		return false
	}
	v := interfaceAt(n.typ, p)
	switch {
	case r.attachments.between(r.at-len(raw), r.at):
		return decodeAttached(raw, r.attachments.parts, v, leafOptions(r.strict)) == nil
	default:
		return json.Unmarshal(raw, v, leafOptions(r.strict)) == nil
	}
}

// skipped checks a value and returns its text.
func (r *reader) skipped() (raw []byte, ok bool) {
	from := r.at
	ok = r.skip()
	return r.text[from:r.at], ok
}

// pointer reads a value into what a pointer points to.
func (r *reader) pointer(n *node, p ptr) bool {
	if r.next() == 'n' {
		return r.word("null")
	}
	to := pointee(p)
	if to == nil {
		if !r.spend(n.elem.size) {
			return false
		}
		to = addressOf(reflect.New(n.elem.typ))
		setPointee(p, to)
	}
	return r.value(n.elem, to)
}

// bytes reads base64, or a placeholder.
func (r *reader) bytes(n *node, p ptr) bool {
	switch r.next() {
	case '"':
	case '{':
		return r.attached(n, p)
	default:
		return r.word("null")
	}
	raw, escaped, ok := r.literal()
	if !ok {
		return false
	}
	raw = plain(raw, escaped)
	size := base64.StdEncoding.DecodedLen(len(raw))
	b := make([]byte, size)
	got, err := base64.StdEncoding.Decode(b, raw)
	// Its decoder ignores line breaks, which RFC 4648, section 3.3, does not allow.
	if err != nil || len(raw) != base64.StdEncoding.EncodedLen(got) {
		return false
	}
	if n.dec == opBytes {
		*as[[]byte](p) = b[:got]
		return true
	}
	return got == n.count && reflect.Copy(valueAt(n.typ, p), reflect.ValueOf(b[:got])) == got
}

// open reads an opening bracket, and white space.
func (r *reader) open() bool {
	r.depth--
	r.at++
	r.space()
	return r.depth >= 0
}

// end reads a closing bracket, if that is next.
func (r *reader) end(bracket byte) bool {
	if r.next() != bracket {
		return false
	}
	r.at++
	r.depth++
	return true
}

// more reads a comma and white space, or the closing bracket. done is true for the bracket.
func (r *reader) more(bracket byte) (done, ok bool) {
	c := r.next()
	if c <= ' ' {
		r.space()
		c = r.next()
	}
	switch c {
	case ',':
		r.at++
		r.space()
		return false, true
	case bracket:
		r.at++
		r.depth++
		return true, true
	}
	return false, false
}

// slice reads an array into a slice.
func (r *reader) slice(n *node, p ptr) bool {
	if !r.open() {
		return false
	}
	if r.end(']') {
		setEmpty(p)
		return true
	}
	h := header(p)
	for {
		if !r.spend(n.elem.size) {
			return false
		}
		if h.len == h.cap && !r.grow(n, p) {
			return false
		}
		h.len++
		if !r.value(n.elem, at(h.data, uintptr(h.len-1)*n.elem.size)) {
			return false
		}
		if done, ok := r.more(']'); !ok || done {
			return ok
		}
	}
}

// countFrom is the size of a slice, in bytes, from which on its elements are counted before it grows: then it has the right
// size, and needs no more than the budget.
const countFrom = 64 << 10

// grow makes room for an element of a slice, whose memory has been spent.
func (r *reader) grow(n *node, p ptr) bool {
	h := header(p)
	more := 1
	switch size := uintptr(h.len) * n.elem.size; {
	case h.len == 0 && n.elem.size <= 64:
		more = 2 // most slices have more than one element
	case size >= countFrom && r.ahead > 0:
		more = r.elementsAhead()
		if more-1 > r.left/int(n.elem.size) {
			r.left = -1
			return false
		}
	}
	valueAt(n.typ, p).Grow(more)
	return true
}

// elementsAhead counts the elements of an array from the next one on. What follows may be wrong; there is always one.
func (r *reader) elementsAhead() int {
	b, i := r.text, r.at
	count, depth := 1, 0
	for i < len(b) && depth >= 0 {
		switch b[i] {
		case '"':
			end := jsonscan.String(b, i+1)
			if end < 0 {
				end = len(b) // wrong
			}
			i = end - 1
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 0 {
				count++
			}
		}
		i++
	}
	r.ahead -= i - r.at
	return count
}

// array reads an array of exactly the elements of a Go array.
func (r *reader) array(n *node, p ptr) bool {
	if !r.open() {
		return false
	}
	if r.end(']') {
		return n.count == 0
	}
	for i := 0; ; i++ {
		if i == n.count || !r.value(n.elem, at(p, uintptr(i)*n.elem.size)) {
			return false
		}
		if done, ok := r.more(']'); !ok || done {
			return ok && i+1 == n.count
		}
	}
}
