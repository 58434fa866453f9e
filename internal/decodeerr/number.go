package decodeerr

import (
	"errors"
	"reflect"
	"strconv"
)

func (f failure) number() (message string, other bool) {
	switch {
	case f.err != nil:
		return numberProblem(f.typ, f.value), false
	case f.kind == '0': // the field has the option string
		return "must be a number in a string", false
	default:
		return notNumber, true
	}
}

// numberProblem returns why text is not a number of type t.
func numberProblem(t reflect.Type, text string) string {
	var err error
	whole := notWhole
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		_, err = strconv.ParseInt(text, 10, t.Bits())
	case reflect.Float32, reflect.Float64:
		_, err = strconv.ParseFloat(text, t.Bits())
		whole = notNumber
	default:
		_, err = strconv.ParseUint(text, 10, t.Bits())
		whole = notNatural
	}
	if _, asFloat := strconv.ParseFloat(text, 64); asFloat != nil && !isRange(asFloat) {
		return notNumber
	}
	if isRange(err) {
		return outOfRange
	}
	return whole
}

func isRange(err error) bool { return errors.Is(err, strconv.ErrRange) }
