// Package web has HTTP controllers: providers of a module that register routes
// on a [chi.Router].
//
//	type Controller struct{ rooms *Rooms }
//
//	func NewController(r *Rooms) *Controller { return &Controller{r} }
//
//	func (c *Controller) Routes(r chi.Router) { r.Get("/rooms", c.list) }
//
//	func (c *Controller) list(w http.ResponseWriter, r *http.Request) {
//		web.WriteJSON(w, http.StatusOK, c.rooms.List())
//	}
//
//	var Module = module.New("rooms", module.Providers(NewRooms), module.Controllers(NewController))
//
// The application finds every provider and controller that is a [Controller].
// Handlers are ordinary [http.HandlerFunc]s; everything written for net/http or
// chi works in them.
package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// Controller registers routes. Routes is called once, while the application
// starts, on a router that all controllers share; use r.Route or r.Group for
// middleware of one's own. Where two controllers register the same method and
// pattern, the later one wins.
type Controller interface {
	Routes(r chi.Router)
}

// NewRouter makes the router of an application: the routes of the controllers,
// in order; HEAD wherever GET is routed; 404 and 405 (with Allow) as the JSON
// body of [WriteError].
func NewRouter(controllers []Controller) chi.Router {
	r := chi.NewRouter()
	r.Use(middleware.GetHead)
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed)
	for _, c := range controllers {
		c.Routes(r)
	}
	return r
}

func notFound(w http.ResponseWriter, r *http.Request) {
	WriteError(w, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path)
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", strings.Join(allowed(r), ", "))
	WriteError(w, http.StatusMethodNotAllowed, "Cannot "+r.Method+" "+r.URL.Path)
}

// allowed lists the methods that are routed for the request's path. chi knows
// them too, but shows them to its own handler only.
func allowed(r *http.Request) []string {
	routes := chi.RouteContext(r.Context()).Routes
	path := r.URL.EscapedPath()
	if r.URL.RawPath == "" {
		path = r.URL.Path
	}
	var methods []string
	for _, m := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodHead, http.MethodTrace, http.MethodConnect,
	} {
		if routes.Match(chi.NewRouteContext(), m, path) {
			methods = append(methods, m)
		}
	}
	if slices.Contains(methods, http.MethodGet) && !slices.Contains(methods, http.MethodHead) {
		methods = append(methods, http.MethodHead)
	}
	return methods
}
