package web

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// registrar registers the routes of one controller.
type registrar struct {
	controllerConfig

	name       string // rooms.NewController
	label      string // rooms.NewController (rooms/controller.go:12)
	base       string // prefix of every pattern: /api/v1/rooms
	owner      pipe.Scope
	routes     []*resolvedRoute
	listed     []string
	b          *builder
	standalone bool // on a router of the user, outside of an application
}

// resolvedRoute is a ForRoute with resolved constructors.
type resolvedRoute struct {
	*routeSettings

	scope pipe.Scope
	used  bool
}

// builder collects the routes of all controllers.
type builder struct {
	root       *chi.Mux
	routes     []RouteInfo
	problems   []string
	typeErrors []string // of pipes
	early      earlyGuards
	claims     map[string]map[string]string // pattern → method → controller
	unique     map[string]string            // "NotFound /x" and the like → controller
}

func newBuilder() *builder {
	return &builder{root: chi.NewRouter(), claims: map[string]map[string]string{}, unique: map[string]string{}}
}

func (b *builder) addf(format string, args ...any) {
	if p := fmt.Sprintf(format, args...); !slices.Contains(b.problems, p) { // each version reports the same ones
		b.problems = append(b.problems, p)
	}
}

// firstType reports whether no other route has had the error of its type.
func (b *builder) firstType(err error) bool {
	if b == nil || slices.Contains(b.typeErrors, err.Error()) {
		return false
	}
	b.typeErrors = append(b.typeErrors, err.Error())
	return true
}

func (c *registrar) problemf(format string, args ...any) {
	c.b.addf("controller %s: %s", c.label, fmt.Sprintf(format, args...))
}

// full returns the full pattern of one in the controller.
func (c *registrar) full(rel string) string {
	if rel == "/" && c.base != "" {
		return c.base
	}
	return c.base + rel
}

var parameter = regexp.MustCompile(`\{[^{}:]*(:(?:[^{}]|\{[^{}]*\})*)?\}`)

// shape returns a pattern without the names of its parameters: to chi, patterns that differ only
// in these are equal.
func shape(pattern string) string { return parameter.ReplaceAllString(pattern, "{$1}") }

// withoutParameters returns a pattern without its parameters, which may have regular expressions.
func withoutParameters(pattern string) string { return parameter.ReplaceAllString(pattern, "") }

// claim reserves a route, and with slash the same route with a trailing slash. It reports
// whether both were free.
func (c *registrar) claim(method, rel string, slash bool) bool {
	if c.standalone {
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
				c.b.addf("%s is registered by controller %s and by controller %s; remove one, or change the Prefix or Version of one",
					strings.TrimSpace(cmp.Or(m, method)+" "+p), owner, c.label)
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

// claimMount reserves all routes below a pattern for a mounted handler.
func (c *registrar) claimMount(at string) bool {
	return c.claim("", at+"/*", false) && (c.base+at == "" || c.claim("", at, true))
}

// claimRoute reserves a pattern for a Route with middleware, which runs for all requests below
// it, before matching.
func (c *registrar) claimRoute(at string) bool {
	if c.standalone {
		return true
	}
	key := "Route " + shape(c.base+at)
	if owner, ok := c.b.unique[key]; ok {
		c.b.addf("controller %s and controller %s both have middleware or NotFound in r.Route at %s; change the path of one, or move its middleware to r.Group or r.With",
			owner, c.label, c.base+at)
		return false
	}
	c.b.unique[key] = c.label
	return true
}

// claimFallback reserves the NotFound or MethodNotAllowed handler at a pattern.
func (c *registrar) claimFallback(what, at string) bool {
	if c.standalone {
		return true
	}
	key := what + " " + at
	if owner, ok := c.b.unique[key]; ok {
		c.b.addf("%s of %s/* is set by controller %s and by controller %s; remove one", what, at, owner, c.label)
		return false
	}
	c.b.unique[key] = c.label
	return true
}

// record adds a route to the lists of routes.
func (c *registrar) record(rel string, e *endpoint, fn string, security []pipeline.Security) {
	if c.standalone {
		return
	}
	if name := strings.TrimPrefix(e.method+" "+rel, " "); !slices.Contains(c.listed, name) {
		c.listed = append(c.listed, name)
	}
	i := RouteInfo{Method: e.method, Pattern: e.path, Controller: c.name, Func: fn, Meta: e.chain.Handler, Security: security}
	if e.jsonHandler != nil {
		e.jsonHandler.describe(&i)
	}
	c.b.routes = append(c.b.routes, i)
}

var named = regexp.MustCompile(`\{([^{}:]*)\}`)

// checkReachable reports routes that are never reached: chi prefers parameters to mounted
// routers, such as a Route with middleware.
func (b *builder) checkReachable() {
	for _, r := range b.routes {
		path := named.ReplaceAllString(r.Pattern, "~$1~")
		if r.Method == "" || strings.ContainsAny(path, "*{") {
			continue
		}
		got := cmp.Or(strings.TrimSuffix(b.root.Find(chi.NewRouteContext(), r.Method, path), "/"), "/")
		want := cmp.Or(strings.TrimSuffix(r.Pattern, "/"), "/")
		if shape(got) != shape(want) {
			b.addf("controller %s: %s %s is never reached: %s matches first: move both to one r.Route, or change one", r.Controller, r.Method, r.Pattern, got)
		}
	}
}

// checkForRoutes reports each ForRoute without a route.
func (c *registrar) checkForRoutes() {
	for _, r := range c.routes {
		if !r.used {
			c.problemf("ForRoute(%q): no such route; its routes are: %s", r.String(), cmp.Or(strings.Join(c.listed, ", "), "none"))
		}
	}
}

// add registers a route; method is "" for any.
func (r *router) add(method, pattern string, h http.Handler) {
	what := strings.TrimPrefix(method+" "+pattern, " ")
	if isNil(h) {
		r.problemf("%s: the handler is nil", what)
		return
	}
	if !strings.HasPrefix(pattern, "/") {
		r.problemf("%s: a pattern must start with a slash, such as \"/%s\"", what, pattern)
		return
	}
	if i := strings.IndexAny(withoutParameters(pattern), "?#"); i >= 0 {
		r.problemf("%s: a pattern is compared with the path, which has no query or fragment: remove what follows the path", what)
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
	r.recoverChi(what, func() {
		for _, p := range paths {
			if method == "" {
				r.inner.Handle(p, e)
			} else {
				r.inner.Method(method, p, e)
			}
		}
	})
}

// endpoint returns the endpoint of a handler. With isRoute it is listed as a route, and
// ForRoute applies to it.
func (r *router) endpoint(method, rel string, h http.Handler, isRoute bool) *endpoint {
	c := r.ctl
	scope, limit := r.scope, r.limit
	for _, fr := range c.routes {
		if isRoute && fr.method == method && fr.path == cmp.Or(rel, "/") {
			fr.used = true
			scope = pipe.JoinScopes(scope, fr.scope)
			limit = cmp.Or(fr.settings.limit, limit)
		}
	}
	limit = cmp.Or(limit, c.limit)
	owner := c.owner
	owner.Meta = c.global.Meta.Join(owner.Meta...)
	e := newEndpoint(c.global, owner, scope)
	e.method, e.path, e.name, e.log, e.handler, e.broken = method, c.full(rel), c.name, c.log, h, r.broken
	if method != "" {
		e.pattern = method + " " + e.path
	}
	e.v1 = c.v1
	e.limit, e.limited = cmp.Or(limit, defaultBodyLimit), limit > 0
	t, fn := identify(h)
	e.jsonHandler = t
	if isRoute {
		c.record(rel, e, fn, pipe.ForRequests(slices.Concat(c.global.Security, owner.Security, scope.Security)))
		if !c.standalone {
			c.b.early.add(strings.TrimPrefix(method+" "+e.path, " "), pipe.EarlyReaders(c.global, owner, scope))
		}
	}
	if t != nil {
		for _, p := range t.check(method, e.path, e.v1) {
			r.problemf("%s: JSON: %s", strings.TrimPrefix(method+" "+rel, " "), p)
		}
		if err := e.chain.CheckType(t.in); err != nil && t.plan != nil && c.b.firstType(err) {
			r.problemf("%s: JSON: %v", strings.TrimPrefix(method+" "+rel, " "), err)
		}
	}
	return e
}

func isNil(h http.Handler) bool {
	f, ok := h.(http.HandlerFunc)
	return h == nil || ok && f == nil
}
