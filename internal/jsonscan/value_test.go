package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"
)

func accepts(b []byte) bool {
	end := Value(b, Space(b, 0), MaxDepth)
	return end >= 0 && Space(b, end) == len(b)
}

func TestGrammar(t *testing.T) {
	valid := []string{
		`0`, `-0`, `10`, `-1.5e+3`, `1E9`, `0.0`, `""`, `"\u00e9\n\\\"\/"`, `"0123456\"89abcdef"`, `true`, `false`, `null`,
		`[]`, `{}`, "[\t1\r,\n[ ] , { } ] ", `{"a":{"b":[1,{"c":null}]},"a" : 2}`, `"` + strings.Repeat("é", 50) + `"`,
		`1e999`, "\"\x7f\"", `"\ud800"`, `[[[{"a":[]}],{}],""]`,
	}
	invalid := []string{
		``, ` `, `01`, `-01`, `-`, `1.`, `.5`, `+1`, `1e`, `1e+`, `0x1`, `NaN`, `tru`, `nul`, `True`, `falsee`, `"`, `"\x"`, `"\u12g4"`, `"\u123`, `"\`,
		"\"\n\"", "\"01234567\x00\"", `[`, `[1`, `[1,`, `[1,]`, `[,]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{a:1}`,
		`{"a" 1}`, `{1:2}`, `[}`, `{"a":[}`, `{]`, `[1}`, `{"a":1]`, `{,}`, `'a'`, `//x`, "\ufeff1", "\x00", "1\x00", "\v1", `]`, `}`,
	}
	for _, s := range valid {
		if !accepts([]byte(s)) {
			t.Errorf("refused %q", s)
		}
		if !json.Valid([]byte(s)) {
			t.Errorf("the test is wrong about %q", s)
		}
	}
	for _, s := range invalid {
		if accepts([]byte(s)) {
			t.Errorf("accepted %q", s)
		}
		if json.Valid([]byte(s)) {
			t.Errorf("the test is wrong about %q", s)
		}
	}
}

// Every byte at every place: of a string, of its steps of eight, of an escape, of a number.
func TestBytes(t *testing.T) {
	for _, s := range []string{`"` + strings.Repeat("a", 20) + `"`, `"\u12aF..\n"`, `-12.34e+56`, `{"a":[1,true]}`} {
		for at := range len(s) {
			for c := range 256 {
				b := []byte(s)
				b[at] = byte(c)
				if got, want := accepts(b), json.Valid(b); got != want {
					t.Fatalf("%q: %v, want %v", b, got, want)
				}
			}
		}
	}
}

// Blocks of 64 levels keep apart which of them are objects.
func TestDepth(t *testing.T) {
	for _, depth := range []int{1, 2, 63, 64, 65, 127, 128, 129, 191, 193, 1000, MaxDepth, MaxDepth + 1, 100_000} {
		for _, period := range []int{1, 2, 3, 64, 65, 1 << 30} {
			var open, end []byte
			for i := range depth {
				if i%period == 0 {
					open = append(open, `{"":`...)
					end = append(end, '}')
				} else {
					open = append(open, '[')
					end = append(end, ']')
				}
			}
			text := append(open, '0')
			for i := range end {
				text = append(text, end[len(end)-1-i])
			}
			got := Value(text, 0, MaxDepth)
			if want := len(text); depth <= MaxDepth && got != want || depth > MaxDepth && !isDepthError(got) {
				t.Errorf("depth %d, period %d: %d", depth, period, got)
			}
			if depth > 1 && depth <= MaxDepth && period > 1 { // one bracket wrong
				text[len(text)-1-depth/2] ^= '}' ^ ']'
				if got := Value(text, 0, MaxDepth); got >= 0 || isDepthError(got) {
					t.Errorf("depth %d, period %d, wrong bracket: %d", depth, period, got)
				}
			}
		}
	}
}

func isDepthError(result int) bool {
	_, deep := Error(result)
	return result < 0 && deep
}

// An error is at the first byte that cannot belong to a value.
func TestErrorAt(t *testing.T) {
	for text, want := range map[string]int{
		``: 0, `x`: 0, `{"a":]}`: 5, `[1,]`: 3, `[1 2]`: 3, `{"a" 1}`: 5, `{"a":1,}`: 7, `[1`: 2, `"abc`: 4, "\"ab\n\"": 3,
		"\"0123456789\x00\"": 11, `"\x"`: 2, `"\u12g4"`: 2, `"\`: 2, `[nul]`: 1, `[1.]`: 1, `[-]`: 1, `[01]`: 2, `{1:2}`: 1, `[}`: 1, `[{]`: 2,
	} {
		got := Value([]byte(text), 0, MaxDepth)
		at, deep := Error(got)
		if got >= 0 || at != want || deep {
			t.Errorf("%q: result %d, at %d, deep %v; want %d", text, got, at, deep, want)
		}
	}
	if at, deep := Error(Value([]byte("[[[1]]]"), 0, 2)); at != 2 || !deep {
		t.Errorf("depth: at %d, deep %v", at, deep)
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,"x\n",null]}`, `[[[]],{}]`, `"\ud83d\ude00"`, `tru`, `{"a":1,}`, `-0.0e+7`, ` [`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end := Value(b, Space(b, 0), MaxDepth)
		if got, want := end >= 0 && Space(b, end) == len(b), json.Valid(b); got != want {
			t.Fatalf("%q: %v, want %v", b, got, want)
		}
		if end > len(b) {
			t.Fatalf("%q: behind the end", b)
		}
		if at, _ := Error(end); end < 0 && at > len(b) {
			t.Fatalf("%q: an error behind the end", b)
		}
	})
}
