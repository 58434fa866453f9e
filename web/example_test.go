package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

type Library struct{}

func NewLibrary() *Library { return &Library{} }

type NewBook struct {
	Shelf string `path:"shelf"`
	Title string `json:"title"`
}

func (b *NewBook) Validate() error {
	if b.Title == "" {
		return pipeline.Invalid(pipeline.Violation{Field: "title", Rule: "required", Message: "is required"})
	}
	return nil
}

type Book struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
}

func (l *Library) Routes(r chi.Router) { r.Post("/{shelf}/books", web.JSON(l.add)) }

func (l *Library) add(_ context.Context, in NewBook) (Book, error) {
	if in.Shelf != "sea" {
		return Book{}, &web.Error{Message: "No such shelf", Status: 404}
	}
	return Book{1, in.Title}, nil
}

// A controller with JSON handlers. Package app makes the calls after module.New.
func Example() {
	m := module.New("library", module.Controllers(web.Controller(NewLibrary, web.Prefix("/shelves"), web.Version("1"))))

	graph, err := module.Resolve(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := fx.New(graph.Fx(), fx.NopLogger).Err(); err != nil {
		fmt.Println(err)
		return
	}
	router, err := web.Bind(graph, web.BindConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, req := range []struct{ path, body string }{
		{"/v1/shelves/sea/books", `{"title":"Moby-Dick"}`},
		{"/v1/shelves/sea/books", `{}`},
		{"/v1/shelves/air/books", `{"title":"Moby-Dick"}`},
	} {
		r := httptest.NewRequest("POST", req.path, strings.NewReader(req.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 201 {"id":1,"title":"Moby-Dick"}
	// 400 {"statusCode":400,"message":"Bad payload: title is required","error":"Bad Request","code":"bad_payload","details":[{"field":"title","rule":"required","message":"is required"}]}
	// 404 {"statusCode":404,"message":"No such shelf","error":"Not Found"}
}
