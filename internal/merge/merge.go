// Package merge combines options that are structs. It uses reflection: for the start of an application only.
package merge

import (
	"fmt"
	"reflect"
)

// Fields returns base with the fields of next that are not zero; of a field that is a struct, with its fields.
// All fields of T are exported.
func Fields[T any](base, next T) T {
	set(reflect.ValueOf(&base).Elem(), reflect.ValueOf(next))
	return base
}

func set(to, from reflect.Value) {
	for i := range from.NumField() {
		switch f := from.Field(i); {
		case f.Kind() == reflect.Struct:
			set(to.Field(i), f)
		case !f.IsZero():
			to.Field(i).Set(f)
		}
	}
}

// All returns base with the fields of all options, which must be of type T. The format of the error for another one
// has one verb, for the option.
func All[T, Option any](base T, options []Option, format string) (T, error) {
	for _, o := range options {
		own, ok := any(o).(T)
		if !ok {
			return base, fmt.Errorf(format, o)
		}
		base = Fields(base, own)
	}
	return base, nil
}
