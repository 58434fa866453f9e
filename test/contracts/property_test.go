package contracts

import (
	"bytes"
	stdjson "encoding/json"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/jsonschema"
	"github.com/gatehouse-go/gatehouse/test/contracts/wire"
)

// cases returns how many values of each type there are: CONTRACT_CASES, by default few.
func cases(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("CONTRACT_CASES"))
	if err != nil {
		return 100
	}
	return n
}

// schemaOf returns the validator of a type.
func schemaOf(t *testing.T, typ reflect.Type, use jsonschema.Use) *validator.Schema {
	t.Helper()
	set := jsonschema.NewSet(jsonschema.Options{Prefix: "#/$defs/", Report: func(p jsonschema.Problem) { t.Errorf("%v: problem: %+v", typ, p) }})
	schema := set.Of(typ, use)
	set.Finish()
	text, err := schema.With("$defs", set.Definitions(schema)).Text()
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, string(text))
}

// compile compiles a schema of 2020-12.
func compile(t *testing.T, text string) *validator.Schema {
	t.Helper()
	return compileAt(t, text, validator.Draft2020, "")
}

// compileAt compiles a schema in a document. Formats and encodings are checked, those of 64-bit numbers too.
func compileAt(t *testing.T, text string, draft *validator.Draft, fragment string) *validator.Schema {
	t.Helper()
	s, err := wire.Compile([]byte(text), draft, fragment)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

func valid(t *testing.T, s *validator.Schema, text []byte) error {
	t.Helper()
	return wire.Validate(s, text)
}

// TestProperty: every value that the codec writes is valid, and every valid text decodes. Of the texts that are changed, at least 95 %
// are refused by both or by none; null, which the codec accepts everywhere, is not counted.
func TestProperty(t *testing.T) {
	written, changed, agree, read := 0, 0, 0, 0
	for i, d := range types {
		g := generator{rand.New(rand.NewPCG(uint64(i), 1))}
		sent, received := schemaOf(t, d.typ, jsonschema.Sent), schemaOf(t, d.typ, jsonschema.Received)
		for range cases(t) {
			v := reflect.New(d.typ)
			g.fill(v.Elem(), 0)
			text, err := codec.Append(nil, v.Interface())
			if err != nil {
				t.Fatalf("%v: %v", d.typ, err)
			}
			if written++; valid(t, sent, text) != nil {
				t.Errorf("%v: sent, and not valid: %s: %v", d.typ, text, valid(t, sent, text))
			}
			mutant, null := g.change(text)
			accepted := valid(t, received, mutant)
			decoded := codec.Unmarshal(mutant, reflect.New(d.typ).Interface(), codec.Options{})
			if accepted == nil {
				read++
				if decoded != nil && !d.refuses {
					t.Errorf("%v: valid, and not decoded: %s: %v", d.typ, mutant, decoded)
				}
			}
			if !null {
				if changed++; (accepted == nil) == (decoded == nil) {
					agree++
				}
			}
		}
	}
	t.Logf("%d of %d values are valid; %d valid texts decode; of %d changed texts schema and codec agree about %d", written, written, read, changed, agree)
	if agree*100 < changed*95 {
		t.Errorf("schema and codec agree about %d of %d changed texts", agree, changed)
	}
}

// generator makes values of types, and changes texts.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...any) any { return of[g.IntN(len(of))] }

// fill sets a value to a random one.
func (g generator) fill(v reflect.Value, depth int) { //nolint:gocyclo // one case for each kind
	if !v.CanSet() {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p = time.Unix(g.Int64N(200_000_000_000)-50_000_000_000, g.Int64N(1e9)).In(time.FixedZone("", g.IntN(20)*3600-36000))
		return
	case *big.Int:
		p.SetInt64(g.Int64() - g.Int64())
		return
	case *netip.Addr:
		*p = netip.AddrFrom4([4]byte{byte(g.IntN(256)), 0, 0, byte(g.IntN(256))})
		return
	case *netip.AddrPort:
		*p = netip.AddrPortFrom(netip.IPv6Loopback(), uint16(g.IntN(1<<16)))
		return
	case *stdjson.Number:
		*p = stdjson.Number(strconv.Itoa(g.IntN(1000)))
		return
	case *stdjson.RawMessage:
		*p = stdjson.RawMessage(g.pick("1", `"a"`, "null", `{"a":[1,2]}`).(string))
		return
	case *jsontext.Value:
		*p = jsontext.Value(g.pick("1", `"a"`, "null", `{"a":[1,2]}`).(string))
		return
	case *price:
		p.cents = g.IntN(1000) - 500
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(g.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(g.pick(int64(0), int64(-1), g.Int64(), -g.Int64(), int64(-1)<<63, int64(1)<<62).(int64) >> (64 - v.Type().Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(g.pick(uint64(0), g.Uint64(), ^uint64(0)).(uint64) >> (64 - v.Type().Bits()))
	case reflect.Float32, reflect.Float64:
		f := g.pick(0.0, g.NormFloat64(), g.NormFloat64()*1e30, 1e-9*g.Float64(), float64(g.IntN(1000))).(float64)
		v.SetFloat(f)
	case reflect.String:
		v.SetString(g.pick("", "a", "Tür \"日本\"\n", "<&>", string([]byte{'a', 0xff}), strconv.Itoa(g.IntN(100))).(string))
	case reflect.Pointer:
		if depth < 5 && g.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			g.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if n := g.IntN(4); depth < 5 && n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			g.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		if g.IntN(4) == 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		for range g.IntN(4) {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			g.fill(key, depth+1)
			g.fill(elem, depth+1)
			if key.Kind() == reflect.String && !isUTF8(key.String()) {
				continue // is equal to another key when it is written
			}
			v.SetMapIndex(key, elem)
		}
	case reflect.Struct:
		for _, f := range v.Fields() {
			if v.Type() != reflect.TypeFor[rest]() || f.Kind() != reflect.Map {
				g.fill(f, depth+1)
			} else {
				f.Set(reflect.ValueOf(map[string]int8{"x": int8(g.IntN(100))}))
			}
		}
	case reflect.Interface:
		if x := g.pick(nil, true, "x", 7, 1.5, []any{1, "a"}, map[string]any{"a": nil}, small{1, "a"}); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	}
}

func isUTF8(s string) bool { return string([]rune(s)) == s }

// change returns a text in which one value is another one, and whether that is null.
func (g generator) change(text []byte) (changed []byte, null bool) {
	dec := stdjson.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return text, false
	}
	other := g.pick(nil, true, 7, -1, 300, 70000, 1.5, "x", "", "7", "AAAA", "AAAAAA==", []any{}, map[string]any{}, []any{1}, map[string]any{"added": 1},
		stdjson.Number("9223372036854775807"), stdjson.Number("9223372036854775808"), stdjson.Number("1e300"), "2026-11-30T12:00:00Z")
	places := 0
	visit(v, func(any) (any, bool) { places++; return nil, false })
	place := g.IntN(places)
	v = visit(v, func(old any) (any, bool) {
		place--
		if place != -1 {
			return old, false
		}
		switch old := old.(type) {
		case []any:
			if g.IntN(3) == 0 {
				return append(old, other), true
			}
		case map[string]any:
			if g.IntN(3) == 0 {
				old["added"] = other
				return old, true
			}
			for _, name := range sorted(old) {
				if g.IntN(3) == 0 {
					delete(old, name)
					return old, true
				}
			}
		}
		return other, true
	})
	b, err := stdjson.Marshal(v)
	if err != nil {
		return text, false
	}
	return b, other == nil
}

// visit calls f for a value and, until it returns true, for all values in it, and returns the value that is made of the results.
func visit(v any, f func(any) (any, bool)) any {
	changed, done := f(v)
	if done {
		return changed
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = visit(v[i], f)
		}
	case map[string]any:
		for _, name := range sorted(v) {
			v[name] = visit(v[name], f)
		}
	}
	return v
}

// sorted returns the names of an object in alphabetical order.
func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
