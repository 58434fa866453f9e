package adapter

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	binary0 = `{"_placeholder":true,"num":0}`
	binary1 = `{"num":1, "_placeholder" : true}`
)

type (
	blob    []byte
	holder  struct{ A, B any }
	generic struct {
		Items []holder
		Map   map[string]any
		Ptr   *[]byte
		Blob  blob
		Sum   [3]byte
		Bytes []byte
	}
	// option decodes itself from a decoder, as json/v2 has it.
	option[T any] struct{ V T }
	// fresh makes a decoder of its own, with the options of the one that it is given.
	fresh struct{ V holder }
	// texts decode themselves from JSON text.
	ownText struct{ s string }
	anyText interface{ Method() }
)

func (o *option[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return json.UnmarshalDecode(dec, &o.V)
}

func (f *fresh) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &f.V, dec.Options())
}

func (o *ownText) UnmarshalJSON(b []byte) error { o.s = string(b); return nil }

func decodeAs[T any](p websockets.Payload) (any, error) {
	var v T
	err := p.Decode(&v)
	return v, err
}

// TestField_X31_BinaryBecomesBytes: Binary of a Socket.IO message becomes []byte wherever the type can hold it: in []byte and
// named byte slices, in byte arrays of that length, and in any, at any depth.
func TestField_X31_BinaryBecomesBytes(t *testing.T) {
	x, y := []byte{0, 255}, []byte("yyy")
	ptr := []byte{0, 255}
	for _, tt := range []struct {
		decode func(websockets.Payload) (any, error)
		text   string
		want   any
	}{
		{decodeAs[any], binary0, x},
		{decodeAs[[]byte], binary0, x},
		{decodeAs[blob], binary0, blob(x)},
		{decodeAs[[2]byte], binary0, [2]byte(x)},
		{decodeAs[*any], `{"a":[` + binary0 + `]}`, func() *any { var v any = map[string]any{"a": []any{x}}; return &v }()},
		{decodeAs[map[string]any], `{"b":` + binary1 + `,"a":{"c":[1,` + binary0 + `]}}`, map[string]any{"b": y, "a": map[string]any{"c": []any{1.0, x}}}},
		{decodeAs[[]any], `["s",` + binary0 + ",\n\t" + binary1 + `]`, []any{"s", x, y}},
		{decodeAs[holder], `{"A":` + binary1 + `,"B":` + binary0 + `}`, holder{y, x}},
		{decodeAs[holder], `{"\u0041":{"_placeholder":true,"num":0,"more":` + binary1 + `},"b":null}`, holder{A: x}},
		{decodeAs[holder], `{"A":{"_placeholder":false,"num":0},"B":` + binary0 + `}`, holder{map[string]any{"_placeholder": false, "num": 0.0}, x}},
		{decodeAs[holder], `{"A":"{\"_placeholder\":true,\"num\":1}","B":` + binary0 + `}`, holder{`{"_placeholder":true,"num":1}`, x}},
		{decodeAs[generic], `{"Items":[{"A":` + binary0 + `}],"Map":{"m":` + binary1 + `}}`, generic{Items: []holder{{A: x}}, Map: map[string]any{"m": y}}},
		{decodeAs[generic], `{"Ptr":` + binary0 + `,"Sum":` + binary1 + `}`, generic{Ptr: &ptr, Sum: [3]byte(y)}},
		{decodeAs[generic], `{"Blob":` + binary0 + `,"Bytes":` + binary1 + `}`, generic{Blob: x, Bytes: y}},
		{decodeAs[generic], `{"Blob":"AP8=","Sum":"eXl5","Bytes":` + binary0 + `}`, generic{Blob: x, Sum: [3]byte(y), Bytes: x}},
		{decodeAs[generic], `{"unknown":` + binary0 + `,"bytes":"eXl5"}`, generic{Bytes: y}},
		{decodeAs[option[any]], binary0, option[any]{x}},
		{decodeAs[option[option[holder]]], `{"a":` + binary0 + `}`, option[option[holder]]{option[holder]{holder{A: x}}}},
		{decodeAs[fresh], `{"a":[` + binary1 + `],"b":` + binary0 + `}`, fresh{holder{[]any{y}, x}}},
		{decodeAs[ownText], `{"a":1}`, ownText{`{"a":1}`}},
		{decodeAs[struct {
			T ownText
			A any
		}], `{"t":{"a":[]},"a":` + binary0 + `}`, struct {
			T ownText
			A any
		}{ownText{`{"a":[]}`}, x}},
		{decodeAs[map[string][]byte], `{"a":` + binary1 + `,"b":` + binary0 + `,"c":null}`, map[string][]byte{"a": y, "b": x, "c": nil}},
	} {
		p := websockets.Payload{JSON: []byte(tt.text), Attachments: [][]byte{x, y}}
		got, err := tt.decode(p)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %#v, %v; want %#v", tt.text, got, err, tt.want)
		}
	}
	empty := websockets.Payload{JSON: []byte(binary0), Attachments: [][]byte{nil}}
	for _, decode := range []func(websockets.Payload) (any, error){decodeAs[any], decodeAs[[]byte]} {
		if got, err := decode(empty); err != nil || !reflect.DeepEqual(got, []byte{}) {
			t.Errorf("an empty attachment is %#v, %v", got, err)
		}
	}
	var whole websockets.Payload
	p := websockets.Payload{JSON: []byte(binary0), Attachments: [][]byte{x}}
	if err := p.Decode(&whole); err != nil || !reflect.DeepEqual(whole, p) {
		t.Errorf("as Payload: %v, %v", whole, err)
	}
}

// What Decode stores is the caller's own.
func TestDecodedBinaryIsACopy(t *testing.T) {
	p := websockets.Payload{JSON: []byte(`{"A":` + binary0 + `,"B":` + binary1 + `}`), Attachments: [][]byte{{1, 2}, {3}}}
	got, err := decodeAs[holder](p)
	if err != nil {
		t.Fatal(err)
	}
	clear(got.(holder).A.([]byte))
	clear(got.(holder).B.([]byte))
	if !bytes.Equal(p.Attachments[0], []byte{1, 2}) || !bytes.Equal(p.Attachments[1], []byte{3}) {
		t.Errorf("the payload has changed: %v", p.Attachments)
	}
}

// TestField_X31_BinaryWhereNoneFits: Binary of a Socket.IO message is an error of the client where the type cannot hold it, also in types
// that decode themselves from JSON text such as json.RawMessage, which would have the text of the placeholder in it.
func TestField_X31_BinaryWhereNoneFits(t *testing.T) {
	type inner struct {
		Raw  stdjson.RawMessage
		Text jsontext.Value
		Own  *ownText
		S    string
		N    int
		M    map[string]string
		St   holder
		IP   net.IP
		Sum  [3]byte
		I    anyText
		Tiny []uint16
	}
	for _, tt := range []struct {
		decode     func(websockets.Payload) (any, error)
		text, want string
	}{
		{decodeAs[stdjson.RawMessage], binary0, "the payload cannot be binary"},
		{decodeAs[stdjson.RawMessage], `[{"a":[` + binary0 + `]}]`, "the payload cannot be binary"},
		{decodeAs[jsontext.Value], `{"a":` + binary0 + `}`, "the payload cannot be binary"},
		{decodeAs[string], binary0, "the payload must be a string, not binary"},
		{decodeAs[holder], binary0, "the payload must be an object, not binary"},
		{decodeAs[map[string]any], binary0, "the payload must be an object, not binary"},
		{decodeAs[inner], `{"raw":` + binary0 + `}`, "raw cannot be binary"},
		{decodeAs[inner], `{"raw":{"x":[{"y":` + binary0 + `}]}}`, "raw cannot be binary"},
		{decodeAs[inner], `{"s":"]}","text":["}",` + binary0 + `]}`, "text cannot be binary"},
		{decodeAs[inner], `{"own":` + binary0 + `}`, "own cannot be binary"},
		{decodeAs[inner], `{"own":{"a":` + binary0 + `}}`, "own cannot be binary"},
		{decodeAs[inner], `{"s":` + binary0 + `}`, "s must be a string, not binary"},
		{decodeAs[inner], `{"n":` + binary0 + `}`, "n must be a number, not binary"},
		{decodeAs[inner], `{"m":{"k":` + binary0 + `}}`, "m.k must be a string, not binary"},
		{decodeAs[inner], `{"st":` + binary0 + `}`, "st must be an object, not binary"},
		{decodeAs[inner], `{"ip":` + binary0 + `}`, "ip cannot be binary"},
		{decodeAs[inner], `{"sum":` + binary0 + `}`, "sum must have 3 bytes, not 2"},
		{decodeAs[inner], `{"tiny":` + binary0 + `}`, "tiny must be an array, not binary"},
		{decodeAs[inner], `{"i":` + binary0 + `}`, "i does not fit"},
		{decodeAs[[]stdjson.RawMessage], `[1,` + binary0 + `]`, "1 cannot be binary"},
		{decodeAs[option[string]], binary0, "the payload must be a string, not binary"},
		{decodeAs[any], `{"_placeholder":true,"num":7}`, "the payload does not fit"},
		{decodeAs[any], `{"a":{"_placeholder":true}}`, "a does not fit"},
		{decodeAs[any], `{"a":` + binary0, "not valid JSON"},
		{decodeAs[any], binary0 + `1`, "not valid JSON"},
		{decodeAs[any], `{"a":1,"a":` + binary0 + `}`, "a appears twice"},
	} {
		_, err := tt.decode(websockets.Payload{JSON: []byte(tt.text), Attachments: [][]byte{{0, 255}}})
		e, ok := errors.AsType[*websockets.Error](err)
		if want := "Bad payload: " + tt.want; !ok || e.Message != want || e.Code != websockets.CodeBadPayload {
			t.Errorf("%s: %v\nwant %s", tt.text, err, want)
		}
	}
	_, err := decodeAs[stdjson.RawMessage](websockets.Payload{JSON: []byte(binary0), Attachments: [][]byte{{1}}})
	// Its name depends on GOEXPERIMENT=jsonv2.
	if want := reflect.TypeFor[stdjson.RawMessage]().String() + " cannot hold binary: use []byte or any, or websockets.Payload for the whole message"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v\nwant …%s", err, want)
	}
}

// TestField_X31_TextIsNoBinary: In a message without binary an object with a "_placeholder" is an object like any other, both ways.
func TestField_X31_TextIsNoBinary(t *testing.T) {
	const text = `{"A":{"_placeholder":true,"num":0},"B":"aGk="}`
	got, err := decodeAs[holder](websockets.Payload{JSON: []byte(text)})
	want := holder{map[string]any{"_placeholder": true, "num": 0.0}, "aGk="}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, v := range []any{want, stdjson.RawMessage(text), websockets.Payload{JSON: []byte(text)}} {
		for _, binary := range []bool{false, true} {
			p, err := encodePayload(new(bytes.Buffer), v, binary, nil)
			again, err2 := decodeAs[holder](p)
			if err != nil || err2 != nil || len(p.Attachments) > 0 || !reflect.DeepEqual(again, want) {
				t.Errorf("%T, binary %t: %s, %v, %v", v, binary, p.JSON, err, err2)
			}
		}
	}
}

// pretender encodes itself as something that looks like binary.
type pretender string

func (p pretender) MarshalJSON() ([]byte, error) { return []byte(p), nil }

type pretenderTo string

func (p pretenderTo) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteValue(jsontext.Value(p))
}

type textPretender struct{}

func (textPretender) MarshalText() ([]byte, error) { return []byte(binary0), nil }

// TestField_X31_DataIsNotSentAsBinary: Data beside binary that clients would take for binary, such as an object {"_placeholder":true,"num":7} that
// another client has sent, is an error of the sender that names the place; it would end the connections of all recipients.
func TestField_X31_DataIsNotSentAsBinary(t *testing.T) {
	const tail = ` has a member "_placeholder": clients would replace the object by an attachment: send such objects and []byte in separate messages`
	bytes7 := func(num any) map[string]any { return map[string]any{"_placeholder": true, "num": num} }
	type pair struct {
		A any    `json:"a"`
		B []byte `json:"b"`
	}
	bin := []byte("hi")
	for _, tt := range []struct {
		v    any
		want string
	}{
		{pair{bytes7(7), bin}, "a" + tail},
		{pair{bytes7(0), bin}, "b or a" + tail},
		{pair{bytes7(-1), bin}, "a" + tail},
		{pair{bytes7(0.5), bin}, "a" + tail},
		{pair{bytes7("0"), bin}, "a" + tail},
		{pair{map[string]any{"_placeholder": true}, bin}, "a" + tail},
		{pair{map[string]any{"_placeholder": 1, "num": 0, "x": 1}, bin}, "b or a" + tail},
		{pair{map[string]any{"_placeholder": "yes"}, bin}, "a" + tail},
		{pair{[]any{1, map[string]any{"x/y": bytes7(7)}}, bin}, "a.1.x/y" + tail},
		{pair{map[string]any{"_placeholder": true, "num": 0, "x": bin}, nil}, "a or a.x" + tail},
		{pair{pretender(binary0), bin}, "b or a" + tail},
		{pair{pretender(`[{"\u005fplaceholder":true}]`), bin}, "a.0" + tail},
		{pair{pretenderTo(`{"_placeholder":true,"num":99999999999999999999}`), bin}, "a" + tail},
		{pair{stdjson.RawMessage(binary0), bin}, "b or a" + tail},
		{pair{jsontext.Value(binary1), bin}, "a" + tail},
		{pair{map[string]stdjson.RawMessage{"_placeholder": []byte("true")}, bin}, "a" + tail},
		{[]any{bin, bytes7(3)}, "1" + tail},
		{map[string]any{"_placeholder": true, "num": bin}, "the payload" + tail},
		{websockets.Payload{JSON: []byte(`[` + binary0 + `,` + binary0 + `]`), Attachments: [][]byte{bin}}, "0 or 1" + tail},
		{websockets.Payload{JSON: []byte(`[` + binary0 + `,` + binary1 + `]`), Attachments: [][]byte{bin}}, "1" + tail},
		{websockets.Payload{JSON: []byte(`[1]`), Attachments: [][]byte{bin}}, "no placeholder refers to attachment 0 of 1"},
		{websockets.Payload{Attachments: [][]byte{bin}}, "no placeholder refers to attachment 0 of 1"},
		{websockets.Payload{JSON: []byte(binary0 + `{"`), Attachments: [][]byte{bin, bin}}, "no placeholder refers to attachment 1 of 2"},
	} {
		const head = "websockets: payload with binary: "
		p, err := encodePayload(new(bytes.Buffer), tt.v, true, nil)
		if err == nil || !errorIs(err.Error(), head, tt.want) {
			t.Errorf("%#v: %s, %v\nwant %s%s", tt.v, p.JSON, err, head, tt.want)
		}
		if p, ok := tt.v.(websockets.Payload); ok {
			if _, err := encodePayload(new(bytes.Buffer), p, false, nil); err == nil || !errorIs(err.Error(), head, tt.want) {
				t.Errorf("%s without binary: %v", p.JSON, err)
			}
		}
	}
	for _, v := range []any{
		pair{map[string]any{"_placeholder": false, "num": 0}, bin}, pair{map[string]any{"_placeholder": nil}, bin}, pair{map[string]any{"num": 0}, bin},
		pair{binary0, bin}, pair{map[string]any{binary0: binary0}, bin}, pair{textPretender{}, bin}, pair{map[textPretender]int{{}: 1}, bin},
		pair{[]any{"_placeholder", true, "num", 0}, bin}, pair{map[string]any{"_placeholder ": true, "Num": 0}, bin}, pair{bytes7(7), nil},
	} {
		p, err := encodePayload(new(bytes.Buffer), v, true, nil)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
		}
		if _, err := decodeAs[any](p); err != nil {
			t.Errorf("%s: %v", p.JSON, err)
		}
	}
}

// errorIs compares; of two places that are one to clients either may come first in a map.
func errorIs(got, head, want string) bool {
	if a, rest, ok := strings.Cut(want, " or "); ok {
		b, tail, _ := strings.Cut(rest, " ")
		return got == head+want || got == head+b+" or "+a+" "+tail
	}
	return got == head+want
}

// TestField_X31_BytesLeaveAsBinary: []byte leaves as binary from any depth, also out of any, empty ones as empty binary, nil as null; named byte
// slices and byte arrays leave as base64 text, as JSON has them.
func TestField_X31_BytesLeaveAsBinary(t *testing.T) {
	x := []byte{1}
	for _, tt := range []struct {
		v    any
		want string
		n    int
	}{
		{x, binary0, 1},
		{[]byte{}, binary0, 1},
		{[]byte(nil), `null`, 0},
		{any(&x), binary0, 1},
		{map[string]any{"a": []any{map[string]any{"b": x}}}, `{"a":[{"b":` + binary0 + `}]}`, 1},
		{[]any{x, x}, `[` + binary0 + `,{"_placeholder":true,"num":1}]`, 2},
		{struct{ V fakeOption }{fakeOption{x}}, `{"V":` + binary0 + `}`, 1},
		{blob(x), `"AQ=="`, 0},
		{any(blob(x)), `"AQ=="`, 0},
		{[1]byte{1}, `"AQ=="`, 0},
		{map[string]any{"a": blob(x), "b": [1]byte{1}}, ``, 0},
	} {
		p, err := encodePayload(new(bytes.Buffer), tt.v, true, nil)
		if err != nil || tt.want != "" && string(p.JSON) != tt.want || len(p.Attachments) != tt.n {
			t.Errorf("%#v: %s with %d, %v", tt.v, p.JSON, len(p.Attachments), err)
		}
	}
}

type fakeOption struct{ v any }

func (o fakeOption) MarshalJSONTo(enc *jsontext.Encoder) error { return json.MarshalEncode(enc, o.v) }

// TestField_X31_BinaryIntoText: A payload that is passed on as it came, from a platform with binary to one without, has its attachments as
// base64 text, and is otherwise as it was, to the last digit.
func TestField_X31_BinaryIntoText(t *testing.T) {
	x, y := []byte("x?>"), []byte{}
	for text, want := range map[string]string{
		`{"n":12345678901234567890, "f":1.50,"a":[` + binary0 + "\n,{}," + binary1 + `] }`:                       `{"n":12345678901234567890, "f":1.50,"a":["eD8+"` + "\n" + `,{},""] }`,
		`["{\"_placeholder\":true,\"num\":0}",` + binary1 + `,` + binary0 + `,"\ud800"]`:                         `["{\"_placeholder\":true,\"num\":0}","","eD8+","\ud800"]`,
		`[{"_placeholder":true,"num":1,"in":` + binary0 + `},{"_placeholder":false,"num":0},"\\"]`:               `["",{"_placeholder":false,"num":0},"\\"]`,
		`{"twice":1,"twice":{"\u005fplaceholder":true,"_placeholder":true,"num":5,"num":0},"b":` + binary1 + `}`: `{"twice":1,"twice":"eD8+","b":""}`,
	} {
		got, err := encodePayload(new(bytes.Buffer), websockets.Payload{JSON: []byte(text), Attachments: [][]byte{x, y}}, false, nil)
		if err != nil || string(got.JSON) != want || got.Attachments != nil {
			t.Errorf("%s: %s, %v\nwant %s", text, got.JSON, err, want)
		}
	}
	whole := websockets.Payload{JSON: []byte(binary0 + " "), Attachments: [][]byte{x}}
	if got, err := encodePayload(nil, whole, false, nil); err != nil || string(got.JSON) != `"eD8+" ` {
		t.Errorf("%s, %v", got.JSON, err)
	}
	const plain = `{"_placeholder":true,"num":0}`
	if got, err := encodePayload(nil, websockets.Payload{JSON: []byte(plain)}, false, nil); err != nil || string(got.JSON) != plain {
		t.Errorf("%s, %v", got.JSON, err)
	}
}
