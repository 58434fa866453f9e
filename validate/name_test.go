package validate

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type Base struct {
	InBase string `json:"inBase" validate:"required"`
	Bare   string `validate:"required"`
}

type lower struct {
	InLower string `json:"inLower" validate:"required"`
}

type Named struct {
	InNamed string `json:"inNamed" validate:"required"`
}

type everyName struct {
	Tagged   string `json:"tagged" validate:"required"`
	Options  string `json:"options,omitzero" validate:"required"`
	NoName   string `json:",omitzero" validate:"required"`
	NoTag    string `validate:"required"`
	Dotted   string `json:"a.b" validate:"required"`
	Foreign  string `json:"größe" validate:"required"`
	Base            // its fields are promoted
	*lower          // also promoted
	Named    `json:"named"`
	Embedded struct {
		Deep string `json:"deep" validate:"required"`
	} `json:",inline,embed"` // inline before Go 1.27, embed since
}

// The names are those that the JSON decoder accepts.
func TestNamesAreThoseOfJSON(t *testing.T) {
	payload := everyName{lower: &lower{}}
	var fields []string
	for _, v := range violations(t, New(), &payload) {
		if v.Rule != "required" {
			t.Fatalf("found %+v", v)
		}
		fields = append(fields, v.Field)
	}
	payload = everyName{lower: &lower{"x"}}
	b, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fields {
		// Sending the field under the reported name fixes exactly that violation.
		text := `{` + quote(name) + `:"x"}`
		if parent, child, ok := strings.Cut(name, "."); ok && name != "a.b" {
			text = `{` + quote(parent) + `:{` + quote(child) + `:"x"}}`
		}
		decoded := everyName{lower: &lower{}}
		if err := json.Unmarshal([]byte(text), &decoded, json.RejectUnknownMembers(true)); err != nil {
			t.Errorf("the decoder does not accept %s: %v\n%s", text, err, b)
			continue
		}
		left := violations(t, New(), &decoded)
		if len(left) != len(fields)-1 || slices.ContainsFunc(left, func(v pipeline.Violation) bool { return v.Field == name }) {
			t.Errorf("%s does not fix the violation: %v", text, left)
		}
	}
	want := []string{
		"tagged", "options", "NoName", "NoTag", "a.b", "größe",
		"inBase", "Bare", "inLower", "named.inNamed", "deep",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("found %v, want %v", fields, want)
	}
}

func quote(s string) string { return `"` + s + `"` }

func TestNamesOfHTTPInputs(t *testing.T) {
	type input struct {
		Both    string `json:"body" query:"q" validate:"required"`
		Query   int    `json:"-" query:"limit,omitempty" validate:"min=1"`
		Path    string `path:"room" validate:"required"`
		Header  string `header:"X-Request-Id" validate:"required"`
		Options string `json:",omitzero" query:"page" validate:"required"`
		Dash    string `query:"-" validate:"required"`
	}
	var got []string
	for _, v := range violations(t, New(), &input{}) {
		got = append(got, v.Field)
	}
	if want := []string{"body", "limit", "room", "X-Request-Id", "page", "Dash"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

func TestHiddenFields(t *testing.T) {
	type inside struct {
		Text string `json:"text" validate:"required"`
	}
	type message struct {
		Owner string `json:"-" validate:"required"`
		Text  string `json:"text" validate:"required"`
		Deep  inside `json:"-"`
	}
	p := New()
	if got := only(t, p, &message{Deep: inside{"x"}}); got.Field != "text" {
		t.Errorf("found %+v", got)
	}
	const want = `validate: Owner of validate.message: breaks the rule "required", but clients cannot send it: set it before validation or remove the rule`
	if err := p.Transform(t.Context(), nil, &message{Text: "x", Deep: inside{"x"}}); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if got := p.Transform(t.Context(), nil, &message{Text: "x", Owner: "x"}); got == nil || strings.HasPrefix(got.Error(), "Bad payload") {
		t.Errorf("a field of a hidden struct: %v", got)
	}
	if err := p.Transform(t.Context(), nil, &message{Text: "x", Owner: "x", Deep: inside{"x"}}); err != nil {
		t.Error(err)
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"aéé", 4, "aé…"}, {"éé", 1, "…"}} {
		got := shorten(tt.in, tt.n)
		if got != tt.want || !utf8.ValidString(got) {
			t.Errorf("%q after %d: %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestNameOfPrivateField(t *testing.T) {
	type s struct{ x int }
	if got := nameOf(reflect.TypeFor[s]().Field(0)); !got.hidden {
		t.Errorf("got %+v", got)
	}
	_ = s{1}.x
}
