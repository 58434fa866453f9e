package websockets

import (
	"net/http/httptest"
	"testing"
)

func TestNamespacePattern(t *testing.T) {
	tests := []struct {
		pattern, namespace string
		match              bool
		org                string
	}{
		{"", "/", true, ""},
		{"chat", "/chat", true, ""},
		{"/chat", "/chat", true, ""},
		{"/chat", "/chat/", false, ""},
		{"/chat", "/chatter", false, ""},
		{"orgs/{org}", "/orgs/7", true, "7"},
		{"/orgs/{org}", "/orgs/", false, ""},
		{"/orgs/{org}", "/orgs/7/8", false, ""},
		{"/orgs/{org}/a.b", "/orgs/x/a.b", true, "x"},
		{"/orgs/{org}/a.b", "/orgs/x/aXb", false, ""},
	}
	for _, tt := range tests {
		p, err := newNamespacePattern(tt.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(tt.namespace); got != tt.match {
			t.Errorf("%q matches %q: %t, want %t", tt.pattern, tt.namespace, got, tt.match)
		}
		r := p.request(httptest.NewRequest("GET", "/", nil), tt.namespace)
		if got := r.PathValue("org"); got != tt.org {
			t.Errorf("%q in %q: org %q, want %q", tt.pattern, tt.namespace, got, tt.org)
		}
	}
	for _, bad := range []string{"/a{b}", "/{", "/{}", "/{a-b}", "/{a}/{a}"} {
		if _, err := newNamespacePattern(bad); err == nil {
			t.Errorf("pattern %q is accepted", bad)
		}
	}
}
