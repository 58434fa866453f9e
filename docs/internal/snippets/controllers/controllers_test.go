package controllers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

func start(t *testing.T, ctors ...any) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("app", module.Imports(Module), module.Controllers(ctors...)),
		apptest.With(app.HTTP("127.0.0.1:0", web.Prefix("/api"), web.BodyLimit(64<<10),
			web.CORS(cors.Options{AllowedOrigins: []string{"https://app.example.com"}, AllowCredentials: true}))))
}

// The table of a page and its API.
func TestWhole(t *testing.T) {
	a := apptest.New(t, Whole, apptest.With(app.HTTP("127.0.0.1:0", web.Prefix("/api"))))
	ask.JSON(t, "GET", a.URL()+"/api/v1/rooms", "").Want(t, 200, `["tea","toast"]`)
	page := ask.JSON(t, "GET", a.URL()+"/", "")
	for target, status := range map[string]int{
		"GET /": 200, "GET /rooms/tea": 200, "GET /none.js": 404, "GET /api/none": 404, "POST /api/none": 404, "POST /rooms/tea": 405,
	} {
		method, path, _ := strings.Cut(target, " ")
		got := ask.JSON(t, method, a.URL()+path, "")
		if got.Status != status || status == 200 && got.Body != page.Body || status != 200 && !strings.HasPrefix(got.Body, `{"statusCode":`) {
			t.Errorf("%s: %d %s", target, got.Status, got.Body)
		}
	}
}

func TestRoutes(t *testing.T) {
	a := start(t)
	base := a.URL() + "/api/v1/rooms"
	ask.JSON(t, "GET", base, "").Want(t, 200, `["tea","toast"]`)
	ask.JSON(t, "GET", base+"/?prefix=t&limit=1&tag=a&tag=b", "").Want(t, 200, `["tea"]`)
	ask.JSON(t, "POST", base+"/tea/messages", `{"text":"hi","Room":"toast"}`).Want(t, 201, `{"id":1,"text":"hi"}`)
	got := ask.JSON(t, "GET", base+"/tea.csv", "")
	got.Want(t, 200, "hi\n")
	if got.Header.Get("Content-Type") != "text/csv" || !strings.Contains(got.Header.Get("Cache-Control"), "no-cache") {
		t.Errorf("header %v", got.Header)
	}
	ask.JSON(t, "DELETE", base+"/tea", "").Want(t, 204, "")
	ask.JSON(t, "DELETE", base+"/tea", "").
		Want(t, 404, `{"statusCode":404,"message":"There is no room tea","error":"Not Found","code":"no_room"}`)
	if got := ask.JSON(t, "GET", base+"/tea.csv", ""); got.Status != 404 {
		t.Errorf("got %d", got.Status)
	}
	if got := ask.JSON(t, "HEAD", base, ""); got.Status != 200 {
		t.Errorf("HEAD: %d", got.Status)
	}
}

// The table of answers.
func TestAnswers(t *testing.T) {
	a := start(t)
	base := a.URL() + "/api/v1/rooms"
	for _, tt := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"GET", "?limit=many", "", 400, "Bad payload: limit must be a number"},
		{"GET", "?limit=1&limit=2", "", 400, "Bad payload: limit must not be repeated"},
		{"POST", "/tea/messages", `{`, 400, "Bad body: not valid JSON"},
		{"POST", "/tea/messages", `{"text":5}`, 400, "Bad body: text must be a string, not a number"},
		{"POST", "/tea/messages", `{"text":""}`, 500, "Internal server error"},
		{"POST", "/tea/messages", `{"text":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "The body is larger than 65536 bytes"},
		{"POST", "/tea/messages", ``, 415, "The Content-Type must be application/json"},
		{"PUT", "/tea/messages", ``, 405, "Cannot PUT /api/v1/rooms/tea/messages"},
		{"GET", "/nowhere/at/all", ``, 404, "Cannot GET /api/v1/rooms/nowhere/at/all"},
	} {
		got := ask.JSON(t, tt.method, base+tt.path, tt.body)
		if m := got.Field(t, "message"); got.Status != tt.status || m != tt.message {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, got.Status, m)
		}
	}
}

func TestCORS(t *testing.T) {
	a := start(t)
	for origin, want := range map[string]string{"https://app.example.com": "https://app.example.com", "https://evil.example": ""} {
		got := ask.JSON(t, "OPTIONS", a.URL()+"/api/v1/rooms", "", "Origin", origin, "Access-Control-Request-Method", "GET")
		if h := got.Header.Get("Access-Control-Allow-Origin"); h != want {
			t.Errorf("%s: preflight %q", origin, h)
		}
		got = ask.JSON(t, "GET", a.URL()+"/api/v1/rooms", "", "Origin", origin)
		if h := got.Header.Get("Access-Control-Allow-Origin"); h != want || got.Status != 200 {
			t.Errorf("%s: %d %q", origin, got.Status, h)
		}
	}
	if got := ask.JSON(t, "OPTIONS", apptest.New(t, Module).URL()+"/v1/rooms", ""); got.Status != 405 {
		t.Errorf("without CORS: %d", got.Status)
	}
}

func TestCredentialsForEveryOrigin(t *testing.T) {
	err := app.Validate(Module, app.HTTP(":0", web.CORS(cors.Options{AllowCredentials: true})))
	if err == nil || !strings.Contains(err.Error(), "list AllowedOrigins") {
		t.Errorf("got %v", err)
	}
}

func TestStatic(t *testing.T) {
	a := apptest.New(t, module.New("app", module.Imports(Module), module.Controllers(NewSite)))
	page := "<!doctype html><title>Rooms</title>\n"
	for _, path := range []string{"/", "/deep/link"} {
		ask.JSON(t, "GET", a.URL()+path, "").Want(t, 200, page)
	}
	ask.JSON(t, "GET", a.URL()+"/style.css", "").Want(t, 200, "body { margin: 0 }\n")
	ask.JSON(t, "GET", a.URL()+"/missing.css", "").Want(t, 404, `{"statusCode":404,"message":"Cannot GET /missing.css","error":"Not Found"}`)
	ask.JSON(t, "GET", a.URL()+"/v1/rooms", "").Want(t, 200, `["tea","toast"]`)
}

func TestMiddleware(t *testing.T) {
	a := apptest.New(t, module.New("app", module.Controllers(NewLegacy)))
	got := ask.JSON(t, "GET", a.URL()+"/old/status", "")
	got.Want(t, 200, "true")
	if !strings.Contains(got.Header.Get("Cache-Control"), "no-cache") {
		t.Errorf("header %v", got.Header)
	}
	if got := ask.JSON(t, "GET", a.URL()+"/old/debug/pprof/cmdline", ""); got.Status != 200 {
		t.Errorf("got %d", got.Status)
	}
}

// misfit has a GET route with a body, and a tag that its pattern has not.
type misfit struct{}

func (misfit) Routes(r chi.Router) {
	r.Get("/a", web.JSON(func(context.Context, Post) (int, error) { return 0, nil }))
}

func TestTypesThatCannotWorkAreErrorsOfTheStart(t *testing.T) {
	a, err := app.New(module.New("app", module.Controllers(func() *misfit { return &misfit{} })), app.HTTP("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	if _, ok := errors.AsType[*module.Error](err); !ok || !strings.Contains(err.Error(), "GET ignores the body") || !strings.Contains(err.Error(), `has no {room}`) {
		t.Errorf("got %v", err)
	}
}

func TestTwoControllersAtOnePath(t *testing.T) {
	twice := module.New("app", module.Providers(NewRooms), module.Controllers(
		web.Controller(NewController), web.Controller(NewController)))
	a, err := app.New(twice, app.HTTP("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "GET / is registered by controller") {
		t.Errorf("got %v", err)
	}
}

// A handler of JSON without an application.
//
// snippet:test
func TestListWithoutAServer(t *testing.T) {
	got, err := NewController(NewRooms()).list(t.Context(), List{Prefix: "te"})
	if err != nil || len(got) != 1 || got[0] != "tea" {
		t.Errorf("got %q, %v", got, err)
	}
}

// end
