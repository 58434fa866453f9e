package codec

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Problem returns why values of a type cannot be encoded (sent) or decoded; "" if they can.
func Problem(t reflect.Type, sent bool) string {
	if bad := findProblem(t, sent, map[reflect.Type]bool{}); bad != "" {
		return bad
	}
	return structProblem(t, sent)
}

// structProblem returns why the library refuses a struct whatever its fields are, such as for a wrong tag.
func structProblem(t reflect.Type, sent bool) string {
	if t.Kind() != reflect.Struct || sent && hasMarshaler(t) || !sent && HasUnmarshaler(t) {
		return ""
	}
	err := json.Unmarshal([]byte("{}"), reflect.New(t).Interface())
	if e, ok := errors.AsType[*json.SemanticError](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return ""
}

// FieldProblem is [Problem] for a field of a struct, whose tag may say how.
func FieldProblem(f reflect.StructField, sent bool) string {
	if hasFormat(f) {
		return ""
	}
	return Problem(f.Type, sent)
}

// hasFormat reports whether a field is a duration with a format.
func hasFormat(f reflect.StructField) bool {
	return f.Type == durationType && strings.Contains(f.Tag.Get("json"), "format:")
}

// HasUnmarshaler reports whether a type has a method that decodes JSON.
func HasUnmarshaler(t reflect.Type) bool {
	return has(t, unmarshalerFrom) || has(t, unmarshaler) || has(t, textUnmarshaler)
}

func hasMarshaler(t reflect.Type) bool {
	return has(t, marshalerTo) || has(t, marshaler) || has(t, textAppender) || has(t, textMarshaler)
}

// isName reports whether values of a type may be names of members.
func isName(t reflect.Type) bool {
	if HasUnmarshaler(t) || hasMarshaler(t) {
		return true
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Struct, reflect.Array, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return t.Kind() == reflect.Array && t.Elem() == byteType // as base64
	}
	return true
}

func findProblem(t reflect.Type, sent bool, seen map[reflect.Type]bool) string {
	if seen[t] || sent && hasMarshaler(t) || !sent && HasUnmarshaler(t) {
		return ""
	}
	seen[t] = true
	if t == durationType {
		if _, err := json.Marshal(time.Second); err != nil {
			return `a time.Duration has no JSON form: use int64 milliseconds, or a type with MarshalText and UnmarshalText`
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
	case reflect.Map:
		if k := t.Key(); !isName(k) {
			return fmt.Sprintf("the key %v of a map has no form as a name in JSON", k)
		}
		return findProblem(t.Elem(), sent, seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return findProblem(t.Elem(), sent, seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if !f.IsExported() || f.Tag.Get("json") == "-" || hasFormat(f) {
				continue
			}
			if bad := findProblem(f.Type, sent, seen); bad != "" {
				return f.Name + ": " + bad
			}
		}
	}
	return ""
}
