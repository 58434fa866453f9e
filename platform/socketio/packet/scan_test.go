package packet

import (
	"encoding/json"
	"strings"
	"testing"
)

func accepts(b []byte) bool {
	end := value(b, space(b, 0), maxDepth)
	return end >= 0 && space(b, end) == len(b)
}

func TestScannerGrammar(t *testing.T) {
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
func TestScannerBytes(t *testing.T) {
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
func TestScannerDepth(t *testing.T) {
	for _, depth := range []int{1, 2, 63, 64, 65, 127, 128, 129, 191, 193, 1000, maxDepth, maxDepth + 1, 100_000} {
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
			got := value(text, 0, maxDepth)
			if want := len(text); depth <= maxDepth && got != want || depth > maxDepth && got != badDepth {
				t.Errorf("depth %d, period %d: %d", depth, period, got)
			}
			if depth > 1 && depth <= maxDepth && period > 1 { // one bracket wrong
				text[len(text)-1-depth/2] ^= '}' ^ ']'
				if got := value(text, 0, maxDepth); got != badSyntax {
					t.Errorf("depth %d, period %d, wrong bracket: %d", depth, period, got)
				}
			}
		}
	}
}
