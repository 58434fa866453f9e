package validate

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"
)

// Each value breaks the rule, as the library reports.
func TestRuleMessages(t *testing.T) {
	p := New()
	future := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		value any
		tag   string
		want  string
	}{
		{"", "required", "is required"},
		{0, "required", "is required"},
		{(*int)(nil), "required", "is required"},
		{[]int(nil), "required", "is required"},
		{person{}, "required", "is required"},
		{1, "isdefault", "must be left out"},

		{"ab", "min=3", "must have at least 3 characters"},
		{"", "min=1", "must have at least 1 character"},
		{"abc", "max=2", "may have at most 2 characters"},
		{"abc", "len=2", "must have exactly 2 characters"},
		{"ab", "gt=2", "must have more than 2 characters"},
		{"ab", "lt=2", "must have fewer than 2 characters"},
		{"ab", "gte=3", "must have at least 3 characters"},
		{"ab", "lte=1", "may have at most 1 character"},
		{"ab", "eq=x", "must be x"},
		{"x", "ne=x", "must not be x"},
		{"ab", "eq_ignore_case=x", "must be x"},
		{"X", "ne_ignore_case=x", "must not be x"},
		{(*string)(nil), "min=3", "must have at least 3 characters"},

		{2, "min=3", "must be at least 3"},
		{uint8(4), "max=3", "may be at most 3"},
		{4.5, "len=3", "must be exactly 3"},
		{3, "gt=3", "must be more than 3"},
		{3, "lt=3", "must be less than 3"},
		{3, "eq=4", "must be 4"},
		{4, "ne=4", "must not be 4"},
		{true, "eq=false", "must be false"},
		{(*int)(nil), "max=3", "may be at most 3"},
		{time.Second, "min=1m", "must be at least 1m"},

		{[]int{1}, "min=2", "must have at least 2 items"},
		{[]int{1, 2}, "max=1", "may have at most 1 item"},
		{map[string]int{}, "min=2", "must have at least 2 items"},
		{[]int{1}, "eq=2", "must have exactly 2 items"},
		{[]int{1}, "ne=1", "must not have exactly 1 item"},
		{[]byte{1}, "min=2", "must have at least 2 bytes"},
		{[]int{1, 1}, "unique", "must not have the same item twice"},
		{[]person{{"a"}, {"a"}}, "unique=Name", "must not have two items with the same name"},

		{time.Time{}, "gt", "must be in the future"},
		{time.Time{}, "gte", "must not be in the past"},
		{future, "lt", "must be in the past"},
		{future, "lte", "must not be in the future"},

		{"x", "oneof=a b", "must be one of: a, b"},
		{"x", "oneof='a b' c", "must be one of: a b, c"},
		{3, "oneof=1 2", "must be one of: 1, 2"},
		{"x", "oneofci=a b", "must be one of: a, b"},
		{"a", "noneof=a b", "must not be one of: a, b"},
		{"x", "contains=ab", "must contain ab"},
		{"x", "containsany=ab", "must contain one of these characters: ab"},
		{"xab", "excludes=ab", "must not contain ab"},
		{"xa", "excludesall=ab", "must not contain any of these characters: ab"},
		{"x", "startswith=ab", "must start with ab"},
		{"x", "endswith=ab", "must end with ab"},
		{"ab", "startsnotwith=ab", "must not start with ab"},
		{"ab", "endsnotwith=ab", "must not end with ab"},
		{"x", "contains=0x2C0x7C", "must contain ,|"},
		{"x", "datetime=2006-01-02", "must be a date or time such as 2030-12-31"},

		{"é", "alpha", "may have letters from a to z only"},
		{"!", "alphanum", "may have letters from a to z and digits only"},
		{"1", "alphaunicode", "may have letters only"},
		{"!", "alphanumunicode", "may have letters and digits only"},
		{"é", "ascii", "may have ASCII characters only"},
		{"A", "lowercase", "must be in lower case"},
		{"a", "uppercase", "must be in upper case"},
		{"a", "numeric", "must be a number"},
		{"-1", "number", "may have digits only"},
		{"maybe", "boolean", "must be true or false"},
		{"x", "hexadecimal", "must be hexadecimal"},
		{"x", "email", "must be an email address"},
		{"x", "e164", "must be a phone number such as +14155550123"},
		{"x", "url", "must be a URL"},
		{"ftp://x", "http_url", "must be a URL with http or https"},
		{"x", "uuid", "must be a UUID"},
		{"x", "uuid4", "must be a UUID of version 4"},
		{"x", "ulid", "must be a ULID"},
		{"x", "ip", "must be an IP address"},
		{"::1", "ipv4", "must be an IPv4 address"},
		{"x", "cidr", "must be a network such as 192.0.2.0/24"},
		{"!", "hostname", "must be a host name"},
		{"x", "hostname_port", "must be a host and a port"},
		{"!", "base64", "must be base64"},
		{"{", "json", "must be JSON"},
		{"x", "semver", "must be a version such as 1.2.3"},
		{"x", "timezone", "must be a time zone such as Europe/Paris"},
		{"x", "duration", "must be a duration such as 1m30s"},
		{"x", "iso3166_1_alpha2", "must be a country code of two letters"},
		{"x", "iso4217", "must be a currency code"},
		{"!", "bcp47_language_tag", "must be a language tag such as en-GB"},

		{"x", "iscolor", "must be a color"},
		{"x", "country_code", "must be a country code"},
		{"x", "eu_country_code", "breaks the rule eu_country_code"},
		{"x", "email|url", "must be an email address, or must be a URL"},
		{"x", "eq=a|eq=b", "must be a, or must be b"},
		{"x", "email|eth_addr", "breaks the rule email|eth_addr"},
		{"x", "eth_addr", "breaks the rule eth_addr"},
	} {
		typ := reflect.StructOf([]reflect.StructField{{
			Name: "Secret", Type: reflect.TypeOf(tt.value), Tag: reflect.StructTag(`json:"f" validate:"` + tt.tag + `"`),
		}})
		payload := reflect.New(typ)
		payload.Elem().Field(0).Set(reflect.ValueOf(tt.value))
		got := only(t, p, payload.Interface())
		if got.Field != "f" || got.Message != tt.want {
			t.Errorf("%T %v, %q: %q %q, want %q", tt.value, tt.value, tt.tag, got.Field, got.Message, tt.want)
		}
		rule, _, _ := strings.Cut(tt.tag, "=")
		if !strings.Contains(tt.tag, "|") && got.Rule != rule {
			t.Errorf("%q: the rule is %q", tt.tag, got.Rule)
		}
	}
}

func TestSeveralRulesAndParam(t *testing.T) {
	type message struct {
		A string `json:"a" validate:"eq=x|min=3"`
		B string `json:"b" validate:"oneof=a b"`
		C string `json:"c" validate:"iscolor"`
	}
	got := violations(t, New(), &message{A: "y"})
	if len(got) != 3 || got[0].Rule != "eq|min" || got[0].Param != "" || got[1].Param != "a b" || got[2].Rule != "iscolor" || got[2].Param != "" {
		t.Errorf("found %+v", got)
	}
}

type meeting struct {
	Kind     string    `json:"kind"`
	Start    time.Time `json:"start"`
	Inner    *nested   `json:"inner"`
	Hidden   string    `json:"-"`
	Inherits           // its fields are promoted
}

type (
	nested   struct{ Deep string }
	Inherits struct {
		Upper int `json:"upper"`
	}
)

// Messages about other fields use wire names, or leave them out.
func TestOtherFields(t *testing.T) {
	base := reflect.TypeFor[meeting]()
	for _, tt := range []struct {
		tag   string
		value any
		with  meeting
		param string
		want  string
	}{
		{"eqfield=Kind", "x", meeting{}, "kind", "must be equal to kind"},
		{"nefield=Kind", "x", meeting{Kind: "x"}, "kind", "must not be equal to kind"},
		{"gtfield=Start", time.Time{}, meeting{Start: time.Now()}, "start", "must be after start"},
		{"gtefield=Start", time.Time{}, meeting{Start: time.Now()}, "start", "must not be before start"},
		{"ltfield=Start", time.Now(), meeting{}, "start", "must be before start"},
		{"ltefield=Start", time.Now(), meeting{}, "start", "must not be after start"},
		{"gtfield=Upper", 1, meeting{Inherits: Inherits{2}}, "upper", "must be more than upper"},
		{"gtefield=Upper", 1, meeting{Inherits: Inherits{2}}, "upper", "must be at least upper"},
		{"ltfield=Upper", 1, meeting{}, "upper", "must be less than upper"},
		{"ltefield=Inherits.Upper", 1, meeting{}, "upper", "may be at most upper"},
		{"eqcsfield=Inner.Deep", "x", meeting{}, "inner.Deep", "must be equal to inner.Deep"},
		{"fieldcontains=Kind", "x", meeting{Kind: "y"}, "kind", "must contain the value of kind"},
		{"fieldexcludes=Kind", "x", meeting{Kind: "x"}, "kind", "must not contain the value of kind"},
		{"eqfield=Hidden", "x", meeting{}, "", "breaks the rule eqfield"},
		{"required_if=Kind video", "", meeting{Kind: "video"}, "kind video", "is required if kind is video"},
		{"required_if=Kind 'a b' Upper 0", "", meeting{Kind: "a b"}, "kind 'a b' upper 0", "is required if kind is a b and upper is 0"},
		{"required_unless=Kind video", "", meeting{}, "kind video", "is required unless kind is video"},
		{"excluded_if=Kind video", "x", meeting{Kind: "video"}, "kind video", "must be left out if kind is video"},
		{"excluded_unless=Kind video", "x", meeting{}, "kind video", "must be left out unless kind is video"},
		{"required_with=Kind Upper", "", meeting{Kind: "x"}, "kind upper", "is required if kind or upper is set"},
		{"required_with_all=Kind", "", meeting{Kind: "x"}, "kind", "is required if all of these are set: kind"},
		{"required_without=Kind Inner", "", meeting{}, "kind inner", "is required if kind or inner is not set"},
		{"required_without_all=Kind Inner", "", meeting{}, "kind inner", "is required if none of these is set: kind, inner"},
		{"excluded_with=Kind", "x", meeting{Kind: "x"}, "kind", "must be left out if kind is set"},
		{"excluded_with_all=Kind", "x", meeting{Kind: "x"}, "kind", "must be left out if all of these are set: kind"},
		{"excluded_without=Kind", "x", meeting{}, "kind", "must be left out if kind is not set"},
		{"excluded_without_all=Kind Inner", "x", meeting{}, "kind inner", "must be left out if none of these is set: kind, inner"},
		{"required_with=Kind Hidden", "", meeting{Kind: "x"}, "", "is required here"},
		{"email|eqfield=Kind", "x", meeting{}, "", "must be an email address, or must be equal to kind"},
	} {
		field := reflect.StructField{Name: "Secret", Type: reflect.TypeOf(tt.value), Tag: reflect.StructTag(`json:"f" validate:"` + tt.tag + `"`)}
		typ := reflect.StructOf(append([]reflect.StructField{field}, reflect.VisibleFields(base)[:4]...))
		// StructOf has no embedded fields with methods; a named one that is embedded on the wire is the same.
		upper := reflect.StructField{Name: "Inherits", Type: reflect.TypeFor[Inherits](), Anonymous: true}
		typ = reflect.StructOf(append(reflect.VisibleFields(typ)[:5:5], upper))
		payload := reflect.New(typ)
		payload.Elem().Field(0).Set(reflect.ValueOf(tt.value))
		for i := 1; i < 6; i++ {
			payload.Elem().Field(i).Set(reflect.ValueOf(tt.with).Field(i - 1))
		}
		got := only(t, New(), payload.Interface())
		if got.Param != tt.param || got.Message != tt.want {
			t.Errorf("%s: %q %q, want %q %q", tt.tag, got.Param, got.Message, tt.param, tt.want)
		}
	}
}

func TestParamInHiddenStruct(t *testing.T) {
	type message struct {
		V    string `json:"v" validate:"eqfield=Deep.Name"`
		Deep person `json:"-"`
	}
	got := only(t, New(), &message{"x", person{"y"}})
	if got.Param != "" || got.Message != "breaks the rule eqfield" {
		t.Errorf("found %+v", got)
	}
}

func TestParamOfMethod(t *testing.T) {
	type message struct {
		V validated `json:"v" validate:"validateFn=Check"`
	}
	if got := only(t, New(), &message{}); got.Param != "" || strings.Contains(got.Message, "Check") {
		t.Errorf("found %+v", got)
	}
}

type validated struct{ S string }

func (validated) Check() error { return validator.ValidationErrors{} }
