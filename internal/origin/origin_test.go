package origin

import "testing"

func TestParse(t *testing.T) {
	for header, want := range map[string]string{ // "": refused
		"https://app.example":          "https://app.example",
		"HTTPS://App.Example":          "https://app.example",
		"https://app.example:443":      "https://app.example",
		"https://app.example:":         "https://app.example",
		"https://app.example:0443":     "https://app.example",
		"http://app.example:80":        "http://app.example",
		"http://app.example:443":       "http://app.example:443",
		"https://app.example:8443":     "https://app.example:8443",
		"https://app.example.":         "https://app.example.",
		"http://[::1]:8080":            "http://[::1]:8080",
		"http://[0:0:0:0:0:0:0:1]:80":  "http://[::1]",
		"http://[::ffff:192.0.2.1]":    "http://[::ffff:c000:201]",
		"capacitor://localhost":        "capacitor://localhost",
		"Ionic://LocalHost":            "ionic://localhost",
		"app://.":                      "app://.",
		"chrome-extension://abcdef":    "chrome-extension://abcdef",
		"file://":                      "file://",
		"custom://host:443":            "custom://host:443",
		"":                             "",
		"null":                         "",
		"app.example":                  "",
		"https://":                     "",
		"capacitor://":                 "",
		"https://app.example/":         "",
		"https://app.example/path":     "",
		"https://app.example?q":        "",
		"https://app.example#f":        "",
		"https://user@app.example":     "",
		"https://a.example https://b":  "",
		" https://app.example":         "",
		"https://app.example\\@evil":   "",
		"https://bücher.example":       "",
		"https://app.example:port":     "",
		"https://app.example:65536":    "",
		"https://app.example:-1":       "",
		"https://::1":                  "",
		"https://[::1":                 "",
		"https://[fe80::1%25eth0]":     "",
		"https://[192.0.2.1]":          "",
		"1https://app.example":         "",
		"ht tps://app.example":         "",
		"://app.example":               "",
		"https://:443":                 "",
		"https://app.example:443:443":  "",
		"file:///home/user/index.html": "",
	} {
		o, ok := Parse(header)
		if got := o.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t, want %q", header, got, ok, want)
		}
	}
}

func TestSameHost(t *testing.T) {
	for _, tt := range []struct {
		origin, host string
		want         bool
	}{
		{"https://x.example", "x.example", true},
		{"https://x.example", "x.example:443", true},
		{"https://x.example", "X.Example:443", true},
		{"https://x.example:443", "x.example", true},
		{"http://x.example", "x.example:80", true},
		{"http://x.example", "x.example", true},
		{"http://x.example:8080", "x.example:8080", true},
		{"http://[::1]:3000", "[::1]:3000", true},
		{"http://[::1]", "[0::1]:80", true},
		{"https://x.example", "x.example:80", false},
		{"http://x.example", "x.example:443", false},
		{"http://x.example:8080", "x.example", false},
		{"http://x.example", "x.example:8080", false},
		{"https://x.example", "y.example", false},
		{"https://x.example", "", false},
		{"capacitor://localhost", "localhost", false},
		{"ftp://x.example", "x.example", false},
	} {
		o, ok := Parse(tt.origin)
		if !ok {
			t.Fatalf("%q does not parse", tt.origin)
		}
		if got := o.SameHost(tt.host); got != tt.want {
			t.Errorf("Origin %q, Host %q: %t, want %t", tt.origin, tt.host, got, tt.want)
		}
	}
}

// FuzzParse: what parses is written in one form, which parses to the same origin.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://x.example:443", "http://[::1]:3000", "file://", "capacitor://localhost", "null", "https://a@b", "a://:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		o, ok := Parse(header)
		if !ok {
			return
		}
		if again, ok := Parse(o.String()); !ok || again != o {
			t.Errorf("%q is %#v, but %q is %#v, %t", header, o, o, again, ok)
		}
	})
}
