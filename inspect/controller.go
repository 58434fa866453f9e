package inspect

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

//go:embed page
var files embed.FS

// controller serves the page and what it asks for.
type controller struct {
	inspector *inspector
	guard     *guard
	page      fs.FS
}

func newController(i *inspector, g *guard) (*controller, error) {
	page, err := fs.Sub(files, "page")
	return &controller{i, g, page}, err
}

// Routes implements [web.Routable].
func (c *controller) Routes(r chi.Router) {
	i := c.inspector
	r.Use(secured)
	r = web.Use(r, web.Meta(pipeline.Hidden()))
	public := web.Use(r, web.Meta(open.With(true)))
	public.Post("/session", web.Handle(c.session))
	public.Get("/", c.index)
	web.Static(public, "/", c.page)

	r.Get("/api/stats", web.JSON(i.overview))
	r.Get("/api/graph", web.JSON(i.graph))
	r.Get("/api/registry", web.JSON(i.registry))
	r.Get("/api/asyncapi.json", i.document((*contract.Model).AsyncAPI))
	r.Get("/api/openapi.json", i.document((*contract.Model).OpenAPI))
	r.Get("/api/clients", web.JSON(i.clientTable))
	r.Get("/api/clients/{id}", web.JSON(i.clientDetail))
	r.Post("/api/clients/{id}/disconnect", web.JSON(i.disconnect))
	r.Post("/api/clients/{id}/join", web.JSON(i.join))
	r.Post("/api/clients/{id}/leave", web.JSON(i.leave))
	r.Get("/api/rooms", web.JSON(i.roomTable))
	r.Get("/api/messages", web.Handle(c.export))
	r.Post("/api/emit", web.JSON(i.emit))
}

// index serves the page. Without the slash it redirects to the path with one, which the relative links of the page need.
func (c *controller) index(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/") {
		w.Header().Set("Location", path.Base(r.URL.Path)+"/")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	http.ServeFileFS(w, r, c.page, "index.html")
}

// secured sets the headers of every response, refusals included.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// session exchanges the token for a cookie. The cookie's path is the folder of this route: the page, its API and its socket.
func (c *controller) session(w http.ResponseWriter, r *http.Request) error {
	in, err := web.ReadJSON[struct {
		Token string `json:"token"`
	}](w, r, 1<<10)
	if err != nil {
		return err
	}
	if !equal(in.Token, c.inspector.token) {
		return c.guard.refuse(r.Context(), r, noToken("a token of another start, or none"))
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the page is, which is not so on the machine of a developer
		Name: cookieName(r.Host), Value: c.inspector.cookie, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// export writes the messages that are kept and match a filter, as lines of JSON.
func (c *controller) export(w http.ResponseWriter, r *http.Request) error {
	f, err := parseFilter(r.URL.Query().Get("filter"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="messages.jsonl"`)
	for _, e := range c.inspector.feed.find(f, ringSize) {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

var _ web.Routable = (*controller)(nil)
