package web_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

// Guards and handlers see the same path values, whatever the encoding of the path.
func TestPathValuesAreDecoded(t *testing.T) {
	type in struct {
		Room string `path:"room"`
	}
	var guarded, handled string
	s := serve(t, func(r chi.Router) {
		r = web.Use(r, web.UseGuards(func(_ context.Context, c *pipeline.Call) error {
			guarded = c.Request.PathValue("room")
			return nil
		}))
		r.Get("/rooms/{room}", web.JSON(func(_ context.Context, in in) (string, error) {
			handled = in.Room
			return "", nil
		}))
		r.Route("/deep/{room}", func(r chi.Router) {
			r.Use(func(h http.Handler) http.Handler { return h })
			r.Get("/{other}", web.JSON(func(_ context.Context, in in) (string, error) {
				handled = in.Room
				return "", nil
			}))
		})
	})
	for path, want := range map[string]string{
		"/rooms/tea": "tea", "/rooms/t%65a": "tea", "/rooms/a%2Fb": "a/b", "/rooms/100%25": "100%", "/rooms/%2541": "%41",
		"/deep/a%2Fb/c%2F": "a/b", "/deep/%2541/x%2F": "%41",
	} {
		guarded, handled = "", ""
		s.do(http.MethodGet, path, "")
		if guarded != want || handled != want {
			t.Errorf("%s: guard %q, handler %q, want %q", path, guarded, handled, want)
		}
	}
}

// Names in a body match case-insensitively and never set path parameters.
func TestBodyNames(t *testing.T) {
	type in struct {
		Room string `path:"room"`
		Text string `json:"text"`
	}
	s := serve(t, func(r chi.Router) {
		r.Post("/rooms/{room}", web.JSON(func(_ context.Context, in in) (string, error) { return in.Room + ": " + in.Text, nil }))
	})
	for body, want := range map[string]string{
		`{"text":"hi"}`: `"tea: hi"`, `{"Text":"hi"}`: `"tea: hi"`, `{"Room":"cake","room":"cake","TEXT":"hi"}`: `"tea: hi"`,
	} {
		s.want(s.do(http.MethodPost, "/rooms/tea", body), http.StatusCreated, want)
	}
}
