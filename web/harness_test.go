package web_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// controller is a controller with the routes of a test.
type controller struct{ routes func(chi.Router) }

func (c *controller) Routes(r chi.Router) { c.routes(r) }

func newController(routes func(chi.Router)) func() *controller {
	return func() *controller { return &controller{routes} }
}

// harness is the router of one or more controllers, with their log.
type harness struct {
	t      *testing.T
	router *web.Router
	log    *testkit.Log
}

// bindAll resolves and builds a module and binds its controllers.
func bindAll(t *testing.T, cfg web.BindConfig, controllers ...any) (*web.Router, error) {
	t.Helper()
	m := module.New("test", module.Controllers(controllers...))
	g, err := module.Resolve(m, module.AttachToRoot(web.Constructors(cfg.Options)...))
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
		t.Fatal(err)
	}
	if err := web.Check(g, cfg.Options); err != nil {
		return nil, err
	}
	return web.Bind(g, cfg)
}

func newHarness(t *testing.T, cfg web.BindConfig, controllers ...any) *harness {
	t.Helper()
	k := &harness{t: t, log: &testkit.Log{}}
	cfg.Logger = slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r, err := bindAll(t, cfg, controllers...)
	if err != nil {
		t.Fatal(err)
	}
	k.router = r
	return k
}

// serve returns a harness with one controller.
func serve(t *testing.T, routes func(chi.Router), opts ...web.Option) *harness {
	t.Helper()
	return newHarness(t, web.BindConfig{}, web.Controller(newController(routes), opts...))
}

// bindProblems returns the problems of invalid controllers.
func bindProblems(t *testing.T, cfg web.BindConfig, controllers ...any) string {
	t.Helper()
	_, err := bindAll(t, cfg, controllers...)
	e, ok := errors.AsType[*web.BindError](err)
	if !ok {
		t.Fatalf("got %v, want a *web.BindError", err)
	}
	return strings.Join(e.Problems, "\n")
}

// do sends a request, with a JSON body if body is not empty.
func (k *harness) do(method, target, body string) *httptest.ResponseRecorder {
	return k.send(request(method, target, body))
}

func (k *harness) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	k.router.ServeHTTP(w, r)
	return w
}

func request(method, target, body string) *http.Request {
	if body == "" {
		return httptest.NewRequest(method, target, http.NoBody)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// want checks status and body.
func (k *harness) want(w *httptest.ResponseRecorder, status int, body string) {
	k.t.Helper()
	if w.Code != status || w.Body.String() != body {
		k.t.Errorf("got %d %s\nwant %d %s\nlog: %s", w.Code, w.Body, status, body, k.log)
	}
}

func guard(f func(ctx context.Context, c *pipeline.Call) error) pipeline.Guard {
	return pipeline.GuardFunc(f)
}

var deny = guard(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden })

const forbidden = `{"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}`

const serverError = `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`

func globalGuard(g ...pipeline.Guard) web.BindConfig {
	return web.BindConfig{Global: pipe.Scope{Guards: g}}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) }
}
