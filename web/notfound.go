package web

import (
	"cmp"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// unrouted answers requests without a route in JSON, and reports them to the outcome
// interceptors of the application.
type unrouted struct {
	chain *pipe.Chain
	log   *slog.Logger
	root  chi.Routes // of the application; nil on a router of the user
	pages pages      // likewise
}

// newMux returns a chi router that answers requests without a route.
func (u *unrouted) newMux() *chi.Mux {
	m := chi.NewRouter()
	m.NotFound(func(w http.ResponseWriter, r *http.Request) { u.answer(w, r, errNotFound(r)) })
	m.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		if u.root != nil {
			if page, _ := u.pages.of(u.root, routePath(r)); page != nil && page.excepts(r.URL.Path) { // GET is answered 404 too
				u.answer(w, r, errNotFound(r))
				return
			}
		}
		u.answer(w, r, errMethodNotAllowed(r, u.allowed(r)))
	})
	return m
}

func (u *unrouted) answer(w http.ResponseWriter, r *http.Request, e *Error) {
	start := u.chain.Begin()
	writeErrorBody(w, r, e, e.Status, nil)
	if !u.chain.WantsOutcome() || exchangeFrom(r.Context()) != nil {
		return // the endpoint around a mounted router reports the status
	}
	call := &pipeline.Call{Kind: pipeline.KindHTTP, Request: r, Owner: u.chain.Owner}
	u.chain.Report(pipeline.WithHolder(r.Context(), call), call, start, pipeline.Outcome{Err: e, Client: e, Status: e.Status}, u.log)
}

func errNotFound(r *http.Request) *Error {
	return &Error{Status: http.StatusNotFound, Message: "Cannot " + r.Method + " " + r.URL.Path}
}

func errMethodNotAllowed(r *http.Request, allowed []string) *Error {
	return &Error{
		Status: http.StatusMethodNotAllowed, Message: "Cannot " + r.Method + " " + r.URL.Path,
		Header: http.Header{"Allow": {strings.Join(allowed, ", ")}},
	}
}

var methods = []string{
	http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions, http.MethodHead, http.MethodTrace, http.MethodConnect, "QUERY",
}

// allowed returns the methods that have a route for the request's path. chi passes them only
// to its own handler.
func (u *unrouted) allowed(r *http.Request) []string {
	routes := u.root
	if routes == nil {
		routes = chi.RouteContext(r.Context()).Routes
	}
	path := routePath(r)
	out := slices.DeleteFunc(slices.Clone(methods), func(m string) bool { return !routes.Match(chi.NewRouteContext(), m, path) })
	if slices.Contains(out, http.MethodGet) && !slices.Contains(out, http.MethodHead) {
		out = append(out, http.MethodHead)
	}
	return out
}

// routePath returns the path that chi matches.
func routePath(r *http.Request) string {
	return cmp.Or(r.URL.RawPath, r.URL.Path, "/")
}
