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

// hasUnmarshaler reports whether a type has a method that decodes JSON.
func hasUnmarshaler(t reflect.Type) bool {
	for _, m := range []reflect.Type{
		reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[stdjson.Unmarshaler](), textUnmarshaler,
	} {
		if reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

// hasMarshaler reports whether a type has a method that encodes JSON.
func hasMarshaler(t reflect.Type) bool {
	for _, m := range []reflect.Type{
		reflect.TypeFor[json.MarshalerTo](), reflect.TypeFor[stdjson.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](),
	} {
		if t.Implements(m) || reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

// jsonProblem returns why a type cannot be encoded (sent) or decoded as JSON; "" if it can.
func jsonProblem(t reflect.Type, sent bool) string {
	return findJSONProblem(t, sent, map[reflect.Type]bool{})
}

func fieldJSONProblem(f reflect.StructField, sent bool) string {
	if f.Type == durationType && strings.Contains(f.Tag.Get("json"), "format:") {
		return ""
	}
	return jsonProblem(f.Type, sent)
}

func findJSONProblem(t reflect.Type, sent bool, seen map[reflect.Type]bool) string {
	if seen[t] || sent && hasMarshaler(t) || !sent && hasUnmarshaler(t) {
		return ""
	}
	seen[t] = true
	if t == durationType {
		if _, err := json.Marshal(time.Second); err != nil {
			return `a time.Duration needs a format, such as json:",format:units"`
		}
		return ""
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Sprintf("a %v has no JSON form", t)
	case reflect.Interface:
		if !sent && t.NumMethod() > 0 {
			return fmt.Sprintf("the interface %v cannot be decoded", t)
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findJSONProblem(t.Elem(), sent, seen)
	case reflect.Struct:
		for f := range t.Fields() {
			tag := f.Tag.Get("json")
			if !f.IsExported() || tag == "-" || f.Type == durationType && strings.Contains(tag, "format:") {
				continue
			}
			if bad := findJSONProblem(f.Type, sent, seen); bad != "" {
				return f.Name + ": " + bad
			}
		}
	}
	return ""
}
