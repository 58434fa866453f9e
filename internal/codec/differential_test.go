package codec

import (
	"bytes"
	stdjson "encoding/json"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Plans and the library have the same values, refusals and bytes, for random inputs of all types. CODEC_CASES is how many,
// CODEC_SEED makes others.
func TestDifferential(t *testing.T) {
	cases := number(t, "CODEC_CASES", defaultCases)
	if testing.Short() {
		cases = min(cases, 20_000)
	}
	seed := uint64(number(t, "CODEC_SEED", 1))
	const parts = 8
	for part := range parts {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			g := generator{Rand: rand.New(rand.NewPCG(seed, uint64(part)))}
			for i := range cases / parts {
				typ := testTypes[g.IntN(len(testTypes))]
				if i%4 == 0 {
					compareEncode(t, g.goValue(typ))
				} else {
					g.parts = max(0, g.IntN(8)-4)
					compareDecode(t, typ, g.text(typ), Options{Strict: g.IntN(4) == 0, Attachments: attached(g.parts)})
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// attached returns n attachments; the second is of 4 bytes, the third is empty.
func attached(n int) [][]byte { return [][]byte{[]byte("one"), []byte("four"), nil}[:n] }

// The types of the differential test are different ones, and enough.
func TestTypes(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, typ := range testTypes {
		if seen[typ] {
			t.Errorf("%v is twice in the list", typ)
		}
		seen[typ] = true
	}
	if len(seen) < 60 {
		t.Errorf("%d types", len(seen))
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	s := os.Getenv(variable)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// FuzzCodec is TestDifferential for inputs that the fuzzer makes.
func FuzzCodec(f *testing.F) {
	g := generator{Rand: rand.New(rand.NewPCG(1, 1))}
	for i, typ := range testTypes {
		g.parts = max(0, i%6-2)
		f.Add(uint8(i), g.text(typ), i%2 == 0, uint8(g.parts))
	}
	f.Fuzz(func(t *testing.T, typ uint8, text []byte, strict bool, attachments uint8) {
		compareDecode(t, testTypes[int(typ)%len(testTypes)], text, Options{Strict: strict, Attachments: attached(int(attachments) % 4)})
	})
}

// compareDecode decodes a text by a plan and by the library, and encodes the values.
func compareDecode(t *testing.T, typ reflect.Type, text []byte, o Options) {
	t.Helper()
	got, want := reflect.New(typ), reflect.New(typ)
	input := bytes.Clone(text)
	o.Budget = 1 << 40
	r := newReader(input, o)
	ok := r.whole(planOf(typ).node, addressOf(got))
	err := decodeByLibrary(text, want.Interface(), o)
	if !bytes.Equal(input, text) {
		t.Fatalf("%v of %q: the input is changed: %q", typ, text, input)
	}
	clear(input) // nothing of it is kept
	if typ == rawMessage && len(o.Attachments) == 0 && Valid(text, o) != ok {
		t.Fatalf("%q, strict %v: valid is not %v", text, o.Strict, ok)
	}
	switch {
	case ok != (err == nil):
		t.Fatalf("%v of %q with %q, strict %v: plan %v, library %v", typ, text, o.Attachments, o.Strict, ok, err)
	case !ok:
		if e := planOf(typ).decoder.Decode(text, reflect.New(typ).Interface(), o); e == nil || e.Error() != err.Error() {
			t.Fatalf("%v of %q: the error is %v, want %v", typ, text, e, err)
		}
	case !reflect.DeepEqual(got.Interface(), want.Interface()):
		t.Fatalf("%v of %q: plan\n%#v\nlibrary\n%#v", typ, text, got.Elem(), want.Elem())
	default:
		compareEncode(t, want.Elem())
		if used, weight := o.Budget-r.left, planOf(typ).node.shape.weigh(text, o.Budget, false); used != weight && len(o.Attachments) == 0 {
			t.Fatalf("%v of %q: the plan counts %d bytes, the shape %d", typ, text, used, weight)
		}
	}
}

// compareEncode encodes a value by a plan and by the library.
func compareEncode(t *testing.T, v reflect.Value) {
	t.Helper()
	for _, in := range []any{v.Addr().Interface(), v.Interface()} {
		if in == nil {
			continue
		}
		want, err := json.Marshal(in, encodeOptions)
		got, ok := new(writer).root(planOf(reflect.TypeOf(in)).node, []byte("x"), in)
		if !ok && err == nil && bytes.Contains(want, []byte("\ufffd")) { // names that are not UTF-8 are left to the library
			b, err := Append([]byte("x"), in)
			got, ok = b, err == nil
		}
		if ok != (err == nil) {
			t.Fatalf("%T %v: plan %v, library %v", in, in, ok, err)
		}
		if ok && !bytes.Equal(got[1:], want) && !bytes.Equal(ordered(t, got[1:]), ordered(t, want)) {
			t.Fatalf("%T %v: plan\n%s\nlibrary\n%s", in, in, got[1:], want)
		}
		compareBinary(t, in)
	}
}

// compareBinary encodes a value with attachments by a plan and by the library. Where maps have another order, only the number
// of the attachments is compared.
func compareBinary(t *testing.T, v any) {
	t.Helper()
	want, wantParts, wantErr := appendBinary([]byte("x"), v, nil, encodeOptions)
	got, parts, err := AppendBinary([]byte("x"), v)
	if (err == nil) != (wantErr == nil) || len(got) != len(want) || len(parts) != len(wantParts) || bytes.Equal(got, want) && !reflect.DeepEqual(parts, wantParts) {
		t.Fatalf("%T %v: plan\n%s %q %v\nlibrary\n%s %q %v", v, v, got, parts, err, want, wantParts, wantErr)
	}
}

var rawMessage = reflect.TypeFor[stdjson.RawMessage]()

// ordered returns a text with the members of all objects in order.
func ordered(t *testing.T, text []byte) []byte {
	t.Helper()
	v := jsontext.Value(bytes.Clone(text))
	if err := v.Format(jsontext.ReorderRawObjects(true), jsontext.PreserveRawStrings(true)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
