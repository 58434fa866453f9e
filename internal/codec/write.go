package codec

import (
	"encoding"
	"encoding/base64"
	"math"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Append encodes a value of the encoder's type and appends it to dst.
func (e *Encoder) Append(dst []byte, v any) ([]byte, error) {
	if reflect.TypeOf(v) != e.root.typ {
		return Append(dst, v) // of another type: with its own plan
	}
	var w writer
	if b, ok := w.root(e.root, dst, v); ok {
		return b, nil
	}
	b, err := json.Marshal(v, encodeOptions)
	return append(dst, b...), err
}

// Append encodes v and appends it to dst.
func Append(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, "null"...), nil
	}
	return planOf(reflect.TypeOf(v)).encoder.Append(dst, v)
}

// writer encodes one value by plans. Its methods return false if they cannot go on; the library knows why.
type writer struct {
	depth       int
	binary      bool // each []byte is an attachment
	attachments [][]byte
}

// maxEncodeDepth is how deep values may nest; in deeper ones the library looks for cycles.
const maxEncodeDepth = 500

// enter counts an opened bracket or a followed pointer.
func (w *writer) enter() bool {
	w.depth++
	return w.depth <= maxEncodeDepth
}

// root appends a value of the node's type.
func (w *writer) root(n *node, b []byte, v any) ([]byte, bool) {
	if n.copied {
		c := reflect.New(n.typ)
		c.Elem().Set(reflect.ValueOf(v))
		return w.value(n, b, addressOf(c))
	}
	p := dataOf(v)
	switch {
	case n.boxed:
		return w.value(n, b, p)
	case n.enc == opPointer && p == nil:
		return append(b, "null"...), true
	case n.enc == opPointer:
		return w.value(n.elem, b, p)
	}
	held := p // on the heap, but not p
	return w.value(n, b, ptr(&held))
}

// value appends the value at p.
func (w *writer) value(n *node, b []byte, p ptr) ([]byte, bool) {
	switch n.enc {
	case opString:
		return appendQuoted(b, *as[string](p)), true
	case opInt:
		return n.writeInt(b, p), true
	case opUint:
		return n.writeUint(b, p), true
	case opFloat:
		return n.writeFloat(b, p)
	case opBool:
		return strconv.AppendBool(b, *as[bool](p)), true
	case opStruct:
		return w.object(n.object, b, p)
	case opSlice:
		h := header(p)
		return w.elements(n.elem, b, h.data, h.len)
	case opArray:
		return w.elements(n.elem, b, p, n.count)
	case opPointer:
		if p = pointee(p); p == nil {
			return append(b, "null"...), true
		}
		if !w.enter() {
			return b, false
		}
		b, ok := w.value(n.elem, b, p)
		w.depth--
		return b, ok
	case opMap:
		return w.mapping(n, b, p)
	case opAny:
		return w.any(b, *as[any](p))
	case opBytes:
		if v := *as[[]byte](p); !w.binary || n.typ != bytesType {
			return appendBase64(b, v), true
		} else {
			return w.attach(b, v), true
		}
	case opByteArray:
		return appendBase64(b, valueAt(n.typ, p).Bytes()), true
	case opText:
		return n.writeText(b, p)
	}
	return w.byLibrary(b, interfaceAt(n.typ, p))
}

// byLibrary has the library encode what v points to.
func (w *writer) byLibrary(b []byte, v any) ([]byte, bool) {
	if w.binary {
		var err error
		b, w.attachments, err = appendBinary(b, v, w.attachments, encodeOptions)
		return b, err == nil
	}
	text, err := json.Marshal(v, encodeOptions)
	return append(b, text...), err == nil
}

func (n *node) writeInt(b []byte, p ptr) []byte {
	switch n.bits {
	case 8:
		return appendInt(b, int64(*as[int8](p)))
	case 16:
		return appendInt(b, int64(*as[int16](p)))
	case 32:
		return appendInt(b, int64(*as[int32](p)))
	}
	return appendInt(b, *as[int64](p))
}

func (n *node) writeUint(b []byte, p ptr) []byte {
	switch n.bits {
	case 8:
		return appendUint(b, uint64(*as[uint8](p)))
	case 16:
		return appendUint(b, uint64(*as[uint16](p)))
	case 32:
		return appendUint(b, uint64(*as[uint32](p)))
	}
	return appendUint(b, *as[uint64](p))
}

func (n *node) writeFloat(b []byte, p ptr) ([]byte, bool) {
	var f float64
	if n.bits == 32 {
		f = float64(*as[float32](p))
	} else {
		f = *as[float64](p)
	}
	return appendFinite(b, f, n.bits)
}

// appendFinite appends a number; it returns false for one that JSON does not have.
func appendFinite(b []byte, f float64, bits int) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, false
	}
	return appendFloat(b, f, bits), true
}

// elements appends the elements of a slice or an array.
func (w *writer) elements(n *node, b []byte, data ptr, count int) ([]byte, bool) {
	if !w.enter() {
		return b, false
	}
	b = append(b, '[')
	for i := range count {
		if i > 0 {
			b = append(b, ',')
		}
		var ok bool
		if b, ok = w.value(n, b, at(data, uintptr(i)*n.size)); !ok {
			return b, false
		}
	}
	w.depth--
	return append(b, ']'), true
}

// object appends a struct.
func (w *writer) object(o *object, b []byte, p ptr) ([]byte, bool) {
	if !w.enter() {
		return b, false
	}
	b = append(b, '{')
	first := len(b)
	for i := range o.fields {
		f := &o.fields[i]
		v, ok := f.existing(p)
		if !ok || f.zero != zeroNever && f.isZero(v) {
			continue
		}
		start := len(b)
		if start > first {
			b = append(b, ',')
		}
		b = append(b, f.member...)
		value := len(b)
		if b, ok = w.value(f.node, b, v); !ok {
			return b, false
		}
		if f.omitEmpty && isEmpty(b[value:]) {
			b = b[:start]
		}
	}
	w.depth--
	return append(b, '}'), true
}

// isEmpty reports whether the tag option omitempty omits a value.
func isEmpty(v []byte) bool {
	switch string(v) {
	case "null", `""`, "{}", "[]":
		return true
	}
	return false
}

// existing returns where a field is; false if an embedded pointer on the way is nil.
func (f *field) existing(p ptr) (ptr, bool) {
	for _, h := range f.hops {
		if p = pointee(at(p, h.offset)); p == nil {
			return nil, false
		}
	}
	return at(p, f.offset), true
}

// isZero reports whether the tag option omitzero omits the value at p.
func (f *field) isZero(p ptr) bool {
	if f.zero == zeroByMethod {
		return interfaceAt(f.node.typ, p).(isZeroer).IsZero()
	}
	return valueAt(f.node.typ, p).IsZero()
}

// mapping appends a map, in Go's random order.
func (w *writer) mapping(n *node, b []byte, p ptr) ([]byte, bool) {
	switch n.typ {
	case mapOfAny:
		return w.members(b, *as[map[string]any](p))
	case mapOfStrings:
		return appendStrings(b, *as[map[string]string](p))
	}
	if !w.enter() {
		return b, false
	}
	b = append(b, '{')
	elem := reflect.New(n.typ.Elem())
	for iter := valueAt(n.typ, p).MapRange(); iter.Next(); {
		var ok bool
		if b, ok = appendName(b, iter.Key().String()); !ok {
			return b, false
		}
		elem.Elem().SetIterValue(iter)
		if b, ok = w.value(n.elem, b, addressOf(elem)); !ok {
			return b, false
		}
		b = append(b, ',')
	}
	w.depth--
	return closed(b), true
}

// appendStrings appends a map of strings.
func appendStrings(b []byte, m map[string]string) ([]byte, bool) {
	b = append(b, '{')
	for name, v := range m {
		var ok bool
		if b, ok = appendName(b, name); !ok {
			return b, false
		}
		b = append(appendQuoted(b, v), ',')
	}
	return closed(b), true
}

// members appends a map of values of any kind.
func (w *writer) members(b []byte, m map[string]any) ([]byte, bool) {
	if !w.enter() {
		return b, false
	}
	b = append(b, '{')
	for name, v := range m {
		var ok bool
		if b, ok = appendName(b, name); !ok {
			return b, false
		}
		if b, ok = w.any(b, v); !ok {
			return b, false
		}
		b = append(b, ',')
	}
	w.depth--
	return closed(b), true
}

// closed ends an object whose last byte is a comma, or the bracket of an empty one.
func closed(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b[len(b)-1] = '}'
		return b
	}
	return append(b, '}')
}

// any appends a value of a type that only the value knows.
func (w *writer) any(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), true
	case string:
		return appendQuoted(b, v), true
	case bool:
		return strconv.AppendBool(b, v), true
	case float64:
		return appendFinite(b, v, 64)
	case int:
		return appendInt(b, int64(v)), true
	case map[string]any:
		return w.members(b, v)
	case []any:
		if !w.enter() {
			return b, false
		}
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = w.any(b, e); !ok {
				return b, false
			}
		}
		w.depth--
		return append(b, ']'), true
	}
	if !w.enter() {
		return b, false
	}
	b, ok := w.root(planOf(reflect.TypeOf(v)).node, b, v)
	w.depth--
	return b, ok
}

// writeText appends what AppendText or MarshalText returns, as a string.
func (n *node) writeText(b []byte, p ptr) ([]byte, bool) {
	switch v := interfaceAt(n.typ, p).(type) {
	case encoding.TextAppender:
		var few [64]byte
		text, err := v.AppendText(few[:0])
		return appendQuoted(b, text), err == nil
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return appendQuoted(b, text), err == nil
	}
	return b, false
}

func appendBase64(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}
