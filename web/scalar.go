package web

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"
)

// Messages to clients about invalid parameters. They contain no Go types.
const (
	notNumber     = "must be a number"
	notWhole      = "must be a whole number"
	notNatural    = "must be a non-negative whole number"
	outOfRange    = "is out of range"
	notBool       = "must be true or false"
	notDuration   = "must be a duration, such as 1h30m"
	notTime       = "must be a time, such as 2006-01-02T15:04:05Z"
	invalidFormat = "has an invalid format"
	repeated      = "must not be repeated"
)

// scalar parses text into a value. It returns a message to the client if the text is invalid.
type scalar func(dst reflect.Value, text string) string

// setterOf returns the function that sets a field from the values of a parameter; nil if the
// type is not supported.
func setterOf(t reflect.Type, source string) func(reflect.Value, []string) string {
	if one := scalarOf(t); one != nil {
		return func(dst reflect.Value, values []string) string {
			if len(values) > 1 && source == fromQuery {
				return repeated
			}
			return one(dst, values[0])
		}
	}
	if t.Kind() != reflect.Slice || source == fromPath || t.Elem().Kind() == reflect.Uint8 {
		return nil
	}
	one := scalarOf(t.Elem())
	if one == nil {
		return nil
	}
	return func(dst reflect.Value, values []string) string {
		out := reflect.MakeSlice(t, len(values), len(values))
		for i, v := range values {
			if message := one(out.Index(i), v); message != "" {
				return message
			}
		}
		dst.Set(out)
		return ""
	}
}

func scalarOf(t reflect.Type) scalar {
	if reflect.PointerTo(t).Implements(textUnmarshaler) {
		return setText
	}
	if t == durationType {
		return setDuration
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst reflect.Value, text string) string {
			dst.SetString(text)
			return ""
		}
	case reflect.Bool:
		return setBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint
	case reflect.Float32, reflect.Float64:
		return setFloat
	case reflect.Pointer:
		one := scalarOf(t.Elem())
		if one == nil || t.Elem().Kind() == reflect.Pointer {
			return nil
		}
		return func(dst reflect.Value, text string) string {
			p := reflect.New(t.Elem())
			message := one(p.Elem(), text)
			dst.Set(p)
			return message
		}
	default:
		return nil
	}
}

func setText(dst reflect.Value, text string) string {
	u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](dst.Addr())
	if ok && u.UnmarshalText([]byte(text)) == nil {
		return ""
	}
	if dst.Type() == reflect.TypeFor[time.Time]() {
		return notTime
	}
	return invalidFormat
}

func setDuration(dst reflect.Value, text string) string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return notDuration
	}
	dst.SetInt(int64(d))
	return ""
}

func setBool(dst reflect.Value, text string) string {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return notBool
	}
	dst.SetBool(b)
	return ""
}

func setInt(dst reflect.Value, text string) string {
	n, err := strconv.ParseInt(text, 10, dst.Type().Bits())
	if err != nil {
		return numberProblem(err, text, notWhole)
	}
	dst.SetInt(n)
	return ""
}

func setUint(dst reflect.Value, text string) string {
	n, err := strconv.ParseUint(text, 10, dst.Type().Bits())
	if err != nil {
		return numberProblem(err, text, notNatural)
	}
	dst.SetUint(n)
	return ""
}

func setFloat(dst reflect.Value, text string) string {
	f, err := strconv.ParseFloat(text, dst.Type().Bits())
	if err != nil {
		return numberProblem(err, text, notNumber)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return notNumber
	}
	dst.SetFloat(f)
	return ""
}

// numberProblem returns the message for text that is not a number, or a number that does not
// fit.
func numberProblem(err error, text, whole string) string {
	if _, isFloat := strconv.ParseFloat(text, 64); isFloat != nil && !isRange(isFloat) {
		return notNumber
	}
	if isRange(err) {
		return outOfRange
	}
	return whole
}

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }
