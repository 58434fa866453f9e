package web

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// setter sets a field from the values of the parameter name. It returns an error for the client.
type setter func(dst reflect.Value, name string, values []string) *pipeline.Error

// scalar parses text into a value. Its errors are for [decodeerr.Text].
type scalar func(dst reflect.Value, text string) error

// setterOf returns the function that sets a field from the values of a parameter; nil if the
// type is not supported.
func setterOf(t reflect.Type, source string) setter {
	if one := scalarOf(t); one != nil {
		return func(dst reflect.Value, name string, values []string) *pipeline.Error {
			if len(values) > 1 && source == fromQuery {
				return invalid(name, "must not be repeated")
			}
			if err := one(dst, values[0]); err != nil {
				return decodeerr.Text(name, t, values[0], err)
			}
			return nil
		}
	}
	if t.Kind() != reflect.Slice || source == fromPath || t.Elem().Kind() == reflect.Uint8 {
		return nil
	}
	one := scalarOf(t.Elem())
	if one == nil {
		return nil
	}
	return func(dst reflect.Value, name string, values []string) *pipeline.Error {
		out := reflect.MakeSlice(t, len(values), len(values))
		for i, v := range values {
			if err := one(out.Index(i), v); err != nil {
				return decodeerr.Text(name+"."+strconv.Itoa(i), t.Elem(), v, err)
			}
		}
		dst.Set(out)
		return nil
	}
}

func invalid(name, message string) *pipeline.Error {
	return pipeline.Invalid(pipeline.Violation{Field: name, Rule: "type", Message: message})
}

func scalarOf(t reflect.Type) scalar {
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
		one := scalarOf(t.Elem())
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

func parsed[T any](parse func(text string) (T, error), set func(dst reflect.Value, v T)) scalar {
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
