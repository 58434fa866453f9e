package validate

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// fieldPath is the target of a path of Go names as the library writes it, such as
// "Items[0].Name".
type fieldPath struct {
	path       []string     // wire names
	owner      reflect.Type // the struct of the last field; nil if none
	typ        reflect.Type // type of the target; nil if unknown
	hidden     bool         // a field of the path is not on the wire
	unresolved string       // the rest of the path that could not be resolved
	dynamic    bool         // unresolved at an interface: depends on the value
}

// resolveNamespace resolves a path of the library in the struct v. The path starts
// with the type's name.
func resolveNamespace(v reflect.Value, namespace string) fieldPath {
	if n := v.Type().Name(); n != "" {
		namespace = strings.TrimPrefix(namespace, n+".")
	}
	p := resolvePath(v.Type(), v, namespace)
	if p.unresolved != "" {
		// Reported by a rule for a whole struct, which may use any name.
		p.path = append(p.path, strings.FieldsFunc(p.unresolved, func(r rune) bool { return strings.ContainsRune(".[]", r) })...)
	}
	return p
}

// resolvePath resolves the path rest from the value v of type t. If v is the zero
// Value, it uses only the types.
func resolvePath(t reflect.Type, v reflect.Value, rest string) fieldPath {
	var p fieldPath
	for {
		t, v = dereference(t, v)
		p.typ = t
		if rest == "" {
			return p
		}
		var ok bool
		switch {
		case t.Kind() == reflect.Struct:
			t, v, rest, ok = p.stepField(t, v, strings.TrimPrefix(rest, "."))
		case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
			t, v, rest, ok = p.stepElement(t, v, rest)
		case t.Kind() == reflect.Map:
			t, v, rest, ok = p.stepKey(t, v, rest)
		}
		if !ok {
			p.typ, p.unresolved, p.dynamic = nil, rest, t.Kind() == reflect.Interface
			return p
		}
	}
}

// dereference follows pointers and interfaces.
func dereference(t reflect.Type, v reflect.Value) (reflect.Type, reflect.Value) {
	for {
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
			if v.IsValid() {
				v = v.Elem() // the zero Value for nil
			}
		case t.Kind() == reflect.Interface && v.IsValid() && !v.IsNil():
			v = v.Elem()
			t = v.Type()
		default:
			return t, v
		}
	}
}

func (p *fieldPath) stepField(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
	name, after := rest, ""
	if i := strings.IndexAny(rest, ".["); i >= 0 {
		name, after = rest[:i], rest[i:]
	}
	found, ok := t.FieldByName(name)
	if !ok {
		return t, v, rest, false
	}
	for _, i := range found.Index { // several for a promoted field
		t, v = dereference(t, v)
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

func (p *fieldPath) stepElement(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
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

// Limits of the search for a map key: clients choose the keys.
const (
	maxBrackets = 16
	maxTries    = 1000
)

func (p *fieldPath) stepKey(t reflect.Type, v reflect.Value, rest string) (reflect.Type, reflect.Value, string, bool) {
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

// findKey returns the key of m with which rest starts, in brackets, and the index of
// its closing bracket. The key itself may contain brackets.
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

// parseKey parses a key of a string or integer type. It returns the zero Value if it
// cannot.
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
