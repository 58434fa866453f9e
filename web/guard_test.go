package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// trace is a guard, interceptor, pipe and filter that records its calls.
type trace struct {
	name string
	to   *[]string
}

func (t trace) record(what string) { *t.to = append(*t.to, what+" "+t.name) }

func (t trace) Check(context.Context, *pipeline.Call) error {
	t.record("guard")
	return nil
}

func (t trace) Intercept(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
	t.record("in")
	v, err := next(ctx)
	t.record("out")
	return v, err
}

func (t trace) Transform(context.Context, *pipeline.Call, any) error {
	t.record("pipe")
	return nil
}

func (t trace) Catch(context.Context, *pipeline.Call, error) *pipeline.Error {
	t.record("filter")
	return nil
}

func (t trace) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.record("middleware")
		next.ServeHTTP(w, r)
	})
}

func (t trace) all() []web.Option {
	return []web.Option{web.UseGuards(t), web.UseInterceptors(t), web.UsePipes(t), web.UseFilters(t)}
}

func (t trace) scope() pipe.Scope {
	return pipe.Scope{
		Guards: []pipeline.Guard{t}, Interceptors: []pipeline.Interceptor{t},
		Pipes: []pipeline.Pipe{t}, Filters: []pipeline.Filter{t},
	}
}

type order struct {
	Text string `json:"text"`
}

var tracer *[]string

func (o *order) Validate() error {
	if tracer != nil {
		*tracer = append(*tracer, "validate")
	}
	return nil
}

func TestOrder(t *testing.T) {
	var got []string
	tracer = &got
	defer func() { tracer = nil }()
	at := func(name string) trace { return trace{name, &got} }
	fail := fmt.Errorf("x: %w", &web.Error{Message: "no"})
	k := newHarness(t, web.BindConfig{Global: at("global").scope(), Options: at("app").all()},
		web.Controller(newController(func(r chi.Router) {
			r.Use(at("use").middleware)
			r.Route("/a", func(r chi.Router) {
				r.Use(at("route").middleware)
				web.Use(r.With(at("with").middleware), at("handler").all()...).Post("/{id}", web.JSON(func(_ context.Context, o order) (string, error) {
					got = append(got, "handler")
					return o.Text, nil
				}))
			})
			web.Use(r, at("handler").all()...).Get("/plain", func(http.ResponseWriter, *http.Request) { got = append(got, "handler") })
			web.Use(r, at("handler").all()...).Get("/fail", web.Handle(func(http.ResponseWriter, *http.Request) error { return fail }))
		}), append(at("controller").all(), web.ForRoute("POST /a/{id}", at("for").all()...))...))

	for _, tt := range []struct{ method, path, body, want string }{
		{"POST", "/a/1", `{"text":"x"}`, `middleware use, middleware route, middleware with,
			guard global, guard app, guard controller, guard handler, guard for,
			in global, in app, in controller, in handler, in for,
			pipe global, pipe app, pipe controller, pipe handler, pipe for, validate, handler,
			out for, out handler, out controller, out app, out global`},
		{"GET", "/plain", "", `middleware use, guard global, guard app, guard controller, guard handler,
			in global, in app, in controller, in handler, handler, out handler, out controller, out app, out global`},
		{"GET", "/fail", "", `middleware use, guard global, guard app, guard controller, guard handler,
			in global, in app, in controller, in handler, out handler, out controller, out app, out global,
			filter handler, filter controller, filter global, filter app`},
	} {
		got = nil
		k.do(tt.method, tt.path, tt.body)
		var want []string
		for w := range strings.SplitSeq(tt.want, ",") {
			want = append(want, strings.TrimSpace(w))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.method, tt.path, strings.Join(got, ", "), strings.Join(want, ", "))
		}
	}
}

var page = fstest.MapFS{"index.html": {Data: []byte("page")}, "docs/index.html": {Data: []byte("docs")}}

// registerAll registers routes with every method of the router.
func registerAll(r chi.Router) {
	h := text("in")
	r.Get("/get", h)
	r.Post("/post", h)
	r.Put("/put", h)
	r.Patch("/patch", h)
	r.Delete("/delete", h)
	r.Options("/options", h)
	r.Head("/head", h)
	r.Trace("/trace", h)
	r.Connect("/connect", h)
	r.Query("/query", h)
	r.Method("GET", "/method", h)
	r.MethodFunc("get", "/methodfunc", h)
	r.Handle("/handle", h)
	r.Handle("GET /handleget", h)
	r.HandleFunc("/handlefunc", h)
	r.With(pass).Get("/with", h)
	r.Group(func(r chi.Router) { r.Get("/group", h) })
	r.Group(nil).Get("/groupnil", h)
	r.Route("/route", func(r chi.Router) {
		r.Get("/", h)
		r.Route("/deep", func(r chi.Router) {
			r.Use(pass)
			r.Get("/{id}", h)
			r.NotFound(h)
		})
	}).Get("/later", h)
	r.Route("/own", func(r chi.Router) {
		r.Use(pass)
		r.Get("/", h)
		r.Handle("/all/*", h)
		r.Route("/rest", func(r chi.Router) {
			r.Use(pass)
			r.Handle("/*", h)
		})
		r.With(pass).Route("/in", func(r chi.Router) { r.Get("/x", h) })
	})
	web.Use(r).Get("/use", h)
	web.Static(r, "/files", page)
	r.Get("/json", web.JSON(func(context.Context, struct{}) (string, error) { return "in", nil }))
	sub := chi.NewRouter()
	sub.Get("/x", h)
	sub.Mount("/sub", text("in"))
	r.Mount("/mount", sub)
	r.Mount("/plainmount", h)
	r.NotFound(h)
	r.MethodNotAllowed(h)
}

func pass(next http.Handler) http.Handler { return next }

// reachable lists requests for all routes of registerAll.
var reachable = []string{
	"GET /get", "HEAD /get", "POST /post", "PUT /put", "PATCH /patch", "DELETE /delete", "OPTIONS /options", "HEAD /head",
	"TRACE /trace", "CONNECT /connect", "QUERY /query", "GET /method", "GET /methodfunc", "GET /handle", "POST /handle", "HEAD /handle",
	"GET /handleget", "PUT /handlefunc", "GET /with", "GET /group", "GET /groupnil", "GET /route", "GET /route/", "GET /route/deep/1",
	"GET /route/deep/not/found", "GET /route/later", "GET /own", "GET /own/", "GET /own/in/x", "PUT /own/all/x", "GET /own/rest/x/y", "GET /use", "GET /files/", "HEAD /files/",
	"GET /files", "GET /files/docs", "GET /files/index.html", "GET /json", "HEAD /json", "GET /mount/x", "GET /mount/sub/y", "GET /mount", "GET /mount/none",
	"POST /mount/x", "GET /plainmount/any/thing", "DELETE /plainmount", "GET /not/found", "PUT /get",
}

func TestGuardsProtectEveryRoute(t *testing.T) {
	for name, build := range map[string]func() *harness{
		"global": func() *harness { return newHarness(t, globalGuard(deny), newController(registerAll)) },
		"application": func() *harness {
			return newHarness(t, web.BindConfig{Options: []web.Option{web.UseGuards(deny)}}, newController(registerAll))
		},
		"controller": func() *harness { return serve(t, registerAll, web.UseGuards(deny)) },
		"route": func() *harness {
			return serve(t, func(r chi.Router) { registerAll(web.Use(r, web.UseGuards(deny))) })
		},
		"prefix": func() *harness {
			return newHarness(t, web.BindConfig{Global: pipe.Scope{Guards: []pipeline.Guard{deny}}, Options: []web.Option{web.Prefix("/api")}}, newController(registerAll))
		},
	} {
		k := build()
		for _, req := range reachable {
			method, path, _ := strings.Cut(req, " ")
			if name == "prefix" {
				path = "/api" + path
			}
			want := forbidden
			if method == "HEAD" {
				want = ""
			}
			if w := k.do(method, path, ""); w.Code != 403 || w.Body.String() != want {
				t.Errorf("%s: %s: %d %s", name, req, w.Code, w.Body)
			}
		}
	}
	// Without a guard, the same requests reach a handler.
	k := serve(t, registerAll)
	for _, req := range reachable {
		method, path, _ := strings.Cut(req, " ")
		if w := k.do(method, path, ""); w.Code == 403 || w.Code >= 500 {
			t.Errorf("%s: %d %s", req, w.Code, w.Body)
		}
	}
}

func TestCall(t *testing.T) {
	roles, site := pipeline.NewKey[string]("roles"), pipeline.NewKey[string]("site")
	user := pipeline.NewValue[string]("user")
	var got pipeline.Call
	look := guard(func(_ context.Context, c *pipeline.Call) error {
		got = *c
		user.Set(c, "ann")
		return nil
	})
	k := newHarness(t, web.BindConfig{Options: []web.Option{web.UseGuards(look), web.Prefix("api"), web.Meta(site.With("s"))}},
		web.Controller(newController(func(r chi.Router) {
			whoami := func(w http.ResponseWriter, r *http.Request) {
				u, _ := user.From(r.Context())
				_, _ = io.WriteString(w, u)
			}
			web.Use(r, web.Meta(roles.With("route"))).Get("/{id}", whoami)
			r.Post("/", whoami)
			r.Handle("/any", http.HandlerFunc(whoami))
			r.Mount("/m", http.HandlerFunc(whoami))
			r.Route("/r", func(r chi.Router) {
				r.Use(pass)
				r.Get("/{x:[a-z]+}", web.JSON(func(ctx context.Context, _ struct{}) (string, error) {
					u, _ := user.From(ctx)
					return u, nil
				}))
			})
		}), web.Prefix("/rooms/"), web.Meta(roles.With("owner"))))
	for _, tt := range []struct{ method, path, pattern, role, body string }{
		{"GET", "/api/rooms/7", "GET /api/rooms/{id}", "route", "ann"},
		{"HEAD", "/api/rooms/7", "GET /api/rooms/{id}", "route", "ann"},
		{"POST", "/api/rooms", "POST /api/rooms", "owner", "ann"},
		{"POST", "/api/rooms/", "POST /api/rooms", "owner", "ann"},
		{"PUT", "/api/rooms/any", "PUT /api/rooms/any", "owner", "ann"},
		{"GET", "/api/rooms/m/deep", "GET /api/rooms/m/*", "owner", "ann"},
		{"GET", "/api/rooms/r/abc", "GET /api/rooms/r/{x:[a-z]+}", "owner", `"ann"`},
	} {
		w := k.do(tt.method, tt.path, "")
		role, _ := roles.Of(&got)
		if s, _ := site.Of(&got); s != "s" || w.Code >= 300 || w.Body.String() != tt.body || got.Pattern != tt.pattern ||
			got.Kind != pipeline.KindHTTP || got.Request == nil || role != tt.role || !strings.HasPrefix(got.Name, "web_test.") {
			t.Errorf("%s %s: %d %s %+v, %s", tt.method, tt.path, w.Code, w.Body, got, role)
		}
	}
}

func TestMountedRouters(t *testing.T) {
	k := serve(t, func(r chi.Router) {
		sub := chi.NewRouter()
		sub.Get("/x/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, chi.URLParam(r, "id")) })
		sub.Route("/deep", func(r chi.Router) {
			r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, chi.URLParam(r, "id")) })
		})
		sub.Get("/json/{id}", web.JSON(func(_ context.Context, in struct {
			ID int `path:"id"`
		}) (int, error) {
			return in.ID, nil
		}))
		r.Mount("/m", sub)
	}, web.UseInterceptors(pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		if _, err := next(ctx); err != nil {
			return nil, err
		}
		v, err := next(ctx) // routes again
		if n, ok := v.(int); ok {
			return n * 2, err
		}
		return v, err
	})))
	k.want(k.do("GET", "/m/x/7", ""), 200, "77")
	k.want(k.do("GET", "/m/deep/7", ""), 200, "77")
	k.want(k.do("GET", "/m/json/7", ""), 200, "14")
	if !k.router.Owns(httptest.NewRequest("GET", "/m/x/7", nil)) || k.router.Owns(httptest.NewRequest("GET", "/m/none", nil)) {
		t.Error("Owns ignores mounted routers")
	}
}
