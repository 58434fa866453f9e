package codec

import (
	"bytes"
	"reflect"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
)

// weights are the sizes of the largest elements of a type, by the kind of JSON that they are decoded from. They count text of
// which it is not known what belongs to which type; see shape for the rest.
type weights struct {
	object, array, scalar, null int
	most                        int // of all, and of the first entry of a map
}

// weigh returns the weights of a type.
func weigh(t reflect.Type) weights {
	s := scale{seen: map[reflect.Type]bool{}}
	s.inside(t)
	return s.weights
}

// scale finds the weights of a type.
type scale struct {
	weights

	seen map[reflect.Type]bool
}

// inside adds the elements that a type contains.
func (w *scale) inside(t reflect.Type) {
	if w.seen[t] || decodeMethod(t) != 0 {
		return // methods decode it
	}
	w.seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		w.element(t.Elem(), 0)
		w.inside(t.Elem())
	case reflect.Map:
		e := entriesOf(t)
		w.element(t.Elem(), int(t.Key().Size()))
		w.most = max(w.most, int(e.first))
		w.inside(t.Key())
		w.inside(t.Elem())
	case reflect.Array:
		w.inside(t.Elem())
	case reflect.Interface:
		w.element(anyType, int(stringSize)) // of []any and map[string]any
	case reflect.Struct:
		for f := range t.Fields() {
			w.inside(f.Type)
		}
	}
}

// element adds an element of a type, with more bytes for its key.
func (w *scale) element(t reflect.Type, more int) {
	size := int(t.Size()) + embeddedSize(t, nil) + more
	w.null = max(w.null, size)
	defer func() { w.most = max(w.most, size) }()
	for n := 0; n < maxIndirect && t.Kind() == reflect.Pointer; n++ {
		t = t.Elem()
		size += int(t.Size()) + embeddedSize(t, nil)
	}
	object, array, scalar := true, true, true
	switch k := t.Kind(); {
	case decodeMethod(t) != 0 || k == reflect.Interface:
	case k == reflect.Struct || k == reflect.Map:
		array, scalar = false, false
	case k == reflect.Slice || k == reflect.Array:
		object, scalar = false, t.Elem() == byteType
	default:
		object, array = false, false
	}
	if object {
		w.object = max(w.object, size)
	}
	if array {
		w.array = max(w.array, size)
	}
	if scalar {
		w.scalar = max(w.scalar, size)
	}
}

// maxIndirect bounds how many pointers in a row are followed: a type may point to itself.
const maxIndirect = 8

// entries are how much memory the entries of a map need. Go's maps have room for 8 of them as soon as they have one. That is not
// counted where an entry is no larger than that of a map[string]any, since lists of such maps are ordinary messages.
type entries struct{ first, second, ninth uintptr }

func entriesOf(t reflect.Type) entries {
	const group, indirect = 8, 128
	key, elem := t.Key().Size(), t.Elem().Size()
	slot, apart := key+elem, uintptr(0)
	if elem > indirect { // the slot has a pointer
		slot, apart = key+ptrSize, elem
	}
	if slot+apart <= stringSize+anySize {
		return entries{slot, slot, slot}
	}
	return entries{group*slot + apart, apart, key + elem}
}

// weight returns how much an entry needs if the map has i others.
func (e *entries) weight(i int) uintptr {
	switch {
	case i == 0:
		return e.first
	case i < 8:
		return e.second
	}
	return e.ninth
}

// embeddedSize returns the size of the structs that a struct embeds by pointer.
func embeddedSize(t reflect.Type, seen []reflect.Type) (size int) {
	if t.Kind() != reflect.Struct || slices.Contains(seen, t) {
		return 0
	}
	seen = append(slices.Clip(seen), t)
	for f := range t.Fields() {
		to := f.Type
		if !f.Anonymous {
			continue
		}
		if to.Kind() == reflect.Pointer && to.Elem().Kind() == reflect.Struct {
			to = to.Elem()
			size += int(to.Size())
		}
		size += embeddedSize(to, seen)
	}
	return size
}

// of returns the weight of a text: that of all its values but the outermost. The text may be wrong.
func (w weights) of(text []byte) int {
	if w.null == 0 {
		return 0
	}
	total, first := 0, true
	add := func(weight int) {
		if first {
			first, weight = false, 0
		}
		total += weight
	}
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case '"':
			if i = jsonscan.String(text, i+1); i < 0 {
				return total
			}
			if next := jsonscan.Space(text, i); next < len(text) && text[next] == ':' {
				continue // a name
			}
			add(w.scalar)
			continue
		case '{':
			add(w.object)
		case '[':
			add(w.array)
		case 'n':
			add(w.null)
			i += len("nul")
		case '}', ']', ',', ':', ' ', '\t', '\n', '\r':
		default: // a number, true or false
			add(w.scalar)
			for i+1 < len(text) && bytes.IndexByte(delimiters, text[i+1]) < 0 {
				i++
			}
		}
		i++
	}
	return total
}

var delimiters = []byte("{}[],: \t\n\r\"")
