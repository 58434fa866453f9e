package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// router is the argument of Routes. It registers handlers with chi, each behind the guards of
// its route. It embeds no chi.Router: a method that chi adds must fail to compile, not bypass
// the guards.
type router struct {
	inner chi.Router // registers the routes
	mux   *chi.Mux   // the nearest enclosing mux; nil on a router of the user
	ctl   *registrar
	in    string // prefix of patterns in inner
	rel   string // prefix of patterns in the controller
	scope pipe.Scope
	limit int64
	// broken is the error of options on a router of the user, returned for each request.
	broken error
	// pending is not nil inside Route, and true while it may still get its own mux.
	pending *bool
}

var _ chi.Router = (*router)(nil)

// inline returns a router for the same paths.
func (r *router) inline(inner chi.Router) *router {
	r.seal()
	child := *r
	child.inner, child.pending = inner, nil
	return &child
}

func (r *router) problemf(format string, args ...any) {
	if !r.ctl.standalone {
		r.ctl.problemf(format, args...)
	}
}

// recoverChi calls f and reports a panic as a problem: chi panics on invalid calls.
func (r *router) recoverChi(what string, f func()) {
	if !r.ctl.standalone {
		defer func() {
			if v := recover(); v != nil {
				r.problemf("%s: %v", what, v)
			}
		}()
	}
	f()
}

// seal records that Route can no longer get its own mux.
func (r *router) seal() {
	if r.pending != nil {
		*r.pending = false
	}
}

// ensureMux creates a mux for the router of Route, whose middleware runs before matching. It
// reports false if routes have already been registered.
func (r *router) ensureMux() bool {
	if !*r.pending {
		return false
	}
	if !r.isMux() {
		mux := r.ctl.unrouted.newMux()
		r.inner, r.mux, r.in = mux, mux, ""
	}
	return true
}

// isMux reports whether the router registers with a mux directly.
func (r *router) isMux() bool { return r.mux != nil && r.inner == chi.Router(r.mux) }

// Use implements [chi.Router].
func (r *router) Use(middlewares ...func(http.Handler) http.Handler) {
	if r.pending != nil && !r.ensureMux() {
		r.problemf("Use after routes of %s: call Use first", r.rel)
		return
	}
	r.recoverChi("Use", func() { r.inner.Use(r.ctl.withRecovery(middlewares)...) })
}

// With implements [chi.Router].
func (r *router) With(middlewares ...func(http.Handler) http.Handler) chi.Router {
	return r.inline(r.inner.With(r.ctl.withRecovery(middlewares)...))
}

// Group implements [chi.Router].
func (r *router) Group(fn func(chi.Router)) chi.Router {
	child := r.inline(r.inner.With())
	if fn != nil {
		fn(child)
	}
	return child
}

// Route implements [chi.Router]. It creates a mux only for middleware, so that several
// controllers can have routes below one pattern.
func (r *router) Route(pattern string, fn func(chi.Router)) chi.Router {
	if !strings.HasPrefix(pattern, "/") || strings.ContainsAny(withoutParameters(pattern), "* \t?#") || fn == nil {
		r.problemf("Route(%q): needs a pattern such as \"/rooms\", and a function", pattern)
		return r
	}
	child := r.inline(r.inner.With())
	pending := true
	child.pending = &pending
	prefix := strings.TrimSuffix(pattern, "/")
	child.in, child.rel = r.in+prefix, r.rel+prefix
	before := child.inner
	fn(child)
	child.seal()
	if child.inner != before {
		r.mount(pattern, child.inner, true)
	}
	return child
}

// Mount implements [chi.Router]. The guards protect all of h.
func (r *router) Mount(pattern string, h http.Handler) {
	if isNil(h) || !strings.HasPrefix(pattern, "/") || strings.ContainsAny(withoutParameters(pattern), "* \t?#") {
		r.problemf("Mount(%q): needs a pattern such as \"/admin\", and a handler", pattern)
		return
	}
	if _, ok := h.(*router); ok {
		r.problemf("Mount(%q): the handler is a router of Routes itself; use r.Route", pattern)
		return
	}
	e := r.endpoint("", joinPattern(r.rel, strings.TrimSuffix(pattern, "/")+"/*"), h, true)
	if _, ok := h.(chi.Routes); !ok {
		r.mount(pattern, e, false)
		return
	}
	// A mux around h answers requests without a route, and lists the routes of h.
	mux := r.ctl.unrouted.newMux()
	r.recoverChi(fmt.Sprintf("Mount(%q)", pattern), func() { mux.Mount("/", h) })
	e.handler, e.routed = mux, true
	r.mount(pattern, guarded{mux, e}, false)
}

// guarded is a mounted router with its endpoint.
type guarded struct {
	chi.Router

	ep *endpoint
}

func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.ep.ServeHTTP(w, r) }

func (r *router) mount(pattern string, h http.Handler, own bool) {
	r.seal()
	prefix := strings.TrimSuffix(pattern, "/")
	what, claim := "Mount", r.ctl.claimMount
	if own {
		what, claim = "Route", r.ctl.claimRoute
	}
	if !claim(joinPattern(r.rel, prefix)) {
		return
	}
	r.recoverChi(fmt.Sprintf("%s(%q)", what, pattern), func() {
		r.inner.Mount(cmp.Or(r.in+prefix, "/"), h)
	})
}

// joinPattern appends a pattern to a prefix.
func joinPattern(prefix, pattern string) string { return strings.TrimSuffix(prefix, "/") + pattern }

// Handle implements [chi.Router].
func (r *router) Handle(pattern string, h http.Handler) {
	if method, rest, ok := strings.Cut(strings.ReplaceAll(pattern, "\t", " "), " "); ok {
		r.add(strings.ToUpper(method), strings.TrimLeft(rest, " "), h)
		return
	}
	r.add("", pattern, h)
}

// HandleFunc implements [chi.Router].
func (r *router) HandleFunc(pattern string, h http.HandlerFunc) { r.Handle(pattern, h) }

// Method implements [chi.Router].
func (r *router) Method(method, pattern string, h http.Handler) {
	r.add(strings.ToUpper(method), pattern, h)
}

// MethodFunc implements [chi.Router].
func (r *router) MethodFunc(method, pattern string, h http.HandlerFunc) { r.Method(method, pattern, h) }

// Connect implements [chi.Router].
func (r *router) Connect(pattern string, h http.HandlerFunc) { r.add(http.MethodConnect, pattern, h) }

// Delete implements [chi.Router].
func (r *router) Delete(pattern string, h http.HandlerFunc) { r.add(http.MethodDelete, pattern, h) }

// Get implements [chi.Router].
func (r *router) Get(pattern string, h http.HandlerFunc) { r.add(http.MethodGet, pattern, h) }

// Head implements [chi.Router].
func (r *router) Head(pattern string, h http.HandlerFunc) { r.add(http.MethodHead, pattern, h) }

// Options implements [chi.Router].
func (r *router) Options(pattern string, h http.HandlerFunc) { r.add(http.MethodOptions, pattern, h) }

// Patch implements [chi.Router].
func (r *router) Patch(pattern string, h http.HandlerFunc) { r.add(http.MethodPatch, pattern, h) }

// Post implements [chi.Router].
func (r *router) Post(pattern string, h http.HandlerFunc) { r.add(http.MethodPost, pattern, h) }

// Put implements [chi.Router].
func (r *router) Put(pattern string, h http.HandlerFunc) { r.add(http.MethodPut, pattern, h) }

// Query implements [chi.Router].
func (r *router) Query(pattern string, h http.HandlerFunc) { r.add("QUERY", pattern, h) }

// Trace implements [chi.Router].
func (r *router) Trace(pattern string, h http.HandlerFunc) { r.add(http.MethodTrace, pattern, h) }

// NotFound implements [chi.Router].
func (r *router) NotFound(h http.HandlerFunc) {
	r.setFallback("NotFound", h, func(on chi.Router, h http.HandlerFunc) { on.NotFound(h) })
}

// MethodNotAllowed implements [chi.Router].
func (r *router) MethodNotAllowed(h http.HandlerFunc) {
	r.setFallback("MethodNotAllowed", h, func(on chi.Router, h http.HandlerFunc) { on.MethodNotAllowed(h) })
}

// setFallback registers a handler for requests without a route. The guards protect it too,
// because it may serve anything.
func (r *router) setFallback(what string, h http.HandlerFunc, set func(chi.Router, http.HandlerFunc)) {
	if h == nil {
		r.problemf("%s: the handler is nil", what)
		return
	}
	if r.pending != nil && !r.isMux() && !r.ensureMux() {
		r.problemf("%s after routes of %s: call %[1]s first", what, r.rel)
		return
	}
	e := r.endpoint("", joinPattern(r.rel, "/*"), h, false)
	if r.mux == nil {
		set(r.inner, e.ServeHTTP)
		return
	}
	at := ""
	if r.isMux() {
		at = r.ctl.base + r.rel
	}
	if r.ctl.claimFallback(what, at) {
		var mws chi.Middlewares
		if !r.isMux() {
			mws = r.inner.Middlewares()
		}
		set(r.mux, mws.HandlerFunc(e.ServeHTTP).ServeHTTP)
	}
}

// ServeHTTP implements [chi.Router].
func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.inner.ServeHTTP(w, req) }

// Routes implements [chi.Routes].
func (r *router) Routes() []chi.Route { return r.inner.Routes() }

// Middlewares implements [chi.Routes].
func (r *router) Middlewares() chi.Middlewares { return r.inner.Middlewares() }

// Match implements [chi.Routes].
func (r *router) Match(c *chi.Context, method, path string) bool {
	return r.inner.Match(c, method, r.in+path)
}

// Find implements [chi.Routes].
func (r *router) Find(c *chi.Context, method, path string) string {
	return r.inner.Find(c, method, r.in+path)
}
