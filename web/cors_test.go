package web

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/cors"
)

func TestCORSOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"*":                         "*",
		"null":                      "null",
		"https://app.example":       "https://app.example",
		"https://App.Example:443/":  "https://app.example",
		"http://app.example:80":     "http://app.example",
		"http://localhost:5173":     "http://localhost:5173",
		"capacitor://localhost":     "capacitor://localhost",
		"https://*.example.com":     "https://*.example.com",
		"https://*.example.com:443": "https://*.example.com",
		"https://*.example.com/":    "https://*.example.com",
		"https://app-*.example.com": "https://app-*.example.com",
		"http://localhost:*":        "http://localhost:*",
		"https://*":                 "https://*",
		"*://app.example":           "*://app.example",
		"*.example.com":             "*.example.com",
		"http://192.168.0.*":        "http://192.168.0.*",
		"http://192.168.*.7":        "http://192.168.*.7",
	} {
		if got, err := corsOrigin(text); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestCORSProblems(t *testing.T) {
	for _, tt := range []struct {
		options cors.Options
		want    string
	}{
		{cors.Options{}, ""},
		{cors.Options{AllowedOrigins: []string{"https://a.example"}, AllowedMethods: []string{"get", "PATCH"}, AllowedHeaders: []string{"*"}, ExposedHeaders: []string{"*"}}, ""},
		{cors.Options{AllowedOrigins: []string{"app.example"}}, `AllowedOrigins: origin "app.example" must be scheme and host, such as "https://app.example.com"`},
		{cors.Options{AllowedOrigins: []string{"https://*.bücher.example"}}, `AllowedOrigins: origin "https://*.bücher.example" has letters that browsers send in ASCII: write "https://*.xn--bcher-kva.example"`},
		{cors.Options{AllowedOrigins: []string{"https://app.example/path", " https://b.example"}}, `AllowedOrigins: origin "https://app.example/path" must be scheme and host: write "https://app.example"` + "\n" +
			`AllowedOrigins: origin " https://b.example" has blanks around it: write "https://b.example"`},
		{cors.Options{AllowedOrigins: []string{"https://*.a.*"}}, `AllowedOrigins: origin "https://*.a.*" has more than one wildcard: list the origins, or use AllowOriginFunc`},
		{cors.Options{AllowedOrigins: []string{"https://a.example"}, AllowOriginFunc: func(*http.Request, string) bool { return true }}, "AllowedOrigins has no effect with AllowOriginFunc: remove one"},
		{cors.Options{AllowCredentials: true}, "browsers reject AllowCredentials with every origin; list AllowedOrigins"},
		{cors.Options{AllowedMethods: []string{"*"}}, `AllowedMethods: "*" is not a method: list each on its own, such as "GET"`},
		{cors.Options{AllowedMethods: []string{"GET, POST"}}, `AllowedMethods: "GET, POST" is not a method: list each on its own, such as "GET"`},
		{cors.Options{AllowedHeaders: []string{"X-A, X-B"}}, `AllowedHeaders: "X-A, X-B" is not the name of a header: list each name on its own`},
		{cors.Options{ExposedHeaders: []string{"Link "}}, `ExposedHeaders: "Link " is not the name of a header: list each name on its own`},
		{cors.Options{AllowedOrigins: []string{"https://a.example"}, ExposedHeaders: []string{"*"}, AllowCredentials: true}, `ExposedHeaders: "*" is the name of a header to browsers with AllowCredentials: list the headers`},
	} {
		given := slices.Clone(tt.options.AllowedOrigins)
		_, problems := checkCORS(tt.options)
		if got := strings.Join(problems, "\n"); got != tt.want {
			t.Errorf("%+v: %s\nwant %s", tt.options, got, tt.want)
		}
		if !slices.Equal(given, tt.options.AllowedOrigins) {
			t.Errorf("the list of the application was changed: %q", tt.options.AllowedOrigins)
		}
	}
}
