package codec

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestBudget(t *testing.T) {
	many := func(n int, of string) string { return "[" + strings.TrimSuffix(strings.Repeat(of+",", n), ",") + "]" }
	odd := func(n int) string { return `{"n":"1","f":"1","items":` + many(n, "{}") + `}` }
	type oddItems struct {
		N     int    `json:"n,string"`
		Items []item `json:"items"`
	}
	size := int(reflect.TypeFor[item]().Size())
	for _, tt := range []struct {
		what string
		v    any
		text func(n int) string
		each int
	}{
		{"structs", new([]item), func(n int) string { return many(n, "{}") }, size},
		{"null", new([]item), func(n int) string { return many(n, "null") }, size},
		{"texts", new([]string), func(n int) string { return many(n, `"a]b"`) }, 16},
		{"pointers", new([]*item), func(n int) string { return many(n, "{}") }, size + 8},
		{"lists", new([][]item), func(n int) string { return many(n, "[{}]") }, size + 24},
		{"any", new(any), func(n int) string { return many(n, "0") }, 16},
		{"maps", new(map[string]item), func(n int) string { return members(n, "{}") }, size + 16},
		{"maps of any", new(map[string]any), func(n int) string { return members(n, "0") }, 32},
		{"maps of strings", new(map[string]string), func(n int) string { return members(n, `""`) }, 32},
		{"by the library", new(oddItems), odd, size},
		{"leaf", new(struct{ Odd *oddItems }), func(n int) string { return `{"Odd":` + odd(n) + `}` }, size},
	} {
		const n = 1000
		zero := func() any { return reflect.New(reflect.TypeOf(tt.v).Elem()).Interface() }
		enough, tooFew := Options{Budget: n*tt.each + 200*size}, Options{Budget: n*tt.each - 4*size}
		if err := Unmarshal([]byte(tt.text(n)), zero(), enough); err != nil {
			t.Errorf("%s: enough: %v", tt.what, err)
		}
		if err := Unmarshal([]byte(tt.text(n)), zero(), tooFew); !errors.Is(err, ErrBudget) {
			t.Errorf("%s: too few: %v", tt.what, err)
		}
	}
	if err := Unmarshal([]byte("{}"), new(*bigs), Options{Budget: 2000}); !errors.Is(err, ErrBudget) {
		t.Errorf("one pointer: %v", err)
	}
	full := []item{{}}
	if err := Unmarshal([]byte(many(1000, "{}")), &full, Options{Budget: 999}); !errors.Is(err, ErrBudget) {
		t.Errorf("merged: %v", err)
	}
	if err := Unmarshal([]byte(many(300_000, "{}")), new([]item), Options{}); !errors.Is(err, ErrBudget) {
		t.Errorf("default: %v", err)
	}
	// The budget does not hide what is wrong before it.
	if err := Unmarshal([]byte(`[{},{"id":"x"},`+many(2000, "{}")[1:]), new([]item), Options{Budget: 1000 * size}); err == nil || errors.Is(err, ErrBudget) {
		t.Errorf("wrong: %v", err)
	}
}

// maxMessage is the largest message; the budget of a server follows from it.
const maxMessage = 128 << 10

// ways are how a text is decoded: by plans, by the library because the value is not empty, and by another codec.
func ways[T any](text []byte) map[string]error {
	d, _ := DecoderOf(reflect.TypeFor[T]())
	var full, none T
	fillFirst(reflect.ValueOf(&full).Elem())
	o := Options{Budget: BudgetFactor * maxMessage}
	errs := map[string]error{"plans": d.Decode(text, &none, o), "weighed": d.Weigh(text, o)}
	if !reflect.ValueOf(&full).Elem().IsZero() {
		errs["merged"] = Unmarshal(text, &full, o)
	}
	return errs
}

// fillFirst makes a value that is not zero.
func fillFirst(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Struct:
		fillFirst(v.Field(v.NumField() - 1))
	}
}

// Ordinary messages of the largest size pass, whatever their form, and texts that need much more memory than they have bytes do
// not.
func TestBudgetByForm(t *testing.T) {
	const size = maxMessage
	fill := func(each string) string { // as many as a message may have
		return "[" + strings.TrimSuffix(strings.Repeat(each+",", (size-2)/(len(each)+1)), ",") + "]"
	}
	in := func(name, text string) string { return `{"id":"1","` + name + `":` + text + `}` }
	type row struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
		Done bool   `json:"done"`
	}
	type odd struct { // what plans do not know
		ID   int            `json:"id,string"`
		Rows []row          `json:"rows"`
		Any  any            `json:"any"`
		Map  map[string]any `json:"map"`
		Grid [][]int        `json:"grid"`
		Keys map[int]row    `json:"keys"`
		Big  []bigs         `json:"big"`
		Data []byte         `json:"data"`
		Text []string       `json:"text"`
		Last []int          `json:"last"`
	}
	type withAny struct {
		ID   string
		Any  any
		Big  []bigs
		Last []int
	}
	object := `{"id":1,"name":"a","tags":["x"]}`
	rowText := `{"id":1,"name":"a","done":true}`
	numbered := func(each string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-2*len(each)-20; i++ {
			fmt.Fprintf(&b, `,"%d":%s`, i, each)
		}
		return "{" + b.String()[1:] + "}"
	}
	text := `"` + strings.Repeat("a", size-2) + `"`
	check := func(what string, errs map[string]error, refused bool) {
		t.Helper()
		for way, err := range errs {
			if errors.Is(err, ErrBudget) != refused || err != nil && !refused {
				t.Errorf("%s, %s: %v", what, way, err)
			}
		}
	}
	check("small structs", ways[[]row]([]byte(fill(rowText))), false)
	check("small structs in lists", ways[[][]row]([]byte(fill("["+rowText+"]"))), false)
	check("pointers to small structs", ways[[]*row]([]byte(fill(rowText))), false)
	check("map of any", ways[map[string]any]([]byte(numbered(`1`))), false)
	check("maps of any", ways[[]map[string]any]([]byte(fill(object))), false)
	check("maps of strings", ways[[]map[string]string]([]byte(fill(`{"a":"b"}`))), false)
	check("map of structs", ways[map[string]row]([]byte(numbered(rowText))), false)
	check("map of numbers to structs", ways[map[int]row]([]byte(numbered(rowText))), false)
	check("numbers", ways[[]int]([]byte(fill("1"))), false)
	check("lists of numbers", ways[[][]int]([]byte(fill("[1]"))), false)
	check("any", ways[any]([]byte(fill("1"))), false)
	check("any of objects", ways[any]([]byte(fill(object))), false)
	check("any nested", ways[[]any]([]byte(fill("[1,[2,[3]]]"))), false)
	check("any empty", ways[[]any]([]byte(fill("[]"))), false)
	check("text", ways[string]([]byte(text)), false)
	check("texts", ways[[]string]([]byte(fill(`"a"`))), false)
	check("bytes", ways[[]byte]([]byte(`"`+strings.Repeat("AAAA", size/4-1)+`"`)), false)
	for name, text := range map[string]string{
		"rows": fill(rowText), "any": fill(object), "map": numbered("1"), "grid": fill("[1]"), "keys": numbered(rowText), "data": `"` + strings.Repeat("AAAA", size/4-10) + `"`, "text": fill(`"a"`),
	} {
		check("by the library: "+name, ways[odd]([]byte(in(name, text))), false)
		check("by the library in a list: "+name, ways[[]odd]([]byte("["+in(name, text)+"]")), false)
	}
	check("any beside large elements", ways[withAny]([]byte(`{"Any":`+fill(object)+`}`)), false)

	check("large structs", ways[[]bigs]([]byte(fill("{}"))), true)
	check("null", ways[[]bigs]([]byte(fill("null"))), true)
	check("pointers", ways[[]*bigs]([]byte(fill("{}"))), true)
	check("maps", ways[map[string]bigs]([]byte(numbered("{}"))), true)
	check("maps of one", ways[[]map[string]row]([]byte(fill(`{"":{}}`))), true)
	check("by the library", ways[odd]([]byte(in("big", fill("{}")))), true)
	check("by the library in a list", ways[[]odd]([]byte("["+in("big", fill("{}"))+"]")), true)
	check("by the library, a few each", ways[[]odd]([]byte(fill(in("big", "[{},{},{}]")))), true)
	check("embedded pointers", ways[[]embedsBig]([]byte(fill(`{"B":1}`))), true)
	check("embedded pointers, by the library", ways[[]oddEmbedsBig]([]byte(fill(`{"B":1}`))), true)
	check("beside any", ways[withAny]([]byte(`{"Any":[],"Big":`+fill("{}")+`}`)), true)
	check("in another case", ways[withAny]([]byte(`{"ANY":[],"b_ig":`+fill("{}")+`}`)), true)
}

type (
	EmbeddedBig struct {
		A [300]int64
		B int
	}
	embedsBig    struct{ *EmbeddedBig }
	oddEmbedsBig struct {
		*EmbeddedBig
		C int `json:",string"`
	}
)

// Another codec may know fields by other names than the framework's: what is in them is counted as the largest elements.
func TestWeighUnknownNames(t *testing.T) {
	type v struct {
		Big []bigs `yaml:"large"`
		N   []int
	}
	list := []byte(`{"large":[` + strings.Repeat("{},", 20_000) + `{}]}`)
	d, _ := DecoderOf(reflect.TypeFor[v]())
	if err := d.Weigh(list, Options{}); !errors.Is(err, ErrBudget) {
		t.Error(err)
	}
	if err := d.Decode(list, new(v), Options{}); err != nil {
		t.Error(err)
	}
	if err := d.Weigh([]byte(strings.Replace(string(list), "large", "n", 1)), Options{}); err != nil {
		t.Error(err)
	}
}

func members(n int, of string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":%s`, i, of)
	}
	return "{" + b.String()[1:] + "}"
}

func TestWeigh(t *testing.T) {
	type recursive *recursive
	for _, tt := range []struct {
		typ  reflect.Type
		text string
		want int
	}{
		{reflect.TypeFor[[]small](), `[{"seq":1},null]`, 24 + 24},
		{reflect.TypeFor[[]small](), `[{"a":"b\"c"},"x]`, 24},
		{reflect.TypeFor[map[int]int64](), `{"1":1,"2" : 2.5e3}`, 2 * 16},
		{reflect.TypeFor[[]*int64](), `[1,true]`, 2 * 16},
		{reflect.TypeFor[[][]string](), `[["a"],[]]`, 2*24 + 16},
		{reflect.TypeFor[[][]byte](), `["a",[]]`, 2 * 24},
		{reflect.TypeFor[[]jsonned](), `[1,{}]`, 2 * 16},
		{reflect.TypeFor[[3]int](), `[1,2,3]`, 0},
		{reflect.TypeFor[struct{ A []any }](), `{"A":[1,{},[]]}`, 4 * 32},
		{reflect.TypeFor[recursive](), `1`, 0},
	} {
		if got := weigh(tt.typ).of([]byte(tt.text)); got != tt.want {
			t.Errorf("%v of %s: %d, want %d", tt.typ, tt.text, got, tt.want)
		}
	}
}
