package jsonschema

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type (
	mood    string
	initial string // decoded by a method only
	own     struct{ V int }
	stdOwn  struct{ V int }
	panics  struct{}
	wrong   struct{}
	money   struct{ cents int } // with a form that nothing describes

	Base struct {
		ID   int    `json:"id"`
		Note string `json:"note,omitempty"`
	}
	message struct {
		Room    string     `json:"room"`
		At      time.Time  `json:"at,omitzero"`
		Replies []*message `json:"replies"`
		Mood    mood       `json:"mood,omitempty"`
		Blob    []byte     `json:"blob,omitempty"`
		Count   int        `json:"count,omitempty"`
		Last    *int32     `json:"last"`
		Next    *uint8     `json:"next,omitzero"`
		hidden  int        //nolint:unused // not exported
		Skipped int        `json:"-"`
	}
	embeds struct {
		Base
		*message
		ID string `json:"id"`
	}
	rest struct {
		A    bool
		Rest map[string]float32 `json:",embed"`
	}
	quoted struct {
		I int      `json:"i,string"`
		U *uint16  `json:"u,string"`
		F float64  `json:"f,string,omitempty"`
		P *float64 `json:"p,string,omitzero"`
	}
	tree struct {
		Kids []tree `json:"kids"`
	}
	list   []list
	labels map[mood]string
	params struct {
		Room  string   `path:"room"`
		Limit int      `query:"limit"`
		Text  string   `json:"text"`
		Tags  []string `json:"tags,omitempty"`
	}
)

func (mood) JSONSchema() jsontext.Value {
	return jsontext.Value(`{"enum": ["happy", "sad"], "maximum": 1.50}`)
}

func (i *initial) UnmarshalText(b []byte) error {
	*i = initial(b)
	return nil
}

func (o own) MarshalJSON() ([]byte, error)     { return fmt.Appendf(nil, "%d", o.V), nil }
func (o *own) UnmarshalJSON(b []byte) error    { return json.Unmarshal(b, &o.V) }
func (own) JSONSchema() jsontext.Value         { return jsontext.Value(`{"type":"integer"}`) }
func (*stdOwn) JSONSchema() stdjson.RawMessage { return stdjson.RawMessage(`{"type":"integer"}`) }
func (panics) JSONSchema() jsontext.Value      { panic("no form") }
func (wrong) JSONSchema() jsontext.Value       { return jsontext.Value(`[]`) }
func (m money) MarshalJSON() ([]byte, error)   { return fmt.Appendf(nil, "%d", m.cents), nil }
func (m *money) UnmarshalJSON(b []byte) error  { return json.Unmarshal(b, &m.cents) }

// described returns the schema of a type with its definitions, on one line.
func described(t reflect.Type, use Use, report func(Problem)) string {
	s := NewSet(Options{Prefix: "#/", Report: report})
	o := s.Of(t, use)
	s.Finish()
	return line(o) + defs(s.Definitions(o))
}

func defs(o Object) string {
	var b strings.Builder
	for _, m := range o {
		b.WriteString(" " + m.Name + "=" + line(m.Value))
	}
	return b.String()
}

func line(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestSchemas(t *testing.T) {
	const int64Form, base64Form = `{"type":"integer","format":"int64"}`, `{"type":"string","contentEncoding":"base64"}`
	const messageForm = `{"type":"object","properties":{"room":{"type":"string"},"at":{"type":"string","format":"date-time"},` +
		`"replies":{"type":"array","items":{"anyOf":[{"$ref":"#/message"},{"type":"null"}]}},"mood":{"$ref":"#/mood"},` +
		`"blob":` + base64Form + `,"count":` + int64Form + `,"last":{"type":["integer","null"],"minimum":-2147483648,"maximum":2147483647},` +
		`"next":{"type":"integer","minimum":0,"maximum":255}}`
	const moodForm = ` mood={"enum":["happy","sad"],"maximum":1.50}`
	for _, tt := range []struct {
		typ            reflect.Type
		sent, received string // received is sent if it is empty
	}{
		{reflect.TypeFor[bool](), `{"type":"boolean"}`, ""},
		{reflect.TypeFor[int](), int64Form, ""},
		{reflect.TypeFor[uint16](), `{"type":"integer","minimum":0,"maximum":65535}`, ""},
		{reflect.TypeFor[uint](), `{"type":"integer","format":"uint64","minimum":0}`, ""},
		{reflect.TypeFor[float32](), `{"type":"number","format":"float"}`, ""},
		{reflect.TypeFor[any](), `{}`, ""},
		{reflect.TypeFor[*any](), `{}`, ""},
		{reflect.TypeFor[**string](), `{"type":["string","null"]}`, ""},
		{reflect.TypeFor[stdjson.RawMessage](), `{}`, ""},
		{reflect.TypeFor[time.Time](), `{"type":"string","format":"date-time"}`, ""},
		{reflect.TypeFor[netip.Addr](), `{"type":"string"}`, ""},
		{reflect.TypeFor[initial](), `{"type":"string"}`, ""},
		{reflect.TypeFor[stdjson.Number](), `{"type":"string"}`, ""},
		{reflect.TypeFor[*big.Int](), `{"type":["integer","null"]}`, ""},
		{reflect.TypeFor[[]byte](), base64Form, ""},
		{reflect.TypeFor[[4]byte](), `{"type":"string","contentEncoding":"base64","minLength":8,"maxLength":8}`, ""},
		{reflect.TypeFor[[2]bool](), `{"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":2}`, ""},
		{reflect.TypeFor[map[string]int](), `{"type":"object","additionalProperties":` + int64Form + `}`, ""},
		{reflect.TypeFor[map[int8]bool](), `{"type":"object","propertyNames":{"pattern":"^(0|-?[1-9][0-9]*)$"},"additionalProperties":{"type":"boolean"}}`, ""},
		{reflect.TypeFor[map[netip.Addr]bool](), `{"type":"object","additionalProperties":{"type":"boolean"}}`, ""},
		{reflect.TypeFor[struct{}](), `{"type":"object"}`, ""},
		{reflect.TypeFor[struct{ A *string }](), `{"type":"object","properties":{"A":{"type":["string","null"]}},"required":["A"]}`,
			`{"type":"object","properties":{"A":{"type":["string","null"]}}}`},
		{reflect.TypeFor[mood](), `{"$ref":"#/mood"}` + moodForm, ""},
		{reflect.TypeFor[*own](), `{"anyOf":[{"$ref":"#/own"},{"type":"null"}]} own={"type":"integer"}`, ""},
		{reflect.TypeFor[stdOwn](), `{"$ref":"#/stdOwn"} stdOwn={"type":"integer"}`, ""},
		{reflect.TypeFor[tree](), `{"$ref":"#/tree"} tree={"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/tree"}}},"required":["kids"]}`,
			`{"$ref":"#/tree"} tree={"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/tree"}}}}`},
		{reflect.TypeFor[list](), `{"$ref":"#/list"} list={"type":"array","items":{"$ref":"#/list"}}`, ""},
		{reflect.TypeFor[labels](), `{"$ref":"#/labels"} labels={"type":"object","additionalProperties":{"type":"string"}}`, ""},
		{reflect.TypeFor[message](), `{"$ref":"#/message"} message=` + messageForm + `,"required":["room","replies","count","last"]}` + moodForm,
			`{"$ref":"#/message"} message=` + messageForm + `}` + moodForm},
		{reflect.TypeFor[rest](), `{"$ref":"#/rest"} rest={"type":"object","properties":{"A":{"type":"boolean"}},"required":["A"],"additionalProperties":{"type":"number","format":"float"}}`,
			`{"$ref":"#/rest"} rest={"type":"object","properties":{"A":{"type":"boolean"}},"additionalProperties":{"type":"number","format":"float"}}`},
	} {
		fail := func(p Problem) { t.Errorf("%v: problem: %+v", tt.typ, p) }
		if got := described(tt.typ, Sent, fail); got != tt.sent {
			t.Errorf("%v sent:\n%s, want\n%s", tt.typ, got, tt.sent)
		}
		if tt.received == "" {
			tt.received = tt.sent
		}
		if got := described(tt.typ, Received, fail); got != tt.received {
			t.Errorf("%v received:\n%s, want\n%s", tt.typ, got, tt.received)
		}
	}
}

// Members are those of the codec: of embedded structs, with numbers as text where the tag says so.
func TestMembers(t *testing.T) {
	for _, tt := range []struct {
		typ  reflect.Type
		want string // names, with * where they are always written
	}{
		{reflect.TypeFor[embeds](), "note room at replies mood blob count last next id*"},
		{reflect.TypeFor[quoted](), "i* u* f* p"},
		{reflect.TypeFor[struct {
			*tree
			*message
			Replies string `json:"replies"`
		}](), "kids room at mood blob count last next replies*"},
		{reflect.TypeFor[struct {
			Base
			Other struct{ Base } `json:"other,omitempty"` //nolint:modernize // JSON v2 omits what is empty as JSON
		}](), "id* note other"},
	} {
		s := NewSet(Options{})
		o := s.object(tt.typ, Sent, true)
		var got []string
		properties, _ := o.Get("properties").(Object)
		required, _ := o.Get("required").([]any)
		for _, m := range properties {
			name := m.Name
			if slices.Contains(required, any(name)) {
				name += "*"
			}
			got = append(got, name)
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%v: %s, want %s", tt.typ, text, tt.want)
		}
	}
	want := `{"type":"object","properties":{"i":{"type":"string","pattern":"^(0|-?[1-9][0-9]*)$"},"u":{"type":["string","null"],"pattern":"^(0|[1-9][0-9]*)$"},` +
		`"f":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?$"},"p":{"type":"string","pattern":"^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?$"}},"required":["i","u","f"]}`
	if got := line(NewSet(Options{}).object(reflect.TypeFor[quoted](), Sent, true)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBody(t *testing.T) {
	s := NewSet(Options{Prefix: "#/"})
	const want = `{"type":"object","properties":{"text":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}},"required":["text"]}`
	if got := line(s.Body(reflect.TypeFor[params](), Sent)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := s.Body(reflect.TypeFor[Base](), Sent); got.Get("$ref") == nil {
		t.Errorf("without parameters: %s", line(got))
	}
}

// What has no schema is a problem with its place, in the place of it is any value, and it is reported once.
func TestProblems(t *testing.T) {
	const duration = "a time.Duration has no JSON form: use int64 milliseconds, or a type with MarshalText and UnmarshalText"
	const methods = "its JSON is made by its own methods: add a method JSONSchema() jsontext.Value that returns its form, or pass contract.Type"
	for _, tt := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[struct {
			In struct {
				Wait []time.Duration `json:"wait"`
			} `json:"in"`
			Twice time.Duration
		}](), "in.wait time.Duration: " + duration},
		{reflect.TypeFor[chan int](), " chan int: a chan int has no JSON form"},
		{reflect.TypeFor[map[string]complex128](), " complex128: a complex128 has no JSON form"},
		{reflect.TypeFor[struct{ F func() }](), "F func(): a func() has no JSON form"},
		{reflect.TypeFor[struct{ Price *money }](), "Price jsonschema.money: " + methods},
		{reflect.TypeFor[fmt.Stringer](), " fmt.Stringer: an interface says nothing about its values: use a struct, or any"},
		{reflect.TypeFor[map[bool]int](), " map[bool]int: the key bool of a map has no form as a name in JSON"},
		{reflect.TypeFor[map[time.Duration]int](), " map[time.Duration]int: the key time.Duration of a map has no form as a name in JSON"},
		{reflect.TypeFor[panics](), " jsonschema.panics: its method JSONSchema: panic: no form"},
		{reflect.TypeFor[wrong](), " jsonschema.wrong: its method JSONSchema: it is not one JSON object"},
		{reflect.TypeFor[struct{ a int }](), " struct { a int }: Go struct has no exported fields"},
		{reflect.TypeFor[struct {
			B bool `json:"b,string"`
		}](), "b bool: the tag option string is for numbers"},
		{reflect.TypeFor[struct {
			T time.Time `json:"t,format:unix"`
		}](), "t time.Time: the tag option format has no schema: use a type with MarshalText and UnmarshalText"},
	} {
		var got []string
		s := NewSet(Options{Report: func(p Problem) { got = append(got, fmt.Sprintf("%s %v: %s", p.Field, p.Type, p.Text)) }})
		for use := range Use(uses) {
			s.Of(tt.typ, use)
		}
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%v: %s, want %s", tt.typ, text, tt.want)
		}
	}
}

func TestKnownTypes(t *testing.T) {
	s := NewSet(Options{Known: map[reflect.Type]Object{reflect.TypeFor[money](): M("type", "number")}, Report: func(p Problem) { t.Error(p) }})
	if got := line(s.Of(reflect.TypeFor[*money](), Sent)); got != `{"type":["number","null"]}` {
		t.Error(got)
	}
}

func TestParse(t *testing.T) {
	const text = `{"b":[1,true,null,{"a":"x"},[]],"a":{}}`
	o, err := Parse(jsontext.Value(text))
	if err != nil || line(o) != text {
		t.Errorf("%s, %v", line(o), err)
	}
	for _, bad := range []string{``, `[]`, `{`, `{} {}`, `{"a":[1}`} {
		if _, err := Parse(jsontext.Value(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	b, err := M("a", 1).With("b", []any{}).Text()
	if err != nil || !bytes.Equal(b, []byte("{\n  \"a\": 1,\n  \"b\": []\n}\n")) {
		t.Errorf("%q, %v", b, err)
	}
}

// TestBinary: bytes on platforms with binary. A nil slice is null there, unless the field is omitted then.
func TestBinary(t *testing.T) {
	type blobs struct {
		A []byte
		B []byte `json:",omitempty"`
		C *[]byte
	}
	const bytes, null = `{"type":"string","format":"binary"}`, `{"type":["string","null"],"format":"binary"}`
	for use, want := range map[Use]string{
		Sent | Binary:     `{"type":"object","properties":{"A":` + null + `,"B":` + bytes + `,"C":` + null + `},"required":["A","C"]}`,
		Received | Binary: `{"type":"object","properties":{"A":` + bytes + `,"B":` + bytes + `,"C":` + null + `}}`,
	} {
		s := NewSet(Options{Prefix: "#/"})
		o := s.Of(reflect.TypeFor[blobs](), use)
		s.Finish()
		if got := line(Resolve(o)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
