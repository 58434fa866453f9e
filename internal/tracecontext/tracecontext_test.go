package tracecontext

import (
	"regexp"
	"strings"
	"testing"
)

const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestValid(t *testing.T) {
	for s, want := range map[string]bool{
		good: true, "cc" + good[2:]: true, "ff" + good[2:]: false, "": false, good[:54]: false, good + "0": false, good + "-more": false,
		strings.ToUpper(good): false, strings.Replace(good, "-", "_", 1): false, strings.Replace(good, "a", "g", 1): false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01": false, "é" + good[2:]: false, strings.Repeat("-", 55): false,
	} {
		if Valid(s) != want || Valid([]byte(s)) != want {
			t.Errorf("%q: valid is not %t", s, want)
		}
	}
	for s, want := range map[string]bool{
		"a=1,b=2": true, `a="\`: true, strings.Repeat("x", 512): true, "": false, strings.Repeat("x", 513): false, "a=1\r\nx: y": false, "a=é": false, "a\x7f": false,
	} {
		if ValidState(s) != want || ValidState([]byte(s)) != want {
			t.Errorf("%q: valid is not %t", s, want)
		}
	}
}

var form = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// FuzzValid: what is valid has the form of the specification.
func FuzzValid(f *testing.F) {
	f.Add(good)
	f.Add("ff" + good[2:])
	f.Fuzz(func(t *testing.T, s string) {
		want := form.MatchString(s) && !strings.HasPrefix(s, "ff") && s[3:35] != strings.Repeat("0", 32) && s[36:52] != strings.Repeat("0", 16)
		if Valid(s) != want {
			t.Errorf("%q: valid is not %t", s, want)
		}
	})
}
