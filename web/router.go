package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// router is what Routes is given: it registers with chi, every handler behind the
// guards of its route. The methods are written out, nothing is embedded, so that one
// that chi adds does not lead past the guards but fails to compile.
type router struct {
	inner chi.Router // where routes are registered
	mux   *chi.Mux   // the nearest that is no inline one; nil on a router of the user
	ctl   *bound
	in    string // what inner needs before each pattern
	rel   string // what is before each pattern below the controller
	scope pipe.Scope
	limit int64
	// broken is what is wrong where nobody can be told at the start.
	broken error
	// pending is set inside Route as long as it may become a router of its own.
	pending *bool
}

var _ chi.Router = (*router)(nil)

// inline derives a router for the same paths.
func (r *router) inline(inner chi.Router) *router {
	r.seal()
	child := *r
	child.inner, child.pending = inner, nil
	return &child
}

func (r *router) problemf(format string, args ...any) {
	if !r.ctl.alone {
		r.ctl.problemf(format, args...)
	}
}

// attempt turns a panic of chi, its way to tell of mistakes, into a problem.
func (r *router) attempt(what string, f func()) {
	if !r.ctl.alone {
		defer func() {
			if v := recover(); v != nil {
				r.problemf("%s: %v", what, v)
			}
		}()
	}
	f()
}

// seal ends the time in which Route may still become a router of its own.
func (r *router) seal() {
	if r.pending != nil {
		*r.pending = false
	}
}

// split makes the router of Route one of chi's, whose middleware runs before
// matching. It reports whether it is, or was in time.
func (r *router) split() bool {
	if !*r.pending {
		return false
	}
	if !r.isMux() {
		mux := newMux()
		r.inner, r.mux, r.in = mux, mux, ""
	}
	return true
}

// isMux reports whether the router is one of chi's own.
func (r *router) isMux() bool { return r.mux != nil && r.inner == chi.Router(r.mux) }

// Use implements [chi.Router].
func (r *router) Use(middlewares ...func(http.Handler) http.Handler) {
	if r.pending != nil && !r.split() {
		r.problemf("Use comes after routes of %s; put it first", r.rel)
		return
	}
	r.attempt("Use", func() { r.inner.Use(r.ctl.recovering(middlewares)...) })
}

// With implements [chi.Router].
func (r *router) With(middlewares ...func(http.Handler) http.Handler) chi.Router {
	return r.inline(r.inner.With(r.ctl.recovering(middlewares)...))
}

// Group implements [chi.Router].
func (r *router) Group(fn func(chi.Router)) chi.Router {
	child := r.inline(r.inner.With())
	if fn != nil {
		fn(child)
	}
	return child
}

// Route implements [chi.Router]. Without middleware of its own it needs no router of
// chi, so that several controllers may have routes below one pattern.
func (r *router) Route(pattern string, fn func(chi.Router)) chi.Router {
	if !strings.HasPrefix(pattern, "/") || strings.ContainsAny(pattern, "* \t") || fn == nil {
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

// Mount implements [chi.Router]: the guards stand before all of h.
func (r *router) Mount(pattern string, h http.Handler) {
	if isNil(h) || !strings.HasPrefix(pattern, "/") || strings.ContainsAny(pattern, "* \t") {
		r.problemf("Mount(%q): needs a pattern such as \"/admin\", and a handler", pattern)
		return
	}
	if _, ok := h.(*router); ok {
		r.problemf("Mount(%q): what it is given belongs to Routes itself; use r.Route", pattern)
		return
	}
	e := r.endpoint("", join2(r.rel, strings.TrimSuffix(pattern, "/")+"/*"), h, true)
	if _, ok := h.(chi.Routes); !ok {
		r.mount(pattern, e, false)
		return
	}
	// Between, for answers to what it does not route; chi asks it for its routes.
	mux := newMux()
	r.attempt(fmt.Sprintf("Mount(%q)", pattern), func() { mux.Mount("/", h) })
	e.handler, e.routed = mux, true
	r.mount(pattern, guarded{e, mux}, false)
}

// guarded is a mounted router behind its endpoint.
type guarded struct {
	*endpoint

	mux *chi.Mux
}

func (g guarded) Routes() []chi.Route          { return g.mux.Routes() }
func (g guarded) Middlewares() chi.Middlewares { return g.mux.Middlewares() }
func (g guarded) Match(c *chi.Context, method, path string) bool {
	return g.mux.Match(c, method, path)
}

func (g guarded) Find(c *chi.Context, method, path string) string {
	return g.mux.Find(c, method, path)
}

var _ chi.Routes = guarded{}

func (r *router) mount(pattern string, h http.Handler, own bool) {
	r.seal()
	prefix := strings.TrimSuffix(pattern, "/")
	what, claim := "Mount", r.ctl.claimMount
	if own {
		what, claim = "Route", r.ctl.claimRoute
	}
	if !claim(join2(r.rel, prefix)) {
		return
	}
	r.attempt(fmt.Sprintf("%s(%q)", what, pattern), func() {
		at := r.in + prefix
		if at == "" {
			at = "/"
		}
		r.inner.Mount(at, h)
	})
}

// join2 puts a pattern below another.
func join2(prefix, pattern string) string { return strings.TrimSuffix(prefix, "/") + pattern }

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
	r.other("NotFound", h, func(on chi.Router, h http.HandlerFunc) { on.NotFound(h) })
}

// MethodNotAllowed implements [chi.Router].
func (r *router) MethodNotAllowed(h http.HandlerFunc) {
	r.other("MethodNotAllowed", h, func(on chi.Router, h http.HandlerFunc) { on.MethodNotAllowed(h) })
}

// other registers what answers requests without a route. It may serve whatever it
// likes, so the guards stand before it too.
func (r *router) other(what string, h http.HandlerFunc, set func(chi.Router, http.HandlerFunc)) {
	if h == nil {
		r.problemf("%s: the handler is nil", what)
		return
	}
	if r.pending != nil && !r.isMux() && !r.split() {
		r.problemf("%s comes after routes of %s; put it first", what, r.rel)
		return
	}
	e := r.endpoint("", join2(r.rel, "/*"), h, false)
	if r.mux == nil {
		set(r.inner, e.ServeHTTP)
		return
	}
	at := ""
	if r.isMux() {
		at = r.ctl.base + r.rel
	}
	if r.ctl.claimOther(what, at) {
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
