package validate

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

type (
	unknownRule struct {
		A string `validate:"requird"`
	}
	emptyRule struct {
		A string `validate:"required,"`
	}
	badParam struct {
		A string `validate:"omitempty,max=many"`
	}
	badType struct {
		A bool `validate:"min=1"`
	}
	badDive struct {
		A string `validate:"required,dive"`
	}
	badKeys struct {
		A []string `validate:"dive,keys,max=3,endkeys"`
	}
	badKeyRule struct {
		A map[string]int `validate:"dive,keys,max=x,endkeys,max=3"`
	}
	badElement struct {
		A map[string]bool `validate:"dive,keys,max=3,endkeys,max=3"`
	}
	badAlternative struct {
		A string `validate:"email|max=x"`
	}
	badStruct struct {
		A item `validate:"min=1"`
	}
	badOneOf struct {
		A float64 `validate:"oneof=1 2"`
	}
	badReference struct {
		A string `validate:"eqfield=B"`
	}
	badList struct {
		A string `validate:"required_with=C B"`
		C string
	}
	badPairs struct {
		A string `validate:"required_if=C"`
		C string
	}
	badUnique struct {
		A []item `validate:"max=3,unique=Nme"`
	}
	badUniqueItems struct {
		A []string `validate:"unique=Name"`
	}
	badUniqueList struct {
		A [][]int `validate:"unique"`
	}
	badUniqueField struct {
		A []badUniqueList `validate:"unique=A"`
	}
	badUniqueOther struct {
		A string `validate:"unique=C"`
		B string
	}
	badUniqueKind struct {
		A string `validate:"unique=B"`
		B int
	}
	badUniqueText struct {
		A string `validate:"unique"`
	}
	inList struct{ A []*unknownRule }
	inMap  struct {
		A map[string]map[int]unknownRule
	}
	inPointer struct{ A *inList }
	embedding struct{ inList }
)

func TestInvalidTags(t *testing.T) {
	const unknown = "validate: invalid tags of validate.unknownRule: Undefined validation function 'requird' on field 'A': correct the tag or add the rule with validate.Rule"
	for _, tt := range []struct {
		payload any
		want    string
	}{
		{&unknownRule{}, unknown},
		{&[]unknownRule{}, unknown},
		{&map[string]*unknownRule{}, unknown},
		{&inList{}, unknown},
		{&inMap{}, unknown},
		{&inPointer{}, unknown},
		{&embedding{}, unknown},
		{&page[unknownRule]{}, unknown},
		{&emptyRule{}, "validate: invalid tags of validate.emptyRule: Invalid validation tag on field 'A': correct the tag or add the rule with validate.Rule"},
		{&badParam{}, `validate: invalid tag of validate.badParam.A: "max=many": strconv.ParseInt: parsing "many": invalid syntax: correct the tag`},
		{&badType{}, `validate: invalid tag of validate.badType.A: "min=1": Bad field type bool: correct the tag`},
		{&badDive{}, `validate: invalid tag of validate.badDive.A: "dive": dive needs a list or map: correct the tag`},
		{&badKeys{}, `validate: invalid tag of validate.badKeys.A: "keys": keys needs a map: correct the tag`},
		{&badKeyRule{}, `validate: invalid tag of validate.badKeyRule.A: "max=x": strconv.ParseInt: parsing "x": invalid syntax: correct the tag`},
		{&badElement{}, `validate: invalid tag of validate.badElement.A: "max=3": Bad field type bool: correct the tag`},
		{&badAlternative{}, `validate: invalid tag of validate.badAlternative.A: "email|max=x": strconv.ParseInt: parsing "x": invalid syntax: correct the tag`},
		{&badStruct{}, `validate: invalid tag of validate.badStruct.A: "min=1": does not apply to structs: correct the tag`},
		{&badOneOf{}, `validate: invalid tag of validate.badOneOf.A: "oneof=1 2": Bad field type float64: correct the tag`},
		{&badReference{}, `validate: invalid tag of validate.badReference.A: "eqfield=B": no field "B" in the same struct: correct the tag`},
		{&badList{}, `validate: invalid tag of validate.badList.A: "required_with=C B": no field "B" in the same struct: correct the tag`},
		{&badUnique{}, `validate: invalid tag of validate.badUnique.A: "unique=Nme": no field "Nme" in the items, or not an exported one: correct the tag`},
		{&badUniqueItems{}, `validate: invalid tag of validate.badUniqueItems.A: "unique=Name": the items are of type string, which has no fields: correct the tag`},
		{&badUniqueList{}, `validate: invalid tag of validate.badUniqueList.A: "unique": values of type []int cannot be compared: correct the tag`},
		{&badUniqueField{}, `validate: invalid tag of validate.badUniqueField.A: "unique=A": values of type [][]int cannot be compared: correct the tag`},
		{&badUniqueOther{}, `validate: invalid tag of validate.badUniqueOther.A: "unique=C": no field "C" in the same struct: correct the tag`},
		{&badUniqueKind{}, `validate: invalid tag of validate.badUniqueKind.A: "unique=B": the field B has another type, int: correct the tag`},
		{&badUniqueText{}, `validate: invalid tag of validate.badUniqueText.A: "unique": Bad field type string: correct the tag`},
		{&badPairs{}, `validate: invalid tag of validate.badPairs.A: "required_if=C": needs pairs of field and value: correct the tag`},
	} {
		p := New()
		if err := p.CheckType(reflect.TypeOf(tt.payload)); err == nil || err.Error() != tt.want {
			t.Errorf("%T: CheckType: %v\nwant %s", tt.payload, err, tt.want)
		}
		for range 2 { // the second is cached
			err := p.Transform(t.Context(), nil, tt.payload)
			if err == nil || err.Error() != tt.want {
				t.Errorf("%T: Transform: %v\nwant %s", tt.payload, err, tt.want)
			}
			if e, ok := errors.AsType[*pipeline.Error](err); ok {
				t.Errorf("%T: the client receives %v", tt.payload, e)
			}
		}
	}
}

// Rules for text are not accepted at fields of other types.
func TestAudit_RulesForText(t *testing.T) {
	for _, rule := range []string{
		"url", "http_url", "https_url", "uri", "urn_rfc2141", "origin", "json", "timezone", "bcp47_language_tag", "eq_ignore_case=a", "ne_ignore_case=a",
		"lowercase", "uppercase", "file", "filepath", "dir", "dirpath", "image",
	} {
		for _, field := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[[]string](), reflect.TypeFor[map[string]int](), reflect.TypeFor[*bool]()} {
			owner := reflect.StructOf([]reflect.StructField{{Name: "A", Type: field, Tag: reflect.StructTag(`validate:"` + rule + `"`)}})
			if err := New().CheckType(owner); err == nil || !strings.Contains(err.Error(), "Bad field type") {
				t.Errorf("%s at %v: %v", rule, field, err)
			}
		}
		for _, field := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[*string](), reflect.TypeFor[any]()} {
			owner := reflect.StructOf([]reflect.StructField{{Name: "A", Type: field, Tag: reflect.StructTag(`validate:"omitempty,` + rule + `"`)}})
			if err := New().CheckType(owner); err != nil {
				t.Errorf("%s at %v: %v", rule, field, err)
			}
		}
	}
}

// CheckType accepts all tags that the library accepts.
func TestValidTags(t *testing.T) {
	type inner struct{ Deep []string }
	type right struct {
		A  string            `validate:"omitempty,min=1,max=0x10"`
		B  time.Time         `validate:"gt"`
		C  time.Duration     `validate:"min=1s,max=1h"`
		D  *[]*string        `validate:"omitnil,max=3,dive,required,max=3"`
		E  map[string][]int  `validate:"dive,keys,min=1,endkeys,max=3,dive,min=1"`
		F  any               `validate:"omitempty,min=1"`
		G  []any             `validate:"dive,min=1"`
		H  string            `validate:"required_if=A x In.Deep[0] y"`
		I  string            `validate:"required_with=F.Something"`
		J  string            `validate:"eqcsfield=Outside.Name"`
		K  string            `validate:"oneof='a b' c|len=0"`
		L  [3]int            `validate:"unique,eq=3"`
		M  chan int          `validate:"required"`
		N  string            `validate:"iscolor|eq=none"`
		O  string            `validate:"-"`
		P  item              `validate:"required,structonly"`
		Q  *right            `validate:"omitempty"`
		R  bool              `validate:"eq=true"`
		S  optional          `validate:"min=1"`
		T  map[string]string `validate:"dive,keys,alpha,endkeys"`
		U  []item            `validate:"unique=Name"`
		V  []*item           `validate:"unique=Name"`
		W  string            `validate:"unique=A"`
		X  map[string]*item  `validate:"unique"`
		Y  []any             `validate:"unique,unique=Name"`
		In inner
		u  string `validate:"nonsense"`
	}
	p := New()
	for _, typ := range []reflect.Type{nil, reflect.TypeFor[right](), reflect.TypeFor[*right](), reflect.TypeFor[int](), reflect.TypeFor[error](), reflect.TypeFor[time.Time]()} {
		if err := p.CheckType(typ); err != nil {
			t.Errorf("%v: %v", typ, err)
		}
	}
	_ = right{}.u
}

// optional implements validator.Valuer.
type optional struct{ value *int }

func (o optional) ValidatorValue() any { return o.value }

// Errors that occur only when a rule runs are internal.
func TestRulesThatPanic(t *testing.T) {
	type text struct {
		A string `validate:"startswith=a,mine"`
	}
	type unhashable struct {
		A []any `validate:"unique"`
	}
	cause := errors.New("the cause")
	for _, tt := range []struct {
		payload any
		value   any
		want    string
	}{
		{&text{"a"}, "a text", "validate: rule of validate.text failed: a text: correct its tags"},
		{&text{"a"}, cause, "validate: rule of validate.text panicked: the cause\n"},
		{&text{"a"}, 5, "validate: rule of validate.text panicked: 5\n"},
		{&unhashable{[]any{[]any{}}}, nil, "validate: rule of validate.unhashable panicked: hash of unhashable type"},
	} {
		p := New(Rule("mine", func(context.Context, validator.FieldLevel) bool { panic(tt.value) }))
		if err := p.CheckType(reflect.TypeOf(tt.payload)); err != nil {
			t.Errorf("%T: CheckType runs the rule: %v", tt.payload, err)
		}
		for range 2 {
			err := p.Transform(t.Context(), nil, tt.payload)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%T: %v, want %s", tt.payload, err, tt.want)
			}
			if tt.value == cause && (!errors.Is(err, cause) || !strings.Contains(err.Error(), "tags_test.go")) {
				t.Errorf("without cause or stack: %v", err)
			}
		}
	}
}
