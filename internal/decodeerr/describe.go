package decodeerr

import (
	"encoding"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/codec"
)

// What clients read about values.
const (
	doesNotFit    = "does not fit"
	InvalidFormat = "has an invalid format"
	notNumber     = "must be a number"
	notWhole      = "must be a whole number"
	notNatural    = "must be a non-negative whole number"
	outOfRange    = "is out of range"
	notBool       = "must be true or false"
	notString     = "must be a string"
	notArray      = "must be an array"
	notDuration   = "must be a duration, such as 1h30m"
	notTime       = "must be a time in RFC 3339"
	notIP         = "must be an IP address"
)

// known are types that decode themselves, and what clients call them.
var known = map[reflect.Type]struct {
	message string
	kind    jsontext.Kind
}{
	reflect.TypeFor[net.IP]():         {notIP, '"'},
	reflect.TypeFor[netip.Addr]():     {notIP, '"'},
	reflect.TypeFor[netip.AddrPort](): {"must be an IP address with a port", '"'},
	reflect.TypeFor[netip.Prefix]():   {"must be an IP network, such as 10.0.0.0/8", '"'},
	reflect.TypeFor[big.Int]():        {notWhole, '0'},
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerFrom = reflect.TypeFor[json.UnmarshalerFrom]()
	unmarshaler     = reflect.TypeFor[stdjson.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// implements reports whether values of a type, or pointers to them, have a method.
func implements(t, method reflect.Type) bool {
	return t != nil && reflect.PointerTo(t).Implements(method)
}

// describe returns what the value must be, and what it is instead if it has another kind.
func (f failure) describe() (message, found string) {
	if binary, ok := errors.AsType[*codec.BinaryError](f.err); ok {
		return describeBinary(binary)
	}
	message, other := f.expected()
	if other {
		found = kindName(f.kind)
	}
	return message, found
}

// expected returns what the value must be, and whether a value of this kind never is.
func (f failure) expected() (message string, other bool) {
	if f.typ == nil || f.kind == 0 {
		return doesNotFit, false
	}
	k, isKnown := known[f.typ]
	switch {
	case f.typ == timeType:
		return f.time()
	case f.typ == durationType:
		return f.duration()
	case isKnown:
		return k.message, f.kind != k.kind
	case implements(f.typ, unmarshalerFrom), implements(f.typ, unmarshaler):
		return doesNotFit, false
	case implements(f.typ, textUnmarshaler):
		if f.kind != '"' {
			return notString, true
		}
		if f.typ.Name() == "UUID" {
			return "must be a UUID", false
		}
		return InvalidFormat, false
	}
	return f.basic()
}

// basic is expected for types without methods that decode.
func (f failure) basic() (message string, other bool) {
	switch f.typ.Kind() {
	case reflect.Bool:
		return notBool, f.err == nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64:
		return f.number()
	case reflect.String:
		if f.err != nil {
			return InvalidFormat, false
		}
		return notString, true
	case reflect.Struct, reflect.Map:
		if f.err != nil {
			return doesNotFit, false
		}
		return "must be an object", true
	case reflect.Slice, reflect.Array:
		if isBytes(f.typ) {
			return f.bytes()
		}
		if f.err != nil && f.typ.Kind() == reflect.Array {
			return countOf(f.typ.Len(), "item"), false
		}
		return notArray, f.err == nil
	default:
		return doesNotFit, false
	}
}

// time describes times. Without an error for a string the field has a format that is a number.
func (f failure) time() (message string, other bool) {
	parse, isParse := errors.AsType[*time.ParseError](f.err)
	switch {
	case f.kind == '"' && f.err == nil:
		return notNumber, true
	case f.kind == '0' && f.err != nil:
		return outOfRange, false
	case isParse && parse.Layout != time.RFC3339 && parse.Layout != time.RFC3339Nano:
		return "must be a time, such as " + parse.Layout, false
	default:
		return notTime, f.kind != '"'
	}
}

func (f failure) duration() (message string, other bool) {
	switch {
	case f.kind == '"' && f.err == nil:
		return notNumber, true
	case f.kind == '0' && f.err != nil:
		return outOfRange, false
	case f.err != nil && strings.Contains(f.err.Error(), "ISO 8601"):
		return "must be a duration in ISO 8601, such as PT1H30M", false
	default:
		return notDuration, f.kind != '"'
	}
}

// isBytes reports whether values of a type are text in JSON.
func isBytes(t reflect.Type) bool {
	return t.Elem().Kind() == reflect.Uint8 && t.Elem().PkgPath() == ""
}

func (f failure) bytes() (message string, other bool) {
	if f.err == nil {
		if f.kind == '"' { // the field has the format array
			return notArray, true
		}
		return notString, true
	}
	if _, ok := errors.AsType[base64.CorruptInputError](f.err); ok {
		return "must be base64", false
	}
	if _, ok := errors.AsType[base32.CorruptInputError](f.err); ok {
		return "must be base32", false
	}
	if _, ok := errors.AsType[hex.InvalidByteError](f.err); ok || errors.Is(f.err, hex.ErrLength) {
		return "must be hexadecimal", false
	}
	if f.typ.Kind() == reflect.Array && strings.Contains(f.err.Error(), "array length") {
		return countOf(f.typ.Len(), "byte"), false
	}
	return InvalidFormat, false
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "must have 1 " + noun
	}
	return fmt.Sprintf("must have %d %ss", n, noun)
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return ""
}
