package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// newMux makes a router of chi that answers what it does not route in JSON.
func newMux() *chi.Mux {
	m := chi.NewRouter()
	m.NotFound(notFound)
	m.MethodNotAllowed(methodNotAllowed)
	return m
}

func notFound(w http.ResponseWriter, r *http.Request) {
	_ = writeFailure(w, r, errNotFound(r), http.StatusNotFound) // two strings always encode
}

func errNotFound(r *http.Request) *Error {
	return &Error{Status: http.StatusNotFound, Message: "Cannot " + r.Method + " " + r.URL.Path}
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	e := &Error{
		Status: http.StatusMethodNotAllowed, Message: "Cannot " + r.Method + " " + r.URL.Path,
		Header: http.Header{"Allow": {strings.Join(allowed(r), ", ")}},
	}
	_ = writeFailure(w, r, e, http.StatusMethodNotAllowed) // two strings always encode
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodHead, http.MethodTrace, http.MethodConnect, "QUERY",
}

// allowed lists the methods that are routed for the request's path. chi knows
// them too, but shows them to its own handler only.
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

// routePath is what chi matches.
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
