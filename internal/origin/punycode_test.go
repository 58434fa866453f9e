package origin

import (
	"strconv"
	"testing"
)

func quote(s string) string { return strconv.Quote(s) }

// The samples of RFC 3492 section 7.1, in lower case, and names of real hosts.
func TestPunycode(t *testing.T) {
	for label, want := range map[string]string{
		"example":   "example",
		"bücher":    "xn--bcher-kva",
		"faß":       "xn--fa-hia",
		"münchen":   "xn--mnchen-3ya",
		"правда":    "xn--80aafi6cg",
		"例え":        "xn--r8jz45g",
		"他们为什么不说中文": "xn--ihqwcrb4cv8a8dqg056pqjye",
		"почемужеонинеговорятпорусски": "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"3年b組金八先生":    "xn--3b-ww4c5e180e575a65lsy2b",
		"💩":           "xn--ls8h",
		"bücher:8080": "xn--bcher-kva:8080",
	} {
		if got := punycode(label); got != want {
			t.Errorf("%s: %s, want %s", label, got, want)
		}
	}
}
