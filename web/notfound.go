package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// newMux returns a chi router that answers requests without a route in JSON.
func newMux() *chi.Mux {
	m := chi.NewRouter()
	m.NotFound(notFound)
	m.MethodNotAllowed(methodNotAllowed)
	return m
}

func notFound(w http.ResponseWriter, r *http.Request) {
	_ = writeErrorBody(w, r, errNotFound(r), http.StatusNotFound) // two strings always encode
}

func errNotFound(r *http.Request) *Error {
	return &Error{Status: http.StatusNotFound, Message: "Cannot " + r.Method + " " + r.URL.Path}
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	e := &Error{
		Status: http.StatusMethodNotAllowed, Message: "Cannot " + r.Method + " " + r.URL.Path,
		Header: http.Header{"Allow": {strings.Join(allowed(r), ", ")}},
	}
	_ = writeErrorBody(w, r, e, http.StatusMethodNotAllowed) // two strings always encode
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodHead, http.MethodTrace, http.MethodConnect, "QUERY",
}

// allowed returns the methods that have a route for the request's path. chi passes them only
// to its own handler.
func allowed(r *http.Request) []string {
	routes := chi.RouteContext(r.Context()).Routes
	path := routePath(r)
	var out []string
	for _, m := range methods {
		if routes.Match(chi.NewRouteContext(), m, path) {
			out = append(out, m)
		}
	}
	if slices.Contains(out, http.MethodGet) && !slices.Contains(out, http.MethodHead) {
		out = append(out, http.MethodHead)
	}
	return out
}

// routePath returns the path that chi matches.
func routePath(r *http.Request) string {
	switch {
	case r.URL.RawPath != "":
		return r.URL.RawPath
	case r.URL.Path != "":
		return r.URL.Path
	default:
		return "/"
	}
}
