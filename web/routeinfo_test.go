package web_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

type routeSearch struct {
	Room string   `path:"room"`
	Tags []string `query:"tag"`
	Lang string   `header:"accept-language"`
	Text string   `json:"text"`
}

type shelf struct{}

func (shelf) search(context.Context, routeSearch) ([]string, error) { return nil, nil }

func (shelf) remove(context.Context, struct{}) (struct{}, error) { return struct{}{}, nil }

func (shelf) export(http.ResponseWriter, *http.Request) error { return nil }

func (shelf) raw(http.ResponseWriter, *http.Request) {}

func TestRouteInfo(t *testing.T) {
	place := pipeline.NewKey[string]("place")
	errNone := &web.Error{Status: http.StatusNotFound, Message: "No such room"}
	k := newHarness(t, web.BindConfig{}, web.Controller(newController(func(r chi.Router) {
		var s shelf
		web.Use(r, web.Meta(place.With("use"))).Post("/{room}", web.JSON(s.search, web.Errors(errNone)))
		r.Put("/{room}", web.JSON(s.search, web.Status(202)))
		r.Delete("/{room}", web.JSON(s.remove))
		r.Get("/{room}.csv", web.Handle(s.export))
		r.Get("/raw", s.raw)
		r.Mount("/files", http.NotFoundHandler())
		r.Mount("/other", http.FileServer(http.Dir(".")))
	}), web.Prefix("/shelf"), web.ForRoute("POST /{room}", web.Meta(place.With("option")))))
	const pkg = "github.com/gatehouse-go/gatehouse/web_test."
	var got []string
	for _, r := range k.router.Routes() {
		text := fmt.Sprintf("%s %s %s in=%v out=%v status=%d body=%t errors=%d meta=%d", r.Method, r.Pattern, strings.TrimPrefix(r.Func, pkg), r.In, r.Out, r.Status, r.Body, len(r.Errors), len(r.Meta))
		for _, p := range r.Params {
			text += fmt.Sprintf(" %s:%s:%v:%t", p.In, p.Name, p.Type, p.Required)
		}
		got = append(got, text)
	}
	const params = " path:room:string:true query:tag:[]string:false header:Accept-Language:string:false"
	want := []string{
		"POST /shelf/{room} shelf.search in=web_test.routeSearch out=[]string status=201 body=true errors=1 meta=2" + params,
		"PUT /shelf/{room} shelf.search in=web_test.routeSearch out=[]string status=202 body=true errors=0 meta=0" + params,
		"DELETE /shelf/{room} shelf.remove in=struct {} out=struct {} status=204 body=false errors=0 meta=0",
		"GET /shelf/{room}.csv shelf.export in=<nil> out=<nil> status=0 body=false errors=0 meta=0",
		"GET /shelf/raw shelf.raw in=<nil> out=<nil> status=0 body=false errors=0 meta=0",
		" /shelf/files/* net/http.NotFound in=<nil> out=<nil> status=0 body=false errors=0 meta=0",
		" /shelf/other/*  in=<nil> out=<nil> status=0 body=false errors=0 meta=0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("routes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestErrorsOfRouteAreNotNil(t *testing.T) {
	_, err := bindAll(t, web.BindConfig{}, newController(func(r chi.Router) {
		r.Get("/", web.JSON(shelf{}.remove, web.Errors(nil)))
	}))
	if err == nil || !strings.HasSuffix(err.Error(), "GET /: JSON: Errors: error 1 is nil: pass a *web.Error") {
		t.Errorf("got %v", err)
	}
}
