package validate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type item struct {
	Name string `json:"name" validate:"required"`
}

type page[T any] struct {
	Items []T `json:"items" validate:"dive"`
}

// color prints differently in Go and on the wire.
type color int

func (c color) String() string               { return fmt.Sprintf("Color].Name[%d]", int(c)) }
func (c color) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "color%d", int(c)), nil }

// opposite prints as the negative number.
type opposite int

func (o opposite) String() string { return fmt.Sprint(-int(o)) }

type roomID string

func (r roomID) String() string { return "room " + string(r) }

func TestFieldPaths(t *testing.T) {
	type lists struct {
		Deep     [][]item            `json:"deep" validate:"dive,dive"`
		Words    []string            `json:"words" validate:"dive,min=3"`
		Keys     map[string]int      `json:"keys" validate:"dive,keys,max=3,endkeys,max=9"`
		ByKey    map[string]item     `json:"byKey" validate:"dive"`
		Lists    map[string][]string `json:"lists" validate:"dive,dive,min=3"`
		ByInt    map[int]item        `json:"byInt" validate:"dive"`
		U        map[uint8]*item     `json:"u" validate:"dive"`
		Color    map[color]item      `json:"color" validate:"dive"`
		Room     map[roomID]item     `json:"room" validate:"dive"`
		Flag     map[bool]item       `json:"flag" validate:"dive"`
		Any      any                 `json:"any"`
		Opposite map[opposite]item   `json:"opposite" validate:"dive"`
		Next     *lists              `json:"next"`
		Extra    map[string]item     `json:",embed" validate:"dive"`
	}
	long := strings.Repeat("k", 1000)
	p := New()
	for _, tt := range []struct {
		payload any
		want    []string
	}{
		{&lists{Deep: [][]item{nil, {{"x"}, {}}}}, []string{"deep.1.1.name"}},
		{&lists{Words: []string{"abc", "x"}}, []string{"words.1"}},
		{&lists{Keys: map[string]int{"long": 1}}, []string{"keys.long"}},
		{&lists{Keys: map[string]int{"k": 10}}, []string{"keys.k"}},
		{&lists{ByKey: map[string]item{"a.b": {}}}, []string{"byKey.a.b.name"}},
		{&lists{ByKey: map[string]item{"": {}}}, []string{"byKey..name"}},
		{&lists{ByKey: map[string]item{"]": {}}}, []string{"byKey.].name"}},
		{&lists{ByKey: map[string]item{"a].Name[": {}}}, []string{"byKey.a].Name[.name"}},
		{&lists{ByKey: map[string]item{long: {}}}, []string{"byKey." + long[:64] + "….name"}},
		{&lists{ByKey: map[string]item{strings.Repeat("]", 1000): {}}}, []string{"byKey." + strings.Repeat("]", 64) + "….name"}},
		{&lists{Lists: map[string][]string{"a][0": {"abc", "x"}}}, []string{"lists.a][0.1"}},
		{&lists{ByInt: map[int]item{-7: {}}}, []string{"byInt.-7.name"}},
		{&lists{U: map[uint8]*item{7: {}}}, []string{"u.7.name"}},
		{&lists{Color: map[color]item{7: {}}}, []string{"color.color7.name"}},
		{&lists{Room: map[roomID]item{"a": {}}}, []string{"room.a.name"}},
		{&lists{Opposite: map[opposite]item{1: {"x"}, -1: {}}}, []string{"opposite.-1.name"}},
		{&lists{Flag: map[bool]item{true: {}}}, []string{"flag.true.name"}},
		{&lists{Any: &item{}}, []string{"any.name"}},
		{&lists{Next: &lists{Next: &lists{Words: []string{""}}}}, []string{"next.next.words.0"}},
		{&lists{Extra: map[string]item{"x": {}}}, []string{"x.name"}},
		{&page[page[item]]{[]page[item]{{[]item{{}}}}}, []string{"items.0.items.0.name"}},
		{&struct {
			In item `json:"in"`
		}{}, []string{"in.name"}},
		{&map[string]item{"a.b]": {}}, []string{"a.b].name"}},
		{&map[string]item{long: {}}, []string{long[:64] + "….name"}},
		{&map[color]item{7: {}}, []string{"color7.name"}},
	} {
		var got []string
		for _, v := range violations(t, p, tt.payload) {
			got = append(got, v.Field)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: found %v, want %v", tt.payload, got, tt.want)
		}
	}
}

// Hostile keys do not produce a long answer, nor one with Go names.
func TestHostileKeys(t *testing.T) {
	type message struct {
		Secret map[string]item `json:"public" validate:"dive"`
	}
	m := message{map[string]item{}}
	for i := range 5000 {
		m.Secret[strings.Repeat("]", 100)+fmt.Sprint(i)] = item{}
	}
	err := New().Transform(t.Context(), nil, &m)
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		t.Fatal(err)
	}
	if len(e.Message) > 50*150 {
		t.Errorf("a message of %d bytes", len(e.Message))
	}
	for _, v := range e.Details.([]pipeline.Violation) {
		if strings.Contains(v.Field, "Secret") || strings.Contains(v.Field, "Name") || !strings.HasPrefix(v.Field, "public.") {
			t.Fatalf("field %q", v.Field)
		}
	}
}

func TestDeepPathIsShortened(t *testing.T) {
	type node struct {
		Word string `json:"word" validate:"required"`
		Next *node  `json:"next"`
	}
	var n *node
	for range 1000 {
		n = &node{"x", n}
	}
	n.Word = ""
	last := n
	for last.Next != nil {
		last = last.Next
	}
	last.Word = ""
	got := violations(t, New(), n)
	if len(got) != 2 || got[0].Field != "word" || len(got[1].Field) > 520 || !strings.HasSuffix(got[1].Field, "…") {
		t.Errorf("found %+v", got)
	}
}

func TestEngine(t *testing.T) {
	type message struct {
		From string `json:"from" binding:"name"`
		To   string `json:"to"`
		In   item   `json:"in" binding:"-"`
	}
	e := validator.New()
	e.SetTagName("binding")
	e.RegisterAlias("name", "required,max=3")
	e.RegisterTagNameFunc(func(reflect.StructField) string { return "something else" })
	e.RegisterStructValidation(func(sl validator.StructLevel) {
		m := sl.Current().Interface().(message)
		sl.ReportError(m.To, "something", "To", "same", "")
		sl.ReportError(m.To, "to", "", "same", "")
		sl.ReportError(nil, "", "", "whole", "")
	}, message{})
	p := New(Engine(e), Rule("other", func(context.Context, validator.FieldLevel) bool { return false }))
	if err := p.CheckType(reflect.TypeFor[message]()); err != nil {
		t.Error(err)
	}
	got := violations(t, p, &message{From: "long"})
	want := []pipeline.Violation{
		{Field: "from", Rule: "name", Param: "3", Message: "may have at most 3 characters"},
		{Field: "to", Rule: "same", Message: "breaks the rule same"},
		{Field: "to", Rule: "same", Message: "breaks the rule same"},
		{Field: "", Rule: "whole", Message: "breaks the rule whole"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %+v", got)
	}
}

func TestNilEngine(t *testing.T) {
	if got := only(t, New(Engine(nil)), &item{}); got.Field != "name" {
		t.Errorf("found %+v", got)
	}
}
