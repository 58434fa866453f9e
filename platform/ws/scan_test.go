package ws

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestScannerGrammar(t *testing.T) {
	valid := []string{
		`0`, `-0`, `10`, `-1.5e+3`, `1E9`, `0.0`, `""`, `"\u00e9\n\\\"\/"`, `"0123456\"89abcdef"`, `true`, `false`, `null`,
		`[]`, `{}`, ` [ 1 , [ ] , { } ] `, `{"a":{"b":[1,{"c":null}]},"a":2}`, `"` + strings.Repeat("é", 50) + `"`,
		`1e999`, "\"\x7f\"",
	}
	invalid := []string{
		``, ` `, `01`, `-`, `1.`, `.5`, `+1`, `1e`, `1e+`, `0x1`, `NaN`, `tru`, `nul`, `True`, `"`, `"\x"`, `"\u12g4"`, `"\u123`, `"\`,
		"\"\n\"", "\"01234567\x00\"", `[`, `[1`, `[1,`, `[1,]`, `[,]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{a:1}`,
		`{"a" 1}`, `{1:2}`, `[}`, `{"a":[}`, `{]`, `[1}`, `'a'`, `//x`, "\ufeff1", "\x00",
	}
	check := func(s string) bool {
		sc := scanner{b: []byte(s)}
		_, err := sc.value()
		sc.space()
		return err == nil && sc.i == len(s)
	}
	for _, s := range valid {
		if !check(s) {
			t.Errorf("refused %q", s)
		}
		if !json.Valid([]byte(s)) {
			t.Errorf("the test is wrong about %q", s)
		}
	}
	for _, s := range invalid {
		if check(s) {
			t.Errorf("accepted %q", s)
		}
	}
}

// Every byte at every place of an eight byte step.
func TestScannerStringBytes(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := []byte(`"` + strings.Repeat("a", 20) + `"`)
			b[1+at] = byte(c)
			sc := scanner{b: b}
			_, err := sc.value()
			got := err == nil && sc.i == len(b)
			if want := json.Valid(b); got != want {
				t.Fatalf("%q: %v, want %v", b, got, want)
			}
		}
	}
}

func TestScannerDepth(t *testing.T) {
	for _, n := range []int{1, 64, 65, maxDepth, maxDepth + 1, 100_000} {
		sc := scanner{b: []byte(strings.Repeat("[", n) + strings.Repeat("]", n))}
		_, err := sc.value()
		if want := n > maxDepth; errors.Is(err, errDepth) != want {
			t.Errorf("depth %d: %v", n, err)
		}
	}
}
