// Package site serves the page and the probes of the application.
package site

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
)

// files are the page. scripts/setup page creates its directory vendor, which may be missing.
//
//go:embed all:page
var files embed.FS

// NewModule returns a module that serves the page at /, and /livez and /readyz.
func NewModule() *module.Module {
	return module.New("site", module.Controllers(NewController, web.Controller(app.NewHealthController, web.WithoutPrefix())))
}

// Controller serves files.
type Controller struct{ page fs.FS }

// NewController returns the controller. An error of a constructor aborts the start.
func NewController() (*Controller, error) {
	page, err := fs.Sub(files, "page")
	return &Controller{page}, err
}

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	web.Static(r.With(selfContained), "/", c.page)
}

// selfContained is net/http middleware: browsers load nothing from other origins.
func selfContained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
