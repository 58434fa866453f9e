package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/httpmux"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// matchNamespace is [namespacePattern.match] in the most obvious way. It also
// returns the values of the names.
func matchNamespace(declared, ns string) (values map[string]string, ok bool) {
	declared = "/" + strings.TrimPrefix(declared, "/")
	if !strings.ContainsAny(declared, "{}") {
		return nil, ns == declared
	}
	want, got := strings.Split(declared, "/"), strings.Split(ns, "/")
	if len(want) != len(got) {
		return nil, false
	}
	values = map[string]string{}
	for i, seg := range want {
		if name, isVar := strings.CutPrefix(seg, "{"); isVar {
			if got[i] == "" {
				return nil, false
			}
			values[strings.TrimSuffix(name, "}")] = got[i]
		} else if seg != got[i] {
			return nil, false
		}
	}
	return values, true
}

// FuzzNamespace: however namespaces are declared and whatever a client calls the
// one that it wants, both are compared part by part.
func FuzzNamespace(f *testing.F) {
	for _, s := range [][2]string{
		{"chat", "/chat"}, {"/", "/"}, {"", ""}, {"/orgs/{org}", "/orgs/1"}, {"/orgs/{org}", "/orgs/"}, {"/orgs/{org}", "/orgs/a/b"},
		{"/orgs/{org}/rooms/{room}", "/orgs/\n/rooms/\x00"}, {"{a}", "/.*"}, {"/a.c/{b}", "/abc/x"}, {"/{a}/{a}", "/x/y"}, {"/{a", "/{a"},
		{"/{a}", "/\xff\xfe"}, {"/\xff/{a}", "/\xff/x"}, {"//{a}", "//x"}, {"/{a}", "/x\n"}, {"/$/{a}", "/$/x#,?"}, {"/a}", "/a}"},
		{"/{a}/", "/x/"}, {"/(?i)x/{a}", "/X/1"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, declared, ns string) {
		p, err := newNamespacePattern(declared)
		if err != nil {
			if !strings.ContainsAny(declared, "{}") {
				t.Fatalf("%q: %v", declared, err)
			}
			return
		}
		values, want := matchNamespace(declared, ns)
		if got := p.match(ns); got != want {
			t.Fatalf("%q as %q: %t, want %t", declared, ns, got, want)
		}
		r := p.request(httptest.NewRequest(http.MethodGet, "/", nil), ns)
		for name, value := range values {
			if got := r.PathValue(name); got != value {
				t.Fatalf("%q as %q: {%s} is %q, want %q", declared, ns, name, got, value)
			}
		}
	})
}

// FuzzPath: a path is served or refused at the start, and no request for
// whatever path gets anywhere else, or stumbles.
func FuzzPath(f *testing.F) {
	for _, s := range [][2]string{
		{"/ws", "/ws"}, {"/ws/", "/ws/"}, {"/rooms/{room}", "/rooms/1"}, {"/rooms/{room}", "/rooms/%2f"}, {"/{path...}", "/a/b"}, {"/a/{$}", "/a/"},
		{"//x", "/0/x"}, {"//", "/0/"}, {"/{", "/{"}, {"//x", "//x"}, {"/x/../y", "/x/../y"}, {"/%41", "/A"}, {"/ws", "/ws/../../ws"}, {"", ""},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, declared, asked string) {
		declared = "/" + strings.TrimPrefix(declared, "/") // as plans have them
		if httpmux.CheckPatterns(declared) != nil {
			return
		}
		reached := false
		h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })
		m := httpmux.New([]httpmux.Route{{Path: declared, UpgradeOnly: true, Handler: h}}, http.NotFoundHandler(), nil, func(*http.Request, *pipeline.Error) {})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Upgrade", "websocket")
		r.URL.Path = asked
		w := httptest.NewRecorder()
		m.ServeHTTP(w, r)
		if !reached && !slices.Contains([]int{301, 307, 308, 404, 405}, w.Code) {
			t.Fatalf("%q asked for %q: %d", declared, asked, w.Code)
		}
		if reached && !strings.ContainsAny(declared, "{}%") && !strings.HasSuffix(declared, asked) {
			t.Fatalf("%q is served for %q", declared, asked)
		}
	})
}

// A path that no request has is refused at the start: ServeMux would serve
// "/a/anything/b" for "/a//b".
func TestPathNobodyAsksFor(t *testing.T) {
	for path, clean := range map[string]string{
		"/a//b": "/a/b", "//a": "/a", "/a//": "/a", "/a/../b": "/b", "/./a": "/a", "/{room}//": "/{room}", "//": "/",
	} {
		_, err := makePlan([]gatewayPlan{{name: "A", value: &talker{[]string{"x"}}, opts: options(websockets.Path(path))}}, Config{Adapter: plain(), HTTP: true})
		want := fmt.Sprintf("websockets: gateway A: Path(%q): no request has this path: write %q", "/"+strings.TrimPrefix(path, "/"), clean)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", path, err, want)
		}
	}
	for _, path := range []string{"/", "/a/", "/a/b", "/{a...}", "/{a}/b/{$}", "/..a/..."} {
		if err := httpmux.CheckPatterns(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}
