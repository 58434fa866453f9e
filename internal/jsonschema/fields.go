package jsonschema

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// field is a member of the JSON object of a struct.
type field struct {
	name   string
	typ    reflect.Type
	index  []int
	named  bool // by its tag
	behind bool // an embedded pointer, which may be nil
	omit   omission
	form   form
}

// omission are the tag options that leave out a field.
type omission uint8

const (
	omitEmpty omission = 1 << iota
	omitZero
)

// form is a tag option that changes how a value is written.
type form uint8

const (
	formOfType form = iota
	formString
	formFormat
)

// members are the fields of a struct as JSON.
type members struct {
	fields []field
	rest   reflect.Type // of an embedded map; nil without one
}

var valueType = reflect.TypeFor[jsontext.Value]()

// embedded is a struct whose fields are members of another one.
type embedded struct {
	typ    reflect.Type
	index  []int
	behind bool
	expand bool // its own embedded structs too; not those of a type that embeds itself
}

// membersOf returns the members of a struct by the rules of the JSON library: those of Go's embedding, where of
// several fields of a name the shallowest counts, then the one named by a tag, else none. If parameters is false,
// fields with the tags of HTTP parameters are left out.
func membersOf(t reflect.Type, parameters bool) members {
	var m members
	var all []field
	seen := map[reflect.Type]bool{t: true}
	rests := 0 // their depth
	for queue := []embedded{{typ: t, expand: true}}; len(queue) > 0; queue = queue[1:] {
		e := queue[0]
		for i := range e.typ.NumField() {
			sf := e.typ.Field(i)
			f, ignored := parse(sf)
			if ignored || !parameters && isParameter(sf) {
				continue
			}
			f.index, f.behind = append(slices.Clip(e.index), i), e.behind
			to := sf.Type
			if to.Kind() == reflect.Pointer && to.Name() == "" {
				to = to.Elem()
			}
			if embeds := f.embeds || sf.Anonymous && !f.named; !embeds {
				if sf.IsExported() {
					all = append(all, f.field)
				}
				continue
			}
			switch {
			case to.Kind() == reflect.Struct:
				if e.expand {
					queue = append(queue, embedded{to, f.index, e.behind || sf.Type.Kind() == reflect.Pointer, !seen[to]})
				}
				seen[to] = true
			case to.Kind() == reflect.Map && (m.rest == nil || len(f.index) < rests):
				m.rest, rests = to.Elem(), len(f.index)
			case to == valueType && m.rest == nil:
				m.rest, rests = reflect.TypeFor[any](), len(f.index)
			}
		}
	}
	m.fields = dominant(all)
	return m
}

// dominant returns the fields that count, in the order in which they are encoded: depth first.
func dominant(all []field) []field {
	slices.SortStableFunc(all, func(a, b field) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), boolCompare(b.named, a.named))
	})
	var kept []field
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].name == all[0].name {
			n++
		}
		if n == 1 || len(all[0].index) != len(all[1].index) || all[0].named != all[1].named {
			kept = append(kept, all[0])
		}
		all = all[n:]
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// parsed is a field with the options that only matter while members are collected.
type parsed struct {
	field

	embeds bool // the tag option embed
}

// parse parses the tag of a field. Wrong tags, which the library refuses, are parsed somehow.
func parse(sf reflect.StructField) (f parsed, ignored bool) {
	tag := sf.Tag.Get("json")
	if tag == "-" || !sf.IsExported() && !sf.Anonymous {
		return f, true
	}
	f.name, f.typ = sf.Name, sf.Type
	name, options, _ := strings.Cut(tag, ",")
	if name != "" {
		f.name, f.named = name, true
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omit |= omitEmpty
		case "omitzero":
			f.omit |= omitZero
		case "string":
			f.form = max(f.form, formString)
		case "embed":
			f.embeds = true
		default:
			if strings.HasPrefix(option, "format:") {
				f.form = formFormat
			}
		}
	}
	return f, false
}

// isParameter reports whether a field has a tag of package web for what is not in the body.
func isParameter(sf reflect.StructField) bool {
	for _, source := range []string{"path", "query", "header"} {
		if name, ok := sf.Tag.Lookup(source); ok && name != "-" {
			return true
		}
	}
	return false
}
