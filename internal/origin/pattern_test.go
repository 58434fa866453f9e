package origin

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, canonical string
		matches, not       string // origins
	}{
		{"https://app.example", "https://app.example", "https://app.example https://APP.example:443", "http://app.example https://app.example:8443 https://a.app.example"},
		{"https://app.example/", "https://app.example", "https://app.example", ""},
		{"HTTPS://App.Example:443", "https://app.example", "https://app.example", ""},
		{"http://localhost:5173", "http://localhost:5173", "http://localhost:5173", "http://localhost https://localhost:5173"},
		{"http://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1", ""},
		{"http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000", "http://[::1]:3000", ""},
		{"https://*.example.com", "https://*.example.com", "https://a.example.com https://a.b.example.com:443", "https://example.com https://.example.com https://evilexample.com http://a.example.com https://a.example.com:8443"},
		{"https://*.example.com:443", "https://*.example.com", "https://a.example.com", ""},
		{"https://*.example.com:8443", "https://*.example.com:8443", "https://a.example.com:8443", "https://a.example.com"},
		{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example", ""},
		{"capacitor://localhost", "capacitor://localhost", "capacitor://localhost", "https://localhost http://localhost"},
		{"app://.", "app://.", "app://.", "app://x"},
		{"file://", "file://", "file://", "https://file"},
		{"file:///", "file://", "file://", ""},
		{"*", "*", "https://any.example capacitor://localhost", ""},
	} {
		p, err := ParsePattern(tt.pattern, "F")
		if err != nil {
			t.Error(err)
			continue
		}
		if got := p.String(); got != tt.canonical {
			t.Errorf("%q is written %q, want %q", tt.pattern, got, tt.canonical)
		}
		for want, list := range map[bool]string{true: tt.matches, false: tt.not} {
			for text := range strings.FieldsSeq(list) {
				o, ok := Parse(text)
				if !ok {
					t.Errorf("%q does not parse", text)
				}
				if got := p.Matches(o); got != want {
					t.Errorf("%q, origin %q: %t, want %t", tt.pattern, text, got, want)
				}
			}
		}
	}
}

func TestPatternProblems(t *testing.T) {
	const form = ` must be scheme and host, such as "https://app.example.com"`
	const wild = ` has a wildcard elsewhere than in "https://*.example.com": list the origins, or use F`
	const port = " has a host or port that no origin has: write scheme://host, or scheme://host:port with a port from 1 to 65535"
	const several = " has several origins: list each on its own"
	const number = " has a number for its last label, which browsers take for an IPv4 address: write that with four numbers"
	for text, want := range map[string]string{
		"":                          form,
		" ":                         form,
		"app.example":               form,
		"https:app.example":         form,
		"https://":                  form,
		"https://:443":              form,
		"https://*.":                form,
		"https:///path":             form,
		" https://app.example":      ` has blanks around it: write "https://app.example"`,
		"https://app.example\n":     ` has blanks around it: write "https://app.example"`,
		"https://app.example/path":  ` must be scheme and host: write "https://app.example"`,
		"https://app.example/?q=1":  ` must be scheme and host: write "https://app.example"`,
		"https://app.example//":     ` must be scheme and host: write "https://app.example"`,
		"https://app.example#x":     ` must be scheme and host: write "https://app.example"`,
		"https://me:pw@app.example": ` has a user, which browsers do not send: write "https://app.example"`,
		"wss://app.example":         ` has the scheme of the connection, and browsers send that of the page: write "https://app.example"`,
		"ws://localhost:3000":       ` has the scheme of the connection, and browsers send that of the page: write "http://localhost:3000"`,
		"https://bücher.example":    ` has letters that browsers send in ASCII: write "https://xn--bcher-kva.example"`,
		"https://*.Bücher.example":  ` has letters that browsers send in ASCII: write "https://*.xn--bcher-kva.example"`,
		"https://bu\u0308cher.de":   ` has letters that browsers send in ASCII: write "https://xn--…"`,
		"https://ａpp.example":       ` has letters that browsers send in ASCII: write "https://xn--…"`,
		"https://a\u200db.example":  ` has letters that browsers send in ASCII: write "https://xn--…"`,
		"https://ĳs.example":        ` has letters that browsers send in ASCII: write "https://xn--…"`,
		"https://例え.example:8080":   ` has letters that browsers send in ASCII: write "https://xn--r8jz45g.example:8080"`,
		"https://*.127.0.0.1":       ` has a wildcard before an address, which has no hosts below it: write "https://127.0.0.1"`,
		"https://*.[::1]:8080":      ` has a wildcard before an address, which has no hosts below it: write "https://[::1]:8080"`,
		"https://a.io,https://b.io": several,
		"https://a.io; http://b.io": several,
		"https://a.io https://b.io": several,
		"http://0x7f":               number,
		"http://0xfade":             number,
		"http://a.0x":               number,
		"http://0xhost:8080":        "",
		"capacitor://bücher":        ` has the character 'ü', which is in no origin: remove it`,
		"https://a b.example":       ` has the character ' ', which is in no origin: remove it`,
		"https://a,b.example":       "",
		"https://%61.example":       ` has the character '%', which is in no origin: remove it`,
		"https://app-*.example":     wild,
		"https://*":                 wild,
		"https://a.*.example":       wild,
		"http://localhost:*":        wild,
		"*.example":                 form,
		"https://.example.com:443":  ` starts with a dot: write "https://*.example.com" for the hosts below it`,
		"https://a..example":        " has an empty label: remove a dot",
		"https://app.example:0":     port,
		"https://app.example:99999": port,
		"https://app.example:http":  port,
		"https://::1":               form,
		"https://1::1":              port,
		"https://[::1":              port,
		"https://127.1":             number,
		"https://1.2.3.04":          number,
		"https://1.2.3.4.":          number,
		"null":                      " is that of files and of every sandboxed page: to allow it, use F",
	} {
		_, err := ParsePattern(text, "F")
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), "origin "+quote(text))
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
