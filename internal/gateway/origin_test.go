package gateway

import (
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/origin"
)

func TestOriginCheck(t *testing.T) {
	tests := []struct {
		declared []string
		origin   []string
		want     bool
	}{
		{nil, nil, true},
		{nil, []string{"http://app.example.com"}, true},
		{nil, []string{"https://APP.example.com"}, true},
		{nil, []string{"http://app.example.com:8080"}, false},
		{nil, []string{"https://evil.example"}, false},
		{nil, []string{"null"}, false},
		{nil, []string{""}, false},
		{nil, []string{"http://app.example.com", "http://app.example.com"}, false},
		{nil, []string{"http://app.example.com.evil.io"}, false},
		{nil, []string{"http://user@app.example.com"}, false},
		{nil, []string{"ftp://app.example.com"}, false},
		{[]string{"https://one.example"}, []string{"https://one.example"}, true},
		{[]string{"https://one.example/"}, []string{"https://ONE.example"}, true},
		{[]string{"https://one.example"}, []string{"http://one.example"}, false},
		{[]string{"https://one.example"}, []string{"https://one.example.evil.io"}, false},
		{[]string{"https://*.one.example"}, []string{"https://a.b.one.example"}, true},
		{[]string{"https://*.one.example"}, []string{"https://one.example"}, false},
		{[]string{"https://*.one.example"}, []string{"https://evilone.example"}, false},
		{[]string{"https://*.one.example"}, []string{"http://a.one.example"}, false},
		{[]string{"*"}, []string{"null"}, true},
		{nil, []string{"https://app.example.com:443"}, true},
		{[]string{"https://one.example:443"}, []string{"https://one.example"}, true},
		{[]string{"https://one.example"}, []string{"https://one.example:443"}, true},
		{[]string{"capacitor://localhost"}, []string{"capacitor://localhost"}, true},
		{[]string{"capacitor://localhost"}, []string{"ionic://localhost"}, false},
		{[]string{"file://"}, []string{"file://"}, true},
		{nil, []string{"file://"}, false},
		{[]string{"https://one.example"}, []string{"https://one.example/"}, false},
	}
	for _, tt := range tests {
		check := originCheck(origins(t, tt.declared...))
		r := httptest.NewRequest("GET", "http://app.example.com/ws", nil)
		for _, o := range tt.origin {
			r.Header.Add("Origin", o)
		}
		if got := check(r); got != tt.want {
			t.Errorf("origins %q, Origin %q: %t, want %t", tt.declared, tt.origin, got, tt.want)
		}
	}
}

func TestSameOrigins(t *testing.T) {
	list := func(texts ...string) []origin.Pattern { return origins(t, texts...) }
	for _, tt := range []struct {
		a, b []origin.Pattern
		want bool
	}{
		{nil, nil, true},
		{list("https://a.example"), list("HTTPS://A.example:443/"), true},
		{list("https://a.example", "https://b.example"), list("https://b.example", "https://a.example", "https://b.example"), true},
		{list("https://a.example"), nil, false},
		{nil, list("*"), false},
		{list("https://a.example"), list("https://*.a.example"), false},
		{list("https://a.example", "https://b.example"), list("https://a.example", "https://c.example"), false},
	} {
		if got := sameOrigins(tt.a, tt.b); got != tt.want {
			t.Errorf("%v and %v: %t, want %t", tt.a, tt.b, got, tt.want)
		}
	}
}

func origins(t *testing.T, texts ...string) (list []origin.Pattern) {
	t.Helper()
	for _, text := range texts {
		p, err := origin.ParsePattern(text, "")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
