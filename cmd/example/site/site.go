// Package site serves the page, and tells whether the server is alive.
package site

import (
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
type Controller struct{ files http.Handler }

// NewController makes the controller. An error of a constructor ends the start.
func NewController(f Files) (*Controller, error) {
	page, err := fs.Sub(f, "page")
	if err != nil {
		return nil, err
	}
	return &Controller{http.FileServerFS(page)}, nil
}

// Routes implements [web.Controller]. The files are named, so that anything else is a 404 in JSON.
func (c *Controller) Routes(r chi.Router) {
	r.Get("/healthz", health)
	r.Get("/", c.page)
	for _, name := range []string{"/style.css", "/chat.js", "/transports.js", "/vendor/socket.io.min.js"} {
		r.Get(name, c.page)
	}
}

func health(w http.ResponseWriter, _ *http.Request) {
	_ = web.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"}) // it encodes
}

// page sends a file. The page needs nothing from elsewhere, and browsers hold it to that.
func (c *Controller) page(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; img-src data:; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	c.files.ServeHTTP(w, r)
}
