package jsonschema

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/jsonschema/internal/other"
)

type (
	Message struct {
		Text string   `json:"text"`
		Tags []string `json:"tags,omitempty"`
	}
	upload struct {
		Data []byte `json:"data,omitempty"`
	}
	wraps struct {
		In optional `json:"in,omitempty"` //nolint:modernize // JSON v2 omits what is empty as JSON
	}
	optional struct {
		A string `json:"a,omitempty"`
		B *wraps `json:"b,omitempty"`
	}
	größe struct{ A int } //nolint:asciicheck // the name is the test
)

// namesOf returns the names of the definitions of types in all uses that are listed.
func namesOf(reserved []string, uses []Use, types ...reflect.Type) string {
	s := NewSet(Options{Reserved: reserved})
	var all []any
	for _, t := range types {
		for _, use := range uses {
			all = append(all, s.Of(t, use))
		}
	}
	s.Finish()
	var names []string
	for _, m := range s.Definitions(all...) {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func local() reflect.Type {
	type Message struct{ A int }
	return reflect.TypeFor[Message]()
}

func otherLocal() reflect.Type {
	type Message struct{ B int }
	return reflect.TypeFor[Message]()
}

func TestNames(t *testing.T) {
	sent, both, all := []Use{Sent}, []Use{Sent, Received}, []Use{Sent, Received, Sent | Binary, Received | Binary}
	for _, tt := range []struct {
		name     string
		reserved []string
		uses     []Use
		types    []reflect.Type
		want     string
	}{
		{"alone", nil, sent, []reflect.Type{reflect.TypeFor[Message]()}, "Message"},
		{"as input only", nil, []Use{Received}, []reflect.Type{reflect.TypeFor[Message]()}, "Message"},
		{"both ways, where they differ", nil, both, []reflect.Type{reflect.TypeFor[Message]()}, "Message MessageInput"},
		{"both ways, where they do not", nil, both, []reflect.Type{reflect.TypeFor[wraps]()}, "optional wraps"},
		{"without bytes", nil, all, []reflect.Type{reflect.TypeFor[Message]()}, "Message MessageInput"},
		{"with bytes", nil, all, []reflect.Type{reflect.TypeFor[upload]()}, "upload uploadBinary"},
		{"a clash", nil, sent, []reflect.Type{reflect.TypeFor[Message](), reflect.TypeFor[other.Message]()}, "JsonschemaMessage OtherMessage"},
		{"a clash with an input", nil, both, []reflect.Type{reflect.TypeFor[Message](), reflect.TypeFor[other.MessageInput]()},
			"JsonschemaMessage JsonschemaMessageInput OtherMessageInput OtherMessageInputInput"},
		{"a reserved name", []string{"Failure"}, sent, []reflect.Type{reflect.TypeFor[other.Failure]()}, "OtherFailure"},
		{"generic", nil, sent, []reflect.Type{reflect.TypeFor[other.Page[Message]](), reflect.TypeFor[other.Page[map[string][]int]](), reflect.TypeFor[other.Page[other.Page[bool]]]()},
			"Message PageBool PageMapStringInt PageMessage PagePageBool"},
		{"of functions", nil, sent, []reflect.Type{local(), otherLocal(), reflect.TypeFor[other.Page[int]]()},
			"GithubComGatehouseGoGatehouseInternalJsonschemaMessage GithubComGatehouseGoGatehouseInternalJsonschemaMessage2 PageInt"},
		{"not ASCII", nil, sent, []reflect.Type{reflect.TypeFor[größe]()}, "grU00F6U00DFe"},
	} {
		if got := namesOf(tt.reserved, tt.uses, tt.types...); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		slices.Reverse(tt.types)
		if got := namesOf(tt.reserved, tt.uses, tt.types...); got != tt.want {
			t.Errorf("%s in another order: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A schema that contains a type twice refers to it, and only what is referred to is defined.
func TestDefinitions(t *testing.T) {
	s := NewSet(Options{Prefix: "#/"})
	a, b := s.Of(reflect.TypeFor[other.Page[Message]](), Sent), s.Of(reflect.TypeFor[upload](), Sent|Binary)
	s.Of(reflect.TypeFor[upload](), Sent)
	s.Finish()
	if got, want := line(a)+line(b), `{"$ref":"#/PageMessage"}{"$ref":"#/uploadBinary"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	want := ` uploadBinary={"type":"object","properties":{"data":{"type":"string","format":"binary"}}}`
	if got := defs(s.Definitions(b)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := line(Resolve(b)); got != strings.TrimPrefix(want, " uploadBinary=") {
		t.Errorf("resolved: %s", got)
	}
}
