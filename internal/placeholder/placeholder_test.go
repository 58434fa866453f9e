package placeholder

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestFit(t *testing.T) {
	const p0, p1 = `{"_placeholder":true,"num":0}`, `{"num":1,"_placeholder":true}`
	for _, tt := range []struct {
		text  string
		n     int
		fit   bool
		check bool // Check returns nil
	}{
		{p0, 1, true, true},
		{p0, 2, false, false},
		{`[` + p1 + `,` + p0 + `]`, 2, true, true},
		{`[` + p0 + `,` + p0 + `]`, 1, false, false},
		{`[` + p0 + `,{"_placeholder":1}]`, 1, true, false},
		{`[` + p0 + `,{"_placeholder":null}]`, 1, true, true},
		{`[` + p0 + `,{"_placeholder":true,"_placeholder":false}]`, 1, true, true},
		{`{"x":` + p0 + `,"_placeholder":true}`, 1, false, false},
		{`{"_placeholder":true,"num":0,"num":1}`, 1, false, false},
		{`{"_placeholder":true,"num":1,"num":0}`, 1, true, true},
		{`{"_placeholder":true,"num":0.0}`, 1, false, false},
		{`{"_placeholder":true,"num":0e0}`, 1, false, false},
		{`{"_placeholder":true,"num":1048577}`, 1, false, false},
		{`"{\"_placeholder\":true,\"num\":1}"`, 0, true, true},
		{`["_placeholder",true,"num",0,"\\",` + p0 + `,"\\\""]`, 1, true, true},
		{`{"\u005fplaceholder":true,"n\u0075m":0}`, 1, true, true},
		{`{"\ud83d":true,"x":` + p0 + `}`, 1, true, true},
		{strings.Repeat("[", 100) + p0 + strings.Repeat("]", 100), 1, true, true},
		{"", 0, true, true},
		{"1", 1, false, false},
		{many(20), 20, true, true},
		{many(20), 21, false, false},
		{many(20), 19, false, false},
	} {
		if got := Fit([]byte(tt.text), tt.n); got != tt.fit {
			t.Errorf("Fit(%s, %d) = %t", tt.text, tt.n, got)
		}
		if err := Check([]byte(tt.text), tt.n); (err == nil) != tt.check {
			t.Errorf("Check(%s, %d): %v", tt.text, tt.n, err)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,{"_placeholder":true,"num":`)
		b.WriteString(strconv.Itoa(i))
		b.WriteString(`}`)
	}
	return "[" + b.String()[1:] + "]"
}

func TestAll(t *testing.T) {
	text := `[{"_placeholder":true,"num":2,"x":{"_placeholder":true,"num":0}}, {"_placeholder":true} ]`
	want := []Place{{1, 64, 2}, {66, 87, -1}}
	if got := All([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWithin(t *testing.T) {
	text := []byte(`{"a":["]",{"_placeholder":true,"num":0}],"b":{"c":"}"}}`)
	places := All(text)
	for value, want := range map[string]bool{`{"a"`: true, `["]"`: true, `{"_`: false, `{"c"`: false} {
		if got := Within(text, places, strings.Index(string(text), value)); got != want {
			t.Errorf("%s: %t", value, got)
		}
	}
}

// No text makes the package panic, and the placeholders in valid JSON are objects.
func FuzzAll(f *testing.F) {
	for _, s := range []string{`{"_placeholder":true,"num":0}`, `[{"\u005fplaceholder":true}]`, `}`, `{"`, `{"_placeholder":`, `{"a\`, `":`, `{"num":`, `{"":1}`, `:"":`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := []byte(s)
		places := All(text)
		_ = Fit(text, 3)
		_ = Check(text, 3)
		for i := range text {
			_ = Within(text, places, i)
		}
		if !jsontext.Value(text).IsValid() {
			return
		}
		end := 0
		for _, p := range places {
			v := jsontext.Value(text[p.Start:p.End])
			if p.Start < end || v.Kind() != '{' || !v.IsValid() {
				t.Fatalf("%s: %v is %s", s, p, v)
			}
			end = p.End
		}
	})
}

// Values that overflow the stack of npm's clients are rejected.
func TestCheckDepth(t *testing.T) {
	nested := func(depth int) []byte {
		return []byte(`["[[",{"_placeholder":true,"num":0},` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "]")
	}
	if err := Check(nested(MaxDepth), 1); err != nil {
		t.Error(err)
	}
	if err := Check(nested(MaxDepth+1), 1); !errors.Is(err, ErrDepth) {
		t.Errorf("got %v", err)
	}
}
