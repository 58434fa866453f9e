package validate

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

var _ pipeline.Pipe = (*Pipe)(nil)

type person struct {
	Name string `json:"name" validate:"required"`
}

type (
	people   []person
	nestling struct{ Inner []people }
	shape    interface{ area() int }
	square   struct {
		Side int `json:"side" validate:"min=1"`
	}
	endless []endless
)

func (s square) area() int { return s.Side * s.Side }

func TestWhatIsChecked(t *testing.T) {
	p := New()
	var none *person
	for i, tt := range []struct {
		payload any
		want    []string // fields
	}{
		{&person{}, []string{"name"}},
		{&person{"x"}, nil},
		{new(&person{}), []string{"name"}},
		{new(new(&person{})), []string{"name"}},
		{person{}, []string{"name"}},
		{&none, nil},
		{none, nil},
		{nil, nil},
		{&[]person{{"x"}, {}}, []string{"1.name"}},
		{&[]*person{{"x"}, nil, {}}, []string{"2.name"}},
		{&[2]person{{"x"}}, []string{"1.name"}},
		{&people{{}}, []string{"0.name"}},
		{&[][]person{nil, {{"x"}, {}}}, []string{"1.1.name"}},
		{&map[string]person{"a": {"x"}, "b": {}}, []string{"b.name"}},
		{&map[int]*person{7: {}, 8: nil}, []string{"7.name"}},
		{&map[string][]person{"a": {{}}}, []string{"a.0.name"}},
		{new(shape(&square{})), []string{"side"}},
		{&[]shape{square{1}, nil, square{}}, []string{"2.side"}},
		{new(any(&person{})), nil},
		{&[]any{person{}}, nil},
		{new(5), nil},
		{new("text"), nil},
		{&[]byte{1, 2}, nil},
		{&map[string]any{"name": ""}, nil},
		{&time.Time{}, nil},
		{&[]time.Time{{}}, nil},
		{&endless{{}, {{}}}, nil},
		{&struct{}{}, nil},
		{&nestling{[]people{{{}}}}, nil}, // without dive
		{make(chan person), nil},
		{func() {}, nil},
	} {
		var fields []string
		for _, v := range violations(t, p, tt.payload) {
			fields = append(fields, v.Field)
		}
		if !slices.Equal(fields, tt.want) {
			t.Errorf("%d: %T %+v: found %v, want %v", i, tt.payload, tt.payload, fields, tt.want)
		}
	}
}

func TestError(t *testing.T) {
	type message struct {
		Room string   `json:"room" validate:"required,max=40"`
		Text string   `json:"text" validate:"required,max=5"`
		To   []person `json:"to" validate:"max=50,dive"`
	}
	err := New().Transform(t.Context(), nil, &message{Text: "too long", To: []person{{"x"}, {}}})
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	const text = "Bad payload: room is required; text may have at most 5 characters; to.1.name is required"
	if e.Message != text {
		t.Errorf("got %q", e.Message)
	}
	want := []pipeline.Violation{
		{Field: "room", Rule: "required", Message: "is required"},
		{Field: "text", Rule: "max", Param: "5", Message: "may have at most 5 characters"},
		{Field: "to.1.name", Rule: "required", Message: "is required"},
	}
	if !reflect.DeepEqual(e.Details, want) {
		t.Errorf("got %+v", e.Details)
	}
}

func TestViolationLimit(t *testing.T) {
	type batch struct {
		People []person `json:"people" validate:"dive"`
	}
	for _, tt := range []struct {
		name    string
		payload any
		listed  int
		more    bool
	}{
		{"50 of a list", new(make([]person, 50)), 50, false},
		{"51 of a list", new(make([]person, 51)), 50, true},
		{"a long list", new(make([]person, 100_000)), 50, true},
		{"50 of a field", &batch{make([]person, 50)}, 50, false},
		{"1000 of a field", &batch{make([]person, 1000)}, 50, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := New().Transform(t.Context(), nil, tt.payload)
			e, _ := errors.AsType[*pipeline.Error](err)
			if n := len(e.Details.([]pipeline.Violation)); n != tt.listed {
				t.Errorf("%d are listed", n)
			}
			if more := strings.HasSuffix(e.Message, "is required; and more"); more != tt.more {
				t.Errorf("the message ends %q", e.Message[len(e.Message)-30:])
			}
		})
	}
}

type contextKey struct{}

func TestRule(t *testing.T) {
	type message struct {
		Text string `json:"text" validate:"even=yes"`
	}
	p := New(Rule("even", func(ctx context.Context, f validator.FieldLevel) bool {
		return ctx.Value(contextKey{}) == "here" && len(f.Field().String())%2 == 0
	}), nil)
	ctx := context.WithValue(t.Context(), contextKey{}, "here")
	if err := p.Transform(ctx, nil, &message{"even"}); err != nil {
		t.Error(err)
	}
	got := only(t, p, &message{"odd"})
	if want := (pipeline.Violation{Field: "text", Rule: "even", Param: "yes", Message: "breaks the rule even"}); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestRuleReplacesLibraryRule(t *testing.T) {
	type message struct {
		On bool `json:"on" validate:"min=x"` // invalid for the library's rule
	}
	p := New(Rule("min", func(context.Context, validator.FieldLevel) bool { return true }))
	if got := violations(t, p, &message{}); got != nil {
		t.Errorf("found %v", got)
	}
}

func TestInvalidOptions(t *testing.T) {
	yes := func(context.Context, validator.FieldLevel) bool { return true }
	for _, tt := range []struct {
		option Option
		want   string
	}{
		{Rule("a b", nil), `validate: rule "a b": function is nil: pass one to validate.Rule`},
		{Rule("", yes), `validate: invalid rule name "": function Key cannot be empty: pass another name to validate.Rule`},
		{Rule("a|b", yes), `validate: invalid rule name "a|b": Tag 'a|b' either contains restricted characters or is the same as a restricted tag needed for normal operation: pass another name to validate.Rule`},
		{Rule("required", yes), `validate: invalid rule name "required": Tag 'required' either contains restricted characters or is the same as a restricted tag needed for normal operation: pass another name to validate.Rule`},
	} {
		p := New(tt.option)
		if err := p.CheckType(reflect.TypeFor[int]()); err == nil || err.Error() != tt.want {
			t.Errorf("CheckType: %v\nwant %s", err, tt.want)
		}
		if err := p.Transform(t.Context(), nil, new(5)); err == nil || err.Error() != tt.want {
			t.Errorf("Transform: %v\nwant %s", err, tt.want)
		}
	}
}

func TestMessages(t *testing.T) {
	type message struct {
		Text string `json:"text" validate:"required"`
		Size int    `json:"size" validate:"max=3"`
	}
	p := New(Messages(func(v pipeline.Violation) string {
		if v.Rule == "max" {
			return fmt.Sprintf("(%s, %s, %s, %s)", v.Field, v.Rule, v.Param, v.Message)
		}
		return ""
	}))
	got := violations(t, p, &message{Size: 4})
	if len(got) != 2 || got[0].Message != "is required" || got[1].Message != "(size, max, 3, may be at most 3)" {
		t.Errorf("found %+v", got)
	}
}

// New can be a provider.
func TestConstructor(t *testing.T) {
	type user struct{ pipe *Pipe }
	graph, err := module.Resolve(module.New("app", module.Providers(New, func(p *Pipe) *user { return &user{p} })))
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.New(graph.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatal(err)
	}
	for _, u := range module.Find[*user](graph) {
		if got := only(t, u.pipe, &person{}); got.Field != "name" {
			t.Errorf("found %+v", got)
		}
		return
	}
	t.Error("no pipe was built")
}

func TestConcurrently(t *testing.T) {
	type a struct {
		N int `json:"n" validate:"min=1"`
	}
	type b struct {
		M map[string]a `json:"m" validate:"dive"`
	}
	p := New(Messages(func(pipeline.Violation) string { return "" }))
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 20 {
				for payload, want := range map[any]string{
					&a{}: "n", &b{map[string]a{"k": {}}}: "m.k.n", new([]b{{}, {map[string]a{"k": {}}}}): "1.m.k.n",
				} {
					e, ok := errors.AsType[*pipeline.Error](p.Transform(t.Context(), nil, payload))
					if !ok || e.Details.([]pipeline.Violation)[0].Field != want {
						t.Errorf("goroutine %d: %T: %v", i, payload, e)
					}
				}
			}
		})
	}
	wg.Wait()
}
