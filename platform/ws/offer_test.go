package ws

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func offering(lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("X-Other", "kept")
	if lines != nil {
		r.Header[protocolHeader] = lines
	}
	return r
}

func TestTakeResume(t *testing.T) {
	long := strings.Repeat("k", maxResumeKey+1)
	for _, tt := range []struct {
		lines         []string
		key, position string
		left          string
	}{
		{nil, "", "", ""},
		{[]string{"gatehouse.v1, bearer,abc"}, "", "", "gatehouse.v1, bearer,abc"},
		{[]string{"gatehouse.v1, gatehouse.resume.KEY.pos"}, "KEY", "pos", "gatehouse.v1"},
		{[]string{"gatehouse.resume.KEY.pos", "gatehouse.v1,bearer"}, "KEY", "pos", "gatehouse.v1, bearer"},
		{[]string{"gatehouse.v1,gatehouse.resume.KEY"}, "", "", "gatehouse.v1"},
		{[]string{"gatehouse.v1,gatehouse.resume.KEY."}, "", "", "gatehouse.v1"},
		{[]string{"gatehouse.v1,gatehouse.resume..pos"}, "", "", "gatehouse.v1"},
		{[]string{"gatehouse.v1,gatehouse.resume." + long + ".pos"}, "", "", "gatehouse.v1"},
		{[]string{"gatehouse.v1,gatehouse.resume.KEY." + long}, "", "", "gatehouse.v1"},
		{[]string{"gatehouse.resume.a,gatehouse.v1,gatehouse.resume.b.1,gatehouse.resume.c.2"}, "b", "1", "gatehouse.v1"},
	} {
		r := offering(tt.lines...)
		got, key, position := takeResume(r)
		if key != tt.key || position != tt.position || strings.Join(got.Header[protocolHeader], ",") != tt.left || got.Header.Get("X-Other") != "kept" {
			t.Errorf("%q: key %q, position %q, left %q", tt.lines, key, position, got.Header[protocolHeader])
		}
		if !slices.Equal(r.Header[protocolHeader], tt.lines) {
			t.Errorf("%q: the request of the server was changed to %q", tt.lines, r.Header[protocolHeader])
		}
	}
}

func FuzzTakeResume(f *testing.F) {
	for _, s := range []string{"", "gatehouse.v1", "gatehouse.v1, gatehouse.resume.KEY.pos", "gatehouse.resume.,,gatehouse.resume.a.b.c", " gatehouse.resume.a.b\t,x"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		r := offering(a, b)
		got, key, position := takeResume(r)
		if (key == "") != (position == "") || len(key) > maxResumeKey || len(position) > maxResumePosition {
			t.Errorf("key %q, position %q", key, position)
		}
		if !slices.Equal(r.Header[protocolHeader], []string{a, b}) {
			t.Error("the request of the server was changed")
		}
		left := strings.Join(got.Header[protocolHeader], ",")
		for offer := range strings.SplitSeq(left, ",") {
			if strings.HasPrefix(strings.TrimSpace(offer), resumePrefix) {
				t.Errorf("%q is left for the application", left)
			}
		}
		if _, again, _ := takeResume(got); again != "" {
			t.Errorf("%q has another offer", left)
		}
	})
}
