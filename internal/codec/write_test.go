package codec

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// Values that no text makes.
func TestEncodeValues(t *testing.T) {
	n, s := 5, "x"
	var loop tree
	loop.Left = &loop
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	deep := any("end")
	for range 2000 {
		deep = []any{deep}
	}
	for _, v := range []any{
		"a\xe2\x82\n cut before an escape", "1234567\xed\xa0\xbd\"", oneWord{P: &n}, &oneWord{P: &n}, oneWordArray{}, []any{oneWord{P: &n}, oneMap{map[string]int{"a": 1}}},
		small{1, "\xff a \xed\xa0\xbd b\xe2\x82"}, &small{2, "long enough for the second part of the scanner: 0123456789 0123456789 0123456789 \xff"},
		map[string]any{"\xff": 1}, map[string]any{"\xff": 1, "\xfe": 2}, map[string]string{"\xff": "a"}, map[namedString]int{"\xff": 1},
		interfaces{A: small{1, "a"}, B: []any{1, int8(2), "a", nil, &n, map[string]int{"a": 1}, []string{"b"}, textual{4}, jsonned{}, single{&n}, [1]*int{&n}}},
		interfaces{C: &urls{}, D: bytes.NewReader(nil)}, textual{3}, &textual{3}, []textual{{1}, {2}}, [2]textual{}, map[string]textual{"a": {1}},
		valueText(13), methods{I: 13}, omits{F: time.Now(), G: zeroer{7}, L: ptrZeroer{7}, J: new(string), D: &small{}, H: ""}, omits{H: []int{}}, omits{G: zeroer{0}},
		pointers{A: &n}, (*small)(nil), &loop, cyclic, deep, []any{func() {}}, map[string]any{"a": make(chan int)}, durations{5}, 1e21, float32(1e-7), math.Copysign(0, -1), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		[]float64{nan(), 1}, any(nan()), []any{nan()}, namedMap{"b": 1, "a": 2}, namedBytes{1, 2}, [3]byte{1, 2, 3}, binaries{D: []namedByte{1}}, embedsPointer{After: 1}, embedsTwice{},
		[]any{[]byte{1}, []byte{}, []byte(nil), map[string]any{"b": []byte{2}, "c": namedBytes{3}, "d": [1]byte{4}}}, []byte{5}, binaries{A: []byte{1}, C: [][]byte{{2}, nil}},
		struct {
			A []byte `json:"a,omitempty"`
			B []byte `json:"b,omitempty"`
			C tokens
			D map[int][]byte
		}{nil, []byte{}, tokens{}, map[int][]byte{1: {2}}}, map[namedString][]byte{"a": {1}}, []any{make(chan int), []byte{1}},
		map[string]any{"\xff": []byte{1}}, []any{struct{ D map[int]func() }{map[int]func(){1: nil}}}, "\x00\x1f\x7f<>&\u2028\u2029'", s, &s, n, true, int64(1 << 60), uint8(3), []byte(nil), []int(nil), map[string]int(nil), single{}, single{&n}, [1]*int{}, struct{ A any }{n}, struct{ M map[string]int }{nil},
	} {
		compareAppend(t, fmt.Sprintf("%T", v), v)
	}
}

func nan() float64 { z := 0.0; return z / z }

type urls struct{}

func (*urls) String() string { return "" }

func compareAppend(t *testing.T, name string, v any) {
	t.Helper()
	want, wantErr := json.Marshal(v, encodeOptions)
	got, err := Append([]byte("x"), v)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Errorf("%s: error %v, library %v", name, err, wantErr)
	}
	compareBinary(t, v)
	if err == nil && !bytes.Equal(got[1:], want) && !bytes.Equal(ordered(t, got[1:]), ordered(t, want)) {
		t.Errorf("%s: plan\n%s\nlibrary\n%s", name, got[1:], want)
	}
}
