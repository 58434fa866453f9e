package httpmux_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/httpmux"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// At the path of a server for upgrades, upgrades are the server's and other requests those
// of the controllers, where these have a route.
func TestUpgradesAndControllers(t *testing.T) {
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	owns := func(r *http.Request) bool { return r.URL.Path != "/free" }
	m := httpmux.New([]httpmux.Route{{Path: "/chat", UpgradeOnly: true, Handler: text("server")}, {Path: "/free", UpgradeOnly: true, Handler: text("server")}},
		text("controller"), owns, func(*http.Request, *pipeline.Error) {})
	for _, c := range []struct{ path, upgrade, want string }{
		{"/chat", "websocket", "server"},
		{"/chat", "WebSocket", "server"},
		{"/chat", "lines", "server"},
		{"/chat", "", "controller"},
		{"/chat", "h2c", "controller"},
		{"/chat", "TLS/1.2, HTTP/1.1", "controller"},
		{"/free", "", "server"},
		{"/free", "h2c", "server"},
		{"/other", "lines", "controller"},
		{"/other", "", "controller"},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
		if c.upgrade != "" {
			r.Header.Set("Upgrade", c.upgrade)
		}
		m.ServeHTTP(w, r)
		if got := w.Body.String(); got != c.want {
			t.Errorf("%s with Upgrade %q is served by the %s, want %s", c.path, c.upgrade, got, c.want)
		}
	}
	for _, path := range []string{"//chat", "/x/../chat", "/./chat", "/chat/."} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Header.Set("Upgrade", "websocket")
		if m.ServeHTTP(w, r); w.Code != http.StatusNotFound {
			t.Errorf("a WebSocket at %s is answered %d, want 404, not a redirect", path, w.Code)
		}
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/other", http.NoBody)
	r.Header.Set("Upgrade", "websocket")
	if m.ServeHTTP(w, r); w.Code != http.StatusNotFound {
		t.Errorf("a WebSocket without a server is answered %d, want 404", w.Code)
	}
}
