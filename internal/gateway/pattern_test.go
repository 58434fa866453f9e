package gateway

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestNamespaceFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &testGateway{}
		k := newTestRuntime(t, d, websockets.NamespaceFunc("tenants", func(ns string) bool {
			if ns == "/broken" {
				panic("broken")
			}
			return ns == "/ada" || ns == "/bob"
		}))
		e := k.endpoint()
		for ns, want := range map[string]bool{"/ada": true, "/bob": true, "/eve": false, "/broken": false, "tenants": false, "ada": false} {
			if e.Match(ns) != want {
				t.Errorf("%q matches: %t", ns, !want)
			}
		}
		if e.Namespace() != "tenants" {
			t.Errorf("named %q", e.Namespace())
		}
		if log := k.log.String(); strings.Count(log, "panic=broken") != 1 || !strings.Contains(log, "label=tenants") {
			t.Errorf("log: %s", log)
		}
		ada, bob := k.dialAt("/ada"), k.dialAt("/bob")
		emitTo(t, d.Server.Of("ada"), "x")
		ada.want(t, "x 1")
		bob.want(t)
		if ns := ada.client().Namespace(); ns != "/ada" {
			t.Errorf("namespace %q", ns)
		}
		ada.sess.Closed(websockets.Reason{})
		bob.sess.Closed(websockets.Reason{})
		synctest.Wait()
		if len(e.namespaces) != 0 {
			t.Error("empty namespaces are kept")
		}
	})
}

func TestLastNamespaceOptionHolds(t *testing.T) {
	fn := websockets.NamespaceFunc("f", func(string) bool { return true })
	re := websockets.NamespaceRegexp(regexp.MustCompile("/r"))
	for want, opts := range map[string][]websockets.Option{
		"f":  {websockets.Namespace("n"), re, fn},
		"/r": {fn, websockets.Namespace("n"), re},
		"/n": {re, fn, websockets.Namespace("n")},
	} {
		servers, err := makePlan([]gatewayPlan{{name: "A", value: &talker{[]string{"x"}}, opts: options(opts...)}}, Config{Adapter: spaced(), HTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := servers[0].endpoints[0].pattern.name; got != want {
			t.Errorf("%q holds, want %q", got, want)
		}
	}
}

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
