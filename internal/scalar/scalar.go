// Package scalar converts text of requests, such as values of paths and queries, into Go values.
package scalar

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"
)

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// Parser parses text into dst, which must be settable. Its errors are for decodeerr.Text.
type Parser func(dst reflect.Value, text string) error

// Of returns the function that parses text into a value of type t; nil if the type is not
// supported. Supported are strings, booleans, integers, floats except NaN and infinity,
// [time.Duration], types whose pointers implement [encoding.TextUnmarshaler], and pointers to
// any of these.
func Of(t reflect.Type) Parser {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return setText
	}
	if t == durationType {
		return parsed(time.ParseDuration, func(dst reflect.Value, d time.Duration) { dst.SetInt(int64(d)) })
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst reflect.Value, text string) error {
			dst.SetString(text)
			return nil
		}
	case reflect.Bool:
		return parsed(strconv.ParseBool, reflect.Value.SetBool)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return parsed(func(text string) (int64, error) { return strconv.ParseInt(text, 10, t.Bits()) }, reflect.Value.SetInt)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return parsed(func(text string) (uint64, error) { return strconv.ParseUint(text, 10, t.Bits()) }, reflect.Value.SetUint)
	case reflect.Float32, reflect.Float64:
		return setFloat
	case reflect.Pointer:
		one := Of(t.Elem())
		if one == nil || t.Elem().Kind() == reflect.Pointer {
			return nil
		}
		return func(dst reflect.Value, text string) error {
			p := reflect.New(t.Elem())
			err := one(p.Elem(), text)
			dst.Set(p)
			return err
		}
	default:
		return nil
	}
}

func setText(dst reflect.Value, text string) error {
	u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](dst.Addr())
	if !ok {
		return errors.ErrUnsupported
	}
	return u.UnmarshalText([]byte(text))
}

func parsed[T any](parse func(text string) (T, error), set func(dst reflect.Value, v T)) Parser {
	return func(dst reflect.Value, text string) error {
		v, err := parse(text)
		set(dst, v)
		return err
	}
}

func setFloat(dst reflect.Value, text string) error {
	f, err := strconv.ParseFloat(text, dst.Type().Bits())
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = strconv.ErrSyntax
	}
	dst.SetFloat(f)
	return err
}
