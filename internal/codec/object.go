package codec

import (
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// object is the plan of a struct.
type object struct {
	fields []field
	exact  map[string]int // by name
	folded map[string]int // by the name as appendFolded writes it
}

// zeroTest is how the tag option omitzero is decided.
type zeroTest uint8

const (
	zeroNever zeroTest = iota
	zeroByReflect
	zeroByMethod
)

// field is a field of a struct, or of a struct embedded in it.
type field struct {
	name      string
	member    string // the name as it is usually written: "name":
	node      *node
	offset    uintptr
	hops      []hop // embedded pointers on the way
	zero      zeroTest
	omitEmpty bool
}

// hop is an embedded pointer: at offset is a pointer to a struct, in which the next offset is.
type hop struct {
	offset uintptr
	to     reflect.Type
}

// object returns the plan of a struct; nil if the library must do it.
func (b *builder) object(t reflect.Type) *object {
	o := &object{exact: map[string]int{}, folded: map[string]int{}}
	if !b.fields(o, t, nil, 0, map[reflect.Type]bool{}) {
		return nil
	}
	for i := range o.fields {
		f := &o.fields[i]
		if _, twice := o.exact[f.name]; twice {
			return nil // Go's rules of embedding, or an error
		}
		o.exact[f.name] = i
		fold := string(appendFolded(nil, []byte(f.name)))
		if _, twice := o.folded[fold]; twice {
			return nil // a name may mean several fields
		}
		o.folded[fold] = i
	}
	return o
}

// fields appends the fields of a struct in the order in which they are encoded.
func (b *builder) fields(o *object, t reflect.Type, hops []hop, base uintptr, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	tagged, found := false, false
	for sf := range t.Fields() {
		tag, has := sf.Tag.Lookup("json")
		tagged = tagged || has
		if tag == "-" {
			continue
		}
		if !sf.IsExported() && !sf.Anonymous {
			if has {
				return false // an error
			}
			continue
		}
		found = true
		f, named, ok := parseTag(sf.Name, tag)
		switch {
		case !ok:
			return false
		case sf.Anonymous && !named:
			if !b.embedded(o, sf, f, hops, base, seen) {
				return false
			}
			continue
		case !sf.IsExported():
			return false
		}
		if f.zero == zeroByReflect && implementsZero(sf.Type) {
			if sf.Type.Kind() == reflect.Interface || sf.Type.Kind() == reflect.Pointer {
				return false
			}
			f.zero = zeroByMethod
		}
		f.node, f.hops, f.offset = b.node(sf.Type), hops, base+sf.Offset
		o.fields = append(o.fields, f)
	}
	return t.NumField() == 0 || tagged || found
}

// embedded appends the fields of an embedded struct.
func (b *builder) embedded(o *object, sf reflect.StructField, f field, hops []hop, base uintptr, seen map[reflect.Type]bool) bool {
	t := sf.Type
	pointer := t.Kind() == reflect.Pointer
	if pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || f.zero != zeroNever || f.omitEmpty || pointer && !sf.IsExported() ||
		isOdd(t) || decodeMethod(t) != 0 || encodeMethod(t) != 0 {
		return false
	}
	if pointer {
		return b.fields(o, t, append(slices.Clip(hops), hop{base + sf.Offset, t}), 0, seen)
	}
	return b.fields(o, t, hops, base+sf.Offset, seen)
}

type isZeroer interface{ IsZero() bool }

func implementsZero(t reflect.Type) bool { return has(t, reflect.TypeFor[isZeroer]()) }

// parseTag returns what a tag says; ok is false for what plans do not know. named reports that the tag has a name.
func parseTag(name, tag string) (f field, named, ok bool) {
	first, rest, more := strings.Cut(tag, ",")
	if first != "" {
		name, named = first, true
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune("\\'\"`", r) }) {
		return f, named, false
	}
	quoted, err := jsontext.AppendQuote(nil, name)
	if err != nil {
		return f, named, false
	}
	f.name, f.member = name, string(quoted)+":"
	for more {
		var option string
		option, rest, more = strings.Cut(rest, ",")
		switch {
		case option == "omitzero" && f.zero == zeroNever:
			f.zero = zeroByReflect
		case option == "omitempty" && !f.omitEmpty:
			f.omitEmpty = true
		default:
			return f, named, false
		}
	}
	return f, named, true
}

// find returns the index of the field that a name means: that of the name, or else one that differs in case, dashes and
// underscores only.
func (o *object) find(name []byte) (i int, ok bool) {
	if i, ok = o.exact[string(name)]; ok {
		return i, true
	}
	var few [32]byte
	i, ok = o.folded[string(appendFolded(few[:0], name))]
	return i, ok
}
