package validate

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Maximum bytes of a path and of a map key in it: clients choose the keys.
const (
	maxPath = 512
	maxKey  = 64
)

// fieldName is the wire name of a struct field.
type fieldName struct {
	name   string
	inline bool // its fields are promoted to the parent
	hidden bool // it is not on the wire
}

// nameOf reads the tags as the decoders do: the json name, else that of an HTTP input,
// else the Go name.
func nameOf(f reflect.StructField) fieldName {
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	excluded := tag == "-"
	if name != "" && !excluded {
		return fieldName{name: name}
	}
	for _, other := range []string{"query", "path", "header"} {
		if n, _, _ := strings.Cut(f.Tag.Get(other), ","); n != "" && n != "-" {
			return fieldName{name: n}
		}
	}
	switch {
	case excluded:
		return fieldName{hidden: true}
	case f.Anonymous && indirect(f.Type).Kind() == reflect.Struct, slices.Contains(strings.Split(options, ","), "embed"):
		return fieldName{inline: true}
	}
	return fieldName{name: f.Name, hidden: !f.IsExported()}
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// keyText returns a map key in wire format, shortened to maxKey bytes.
func keyText(k reflect.Value) string {
	if m, ok := reflect.TypeAssert[encoding.TextMarshaler](k); ok {
		if b, err := m.MarshalText(); err == nil {
			return shorten(string(b), maxKey)
		}
	}
	switch {
	case k.Kind() == reflect.String:
		return shorten(k.String(), maxKey)
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10)
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10)
	default:
		return shorten(fmt.Sprint(k), maxKey)
	}
}

func joinPath(path []string) string { return shorten(strings.Join(path, "."), maxPath) }

// shorten truncates s to n bytes at a rune boundary and appends an ellipsis.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
