package codec

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func TestErrorsAreTheLibrarys(t *testing.T) {
	d, _ := DecoderOf(reflect.TypeFor[item]())
	for _, tt := range []struct {
		text string
		o    Options
		want string
	}{
		{`{"id":"x"}`, Options{}, `unmarshal JSON string into Go int within "/id"`},
		{`{"id":1,"id":2}`, Options{}, `duplicate object member name "id"`},
		{`{"no":1,"no":2}`, Options{}, `duplicate object member name "no"`},
		{`{"no":1}`, Options{Strict: true}, "unknown object member name"},
		{`{"name":"\ud83d"}`, Options{Strict: true}, "invalid surrogate pair"},
		{"{\"name\":\"\xff\"}", Options{}, "invalid UTF-8"},
		{`{"id":1}x`, Options{}, "invalid character 'x' after top-level value"},
		{`{"id":99999999999999999999}`, Options{}, "value out of range"},
		{"", Options{}, "EOF"},
	} {
		err := d.Decode([]byte(tt.text), new(item), tt.o)
		want := json.Unmarshal([]byte(tt.text), new(item), libraryOptions([]byte(tt.text), tt.o))
		if err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%s: %v, the library has %v", tt.text, err, want)
		}
		if !strings.Contains(fmt.Sprint(err), tt.want) && !strings.Contains(fmt.Sprint(err), "surrogate") {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// Nesting has the library's limit.
func TestDepth(t *testing.T) {
	for _, tt := range []struct {
		v            any
		before, text string
	}{
		{new(any), "[", "]"}, {new([]any), "[", "]"}, {new(any), `{"":`, "}"}, {new(tree), `{"Left":`, "}"}, {new(tree), `{"x":`, "}"}, {new(tree), `{"Kids":[`, "]}"},
		{new(jsonned), "[", "]"}, {new([]jsontext.Value), "[", "]"},
	} {
		for _, n := range []int{4999, 5000, 5001, 9999, 10_000, 10_001} {
			text := []byte(strings.Repeat(tt.before, n) + "null" + strings.Repeat(tt.text, n))
			v := reflect.New(reflect.TypeOf(tt.v).Elem()).Interface()
			err, want := Unmarshal(text, v, Options{}), json.Unmarshal(text, reflect.New(reflect.TypeOf(tt.v).Elem()).Interface(), strictUnicode)
			if (err == nil) != (want == nil) {
				t.Errorf("%T, %d of %s: %.200v, the library has %.200v", tt.v, n, tt.before, err, want)
			}
		}
	}
}

// Large slices are counted before they grow, in which nothing wrong is overlooked.
func TestElementsAhead(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int
	}{{`1]`, 1}, {`1,2]`, 2}, {`{"a":[1,2],"b":"],["},[3,4],"]"],5`, 3}, {`1,"`, 2}, {`1,2`, 2}, {``, 1}, {`"x`, 1}} {
		r := reader{text: []byte(tt.text), ahead: 1}
		if got := r.elementsAhead(); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.text, got, tt.want)
		}
	}
	for _, end := range []string{"]", "]]", ",]", "", `"`, "x]"} {
		text := []byte("[" + strings.Repeat("1,", 20_000) + "1" + end)
		if err, want := Unmarshal(text, new([]int), Options{}), json.Unmarshal(text, new([]int)); fmt.Sprint(err) != fmt.Sprint(want) {
			t.Errorf("%s: %v, the library has %v", end, err, want)
		}
	}
	// What has been read ahead often is not read again.
	deep := strings.Repeat(`{"Kids":[`+strings.Repeat("{},", 1200), 40) + `{}` + strings.Repeat("]}", 40)
	if err := Unmarshal([]byte(deep), new(tree), Options{Budget: 1 << 30}); err != nil {
		t.Error(err)
	}
}

// Only strings are allocated for a small struct.
func TestAllocations(t *testing.T) {
	d, _ := DecoderOf(reflect.TypeFor[small]())
	text := []byte(`{"seq":12345,"text":"` + strings.Repeat("a", 40) + `"}`)
	var v, zero small
	buf := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() {
		v = zero
		if d.Decode(text, &v, Options{}) != nil {
			t.Fatal()
		}
		buf, _ = Append(buf[:0], &v)
	}); n != 1 {
		t.Errorf("%v allocations, want that of the text", n)
	}
	if string(buf) != string(text) {
		t.Errorf("%s", buf)
	}
}
