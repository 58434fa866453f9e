package hijack_test

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/hijack"
)

type hijacker struct{ http.ResponseWriter }

func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nominal has a Hijack that depends on what it wraps, as those of access logs and compression.
type nominal struct{ http.ResponseWriter }

func (w nominal) Unwrap() http.ResponseWriter                { return w.ResponseWriter }
func (nominal) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }

type hiding struct{ http.ResponseWriter }

type circle struct{ http.ResponseWriter }

func (c circle) Unwrap() http.ResponseWriter { return c }

func TestPossible(t *testing.T) {
	base := hijacker{httptest.NewRecorder()}
	for name, c := range map[string]struct {
		w    http.ResponseWriter
		want bool
	}{
		"itself":        {base, true},
		"wrapped":       {wrapper{wrapper{base}}, true},
		"hidden":        {hiding{base}, false},
		"hidden deeper": {wrapper{hiding{base}}, false},
		"a nominal one": {nominal{httptest.NewRecorder()}, false},
		"none":          {wrapper{httptest.NewRecorder()}, false},
		"a circle":      {circle{}, false},
	} {
		if got := hijack.Possible(c.w); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestHiddenBy(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	if by := hijack.HiddenBy(r); by != "" {
		t.Errorf("hidden by %q", by)
	}
	if by := hijack.HiddenBy(hijack.WithHidden(r, "a timeout")); by != "a timeout" {
		t.Errorf("hidden by %q", by)
	}
}
