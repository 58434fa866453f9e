// Package site serves the page, and tells whether the server is alive.
package site

import (
	"context"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// NewModule serves the folder page of files at /.
func NewModule(files fs.FS) *module.Module {
	return module.New("site",
		module.Providers(module.Value(Files{files})),
		module.Controllers(NewController),
	)
}

// Files have the folder page.
type Files struct{ fs.FS }

// Controller serves files and /healthz.
type Controller struct{ page fs.FS }

// NewController makes the controller. An error of a constructor ends the start.
func NewController(f Files) (*Controller, error) {
	page, err := fs.Sub(f, "page")
	return &Controller{page}, err
}

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	r.Get("/healthz", web.JSON(health))
	web.Static(r.With(alone), "/", c.page)
}

// Health is the answer of a server that is alive.
type Health struct {
	Status string `json:"status"`
}

func health(context.Context, struct{}) (Health, error) { return Health{"ok"}, nil }

// alone is middleware of net/http: the page needs nothing from elsewhere, and browsers
// hold it to that.
func alone(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
