package adminui_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// TestFiles: the page is served without links to other servers, and with a policy that forbids them.
func TestFiles(t *testing.T) {
	files := fstest.MapFS{
		"index.html": {Data: []byte(`<link rel="stylesheet" href="https://fonts.example/a.css"><link href="css/app.css" rel="stylesheet">`)},
		"js/app.js":  {Data: []byte("let x")},
	}
	a := start(t, adminui.Options{UI: files, UIPath: "ops/admin/"})
	for path, want := range map[string]string{
		"/ops/admin":            `<link href="css/app.css" rel="stylesheet">`,
		"/ops/admin/":           `<link href="css/app.css" rel="stylesheet">`,
		"/ops/admin/index.html": `<link href="css/app.css" rel="stylesheet">`,
		"/ops/admin/js/app.js":  "let x",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.HTTPClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if closed := res.Body.Close(); err != nil || closed != nil {
			t.Fatal(err, closed)
		}
		policy := res.Header.Get("Content-Security-Policy")
		if string(body) != want || !strings.Contains(policy, "default-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("GET %s: %s, policy %q", path, body, policy)
		}
		if path == "/ops/admin" && res.Request.URL.Path != "/ops/admin/" {
			t.Errorf("GET %s leads to %s, from which the links of the page do not work", path, res.Request.URL)
		}
	}
}

// TestNoFiles: a folder without the page is an error of the start, which names the option.
func TestNoFiles(t *testing.T) {
	admin, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: hash(t), UI: fstest.MapFS{}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(admin.Module(), app.Mounted(), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Options.UI is not the folder ui/dist of @socket.io/admin-ui") {
		t.Errorf("start: %v", err)
	}
}
