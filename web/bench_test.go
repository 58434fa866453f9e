package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// sink is a ResponseWriter that discards the response.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             { clear(s.h) }

// BenchmarkRoute compares handlers on chi with handlers on a Router.
func BenchmarkRoute(b *testing.B) {
	plain := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }
	byHand := func(w http.ResponseWriter, r *http.Request) {
		in, err := web.ReadJSON[Message](w, r, 1000)
		if err != nil {
			web.Fail(w, err)
			return
		}
		_ = web.WriteJSON(w, http.StatusCreated, in)
	}
	typed := web.JSON(func(_ context.Context, m Message) (Message, error) { return m, nil })
	tagged := web.JSON(func(_ context.Context, in search2) (string, error) { return in.ID, nil })
	routes := func(post http.HandlerFunc) func(chi.Router) {
		return func(r chi.Router) {
			r.Get("/rooms/{id}", plain)
			r.Post("/rooms/{id}", post)
		}
	}
	pass := guard(func(context.Context, *pipeline.Call) error { return nil })
	all := []web.Option{web.UseGuards(pass), web.UseInterceptors(pipeline.InterceptorFunc(
		func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) { return next(ctx) }))}
	bare := chi.NewRouter()
	routes(byHand)(bare)
	for _, bb := range []struct {
		name, method string
		h            http.Handler
	}{
		{"plain/chi", "GET", bare},
		{"plain/web", "GET", routerFor(b, routes(typed))},
		{"plain/web+guard+interceptor", "GET", routerFor(b, routes(typed), all...)},
		{"json/chi", "POST", bare},
		{"json/web", "POST", routerFor(b, routes(typed))},
		{"json/web+guard+interceptor", "POST", routerFor(b, routes(typed), all...)},
		{"json/web+path", "POST", routerFor(b, routes(tagged))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			body := strings.NewReader("")
			r := httptest.NewRequest(bb.method, "/rooms/7", io.NopCloser(body))
			r.Header.Set("Content-Type", "application/json")
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Reset(`{"text":"hello","size":3}`)
				bb.h.ServeHTTP(w, r)
			}
		})
	}
}

func routerFor(b *testing.B, routes func(chi.Router), opts ...web.Option) http.Handler {
	b.Helper()
	g, err := module.Resolve(module.New("bench", module.Controllers(web.Controller(newController(routes), opts...))))
	if err != nil {
		b.Fatal(err)
	}
	if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
		b.Fatal(err)
	}
	r, err := web.Bind(g, web.BindConfig{})
	if err != nil {
		b.Fatal(err)
	}
	return r
}
