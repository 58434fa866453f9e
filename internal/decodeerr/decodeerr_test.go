package decodeerr_test

import (
	"encoding"
	"encoding/base32"
	"encoding/hex"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/decodeerr"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// UUID is like those of the usual libraries.
type UUID [16]byte

func (u *UUID) UnmarshalText(text []byte) error {
	if len(text) != 36 {
		return errors.New("wrong length")
	}
	return nil
}

// reader reads from the decoder, and wraps what the decoder returns.
type reader struct{ N int }

func (r *reader) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if _, err := dec.ReadValue(); err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	return errors.New("reader: never")
}

// nested is text with JSON in it.
type nested struct{}

func (*nested) UnmarshalText(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("nested: %w", err)
	}
	return nil
}

// wrapped decodes itself by encoding/json, as most types do.
type wrapped struct {
	N  int `json:"n"`
	In struct {
		S string `json:"s"`
	} `json:"in"`
}

func (w *wrapped) UnmarshalJSON(text []byte) error {
	type plain wrapped
	if err := stdjson.Unmarshal(text, (*plain)(w)); err != nil {
		return fmt.Errorf("wrapped: %w", err)
	}
	return nil
}

type all struct {
	Int      int8             `json:"int"`
	Text     int              `json:"text,string"`
	Float    float32          `json:"float"`
	Names    map[int]string   `json:"names"`
	Pointer  **bool           `json:"pointer"`
	None     time.Duration    `json:"none"`
	Sum      [3]byte          `json:"sum"`
	One      [1]bool          `json:"one"`
	IP       net.IP           `json:"ip"`
	AddrPort *netip.AddrPort  `json:"addrport"`
	Big      *big.Int         `json:"big"`
	UUID     UUID             `json:"uuid"`
	Reader   reader           `json:"reader"`
	Nested   nested           `json:"nested"`
	Wrapped  wrapped          `json:"wrapped"`
	Many     []wrapped        `json:"many"`
	Reads    io.Reader        `json:"reads"`
	Map      map[string][]int `json:"map"`
}

func TestOf(t *testing.T) {
	for _, tt := range []struct{ text, field, message, not string }{
		{`{"int":128}`, "int", "is out of range", ""},
		{`{"int":-1e2}`, "int", "must be a whole number", ""},
		{`{"int":null,"float":1e39}`, "float", "is out of range", ""},
		{`{"float":"x"}`, "float", "must be a number", "a string"},
		{`{"text":5}`, "text", "must be a number in a string", ""},
		{`{"text":"x"}`, "text", "must be a number", ""},
		{`{"names":{"x":""}}`, "names.x", "must be a number", ""},
		{`{"names":{"1.5":""}}`, "names.1.5", "must be a whole number", ""},
		{`{"pointer":"true"}`, "pointer", "must be true or false", "a string"},
		{`{"none":"1h"}`, "none", "does not fit", ""},
		{`{"sum":"AA=="}`, "sum", "must have 3 bytes", ""},
		{`{"one":[]}`, "one", "must have 1 item", ""},
		{`{"one":{}}`, "one", "must be an array", "an object"},
		{`{"ip":"1.2.3"}`, "ip", "must be an IP address", ""},
		{`{"addrport":"::1"}`, "addrport", "must be an IP address with a port", ""},
		{`{"big":"x"}`, "big", "must be a whole number", "a string"},
		{`{"big":1.5}`, "big", "must be a whole number", ""},
		{`{"uuid":"x"}`, "uuid", "must be a UUID", ""},
		{`{"uuid":[1]}`, "uuid", "must be a string", "an array"},
		{`{"reader":1}`, "reader", "does not fit", ""},
		{`{"nested":"{"}`, "nested", "has an invalid format", ""},
		{`{"wrapped":{"n":"x"}}`, "wrapped.n", "must be a number", "a string"},
		{`{"wrapped":{"n":1.5}}`, "wrapped.n", "must be a whole number", ""},
		{`{"many":[{},{"in":{"s":true}}]}`, "many.1.in.s", "must be a string", "a boolean"},
		{`{"many":[7]}`, "many.0", "must be an object", "a number"},
		{`{"reads":1}`, "reads", "does not fit", ""},
		{`{"map":{"a":[1,"x"]}}`, "map.a.1", "must be a number", "a string"},
		{`"x"`, "", "must be an object", "a string"},
	} {
		err := json.Unmarshal([]byte(tt.text), new(all))
		where := tt.field
		if where == "" {
			where = "the body"
		}
		message := "Bad body: " + where + " " + tt.message
		if tt.not != "" {
			message += ", not " + tt.not
		}
		check(t, tt.text, decodeerr.Of(err, decodeerr.Body), message, pipeline.Violation{Field: tt.field, Rule: "type", Message: tt.message}, err)
	}
}

func check(t *testing.T, about string, e *pipeline.Error, message string, want pipeline.Violation, err error) {
	t.Helper()
	list, _ := e.Details.([]pipeline.Violation)
	if e.Message != message || !slices.Equal(list, []pipeline.Violation{want}) {
		t.Errorf("%s: %q %+v\nwant %q %+v\nof %v", about, e.Message, e.Details, message, want, err)
	}
	if e.Code != pipeline.CodeBadPayload || e.Status != 400 || !errors.Is(e, err) {
		t.Errorf("%s: code %q, status %d, cause %v", about, e.Code, e.Status, e.Err)
	}
}

// Fields may have the tag format where the JSON library supports it, which depends on its build.
func TestFormats(t *testing.T) {
	_, noon := time.Parse(time.Kitchen, "noon")
	_, hour := time.ParseDuration("1 hour")
	_, notHex := hex.DecodeString("x")
	_, notBase32 := base32.StdEncoding.DecodeString("1")
	for _, tt := range []struct {
		typ          reflect.Type
		kind         jsontext.Kind
		err          error
		message, not string
	}{
		{reflect.TypeFor[time.Time](), '"', nil, "must be a number", ", not a string"},
		{reflect.TypeFor[time.Time](), '"', noon, "must be a time, such as 3:04PM", ""},
		{reflect.TypeFor[time.Time](), '0', strconv.ErrRange, "is out of range", ""},
		{reflect.TypeFor[time.Duration](), '"', nil, "must be a number", ", not a string"},
		{reflect.TypeFor[time.Duration](), '"', hour, "must be a duration, such as 1h30m", ""},
		{reflect.TypeFor[time.Duration](), '0', nil, "must be a duration, such as 1h30m", ", not a number"},
		{reflect.TypeFor[time.Duration](), '0', strconv.ErrRange, "is out of range", ""},
		{reflect.TypeFor[time.Duration](), '"', errors.New("invalid ISO 8601 duration"), "must be a duration in ISO 8601, such as PT1H30M", ""},
		{reflect.TypeFor[[]byte](), '"', notHex, "must be hexadecimal", ""},
		{reflect.TypeFor[[]byte](), '"', hex.ErrLength, "must be hexadecimal", ""},
		{reflect.TypeFor[[]byte](), '"', notBase32, "must be base32", ""},
		{reflect.TypeFor[[]byte](), '"', nil, "must be an array", ", not a string"},
		{reflect.TypeFor[struct{}](), '{', errors.New("unsupported format"), "does not fit", ""},
	} {
		err := &json.SemanticError{JSONPointer: "/f", JSONKind: tt.kind, GoType: tt.typ, Err: tt.err}
		check(t, fmt.Sprintf("%v of %v, %v", tt.typ, tt.kind, tt.err), decodeerr.Of(err, decodeerr.Payload), "Bad payload: f "+tt.message+tt.not,
			pipeline.Violation{Field: "f", Rule: "type", Message: tt.message}, err)
	}
}

func TestWholeInput(t *testing.T) {
	invalid := pipeline.Violation{Rule: "syntax", Message: "is not valid JSON"}
	for _, tt := range []struct {
		text, message string
		want          pipeline.Violation
	}{
		{`{"int":`, "Bad payload: not valid JSON", invalid},
		{``, "Bad payload: not valid JSON", invalid},
		{`{} {}`, "Bad payload: not valid JSON", invalid},
		{"{\"uuid\":\"\xff\"}", "Bad payload: not valid JSON", invalid},
		{`{"reader":{]`, "Bad payload: not valid JSON", invalid},
		{`{"map":{"a":[],"a":[]}}`, "Bad payload: map.a appears twice", pipeline.Violation{Field: "map.a", Rule: "duplicate", Message: "appears twice"}},
		{`{"more":1}`, "Bad payload: more is unknown", pipeline.Violation{Field: "more", Rule: "unknown", Message: "is unknown"}},
	} {
		err := json.Unmarshal([]byte(tt.text), new(all), json.RejectUnknownMembers(true))
		check(t, tt.text, decodeerr.Of(err, decodeerr.Payload), tt.message, tt.want, err)
	}
}

// Applications may decode by another library, and most such libraries are like encoding/json.
func TestOtherLibraries(t *testing.T) {
	for _, tt := range []struct{ text, message string }{
		{`{"int":"x"}`, "int must be a number, not a string"},
		{`{"int":1.5}`, "int must be a whole number"},
		{`{"int":128}`, "int is out of range"},
		{`{"uuid":{}}`, "uuid must be a string, not an object"},
		{`7`, "the payload must be an object, not a number"},
	} {
		err := stdjson.Unmarshal([]byte(tt.text), new(all))
		if e := decodeerr.Of(err, decodeerr.Payload); e.Message != "Bad payload: "+tt.message {
			t.Errorf("%s: %q of %v", tt.text, e.Message, err)
		}
	}
	err := stdjson.Unmarshal([]byte(`{"int":`), new(all))
	check(t, "syntax", decodeerr.Of(err, decodeerr.Payload), "Bad payload: not valid JSON", pipeline.Violation{Rule: "syntax", Message: "is not valid JSON"}, err)
	err = errors.New("at 7")
	check(t, "unknown", decodeerr.Of(err, decodeerr.Payload), "Bad payload: the payload does not fit", pipeline.Violation{Rule: "type", Message: "does not fit"}, err)
}

func TestBinaryError(t *testing.T) {
	for _, tt := range []struct {
		typ           reflect.Type
		message, text string
	}{
		{reflect.TypeFor[string](), "must be a string", ", not binary"},
		{reflect.TypeFor[*int](), "must be a number", ", not binary"},
		{reflect.TypeFor[bool](), "must be true or false", ", not binary"},
		{reflect.TypeFor[all](), "must be an object", ", not binary"},
		{reflect.TypeFor[[]int](), "must be an array", ", not binary"},
		{reflect.TypeFor[[3]byte](), "must have 3 bytes", ", not 2"},
		{reflect.TypeFor[time.Time](), "cannot be binary", ""},
		{reflect.TypeFor[UUID](), "cannot be binary", ""},
		{reflect.TypeFor[stdjson.RawMessage](), "cannot be binary", ""},
		{reflect.TypeFor[encoding.TextUnmarshaler](), "cannot be binary", ""},
	} {
		err := &json.SemanticError{JSONPointer: "/a/0", GoType: tt.typ, Err: &codec.BinaryError{Type: tt.typ, Size: 2}}
		check(t, tt.typ.String(), decodeerr.Of(err, decodeerr.Payload), "Bad payload: a.0 "+tt.message+tt.text,
			pipeline.Violation{Field: "a.0", Rule: "type", Message: tt.message}, err)
	}
}

func TestText(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		typ           reflect.Type
		text, message string
	}{
		{reflect.TypeFor[int8](), "300", "is out of range"},
		{reflect.TypeFor[*int](), "", "must be a number"},
		{reflect.TypeFor[uint](), "-1", "must be a non-negative whole number"},
		{reflect.TypeFor[float64](), "NaN", "must be a number"},
		{reflect.TypeFor[bool](), "x", "must be true or false"},
		{reflect.TypeFor[time.Duration](), "x", "must be a duration, such as 1h30m"},
		{reflect.TypeFor[*time.Time](), "x", "must be a time in RFC 3339"},
		{reflect.TypeFor[netip.Prefix](), "x", "must be an IP network, such as 10.0.0.0/8"},
		{reflect.TypeFor[big.Int](), "x", "must be a whole number"},
		{reflect.TypeFor[UUID](), "x", "must be a UUID"},
		{reflect.TypeFor[nested](), "x", "has an invalid format"},
	} {
		check(t, tt.typ.String(), decodeerr.Text("f", tt.typ, tt.text, cause), "Bad payload: f "+tt.message,
			pipeline.Violation{Field: "f", Rule: "type", Message: tt.message}, cause)
	}
}

func TestOwnErrorStays(t *testing.T) {
	own := pipeline.Invalid(pipeline.Violation{Rule: "a", Message: "is a"}, pipeline.Violation{Field: "x", Rule: "b", Message: "is b"})
	own.Status = 422
	err := fmt.Errorf("wrapped: %w", own)
	e := decodeerr.Text("f", reflect.TypeFor[UUID](), "", err)
	want := []pipeline.Violation{{Field: "f", Rule: "a", Message: "is a"}, {Field: "x", Rule: "b", Message: "is b"}}
	if e.Message != "Bad payload: f is a; x is b" || !reflect.DeepEqual(e.Details, want) || e.Status != 422 || !errors.Is(e, own) {
		t.Errorf("got %+v", e)
	}
	if !strings.HasPrefix(own.Message, "Bad payload: is a;") || own.Details.([]pipeline.Violation)[0].Field != "" {
		t.Errorf("the own error has changed: %+v", own)
	}
	if e := decodeerr.Of(err, decodeerr.Payload); e != own {
		t.Errorf("without a field: %+v", e)
	}
	if e := decodeerr.Of(err, decodeerr.Body); e.Message != "Bad body: is a; x is b" || e.Status != 422 || !errors.Is(e, own) {
		t.Errorf("in a body: %+v", e)
	}
	e = decodeerr.Text("f", reflect.TypeFor[UUID](), "", pipeline.ErrForbidden)
	if e.Message != pipeline.ErrForbidden.Message || e.Code != pipeline.CodeForbidden || e.Status != 403 || !errors.Is(e, pipeline.ErrForbidden) {
		t.Errorf("got %+v", e)
	}
}

func TestJoin(t *testing.T) {
	a := pipeline.Invalid(pipeline.Violation{Field: "a", Rule: "type", Message: "is a"})
	b := pipeline.Invalid(pipeline.Violation{Field: "b", Rule: "type", Message: "is b"})
	own := &pipeline.Error{Message: "own"}
	if e := decodeerr.Join(nil); e != nil {
		t.Errorf("none: %v", e)
	}
	if e := decodeerr.Join([]*pipeline.Error{a}); e != a {
		t.Errorf("one: %v", e)
	}
	if e := decodeerr.Join([]*pipeline.Error{a, b}); e.Message != "Bad payload: a is a; b is b" || len(e.Details.([]pipeline.Violation)) != 2 {
		t.Errorf("two: %+v", e)
	}
	if e := decodeerr.Join([]*pipeline.Error{a, own, b}); e != own {
		t.Errorf("with another: %v", e)
	}
}
