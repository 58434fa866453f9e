package adaptertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var traitsTests = []test{
	{"traits: PathPatterns", testPathPatterns},
	{"traits: UpgradeOnly", testUpgradeOnly},
}

func testPathPatterns(t *testing.T, s *suite) {
	g := newGateway(websockets.On("room", func(ctx context.Context, _ struct{}) (string, error) {
		return websockets.ClientFrom(ctx).Request().PathValue("room"), nil
	}))
	g.opts = []websockets.Option{websockets.Path("/rooms/{room}")}
	if !s.traits.PathPatterns {
		has(t, s.boot(t, modules(g), app.HTTP("127.0.0.1:0")).Error(), "/rooms/{room}")
		return
	}
	a := s.start(t, g)
	for _, room := range []string{"a", "b"} {
		if got := apptest.Call[string](s.dialAt(t, a, "/rooms/"+room), "room"); got != room {
			t.Errorf("the path value of Client.Request is %q, want %q: with Traits.PathPatterns, pass the request of ServeHTTP on in Handshake.Request", got, room)
		}
	}
}

// page is an HTTP controller at the path of the gateway.
type page struct{ path string }

func (p page) Routes(r chi.Router) {
	r.Get(p.path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })
}

func testUpgradeOnly(t *testing.T, s *suite) {
	for _, problem := range upgradeOnlyProblems(t, s) {
		t.Error(problem)
	}
}

// upgradeOnlyProblems returns what is wrong with the trait UpgradeOnly.
func upgradeOnlyProblems(t *testing.T, s *suite) (problems []string) {
	t.Helper()
	problemf := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	path := s.traits.DefaultPath
	start := func(controllers ...any) *apptest.App {
		g := newGateway(echo())
		a := s.startRoot(t, s.contract(t), module.New("root",
			module.Providers(websockets.Gateway(func() *testGateway { return g })), module.Controllers(controllers...)))
		alive(t, s.dial(t, a))
		return a
	}
	get := func(a *apptest.App, query string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+path+query, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer http.DefaultClient.CloseIdleConnections()
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	status, body := get(start(web.Controller(func() page { return page{path} })), "")
	switch {
	case s.traits.UpgradeOnly && body != "page":
		problemf("GET %s is answered %d %s, want the page of the HTTP controller", path, status, body)
	case !s.traits.UpgradeOnly && (status == http.StatusUpgradeRequired || strings.Contains(body, "page")):
		problemf("GET %s is answered %d %s: a server that serves upgrade requests only has Traits.UpgradeOnly", path, status, body)
	}
	if !s.traits.UpgradeOnly {
		return problems
	}
	// A server that has another transport would lose its requests to a controller of the path.
	a := start()
	for _, query := range []string{"", "?EIO=4&transport=polling"} {
		if status, body := get(a, query); status != http.StatusUpgradeRequired {
			problemf("GET %s%s is answered %d %s, want 426: a server that serves requests without an upgrade, such as polls, must not have Traits.UpgradeOnly", path, query, status, body)
		}
	}
	return problems
}
