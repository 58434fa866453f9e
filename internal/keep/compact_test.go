package keep

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"runtime"
	"testing"
)

// What is built of the compact copy is the request that was kept, however often it is built.
func TestCompactRequest(t *testing.T) {
	for name, change := range map[string]func(r *http.Request){
		"usual":           func(*http.Request) {},
		"escaped path":    func(r *http.Request) { r.URL.RawPath = "/a%2fb" },
		"long values":     func(r *http.Request) { r.Header["X"] = []string{string(make([]byte, 5000)), "", "é"} },
		"no values":       func(r *http.Request) { r.Header["Empty"] = nil },
		"path value":      func(r *http.Request) { r.SetPathValue("room", "7") },
		"absolute URL":    func(r *http.Request) { r.URL.Scheme, r.URL.Host, r.URL.User = "http", "h", url.User("u") },
		"no headers":      func(r *http.Request) { r.Header = nil },
		"pattern, HTTP/2": func(r *http.Request) { r.Pattern, r.ProtoMajor, r.ProtoMinor, r.Proto = "/{$}", 2, 0, "HTTP/2.0" },
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/rooms?a=b&c", http.NoBody)
			r.Header = http.Header{"Cookie": {"a=b"}, "X-Two": {"1", "2"}}
			change(r)
			want := r.Clone(context.Background())
			if want.Header == nil {
				want.Header = http.Header{}
			}
			if v, ok := want.Header["Empty"]; ok {
				want.Header["Empty"] = append([]string{}, v...)
			}
			var s Slot
			s.Set(r)
			if s.Load() != r {
				t.Fatal("not the request itself before Trim")
			}
			s.Trim(0)
			got := s.Load()
			if s.Load() != got {
				t.Error("another request while the first is in use")
			}
			runtime.KeepAlive(got)
			if got.PathValue("room") != r.PathValue("room") {
				t.Error("the path value is lost")
			}
			bare := got.WithContext(context.Background())
			want.Body = http.NoBody
			if !reflect.DeepEqual(bare, want) {
				t.Errorf("got  %+v\nwant %+v", bare, want)
			}
			got.Header.Set("Cookie", "changed")
			runtime.GC()
			if c := s.compact.Load().build().Header.Get("Cookie"); c == "changed" {
				t.Error("a change of a request has changed what is kept")
			}
		})
	}
}

// The usual request needs none beside the compact copy: net/http still has the fields that say so.
func TestUsualRequestIsCompact(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	if hasPathValues(r) {
		t.Error("a request without path values seems to have some")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/rooms/{room}", func(_ http.ResponseWriter, r *http.Request) {
		if !hasPathValues(r) {
			t.Error("the path values of a ServeMux are not seen")
		}
	})
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/rooms/7", http.NoBody))
	r.SetPathValue("room", "7")
	if !hasPathValues(r) {
		t.Error("a path value is not seen")
	}
}

// Namespaces of a connection whose requests are equal hold one copy.
func TestNamespacesShareTheCopy(t *testing.T) {
	r := Detach(httptest.NewRequest(http.MethodGet, "/rooms", http.NoBody))
	var one, two, other Slot
	one.Set(r)
	two.Set(Copy(r))
	changed := Copy(r)
	changed.RemoteAddr = "198.51.100.1:1"
	other.Set(changed)
	for _, s := range []*Slot{&one, &two, &other} {
		s.Trim(0)
	}
	if one.compact.Load() != two.compact.Load() || one.compact.Load() == other.compact.Load() {
		t.Error("equal requests are held twice, or different ones once")
	}
	if got := other.Load().RemoteAddr; got != changed.RemoteAddr {
		t.Errorf("address %s", got)
	}
}
