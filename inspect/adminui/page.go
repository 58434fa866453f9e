package adminui

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/web"
)

// page serves the files of Options.UI.
type page struct {
	path  string
	index []byte
	files fs.FS
}

// foreign are links of the index to style sheets of other servers: icons and a font. The page works without them.
var foreign = regexp.MustCompile(`<link rel="stylesheet" href="https://[^"]*">`)

func (a *Admin) newPage() (*page, error) {
	index, err := fs.ReadFile(a.opts.UI, "index.html")
	if err != nil {
		return nil, fmt.Errorf("adminui: Options.UI is not the folder ui/dist of @socket.io/admin-ui: %w", err)
	}
	return &page{a.opts.UIPath, foreign.ReplaceAll(index, nil), a.opts.UI}, nil
}

// policy allows the page what it needs of its own server, and nothing of others. The page makes styles itself.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss: http: https:; frame-ancestors 'none'"

// Routes implements web.Routable.
func (p *page) Routes(r chi.Router) {
	r.Route(p.path, func(r chi.Router) {
		r.Use(secure)
		r.Get("/", p.serveIndex)
		r.Get("/index.html", p.serveIndex)
		web.Static(r, "/", p.files)
	})
}

func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func (p *page) serveIndex(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == p.path { // the links of the page are relative
		http.Redirect(w, r, p.path+"/", http.StatusMovedPermanently)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.index))
}
