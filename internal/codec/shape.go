package codec

import (
	"reflect"
	"strings"
)

// shape is how much memory the elements of a type need, for text that is not decoded by plans. It counts as [reader] does.
type shape struct {
	form    form
	size    int      // of a value of the type
	elem    *shape   // of pointers, lists, arrays and maps
	entries *entries // of maps
	members map[string]shapeMember
	// embedded are the sizes of the structs that a struct embeds by pointer.
	embedded []int
	weights  weights // of all that is in it
}

// form is what a value of a shape is decoded into.
type form uint8

const (
	formNone form = iota // without elements
	formAny
	formPointer
	formList
	formArray
	formMap
	formStruct
	formUnclear // only the weights are known
)

// shapeMember is what a name means in a struct.
type shapeMember struct {
	shape *shape
	via   uint64 // the embedded pointers that lead to it, by their bits
}

// shape returns the shape of a type.
func (b *builder) shape(t reflect.Type) *shape {
	if s := b.shapes[t]; s != nil {
		return s
	}
	s := &shape{size: int(t.Size()), weights: weigh(t)}
	b.shapes[t] = s
	if s.weights.most == 0 {
		return s
	}
	switch t.Kind() {
	case reflect.Interface:
		s.form = formAny
	case reflect.Pointer:
		s.form, s.elem = formPointer, b.shape(t.Elem())
	case reflect.Slice:
		s.form, s.elem = formList, b.shape(t.Elem())
	case reflect.Array:
		s.form, s.elem = formArray, b.shape(t.Elem())
	case reflect.Map:
		e := entriesOf(t)
		s.form, s.elem, s.entries = formMap, b.shape(t.Elem()), &e
	case reflect.Struct:
		s.form, s.members = formStruct, map[string]shapeMember{}
		if !b.shapeMembers(s, t, 0, map[reflect.Type]bool{}) {
			s.form = formUnclear
		}
	}
	return s
}

// shapeMembers adds the members of a struct, or of one embedded in it; via leads to that. It returns false for a tag that it does not know.
func (b *builder) shapeMembers(s *shape, t reflect.Type, via uint64, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return true // the outer ones are found first
	}
	seen[t] = true
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if strings.ContainsAny(name, "\\'\"`") {
			return false
		}
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "embed", "inline", "unknown": // what they mean depends on the version of the library
				return false
			}
		}
		if f.Anonymous && name == "" {
			if !b.shapeEmbedded(s, f.Type, via, seen) {
				return false
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		key := string(appendFolded(nil, []byte(name)))
		m := shapeMember{b.shape(f.Type), via}
		if other, twice := s.members[key]; twice && other != m {
			m = shapeMember{&shape{form: formUnclear, weights: s.weights}, via | other.via}
		}
		s.members[key] = m
	}
	return true
}

// shapeEmbedded adds the members of what is embedded in a struct: another one.
func (b *builder) shapeEmbedded(s *shape, t reflect.Type, via uint64, seen map[reflect.Type]bool) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
		if len(s.embedded) == 64 {
			return false
		}
		via |= 1 << len(s.embedded)
		s.embedded = append(s.embedded, int(t.Size()))
	}
	return t.Kind() == reflect.Struct && decodeMethod(t) == 0 && b.shapeMembers(s, t, via, seen)
}
