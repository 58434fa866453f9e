package wire_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X73_PollAfterTheEnd: The poll of a session that the server has just ended for a POST over the limit is
// answered with the close packet, once, not with "Session ID unknown".
func TestField_X73_PollAfterTheEnd(t *testing.T) {
	s := stage.New(t, socketio.New(), stage.Limits(websockets.Limits{MaxMessage: 10_000}))
	for range 30 {
		p := rawpeer.NewEngine(t, s.Addr).Poll()
		rawpeer.Enter(t, p, "/", "")
		if a := p.Post("42[\"echo\",\"" + strings.Repeat("x", 20_000) + "\"]"); a.Status != http.StatusRequestEntityTooLarge {
			t.Fatalf("the POST is answered %d", a.Status)
		}
		if a := p.Get(); a.Status != http.StatusOK || a.Body != "1" {
			t.Fatalf("the poll is answered %d %q", a.Status, a.Body)
		}
		if a := p.Get(); a.Status != http.StatusBadRequest || !strings.Contains(a.Body, "Session ID unknown") {
			t.Fatalf("the second poll is answered %d %q", a.Status, a.Body)
		}
	}
}

// hiding is a ResponseWriter of a middleware that does not know Unwrap.
type hiding struct{ http.ResponseWriter }

// TestField_X20_HiddenDeadlines: Where a middleware hides the server's ResponseWriter, so that MessageTimeout cannot bound
// the body of a POST, the log says so, once, with the type.
func TestField_X20_HiddenDeadlines(t *testing.T) {
	var log testkit.Log
	a := apptest.New(t, module.New("hidden", module.Providers(websockets.Gateway(func() *silent { return &silent{} }))),
		apptest.With(app.Mounted(), app.WebSockets(socketio.New()), app.Logger(log.Logger(slog.LevelInfo))))
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { a.App().Handler().ServeHTTP(hiding{w}, r) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for range 2 {
		p := rawpeer.NewEngine(t, strings.TrimPrefix(srv.URL, "http://")).Poll()
		p.Send("40")
	}
	if lines := log.Lines("MessageTimeout", "Unwrap", "wire_test.hiding"); len(lines) != 1 {
		t.Errorf("%d lines: %s", len(lines), log.String())
	}
}

type silent struct{}

func (*silent) Subscriptions() []websockets.Subscription { return nil }

type site struct{ dir string }

func (s *site) Routes(r chi.Router) {
	web.Static(r, "/dir", os.DirFS(s.dir))
	if root, err := os.OpenRoot(s.dir); err == nil { // otherwise the test finds nothing there
		web.Static(r, "/root", root.FS())
	}
	r.Post("/json", web.JSON(func(_ context.Context, in struct{ A int }) (int, error) { return in.A, nil }))
}

// TestField_X21_Links: Symbolic links of web.Static lead to served files inside of its folder only: links out of it, and
// to names with a dot, are missing, without an error in the log.
func TestField_X21_Links(t *testing.T) {
	outside := t.TempDir()
	dir := t.TempDir()
	for name, text := range map[string]string{
		filepath.Join(outside, "secret.txt"): "secret", filepath.Join(dir, ".env"): "secret", filepath.Join(dir, "a.txt"): "public",
		filepath.Join(dir, "sub", "b.txt"): "public",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"absolute": filepath.Join(outside, "secret.txt"), "up": "../" + filepath.Base(outside) + "/secret.txt", "folder": outside,
		"env": ".env", "loop": "loop", "good": "a.txt", "sub/good": "../a.txt", "subfolder": "sub", "twice": "good", "sub/dots": "../../" + filepath.Base(dir) + "/a.txt",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	var log testkit.Log
	a := apptest.New(t, module.New("site", module.Controllers(web.Controller(func() *site { return &site{dir} }))),
		apptest.With(app.Logger(log.Logger(slog.LevelInfo))))
	addr := strings.TrimPrefix(a.URL(), "http://")
	for _, mount := range []string{"/dir", "/root"} {
		for name, served := range map[string]bool{
			"absolute": false, "up": false, "folder/secret.txt": false, "env": false, "loop": false, "sub/dots": false,
			"good": true, "sub/good": true, "subfolder/b.txt": true, "twice": true, "a.txt": true,
		} {
			p := rawpeer.Dial(t, addr)
			p.Write(rawpeer.Request(http.MethodGet, mount+"/"+name) + "\r\n")
			answer := p.Answer()
			if served && (answer.Status != http.StatusOK || answer.Body != "public") || !served && answer.Status != http.StatusNotFound {
				t.Errorf("%s/%s: %d %q", mount, name, answer.Status, answer.Body)
			}
		}
	}
	if lines := log.Lines("level=ERROR"); len(lines) > 0 {
		t.Errorf("log: %q", lines)
	}
}

// TestField_X63_ContentEncoding: A compressed body of a JSON route is answered with 415, and the Content-Encoding identity
// is accepted, as by Socket.IO's polling, in one header line or in several.
func TestField_X63_ContentEncoding(t *testing.T) {
	dir := t.TempDir()
	a := apptest.New(t, module.New("site", module.Controllers(web.Controller(func() *site { return &site{dir} })),
		module.Providers(websockets.Gateway(func() *silent { return &silent{} }))), apptest.With(app.WebSockets(socketio.New())))
	addr := strings.TrimPrefix(a.URL(), "http://")
	session := rawpeer.NewEngine(t, addr).Poll()
	for encoding, status := range map[string]int{
		"gzip": 415, "br": 415, "identity": 200, "Identity": 200, "": 200, "identity, gzip": 415,
		"identity\r\nContent-Encoding: gzip": 415, "\r\nContent-Encoding: identity,": 200,
	} {
		created := status
		if status == http.StatusOK {
			created = http.StatusCreated
		}
		p := rawpeer.Dial(t, addr)
		p.Write(rawpeer.Post("/json", `{"A":5}`, "Content-Type: application/json", "Content-Encoding: "+encoding))
		if answer := p.Answer(); answer.Status != created {
			t.Errorf("route, %q: status %d, want %d", encoding, answer.Status, created)
		}
		p = rawpeer.Dial(t, addr)
		p.Write(rawpeer.Post(session.Query("polling", session.SID), "40", "Content-Encoding: "+encoding))
		if answer := p.Answer(); answer.Status != status {
			t.Errorf("polling, %q: status %d, want %d", encoding, answer.Status, status)
		}
		session = rawpeer.NewEngine(t, addr).Poll()
	}
}
