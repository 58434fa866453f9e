package validate

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// place is where the library's path of Go names leads: "Items[0].Name".
type place struct {
	path   []string     // in names of the wire
	owner  reflect.Type // the struct that the last field is of; nil without one
	typ    reflect.Type // of what is there; nil when unknown
	hidden bool         // a field on the way is not on the wire
	lost   string       // the rest of the path, where the way is not known
	open   bool         // because only a value would tell
}

// placeOf is the place in the struct v that a namespace of the library tells, which
// starts with the type's name.
func placeOf(v reflect.Value, namespace string) place {
	if n := v.Type().Name(); n != "" {
		namespace = strings.TrimPrefix(namespace, n+".")
	}
	p := follow(v.Type(), v, namespace)
	if p.lost != "" {
		// A rule for a whole struct named it.
		p.path = append(p.path, strings.FieldsFunc(p.lost, func(r rune) bool { return strings.ContainsRune(".[]", r) })...)
	}
	return p
}

// follow goes along the path. Without a value, v is the zero Value, it goes by the
// types as far as they tell.
func follow(t reflect.Type, v reflect.Value, rest string) place {
	var p place
	for {
		t, v = reach(t, v)
		p.typ = t
		if rest == "" {
			return p
		}
		var ok bool
		switch {
		case t.Kind() == reflect.Struct:
			t, v, rest, ok = p.field(t, v, strings.TrimPrefix(rest, "."))
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
			t, v, rest, ok = p.element(t, v, rest)
		case t.Kind() == reflect.Map:
			t, v, rest, ok = p.entry(t, v, rest)
		}
		if !ok {
			p.typ, p.lost, p.open = nil, rest, t.Kind() == reflect.Interface
			return p
		}
	}
}

// reach goes through pointers and interfaces.
func reach(t reflect.Type, v reflect.Value) (reflect.Type, reflect.Value) {
	for {
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
			if v.IsValid() {
				v = v.Elem() // of nil it is the zero Value
			}
		case t.Kind() == reflect.Interface && v.IsValid() && !v.IsNil():
			v = v.Elem()
			t = v.Type()
		default:
			return t, v
		}
	}
}

func (p *place) field(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
	name, after := rest, ""
	if i := strings.IndexAny(rest, ".["); i >= 0 {
		name, after = rest[:i], rest[i:]
	}
	found, ok := t.FieldByName(name)
	if !ok {
		return t, v, rest, false
	}
	for _, i := range found.Index { // more than one where it is promoted
		t, v = reach(t, v)
		f := t.Field(i)
		if v.IsValid() {
			v = v.Field(i)
		}
		p.owner, t = t, f.Type
		switch n := nameOf(f); {
		case n.hidden:
			p.hidden = true
		case !n.inline:
			p.path = append(p.path, n.name)
		}
	}
	return t, v, after, true
}

func (p *place) element(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
	text, after, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	i, err := strconv.Atoi(text)
	if !ok || err != nil {
		return t, v, rest, false
	}
	p.path = append(p.path, text)
	if v.IsValid() && i < v.Len() {
		return t.Elem(), v.Index(i), after, true
	}
	return t.Elem(), reflect.Value{}, after, true
}

// How many keys are tried before the way is given up: clients write keys.
const (
	maxBrackets = 16
	maxTries    = 1000
)

func (p *place) entry(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
	if !strings.HasPrefix(rest, "[") {
		return t, v, rest, false
	}
	if !v.IsValid() {
		text, after, ok := strings.Cut(rest[1:], "]")
		p.path = append(p.path, shorten(text, maxKey))
		return t.Elem(), v, after, ok
	}
	k, end := findKey(v, rest)
	if !k.IsValid() {
		p.path = append(p.path, "…")
		return t, v, "", false
	}
	p.path = append(p.path, keyText(k))
	return t.Elem(), v.MapIndex(k), rest[end+1:], true
}

// findKey finds the key of m that rest begins with, in brackets, and where it ends.
// The key may have brackets itself.
func findKey(m reflect.Value, rest string) (key reflect.Value, end int) {
	t := m.Type().Key()
	end = 0
	for range maxBrackets {
		i := strings.IndexByte(rest[end+1:], ']')
		if i < 0 {
			break
		}
		end += 1 + i
		if k := parseKey(t, rest[1:end]); k.IsValid() && m.MapIndex(k).IsValid() && fmt.Sprint(k) == rest[1:end] {
			return k, end
		}
	}
	tries := 0
	for it := m.MapRange(); it.Next() && tries < maxTries; tries++ {
		if text := fmt.Sprint(it.Key()); strings.HasPrefix(rest[1:], text+"]") {
			return it.Key(), len(text) + 1
		}
	}
	return reflect.Value{}, 0
}

// parseKey makes a key of the text, for the types that are written as they are.
func parseKey(t reflect.Type, text string) reflect.Value {
	k := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.String:
		k.SetString(text)
	case k.CanInt():
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || k.OverflowInt(n) {
			return reflect.Value{}
		}
		k.SetInt(n)
	case k.CanUint():
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || k.OverflowUint(n) {
			return reflect.Value{}
		}
		k.SetUint(n)
	default:
		return reflect.Value{}
	}
	return k
}
