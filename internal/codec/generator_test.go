package codec

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// generator makes texts that types may accept, and changes them; and values of types.
type generator struct {
	*rand.Rand

	parts int // how many attachments texts may refer to
}

func (g generator) text(t reflect.Type) []byte {
	text := g.value(nil, t, 0)
	for range [...]int{0, 0, 0, 1, 1, 2}[g.IntN(6)] {
		text = g.change(text)
	}
	return text
}

// pick returns one of several.
func pick[T any](g generator, of ...T) T { return of[g.IntN(len(of))] }

// value appends a value that a type may accept.
func (g generator) value(b []byte, t reflect.Type, depth int) []byte {
	if g.IntN(40) == 0 {
		return g.any(b, depth)
	}
	if g.IntN(40) == 0 {
		return append(b, "null"...)
	}
	if g.parts > 0 && (g.IntN(12) == 0 || depth > 0 && t.Kind() == reflect.Slice && g.IntN(3) == 0) {
		return g.placeholder(b)
	}
	if depth > 5 {
		return append(b, pick(g, "null", "{}", "[]", "0", `""`)...)
	}
	if decodeMethod(t) != 0 {
		return g.special(b, t, depth)
	}
	switch t.Kind() {
	case reflect.Bool:
		return append(b, pick(g, "true", "false")...)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16,
		reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64:
		return g.number(b)
	case reflect.String:
		return g.string(b)
	case reflect.Pointer:
		return g.value(b, t.Elem(), depth+g.IntN(2))
	case reflect.Slice, reflect.Array:
		if t.Elem() == byteType && g.IntN(8) > 0 {
			return append(b, pick(g, `""`, `"AAAA"`, `"AAECAw=="`, `"AAE="`, `"AA"`, `"AA\u003d="`, `"A\nAA"`, `"AA-_"`, `"/w=="`)...)
		}
		n := g.IntN(4)
		if t.Kind() == reflect.Array && g.IntN(8) > 0 {
			n = t.Len()
		}
		b = append(b, '[')
		for i := range n {
			if i > 0 {
				b = g.comma(b)
			}
			b = g.value(b, t.Elem(), depth+1)
		}
		return append(b, ']')
	case reflect.Map:
		b = append(b, '{')
		for i := range g.IntN(4) {
			if i > 0 {
				b = g.comma(b)
			}
			if t.Key().Kind() == reflect.String || g.IntN(8) == 0 {
				b = g.string(b)
			} else {
				b = append(b, pick(g, `"0"`, `"1"`, `"-7"`, `"n3"`, `"true"`, `"1.5"`)...)
			}
			b = g.space(append(g.space(b), ':'))
			b = g.value(b, t.Elem(), depth+1)
		}
		return append(b, '}')
	case reflect.Struct:
		return g.members(b, t, depth)
	}
	return g.any(b, depth)
}

// members appends an object for a struct.
func (g generator) members(b []byte, t reflect.Type, depth int) []byte {
	b = g.space(append(b, '{'))
	n := 0
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous || g.IntN(4) == 0 {
			continue
		}
		if n++; n > 1 {
			b = g.comma(b)
		}
		name := f.Name
		if parsed, _, ok := parseTag(f.Name, f.Tag.Get("json")); ok {
			name = parsed.name
		}
		b = g.name(b, name)
		b = g.space(append(g.space(b), ':'))
		b = g.value(b, f.Type, depth+1)
	}
	for range g.IntN(3) * g.IntN(2) {
		if n++; n > 1 {
			b = g.comma(b)
		}
		b = append(g.string(b), ':')
		b = g.any(b, depth)
	}
	return append(b, '}')
}

// name appends the name of a field, perhaps in another way.
func (g generator) name(b []byte, name string) []byte {
	switch g.IntN(14) {
	case 4:
		name = strings.NewReplacer("s", "ſ", "S", "ſ", "k", "K", "K", "K", "i", "ı").Replace(name)
	case 0:
		name = string(bytes.ToUpper([]byte(name)))
	case 1:
		name = string(bytes.ToLower([]byte(name)))
	case 2:
		name = pick(g, "_", "-") + name
	case 3:
		if len(name) > 0 {
			return append(fmt.Appendf(append(b, '"'), `\u%04x`, name[0]), name[1:]+`"`...)
		}
	}
	b, _ = jsontext.AppendQuote(b, name)
	return b
}

// special appends a value for a type with methods.
func (g generator) special(b []byte, t reflect.Type, depth int) []byte {
	switch t {
	case timeType:
		return append(b, pick(g, `"2026-11-29T15:00:00Z"`, `"2026-11-29T15:00:00.123456789+01:00"`, `"2026-11-29T15:00:00,5Z"`, `"2026-1-29T15:00:00Z"`,
			`"2026-11-29T5:00:00Z"`, `"2026-11-29T15:00:00+24:00"`, `"2026-11-29T15:00:00-00:00"`, `"0001-01-01T00:00:00Z"`, `"2026-11-29T15:00:00\u005a"`, `"x"`)...)
	case reflect.TypeFor[textual]():
		return append(b, pick(g, `"n5"`, `"7"`, `"x"`, `"\u0037"`, `7`)...)
	}
	return append(b, pick(g, `"1.2.3.4"`, `"::1"`, `12`, `"12"`, `{"N":3}`, `"a/b?c"`, `[1]`, string(g.any(nil, depth)))...)
}

func (g generator) number(b []byte) []byte {
	if g.IntN(3) > 0 {
		return strconv.AppendInt(b, int64(g.IntN(300))-100, 10)
	}
	return append(b, pick(g, "0", "-0", "1.5", "-1e2", "1E+2", "127", "128", "-128", "-129", "255", "256", "32767", "65536", "2147483648",
		"4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616",
		"99999999999999999999", "1e400", "3.5e38", "1e-400", "0.1", "123456789.125", "1e21", "1e-7", "00", "01", "-", "1.", ".5", "1e", "+1", "NaN",
		`"1"`, "5e-324", "2.2250738585072011e-308", "0.000001", "100000000000000000000", "1.00000001")...)
}

func (g generator) string(b []byte) []byte {
	b = append(b, '"')
	for range g.IntN(4) * g.IntN(6) {
		b = append(b, pick(g, "a", "B", "_", "xyz", "12345678", " ", "ü", "日本", "😀", `\n`, `\"`, `\\`, `\/`, `\u0041`, `\ud83d\ude00`, `\u00e9`, `\b\f\r\t`,
			`\ud83d`, `\ude00`, `\ud83d\u0041`, "\u2028", "\ufffd", `\u0000`, "<&>'", "0123456789012345678901234567890123456789012345678901234567890123456789")...)
		if g.IntN(60) == 0 {
			b = append(b, pick(g, "\xff", "\x01", "\n", `\x`, `\u12`, "\xed\xa0\xbd", "\xc0\x80", "\xf4\x90\x80\x80", "\xe2\x82")...)
		}
	}
	return append(b, '"')
}

// placeholder appends an object that stands for an attachment, or looks like it.
func (g generator) placeholder(b []byte) []byte {
	num := g.IntN(g.parts)
	if g.IntN(8) > 0 {
		return fmt.Appendf(b, `{"_placeholder":true,"num":%d}`, num)
	}
	return fmt.Appendf(b, pick(g, `{"num":%d , "_placeholder" : true}`, `{"_placeholder":true,"num":%d,"more":{"_placeholder":true,"num":0}}`,
		`{"_placeholder":true,"num":1%d}`, `{"_placeholder":false,"num":%d}`, `{"_placeholder":1,"num":%d}`, `{"\u005fplaceholder":true,"num":%d}`,
		`{"_placeholder":true,"num":"%d"}`, `{"_placeholder":true,"num":-%d}`, `{"_placeholder":true,"num":%d,"num":0}`, `{"_placeholder":true,"num":%d,"x":"\xff"}`), num)
}

func (g generator) any(b []byte, depth int) []byte {
	if g.parts > 0 && g.IntN(10) == 0 {
		return g.placeholder(b)
	}
	k := g.IntN(7)
	if depth > 5 {
		k %= 5
	}
	switch k {
	case 0:
		return append(b, pick(g, "true", "false", "null", "tru", "nul", "False")...)
	case 1, 2:
		return g.number(b)
	case 3, 4:
		return g.string(b)
	case 5:
		b = append(b, '[')
		for i := range g.IntN(4) {
			if i > 0 {
				b = g.comma(b)
			}
			b = g.any(b, depth+1)
		}
		return append(b, ']')
	}
	b = append(b, '{')
	for i := range g.IntN(4) * (1 + g.IntN(3)) {
		if i > 0 {
			b = g.comma(b)
		}
		if g.IntN(3) > 0 {
			b = append(b, `"m`+strconv.Itoa(i)+`":`...)
		} else {
			b = append(g.string(b), ':')
		}
		b = g.any(b, depth+1)
	}
	return append(b, '}')
}

func (g generator) space(b []byte) []byte {
	if g.IntN(10) > 0 {
		return b
	}
	return append(b, pick(g, " ", "\n", "\t", "\r\n", "  ", "\v")...)
}

func (g generator) comma(b []byte) []byte { return g.space(append(g.space(b), ',')) }

// change changes a text at one place.
func (g generator) change(b []byte) []byte {
	if len(b) == 0 {
		return append(b, pick(g, "", " ", "1")...)
	}
	i := g.IntN(len(b))
	switch g.IntN(6) {
	case 0:
		return append(b[:i:i], b[i+1:]...)
	case 1:
		return b[:i]
	case 2:
		b[i] = byte(g.IntN(256))
		return b
	case 3:
		j := i + g.IntN(len(b)-i)
		return append(append(b[:j:j], b[i:j]...), b[j:]...)
	case 4:
		return append(b[:i:i], append([]byte(pick(g, "{", "}", "[", "]", ",", ":", `"`, " ", "null", `\`, "1", "x")), b[i:]...)...)
	default:
		return append(b, pick(g, " ", "\n ", "x", "{}", ",", "\x00")...)
	}
}

// goValue returns an addressable value of a type, such as no text makes.
func (g generator) goValue(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	g.fill(v, 0)
	return v
}

func (g generator) fill(v reflect.Value, depth int) {
	t := v.Type()
	switch {
	case g.IntN(8) == 0 || depth > 6:
		return
	case t == timeType:
		v.Set(reflect.ValueOf(time.Unix(g.Int64N(1<<40)-1<<39, g.Int64N(2e9)).In(time.FixedZone("", g.IntN(200_000)-100_000))))
		return
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(g.Uint64()) >> g.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(g.Uint64() >> g.IntN(64))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(g.float())
	case reflect.String:
		v.SetString(g.goString())
	case reflect.Pointer:
		p := reflect.New(t.Elem())
		g.fill(p.Elem(), depth+1)
		v.Set(p)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, g.IntN(4), 4))
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range g.IntN(3) {
			key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			g.fill(key, depth+1)
			g.fill(elem, depth+1)
			if key.Comparable() {
				v.SetMapIndex(key, elem)
			}
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			if f.CanSet() {
				g.fill(f, depth+1)
			}
		}
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return
		}
		held := reflect.New(testTypes[g.IntN(len(testTypes))]).Elem()
		g.fill(held, depth+2)
		if g.IntN(4) == 0 {
			held = held.Addr()
		}
		v.Set(held)
	}
}

func (g generator) float() float64 {
	switch g.IntN(6) {
	case 0:
		return math.Float64frombits(g.Uint64()) // any, NaN too
	case 1:
		return float64(g.Int64()) / 100
	case 2:
		return float64(g.IntN(1_000_000)-500_000) / 100
	case 3:
		return float64(g.IntN(1_000_000)) / pick(g, 1., 10, 1e3, 1e4, 1e7, 1e12)
	case 4:
		return pick(g, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e21, 1e-7, 1e13, 1e15, 1e16, 1<<53, 0.1, 0.07, 1.005, 9999999999999.99, 99999999999999.99)
	}
	return float64(g.Int64() >> g.IntN(64))
}

func (g generator) goString() string {
	var b []byte
	for range g.IntN(5) {
		b = append(b, pick(g, "a", "12345678", "ü", "😀", "\n", "\"", "\\", "\x00", "\x1f", "\x7f", "<", "\u2028", "\xff", "\xed\xa0\xbd", "\xe2\x82", "\ufffd",
			"0123456789012345678901234567890123456789012345678901234567890123456789")...)
	}
	return string(b)
}
