package codec

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
)

// All differences from the library with its own options.
func TestDifferences(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud83d"`: "\ufffd", `"a\ude00b"`: "a\ufffdb", `"\ud83d\ud83d\ude00"`: "\ufffd\U0001f600", `"\ud83d\u0041"`: "\ufffdA",
	} {
		var got, library string
		if err := Unmarshal([]byte(text), &got, Options{}); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
		if err := json.Unmarshal([]byte(text), &library); err == nil {
			t.Errorf("%s: the library accepts it now: remove the difference", text)
		}
	}
	got, err := Append(nil, "a\xffb")
	if err != nil || string(got) != "\"a\ufffdb\"" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := json.Marshal("a\xffb"); err == nil {
		t.Error("the library accepts it now: remove the difference")
	}
}

// Values of another type than that of a decoder or encoder are decoded and encoded as their own.
func TestOtherType(t *testing.T) {
	d, _ := DecoderOf(reflect.TypeFor[small]())
	e, _ := EncoderOf(reflect.TypeFor[small]())
	text := `{"seq":1,"text":"a"}`
	for _, v := range []any{new(map[string]any), new(any), new([]int), (*small)(nil), (*int)(nil), small{}, nil} {
		var want error
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
			want = json.Unmarshal([]byte(text), reflect.New(p.Type().Elem()).Interface())
		} else {
			want = json.Unmarshal([]byte(text), v)
		}
		if err := d.Decode([]byte(text), v, Options{}); text2(err) != text2(want) {
			t.Errorf("%T: %v, want %v", v, err, want)
		}
	}
	for _, v := range []any{&small{1, "a"}, map[string]any{"seq": 1}, nil, 5, (*small)(nil)} {
		want, _ := json.Marshal(v)
		if got, err := e.Append(nil, v); err != nil || string(got) != string(want) {
			t.Errorf("%T: %s, %v", v, got, err)
		}
	}
}

// A value that is not zero is merged into, as by the library.
func TestMerge(t *testing.T) {
	got := omits{A: 1, B: "b", I: map[string]int{"x": 1, "y": 2}}
	if err := Unmarshal([]byte(`{"B":"c","I":{"x":3}}`), &got, Options{}); err != nil {
		t.Fatal(err)
	}
	if want := (omits{A: 1, B: "c", I: map[string]int{"x": 3, "y": 2}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for _, v := range []any{nil, small{}, (*small)(nil)} {
		err, want := Unmarshal([]byte(`{}`), v, Options{}), json.Unmarshal([]byte(`{}`), v)
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%T: %v, the library has %v", v, err, want)
		}
	}
}
