package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
)

// bound is a controller whose routes are being registered.
type bound struct {
	name   string // rooms.NewController
	label  string // rooms.NewController (controller.go:12)
	base   string // what is before every pattern: /api/v1/rooms
	global pipe.Scope
	owner  pipe.Scope
	limit  int64 // 0: none was given
	routes []*boundRoute
	listed []string
	b      *builder
	log    *slog.Logger
	alone  bool // outside of an application
}

// boundRoute is one ForRoute with its values.
type boundRoute struct {
	*routeSettings

	scope pipe.Scope
	used  bool
}

// builder gathers the routes of all controllers.
type builder struct {
	root     *chi.Mux
	routes   []RouteInfo
	problems []string
	claims   map[string]map[string]string // pattern → method → controller
	others   map[string]string            // what there may be one of at a pattern → controller
}

func (b *builder) addf(format string, args ...any) {
	if p := fmt.Sprintf(format, args...); !slices.Contains(b.problems, p) { // versions repeat them
		b.problems = append(b.problems, p)
	}
}

func (c *bound) problemf(format string, args ...any) {
	c.b.addf("controller %s: %s", c.label, fmt.Sprintf(format, args...))
}

// full is the whole pattern of one below the controller.
func (c *bound) full(rel string) string {
	if rel == "/" && c.base != "" {
		return c.base
	}
	return c.base + rel
}

var parameter = regexp.MustCompile(`\{[^{}:]*(:(?:[^{}]|\{[^{}]*\})*)?\}`)

// shape is a pattern without the names of its parameters: chi takes those that
// differ only there for the same.
func shape(pattern string) string { return parameter.ReplaceAllString(pattern, "{$1}") }

// claim reports whether the routes are free; all of them, or none is taken.
func (c *bound) claim(method, rel string, slash bool) bool {
	if c.alone {
		return true
	}
	full := c.full(rel)
	paths := []string{full}
	if slash {
		paths = append(paths, full+"/")
	}
	for _, p := range paths {
		for m, owner := range c.b.claims[shape(p)] {
			if m == method || m == "" || method == "" {
				c.b.addf("%s is registered by controller %s and by controller %s; remove one, or give one another Prefix or Version",
					strings.TrimSpace(cmpMethod(m, method)+" "+p), owner, c.label)
				return false
			}
		}
	}
	for _, p := range paths {
		if c.b.claims[shape(p)] == nil {
			c.b.claims[shape(p)] = map[string]string{}
		}
		c.b.claims[shape(p)][method] = c.label
	}
	return true
}

// cmpMethod is the method of the narrower of two routes.
func cmpMethod(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// claimMount reports whether all below a pattern is free for a mounted handler.
func (c *bound) claimMount(at string) bool {
	return c.claim("", at+"/*", false) && (c.base+at == "" || c.claim("", at, true))
}

// claimRoute reports whether no other Route has middleware there: it takes all that is
// below, to run before matching.
func (c *bound) claimRoute(at string) bool {
	if c.alone {
		return true
	}
	key := "Route " + shape(c.base+at)
	if owner, taken := c.b.others[key]; taken {
		c.b.addf("controller %s and controller %s both have middleware or NotFound in r.Route at %s; give one another path, or put its middleware into r.Group or r.With",
			owner, c.label, c.base+at)
		return false
	}
	c.b.others[key] = c.label
	return true
}

// claimOther reports whether nobody else answers what has no route there.
func (c *bound) claimOther(what, at string) bool {
	if c.alone {
		return true
	}
	key := what + " " + at
	if owner, taken := c.b.others[key]; taken {
		c.b.addf("%s of %s/* is set by controller %s and by controller %s; keep one", what, at, owner, c.label)
		return false
	}
	c.b.others[key] = c.label
	return true
}

// list records a route for people.
func (c *bound) list(method, rel string) {
	if c.alone {
		return
	}
	if name := strings.TrimPrefix(method+" "+rel, " "); !slices.Contains(c.listed, name) {
		c.listed = append(c.listed, name)
	}
	c.b.routes = append(c.b.routes, RouteInfo{Method: method, Pattern: c.full(rel), Controller: c.name})
}

var named = regexp.MustCompile(`\{([^{}:]*)\}`)

// hidden reports routes that others take all requests of: chi asks parameters before
// what is mounted, as Route with middleware is.
func (b *builder) hidden() {
	for _, r := range b.routes {
		path := named.ReplaceAllString(r.Pattern, "~$1~")
		if r.Method == "" || strings.ContainsAny(path, "*{") {
			continue
		}
		got := b.root.Find(chi.NewRouteContext(), r.Method, path)
		if got != "/" {
			got = strings.TrimSuffix(got, "/")
		}
		want := r.Pattern
		if want != "/" {
			want = strings.TrimSuffix(want, "/")
		}
		if shape(got) != shape(want) {
			b.addf("controller %s: %s %s is never reached, as %s takes its requests; put both into one r.Route, or change one", r.Controller, r.Method, r.Pattern, got)
		}
	}
}

// unnamed reports what a ForRoute names and nobody has registered.
func (c *bound) unnamed() {
	for _, r := range c.routes {
		if r.used {
			continue
		}
		routes := strings.Join(c.listed, ", ")
		if routes == "" {
			routes = "none"
		}
		c.problemf("ForRoute(%q) names no route of it; its routes are: %s", r.String(), routes)
	}
}

// RouteInfo is one route, for lists and documents.
type RouteInfo struct {
	// Method is the method; "" where the route takes any.
	Method string
	// Pattern is the whole pattern: "/api/v1/rooms/{room}".
	Pattern string
	// Controller is its constructor: rooms.NewController.
	Controller string
}

// String is "GET /rooms/{room} (rooms.NewController)".
func (i RouteInfo) String() string {
	return strings.TrimPrefix(i.Method+" "+i.Pattern, " ") + " (" + i.Controller + ")"
}

// add registers a route; method "" is any.
func (r *router) add(method, pattern string, h http.Handler) {
	what := strings.TrimPrefix(method+" "+pattern, " ")
	if isNil(h) {
		r.problemf("%s: the handler is nil", what)
		return
	}
	if !strings.HasPrefix(pattern, "/") {
		r.problemf("%s: a pattern begins with a slash, such as \"/%s\"", what, pattern)
		return
	}
	r.seal()
	rel, slash := r.rel+pattern, false
	if pattern == "/" {
		if r.rel != "" {
			rel = r.rel
		}
		slash = r.ctl.base+r.rel != ""
	}
	e := r.endpoint(method, rel, h, true)
	if !r.ctl.claim(method, rel, slash) {
		return
	}
	paths := []string{r.in + pattern}
	if pattern == "/" && r.in != "" {
		paths = []string{r.in, r.in + "/"}
	}
	r.attempt(what, func() {
		for _, p := range paths {
			if method == "" {
				r.inner.Handle(p, e)
			} else {
				r.inner.Method(method, p, e)
			}
		}
	})
}

// endpoint makes the handler of a route, with all that stands before it. One that is
// not named is no route to ForRoute.
func (r *router) endpoint(method, rel string, h http.Handler, named bool) *endpoint {
	c := r.ctl
	if named {
		c.list(method, rel)
	}
	scope, limit := r.scope, r.limit
	for _, fr := range c.routes {
		if named && fr.method == method && fr.path == canonical(rel) {
			fr.used = true
			scope = join(scope, fr.scope)
			if fr.settings.limit > 0 {
				limit = fr.settings.limit
			}
		}
	}
	if limit == 0 {
		limit = c.limit
	}
	owner := c.owner
	owner.Meta = c.global.Meta.Join(owner.Meta...)
	e := newEndpoint(c.global, owner, scope)
	e.method, e.path, e.name, e.log, e.handler, e.broken = method, c.full(rel), c.name, c.log, h, r.broken
	if method != "" {
		e.pattern = method + " " + e.path
	}
	e.limit, e.limited = limit, limit > 0
	if limit == 0 {
		e.limit = defaultBodyLimit
	}
	if t := typedOf(h); t != nil {
		e.typed = t
		for _, p := range t.check(method, e.path) {
			r.problemf("%s: JSON: %s", strings.TrimPrefix(method+" "+rel, " "), p)
		}
	}
	return e
}

// join gives both scopes.
func join(a, b pipe.Scope) pipe.Scope {
	return pipe.Scope{
		Guards:       slices.Concat(a.Guards, b.Guards),
		Interceptors: slices.Concat(a.Interceptors, b.Interceptors),
		Pipes:        slices.Concat(a.Pipes, b.Pipes),
		Filters:      slices.Concat(a.Filters, b.Filters),
		Meta:         a.Meta.Join(b.Meta...),
	}
}

func isNil(h http.Handler) bool {
	f, ok := h.(http.HandlerFunc)
	return h == nil || ok && f == nil
}
