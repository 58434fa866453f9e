package gateway

import (
	"net/http/httptest"
	"testing"
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
	}
	for _, tt := range tests {
		check, err := originCheck(tt.declared)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "http://app.example.com/ws", nil)
		for _, o := range tt.origin {
			r.Header.Add("Origin", o)
		}
		if got := check(r); got != tt.want {
			t.Errorf("origins %q, Origin %q: %t, want %t", tt.declared, tt.origin, got, tt.want)
		}
	}
}

func TestOriginsAreChecked(t *testing.T) {
	for _, bad := range []string{"app.example.com", "https://", "https://a.example/path"} {
		if _, err := originCheck([]string{bad}); err == nil {
			t.Errorf("origin %q is accepted", bad)
		}
	}
}
