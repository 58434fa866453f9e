package web_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

func newRooms() *rooms { return &rooms{} }

type rooms struct{ _ int }

func (*rooms) Routes(r chi.Router) {
	r.Get("/", text("list"))
	r.Route("/{room}", func(r chi.Router) {
		r.Get("/", text("one"))
		r.Delete("/", text("gone"))
		r.Post("/messages", text("posted"))
	})
	r.Handle("/any", text("any"))
}

func newOther() *other { return &other{} }

type other struct{ _ int }

func (*other) Routes(r chi.Router) { r.Get("/rooms/{id}", text("other")) }

func TestPrefixAndVersions(t *testing.T) {
	k := newHarness(t, web.BindConfig{Options: []web.Option{web.Prefix("/api/")}},
		web.Controller(newRooms, web.Prefix("rooms"), web.Version("1", "2")), newOther)
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/api/v1/rooms", 200, "list"},
		{"GET", "/api/v2/rooms/", 200, "list"},
		{"GET", "/api/v2/rooms/a", 200, "one"},
		{"GET", "/api/v2/rooms/a/", 200, "one"},
		{"POST", "/api/v1/rooms/a/messages", 200, "posted"},
		{"PUT", "/api/v1/rooms/any", 200, "any"},
		{"GET", "/api/rooms/a", 200, "other"}, // without Version
		{"GET", "/api/v3/rooms", 404, `{"statusCode":404,"message":"Cannot GET /api/v3/rooms","error":"Not Found"}`},
		{"GET", "/rooms", 404, `{"statusCode":404,"message":"Cannot GET /rooms","error":"Not Found"}`},
		{"HEAD", "/api/v3/rooms", 404, ``},
		{"PATCH", "/api/v1/rooms/a", 405, `{"statusCode":405,"message":"Cannot PATCH /api/v1/rooms/a","error":"Method Not Allowed"}`},
		{"OPTIONS", "/api/v1/rooms/a", 405, `{"statusCode":405,"message":"Cannot OPTIONS /api/v1/rooms/a","error":"Method Not Allowed"}`},
		{"BREW", "/api/v1/rooms/a", 405, `{"statusCode":405,"message":"Cannot BREW /api/v1/rooms/a","error":"Method Not Allowed"}`},
	} {
		w := k.do(tt.method, tt.path, "")
		k.want(w, tt.status, tt.body)
		if tt.status == 405 && w.Header().Get("Allow") != "GET, DELETE, HEAD" {
			t.Errorf("Allow: %s", w.Header().Get("Allow"))
		}
	}
	for path, want := range map[string]bool{"/api/v1/rooms/a": true, "/api/v1/rooms/any": true, "/api/v1": false, "/": false} {
		for _, method := range []string{"GET", "PATCH", "OPTIONS", "BREW"} {
			if got := k.router.Owns(httptest.NewRequest(method, path, nil)); got != want {
				t.Errorf("Owns(%s %s): %v", method, path, got)
			}
		}
	}
	if rs := k.router.Routes(); len(rs) != 11 || rs[0].String() != "GET /api/v1/rooms (web_test.newRooms)" || rs[4].String() != "/api/v1/rooms/any (web_test.newRooms)" {
		t.Errorf("routes: %v", rs)
	}
}

func TestMountedElsewhere(t *testing.T) {
	k := newHarness(t, web.BindConfig{}, newOther)
	outer := chi.NewRouter()
	owns := false
	outer.Mount("/outer", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		owns = k.router.Owns(r)
		k.router.ServeHTTP(w, r)
	}))
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("GET", "/outer/rooms/1", nil))
	if w.Body.String() != "other" || !owns {
		t.Errorf("got %d %s, %v", w.Code, w.Body, owns)
	}
}

func TestNoControllers(t *testing.T) {
	k := newHarness(t, web.BindConfig{})
	k.want(k.do("GET", "/", ""), 404, `{"statusCode":404,"message":"Cannot GET /","error":"Not Found"}`)
}

type access struct{ allowed bool }

type tokenGuard struct{ a *access }

func newTokenGuard(a *access) *tokenGuard { return &tokenGuard{a} }

func (g *tokenGuard) Check(context.Context, *pipeline.Call) error {
	if !g.a.allowed {
		return pipeline.ErrForbidden
	}
	return nil
}

// The module resolves constructors in the options of application, controller and route.
func TestConstructors(t *testing.T) {
	for name, tt := range map[string]struct {
		app, controller []web.Option
		guarded         []string
	}{
		"application": {app: []web.Option{web.UseGuards(newTokenGuard)}, guarded: []string{"GET /", "GET /a", "DELETE /a", "PUT /any"}},
		"controller":  {controller: []web.Option{web.UseGuards(newTokenGuard)}, guarded: []string{"GET /", "GET /a", "DELETE /a", "PUT /any"}},
		"route":       {controller: []web.Option{web.ForRoute("delete /{room}", web.UseGuards(newTokenGuard))}, guarded: []string{"DELETE /a"}},
		"any method":  {controller: []web.Option{web.ForRoute("/any", web.UseGuards(newTokenGuard))}, guarded: []string{"PUT /any"}},
		"version":     {controller: []web.Option{web.ForRoute("GET /", web.UseGuards(newTokenGuard)), web.Version("1")}, guarded: []string{"GET /"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := &access{}
			m := module.New("rooms", module.Providers(module.Value(a)), module.Controllers(web.Controller(newRooms, tt.controller...)))
			g, err := module.Resolve(m, module.AttachToRoot(web.Constructors(tt.app)...))
			if err != nil {
				t.Fatal(err)
			}
			if err := web.Check(g, tt.app); err != nil { // before construction
				t.Fatal(err)
			}
			if err := fx.New(g.Fx(), fx.NopLogger).Err(); err != nil {
				t.Fatal(err)
			}
			r, err := web.Bind(g, web.BindConfig{Options: tt.app})
			if err != nil {
				t.Fatal(err)
			}
			for _, allowed := range []bool{false, true} {
				a.allowed = allowed
				for _, req := range []string{"GET /", "GET /a", "DELETE /a", "PUT /any"} {
					method, path, _ := strings.Cut(req, " ")
					if name == "version" {
						path = strings.TrimSuffix("/v1"+path, "/")
					}
					want := 200
					if !allowed && strings.Contains(strings.Join(tt.guarded, ","), req) && (len(tt.guarded) > 1 || tt.guarded[0] == req) {
						want = 403
					}
					w := httptest.NewRecorder()
					r.ServeHTTP(w, httptest.NewRequest(method, path, nil))
					if w.Code != want {
						t.Errorf("allowed %v: %s: %d, want %d", allowed, req, w.Code, want)
					}
				}
			}
		})
	}
}

func newNothing() *struct{ X int } { return nil }

func newNilRooms() *rooms { return nil }

func TestProblems(t *testing.T) {
	app := func(opts ...web.Option) web.BindConfig { return web.BindConfig{Options: opts} }
	one := func(routes func(chi.Router), opts ...web.Option) []any {
		return []any{web.Controller(newController(routes), opts...)}
	}
	shared := newRooms()
	for _, tt := range []struct {
		name        string
		cfg         web.BindConfig
		controllers []any
		want        string
	}{
		{"twice", app(), []any{newOther, web.Controller(newRooms, web.Prefix("/rooms"))},
			`GET /rooms/{room} is registered by controller web_test.newOther (web/bind_test.go:37) and by controller web_test.newRooms (web/bind_test.go:23); remove one, or change the Prefix or Version of one`},
		{"any method", app(), one(func(r chi.Router) { r.Handle("/x", text("")); r.Get("/x", text("")) }), `GET /x is registered by controller`},
		{"slash", app(), one(func(r chi.Router) { r.Get("/x/", text("")); r.Route("/x", func(r chi.Router) { r.Get("/", text("")) }) }), `GET /x/ is registered by`},
		{"regexp", app(), one(func(r chi.Router) { r.Get("/{a:[0-9]{2}}", text("")); r.Get("/{b:[0-9]{2}}", text("")) }), `GET /{b:[0-9]{2}} is registered by`},
		{"mount", app(), one(func(r chi.Router) { r.Mount("/x", text("")); r.Get("/x", text("")) }), `GET /x is registered by`},
		{"mounts", app(), one(func(r chi.Router) { r.Mount("/x", text("")); r.Mount("/x", text("")) }), `/x/* is registered by controller`},
		{"middleware", app(), []any{
			newController(func(r chi.Router) { r.Route("/x", func(r chi.Router) { r.Use(pass); r.Get("/a", text("")) }) }),
			newController(func(r chi.Router) { r.Route("/x", func(r chi.Router) { r.Use(pass); r.Get("/b", text("")) }) }),
		}, `both have middleware or NotFound in r.Route at /x; change the path of one, or move its middleware to r.Group or r.With`},
		{"route and mount", app(), one(func(r chi.Router) { r.Mount("/x", text("")); r.Route("/x", func(r chi.Router) { r.Use(pass) }) }), `Route("/x"): chi: attempting to Mount() a handler on an existing path`},
		{"hidden", app(), []any{
			newController(func(r chi.Router) { r.Get("/x/{id}", text("")) }),
			newController(func(r chi.Router) {
				r.Route("/x", func(r chi.Router) { r.Use(pass); r.Get("/{id}/more", text("")); r.Get("/own", text("")) })
			}),
		}, `GET /x/own is never reached: /x/{id} matches first: move both to one r.Route, or change one`},
		{"use too late", app(), one(func(r chi.Router) { r.Route("/x", func(chi.Router) {}).Use(pass) }), `Use after routes of /x: call Use first`},
		{"use late", app(), one(func(r chi.Router) { r.Route("/x", func(r chi.Router) { r.Get("/", text("")); r.Use(pass) }) }), `Use after routes of /x: call Use first`},
		{"use late on top", app(), one(func(r chi.Router) { r.Get("/", text("")); r.Use(pass) }), `Use: chi: all middlewares must be defined before routes on a mux`},
		{"not found twice", app(), []any{newController(func(r chi.Router) { r.NotFound(text("")) }), newController(func(r chi.Router) { r.NotFound(text("")) })}, `NotFound of /* is set by controller`},
		{"nil handler", app(), one(func(r chi.Router) { r.Get("/x", nil) }), `GET /x: the handler is nil`},
		{"nil Handle", app(), one(func(r chi.Router) { r.Get("/x", web.Handle(nil)) }), `GET /x: the handler is nil`},
		{"nil NotFound", app(), one(func(r chi.Router) { r.NotFound(nil) }), `NotFound: the handler is nil`},
		{"nil files", app(), one(func(r chi.Router) { web.Static(r, "/x", nil) }), `Static("/x"): the files are nil`},
		{"pattern", app(), one(func(r chi.Router) { r.Get("x", text("")) }), `GET x: a pattern must start with a slash, such as "/x"`},
		{"bad regexp", app(), one(func(r chi.Router) { r.Get("/{x:[}", text("")) }), `GET /{x:[}: `},
		{"method", app(), one(func(r chi.Router) { r.Method("brew", "/x", text("")) }), `BREW /x: chi: 'BREW' http method is not supported.`},
		{"route", app(), one(func(r chi.Router) { r.Route("x", nil) }), `Route("x"): needs a pattern such as "/rooms", and a function`},
		{"mount itself", app(), one(func(r chi.Router) { r.Mount("/x", r.With()) }), `Mount("/x"): the handler is a router of Routes itself; use r.Route`},
		{"mount nil", app(), one(func(r chi.Router) { r.Mount("/x", nil) }), `Mount("/x"): needs a pattern such as "/admin", and a handler`},
		{"panic", app(), one(func(chi.Router) { panic("boom") }), `Routes panicked: boom`},
		{"constructor in Use", app(), one(func(r chi.Router) { web.Use(r, web.UseGuards(newTokenGuard)).Get("/", text("")) }),
			`Use: guard 1: constructors are not accepted here: pass a value or pipeline.Injected, or pass the constructor to websockets.Gateway or web.Controller, for one handler with websockets.ForEvent or web.ForRoute`},
		{"not a guard", app(), one(func(r chi.Router) { web.Use(r, web.UseGuards(3)).Get("/", text("")) }), `Use: guard 1 has type int, which is neither a pipeline.Guard nor a constructor of one; it needs the method Check(context.Context, *pipeline.Call) error`},
		{"nil guard", app(), one(registerAll, web.UseGuards(nil)), `guard 1 is nil`},
		{"app guard", app(web.UseGuards(3)), nil, `the application's options: guard 1 has type int`},
		{"route guard", app(), one(registerAll, web.ForRoute("GET /get", web.UsePipes(3))), `ForRoute("GET /get"): pipe 1 has type int`},
		{"ForRoute", app(), []any{web.Controller(newRooms, web.Prefix("/rooms"), web.ForRoute("GET /rooms/{room}", web.UseGuards(deny)))},
			`ForRoute("GET /rooms/{room}"): no such route; its routes are: GET /, GET /{room}, DELETE /{room}, POST /{room}/messages, /any`},
		{"ForRoute of versions", app(), []any{web.Controller(newRooms, web.Version("1", "2"), web.ForRoute("GET /x"))}, `ForRoute("GET /x"): no such route; its routes are: GET /, GET /{room},`},
		{"ForRoute without routes", app(), one(func(chi.Router) {}, web.ForRoute("GET /")), `its routes are: none`},
		{"ForRoute without slash", app(), one(registerAll, web.ForRoute("GET")), `ForRoute("GET"): must be a method and a pattern, such as "POST /{room}"`},
		{"ForRoute in Use", app(), one(func(r chi.Router) { web.Use(r, web.ForRoute("GET /")) }), `Use: ForRoute("GET /") has no effect in web.Use or web.ForRoute; pass it to web.Controller`},
		{"ForRoute of app", app(web.ForRoute("GET /")), nil, `ForRoute("GET /") has no effect in the application's options; pass it to web.Controller`},
		{"Prefix in ForRoute", app(), one(registerAll, web.ForRoute("GET /get", web.Prefix("/x"))), `ForRoute("GET /get"): Prefix("/x") has no effect in web.Use or web.ForRoute; pass it to web.Controller or the application's options`},
		{"CORS", app(), one(registerAll, web.CORS(cors.Options{})), `CORS has no effect in web.Controller; pass it to the application's options`},
		{"CORS credentials", app(web.CORS(cors.Options{AllowCredentials: true})), nil, `CORS: browsers reject AllowCredentials with every origin; list AllowedOrigins`},
		{"Version of app", app(web.Version("1")), nil, `Version has no effect in the application's options; pass it to web.Controller`},
		{"Version with v", app(), one(registerAll, web.Version("v1")), `Version("v1"): remove the v; Version("1") is served at /v1`},
		{"bad Version", app(), one(registerAll, web.Version("1/2")), `Version("1/2"): must be a version such as "1"`},
		{"bad Prefix", app(), one(registerAll, web.Prefix("/a/*")), `Prefix("/a/*"): must be a path such as "/rooms"`},
		{"BodyLimit", app(), one(registerAll, web.BodyLimit(0)), `BodyLimit(0): must be at least 1`},
		{"no Routes", app(), []any{web.Controller(newNothing)}, `returns *struct { X int }, which has no method Routes(chi.Router); add it`},
		{"hidden type", app(), []any{web.Controller(func() any { return 3 })}, `returns int, which has no method Routes(chi.Router); add it`},
		{"nil", app(), []any{web.Controller(newNilRooms)}, `controller web_test.newNilRooms (web/bind_test.go:`},
		{"same value", app(), []any{func() *rooms { return shared }, web.Controller(func() *rooms { return shared })}, `: pass only the latter to web.Controller`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := bindProblems(t, tt.cfg, tt.controllers...); !strings.Contains(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestControllersShareAPattern(t *testing.T) {
	k := newHarness(t, web.BindConfig{},
		newController(func(r chi.Router) { r.Route("/rooms", func(r chi.Router) { r.Get("/a", text("a")) }) }),
		newController(func(r chi.Router) { r.Use(stop("")); r.Route("/rooms", func(r chi.Router) { r.Get("/b", text("b")) }) }),
		newController(func(r chi.Router) {
			r.Route("/rooms", func(r chi.Router) {
				r.Use(stop("/rooms/x"))
				r.Get("/c", text("c"))
				r.NotFound(text("own not found"))
			})
		}),
		newController(func(r chi.Router) {
			r.Use(stop("/stopped"))
			r.NotFound(text("not found"))
		}))
	k.want(k.do("GET", "/rooms/a", ""), 200, "a")
	k.want(k.do("GET", "/rooms/b", ""), 418, "") // r.Use applies to its controller
	k.want(k.do("GET", "/rooms/c", ""), 200, "c")
	k.want(k.do("GET", "/rooms/x", ""), 418, "") // r.Use in r.Route runs before matching
	k.want(k.do("GET", "/rooms/y", ""), 200, "own not found")
	k.want(k.do("GET", "/y", ""), 200, "not found") // r.NotFound applies to all controllers
	k.want(k.do("GET", "/stopped", ""), 418, "")
}

// stop is middleware that answers 418, for one path or all.
func stop(path string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path == "" || r.URL.Path == path {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestBodyLimit(t *testing.T) {
	read := web.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})
	in := web.JSON(func(context.Context, Message) (struct{}, error) { return struct{}{}, nil })
	routes := func(r chi.Router) {
		r.Post("/read", read)
		r.Post("/json", in)
		web.Use(r, web.BodyLimit(40)).Post("/use", in)
		r.Post("/for", in)
	}
	body := func(n int) string { return `{"text":"` + strings.Repeat("x", n-11) + `"}` }
	limited := newHarness(t, web.BindConfig{Options: []web.Option{web.BodyLimit(30)}}, newController(routes))
	own := newHarness(t, web.BindConfig{Options: []web.Option{web.BodyLimit(30)}},
		web.Controller(newController(routes), web.BodyLimit(20), web.ForRoute("POST /for", web.BodyLimit(50))))
	unlimited := serve(t, routes)
	for _, tt := range []struct {
		k     *harness
		path  string
		limit int
	}{
		{limited, "/read", 30}, {limited, "/json", 30}, {limited, "/use", 40}, {limited, "/for", 30},
		{own, "/read", 20}, {own, "/json", 20}, {own, "/use", 40}, {own, "/for", 50},
		{unlimited, "/json", 1_000_000}, {unlimited, "/for", 1_000_000},
	} {
		if w := tt.k.do("POST", tt.path, body(tt.limit)); w.Code != 200 && w.Code != 204 {
			t.Errorf("%s: %d bytes: %d %s", tt.path, tt.limit, w.Code, w.Body)
		}
		tt.k.want(tt.k.do("POST", tt.path, body(tt.limit+1)), 413,
			fmt.Sprintf(`{"statusCode":413,"message":"The body is larger than %d bytes","error":"Request Entity Too Large"}`, tt.limit))
	}
	if w := unlimited.do("POST", "/read", body(1_000_001)); w.Code != 200 {
		t.Errorf("handler that reads the body itself, without BodyLimit: %d", w.Code)
	}
}

func TestCORS(t *testing.T) {
	k := newHarness(t, web.BindConfig{Options: []web.Option{
		web.CORS(cors.Options{AllowedOrigins: []string{"https://app.example"}, AllowCredentials: true}), web.UseGuards(deny),
	}}, newController(func(r chi.Router) { r.Post("/x", text("")) }))
	for _, tt := range []struct {
		method, origin string
		status         int
		allow          string
	}{
		{"OPTIONS", "https://app.example", 200, "https://app.example"},
		{"OPTIONS", "https://evil.example", 200, ""},
		{"POST", "https://app.example", 403, "https://app.example"},
		{"POST", "https://evil.example", 403, ""},
	} {
		r := request(tt.method, "/x", "")
		r.Header.Set("Origin", tt.origin)
		if tt.method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		if w := k.send(r); w.Code != tt.status || w.Header().Get("Access-Control-Allow-Origin") != tt.allow {
			t.Errorf("%s %s: %d %v", tt.method, tt.origin, w.Code, w.Header())
		}
	}
}

// Use applies options on a router of chi too.
func TestUseOnChiRouter(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	r := chi.NewRouter()
	registerAll(web.Use(r, web.UseGuards(deny)))
	for _, req := range reachable {
		method, path, _ := strings.Cut(req, " ")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != 403 && method != "HEAD" { // chi does not route HEAD to GET
			t.Errorf("%s: %d %s", req, w.Code, w.Body)
		}
	}
	broken := chi.NewRouter()
	web.Use(broken, web.UseGuards(newTokenGuard)).Get("/", text("in"))
	w := httptest.NewRecorder()
	broken.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Body.String() != serverError || !strings.Contains(log.String(), "with websockets.ForEvent or web.ForRoute") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, &log)
	}
}

// A router with its own options can be mounted below a controller.
func TestNested(t *testing.T) {
	user := pipeline.NewValue[string]("user")
	sub := chi.NewRouter()
	web.Use(sub, web.UseGuards(guard(func(_ context.Context, c *pipeline.Call) error {
		if u, _ := user.Get(c); u != "ann" {
			return errDisk
		}
		return nil
	}))).Get("/in", web.JSON(func(context.Context, struct{}) (string, error) { return "in", nil }))
	web.Use(sub, web.UseGuards(guard(func(context.Context, *pipeline.Call) error { return errDisk }))).Get("/out", text("in"))
	web.Use(sub, web.UseFilters(pipeline.FilterIs(errDisk, &web.Error{Message: "mine"}))).Get("/mine", failing(errDisk))
	k := serve(t, func(r chi.Router) { r.Mount("/sub", sub) }, web.UseGuards(guard(func(_ context.Context, c *pipeline.Call) error {
		user.Set(c, "ann")
		return nil
	})), web.UseFilters(pipeline.FilterIs(errDisk, &web.Error{Message: "full"})))
	k.want(k.do("GET", "/sub/in", ""), 200, `"in"`)
	k.want(k.do("GET", "/sub/mine", ""), 400, `{"statusCode":400,"message":"mine","error":"Bad Request"}`)
	k.want(k.do("GET", "/sub/out", ""), 403, `{"statusCode":403,"message":"full","error":"Forbidden"}`)
}
