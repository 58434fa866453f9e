package inspect

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// An address that others reach is a start error, unless there is a guard.
func TestPublicAddress(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0"} {
		a, err := app.New(module.New("root", module.Imports(chatModule(), Module(Options{}))), app.HTTP(addr), app.Logger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		err = a.Start(t.Context())
		if err == nil {
			_ = a.Stop(t.Context())
			t.Errorf("%s: started", addr)
			continue
		}
		if !strings.Contains(err.Error(), "which other machines reach: listen on 127.0.0.1, as with app.HTTP(\"127.0.0.1:3000\"), or set inspect.Options.Guard") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// With a guard other machines and proxies reach the inspector, if they have the token and the guard agrees.
func TestGuardInstead(t *testing.T) {
	admin := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Admin") != "yes" {
			return pipeline.ErrForbidden
		}
		return nil
	})
	x := inspectAs(t, "yes", Options{Guard: admin, Hosts: []string{"dev.example.com"}}, app.HTTP("0.0.0.0:0"))
	_, cookie, _ := strings.Cut(x.jar, "=")
	for _, tt := range []struct {
		name, admin, token, origin string
		status                     int
		code                       string
	}{
		{"all", "yes", cookie, "https://dev.example.com", http.StatusOK, ""},
		{"no guard", "no", cookie, "https://dev.example.com", http.StatusForbidden, "forbidden"},
		{"no token", "yes", "", "https://dev.example.com", http.StatusForbidden, codeToken},
		{"other origin", "yes", cookie, "https://evil.example", http.StatusForbidden, codeOrigin},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/inspect/api/stats", http.NoBody)
		r.Host, r.RemoteAddr = "dev.example.com", "192.0.2.1:5000"
		r.Header = http.Header{"X-Admin": {tt.admin}, "Cookie": {cookieName(r.Host) + "=" + tt.token}, "Origin": {tt.origin}, "X-Forwarded-For": {"198.51.100.1"}}
		w := httptest.NewRecorder()
		x.App.App().Handler().ServeHTTP(w, r)
		if w.Code != tt.status || codeOf(w) != tt.code {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// The inspector is in no document, and not in its own pages.
func TestHidden(t *testing.T) {
	with, err := app.Describe(module.New("root", module.Imports(chatModule(), Module(Options{}))))
	if err != nil {
		t.Fatal(err)
	}
	without, err := app.Describe(module.New("root", module.Imports(chatModule())))
	if err != nil {
		t.Fatal(err)
	}
	if len(with.Gateways) != len(without.Gateways)+1 || len(with.Routes) <= len(without.Routes) {
		t.Errorf("%d gateways and %d routes are described", len(with.Gateways), len(with.Routes))
	}
	for _, of := range []func(*contract.Model) ([]byte, error){(*contract.Model).AsyncAPI, (*contract.Model).OpenAPI} {
		if got, want := document(t, with, of), document(t, without, of); got != want {
			t.Errorf("the document has the inspector:\n%s", got)
		}
	}
	x := inspect(t, Options{})
	r := get[struct {
		Gateways []struct{ Name string }
		Routes   []struct{ Pattern string }
	}](x, "registry")
	if len(r.Gateways) != 2 || len(r.Routes) != 1 {
		t.Errorf("registry: %+v", r)
	}
	if s := x.App.App().Stats(); len(s.Endpoints) != 3 {
		t.Errorf("%d endpoints are observed", len(s.Endpoints))
	}
}

func document(t *testing.T, d *app.Description, of func(*contract.Model) ([]byte, error)) string {
	t.Helper()
	m, err := contract.From(d)
	if err != nil {
		t.Fatal(err)
	}
	text, err := of(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// In a test without sockets the application starts, though its address is of no machine.
func TestInMemory(t *testing.T) {
	a := apptest.New(t, module.New("root", module.Imports(chatModule(), Module(Options{}))), apptest.InMemory(), apptest.With(app.Logger(slog.New(slog.DiscardHandler))))
	if got := string(a.DialWS("/chat").Call("echo", "hi")); got != `"hi"` {
		t.Errorf("echo: %s", got)
	}
}

// The prefix of the application's controllers does not move the page, a path of its own does.
func TestPath(t *testing.T) {
	x := &inspected{t: t, log: &logBuffer{}}
	x.start(Options{Path: "/dev/look/"}, app.HTTP("127.0.0.1:0"))
	if res := x.do(http.MethodGet, "/dev/look/", ""); res.status != http.StatusOK {
		t.Errorf("page: %d %s", res.status, res.body)
	}
	res := x.do(http.MethodGet, "/dev/look", "")
	if res.status != http.StatusOK { // redirected
		t.Errorf("without the slash: %d", res.status)
	}
	if res := x.do(http.MethodGet, "/inspect/", ""); res.status != http.StatusNotFound {
		t.Errorf("default path: %d", res.status)
	}
}

// The page is small, and asks for nothing elsewhere.
func TestPageIsSmall(t *testing.T) {
	entries, err := files.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range entries {
		f, err := files.Open("page/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		total += len(text)
		for _, foreign := range []string{"https://", "innerHTML", "eval(", "<style", "style="} {
			if strings.Contains(string(text), foreign) {
				t.Errorf("%s has %s", e.Name(), foreign)
			}
		}
	}
	if total == 0 || total > 60_000 {
		t.Errorf("the page has %d bytes, at most 60,000", total)
	}
}
