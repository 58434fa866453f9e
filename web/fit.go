package web

import (
	"encoding"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// decodesItself reports whether a type has a method for JSON.
func decodesItself(t reflect.Type) bool {
	for _, m := range []reflect.Type{
		reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[stdjson.Unmarshaler](), textUnmarshaler,
	} {
		if reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

func encodesItself(t reflect.Type) bool {
	for _, m := range []reflect.Type{
		reflect.TypeFor[json.MarshalerTo](), reflect.TypeFor[stdjson.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](),
	} {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

// unfit tells why a type cannot be JSON; "" when it can.
func unfit(t reflect.Type, sent bool) string { return unfitIn(t, sent, map[reflect.Type]bool{}) }

func unfitField(f reflect.StructField, sent bool) string {
	if f.Type == durationType && strings.Contains(f.Tag.Get("json"), "format:") {
		return ""
	}
	return unfit(f.Type, sent)
}

func unfitIn(t reflect.Type, sent bool, seen map[reflect.Type]bool) string {
	if seen[t] || sent && encodesItself(t) || !sent && decodesItself(t) {
		return ""
	}
	seen[t] = true
	if t == durationType {
		if _, err := json.Marshal(time.Second); err != nil {
			return `a time.Duration needs a form, such as json:",format:units"`
		}
		return ""
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Sprintf("a %v cannot be JSON", t)
	case reflect.Interface:
		if !sent && t.NumMethod() > 0 {
			return fmt.Sprintf("the interface %v cannot be decoded", t)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return unfitIn(t.Elem(), sent, seen)
	case reflect.Struct:
		for f := range t.Fields() {
			tag := f.Tag.Get("json")
			if !f.IsExported() || tag == "-" || f.Type == durationType && strings.Contains(tag, "format:") {
				continue
			}
			if bad := unfitIn(f.Type, sent, seen); bad != "" {
				return f.Name + ": " + bad
			}
		}
	}
	return ""
}
