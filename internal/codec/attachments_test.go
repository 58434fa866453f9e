package codec

import (
	"reflect"
	"strings"
	"testing"
)

// Binary is put where the type can hold it, by plans alone; elsewhere the error is that of the library.
func TestAttachments(t *testing.T) {
	one, two := []byte("one"), []byte{}
	o := Options{Attachments: [][]byte{one, nil}}
	const first, second = `{"_placeholder":true,"num":0}`, `{"num":1,"_placeholder":true}`
	type form struct {
		Name  string
		Data  []byte
		Named namedBytes
		Array [3]byte
		Ptr   *[]byte
		Any   any
		List  []any
		Map   map[string][]byte
		Odd   struct {
			N    int `json:",string"`
			Data []byte
		}
		JSON jsonned
	}
	for _, tt := range []struct{ text, field, bad string }{
		{`{"Data":` + first + `}`, "Data", ""},
		{`{"Data":` + second + `,"Named":` + first + `}`, "Named", ""},
		{`{"Array":` + first + `}`, "Array", ""},
		{`{"Ptr":` + first + `}`, "Ptr", ""},
		{`{"x":` + first + `,"Any":` + first + `}`, "Any", ""},
		{`{"List":["a",` + second + `,{"b":` + first + `}]}`, "List", ""},
		{`{"Map":{"a":` + second + `,"b":` + first + `}}`, "Map", ""},
		{`{"Odd":{"N":"1","Data":` + first + `}}`, "Odd", ""},
		{`{"JSON":[1],"Any":` + first + `}`, "JSON", ""},
		{`{"Array":` + second + `}`, "", "[3]uint8 cannot hold binary"},
		{`{"Name":` + first + `}`, "", "string cannot hold binary"},
		{`{"Odd":` + first + `}`, "", "cannot hold binary"},
		{`{"JSON":{"a":` + first + `}}`, "", "codec.jsonned cannot hold binary"},
		{`{"Any":{"_placeholder":true,"num":2}}`, "", "no such attachment"},
		{`{"Data":{"_placeholder":true,"num":0,"a":1,"a":2}}`, "", "duplicate"},
		{`{"Data":{"_placeholder":false,"num":0}}`, "", "Go []uint8"},
		{`{"Data":` + first + `}x`, "", "more than one JSON value"},
	} {
		var got, want form
		r := newReader([]byte(tt.text), o)
		if ok := r.whole(planOf(reflect.TypeFor[form]()).node, addressOf(reflect.ValueOf(&got))); ok != (tt.bad == "") {
			t.Errorf("%s: the plan: %v", tt.text, ok)
		}
		if tt.bad == "" {
			if err := decodeByLibrary([]byte(tt.text), &want, o); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v, %v", tt.text, got, want, err)
			}
			if v := reflect.ValueOf(got).FieldByName(tt.field); v.IsZero() {
				t.Errorf("%s: %s is zero", tt.text, tt.field)
			}
			continue
		}
		if err := Unmarshal([]byte(tt.text), &got, o); err == nil || !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.bad)
		}
	}
	var got form
	if err := Unmarshal([]byte(`{"Data":`+first+`,"Named":`+second+`}`), &got, o); err != nil || &got.Data[0] != &one[0] || !reflect.DeepEqual([]byte(got.Named), two) {
		t.Errorf("%v: not what was passed: %v %v", err, got.Data, got.Named)
	}
	var data any
	if err := Unmarshal([]byte(first), &data, Options{}); err != nil || !reflect.DeepEqual(data, map[string]any{"_placeholder": true, "num": 0.0}) {
		t.Errorf("without attachments: %v, %v", data, err)
	}
}
