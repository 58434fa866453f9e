package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// Search is the input of a route: from its path, its query and its JSON body.
type Search struct {
	Room  string   `path:"room"`
	Limit int      `query:"limit"`
	Tags  []string `query:"tag"`
	Text  string   `json:"text"`
}

// A typed handler. In an application it is registered in the method Routes of a
// controller.
func ExampleJSON() {
	r := chi.NewRouter()
	r.Post("/rooms/{room}/search", web.JSON(func(_ context.Context, in Search) ([]string, error) {
		return []string{fmt.Sprintf("%q in %s, %v, at most %d", in.Text, in.Room, in.Tags, in.Limit)}, nil
	}, web.Status(http.StatusOK)))

	printAnswer(r, http.MethodPost, "/rooms/tea/search?limit=5&tag=a&tag=b", `{"text":"milk"}`)
	printAnswer(r, http.MethodPost, "/rooms/tea/search?limit=many", `{"text":"milk"}`)
	// Output:
	// 200 ["\"milk\" in tea, [a b], at most 5"]
	// 400 {"statusCode":400,"message":"Bad payload: limit must be a number","error":"Bad Request","code":"bad_payload","details":[{"field":"limit","rule":"type","message":"must be a number"}]}
}

// A handler that writes its response itself, and may return an error instead.
func ExampleHandle() {
	errNoReport := &web.Error{Message: "No such report", Code: "no_report", Status: http.StatusNotFound}
	r := chi.NewRouter()
	r.Get("/reports/{id}.csv", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		if r.PathValue("id") != "7" {
			return errNoReport
		}
		w.Header().Set("Content-Type", "text/csv")
		_, err := fmt.Fprint(w, "name,stars")
		return err
	}))

	printAnswer(r, http.MethodGet, "/reports/7.csv", "")
	printAnswer(r, http.MethodGet, "/reports/8.csv", "")
	// Output:
	// 200 name,stars
	// 404 {"statusCode":404,"message":"No such report","error":"Not Found","code":"no_report"}
}

// Guards and filters for some routes of a controller.
func ExampleUse() {
	errStock := errors.New("stock: sold out")
	admin := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Role") != "admin" {
			return pipeline.ErrForbidden
		}
		return nil
	})
	soldOut := pipeline.FilterIs(errStock, &pipeline.Error{Message: "Sold out", Status: http.StatusConflict})

	r := chi.NewRouter()
	web.Use(r, web.UseGuards(admin)).Get("/admin", web.JSON(func(context.Context, struct{}) (string, error) { return "welcome", nil }))
	web.Use(r, web.UseFilters(soldOut)).Get("/order", web.JSON(func(context.Context, struct{}) (string, error) { return "", errStock }))

	printAnswer(r, http.MethodGet, "/admin", "")
	printAnswer(r, http.MethodGet, "/order", "")
	// Output:
	// 403 {"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}
	// 409 {"statusCode":409,"message":"Sold out","error":"Conflict"}
}

// The files of a single-page application: unknown paths serve index.html.
func ExampleStatic() {
	files := fstest.MapFS{
		"index.html": {Data: []byte("<h1>Home</h1>")},
		"app.js":     {Data: []byte("start()")},
	}
	r := chi.NewRouter()
	web.Static(r, "/", files, web.SPA())

	printAnswer(r, http.MethodGet, "/app.js", "")
	printAnswer(r, http.MethodGet, "/rooms/tea", "")
	// Output:
	// 200 start()
	// 200 <h1>Home</h1>
}

func printAnswer(h http.Handler, method, target, body string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
}
