package web

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// BindConfig configures [Bind]. It is meant for package app.
type BindConfig struct {
	// Global is bound to every route, before the bindings of Options.
	Global pipe.Scope
	// Options are the options of the application.
	Options []Option
	// Logger logs failed requests. Default: slog.Default.
	Logger *slog.Logger
}

// BindError lists all problems of an application's controllers.
type BindError struct{ Problems []string }

// Error returns the problems, one per line.
func (e *BindError) Error() string { return "web: " + strings.Join(e.Problems, "\n") }

// Router serves the routes of all controllers. It is safe for concurrent use.
type Router struct {
	mux    *chi.Mux
	routes []RouteInfo
	pages  pages
}

// ServeHTTP implements [http.Handler]. A request without a route is answered with 404 and
// {"statusCode":404,"message":"Cannot GET /x","error":"Not Found"}; one whose path has routes
// only for other methods with 405 and Allow, also OPTIONS without [CORS]. GET routes also
// serve HEAD.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// Owns reports whether a route exists for the request's path, with any method. The index.html
// of [SPA] in place of a file is none.
func (r *Router) Owns(req *http.Request) bool {
	path := routePath(req)
	if c := chi.RouteContext(req.Context()); c != nil && c.RoutePath != "" { // mounted in another router
		path = c.RoutePath
	}
	page, rest := r.pages.of(r.mux, path)
	if page != nil && (req.Method == http.MethodGet || req.Method == http.MethodHead) {
		rest, err := unescaped(req, rest)
		return err == nil && page.has(rest)
	}
	if r.mux.Match(chi.NewRouteContext(), req.Method, path) {
		return true
	}
	return slices.ContainsFunc(methods, func(m string) bool {
		return (page == nil || m != http.MethodGet) && r.mux.Match(chi.NewRouteContext(), m, path)
	})
}

// Routes returns the routes in the order in which they were registered.
func (r *Router) Routes() []RouteInfo { return slices.Clone(r.routes) }

// Check checks the controllers of a graph that has not been built, for app.Validate. The error
// is a [*BindError].
func Check(graph *module.Graph, opts []Option) error {
	problems := appProblems(applyOptions(atApplication, opts))
	for d := range graph.Declared() {
		own, marked := registered(d.Marks)
		if t := d.Type; t != nil && t.Kind() != reflect.Interface && (marked || d.Kind == module.KindController && wantsRouter(t)) &&
			!t.Implements(reflect.TypeFor[Routable]()) {
			problems = append(problems, fmt.Sprintf("controller %s %s", d, noRoutes(t)))
		}
		if !marked {
			continue
		}
		for _, p := range applyOptions(atController, own).problems {
			problems = append(problems, fmt.Sprintf("controller %s: %s", d, p))
		}
	}
	if len(problems) > 0 {
		return &BindError{problems}
	}
	return nil
}

// noRoutes returns what is wrong with a controller that is no [Routable].
func noRoutes(t reflect.Type) string {
	if t == nil {
		return "returned nil; return a controller"
	}
	if t.Implements(reflect.TypeFor[chi.Routes]()) {
		return fmt.Sprintf("returns %v, a router of its own, which is not served; return a controller with the method Routes(r chi.Router), and call r.Mount(\"/\", …) in it", t)
	}
	for _, m := range hookform.Check(t, []hookform.Hook{hookform.Of[Routable]("Routes", "(r chi.Router)")}) {
		return m.String()
	}
	return fmt.Sprintf("returns %v, which has no method Routes(chi.Router); add it", t)
}

// wantsRouter reports whether a type has a method Routes with a parameter of chi, or that of a
// chi.Router which it embeds.
func wantsRouter(t reflect.Type) bool {
	if t.Implements(reflect.TypeFor[chi.Routes]()) {
		return true
	}
	m, ok := t.MethodByName("Routes")
	if !ok || m.Type.NumIn() < 2 {
		return false
	}
	in := m.Type.In(1)
	if in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	return in.PkgPath() == reflect.TypeFor[chi.Router]().PkgPath()
}

func appProblems(s *settings) []string {
	var out []string
	for _, p := range s.problems {
		out = append(out, "the application's options: "+p)
	}
	return out
}

// Bind registers the routes of all controllers of a graph that has been built. The error is a
// [*BindError] with all problems.
func Bind(graph *module.Graph, cfg BindConfig) (*Router, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	b := newBuilder()
	app := applyOptions(atApplication, cfg.Options)
	b.problems = appProblems(app)
	built := pipe.BuiltBy(graph)
	global, err := app.binding.Resolve(built)
	if err != nil && len(app.binding.Problems()) == 0 {
		b.addf("the application's options: %v", err)
	}
	everywhere := pipe.JoinScopes(cfg.Global, pipe.Named(global, "the application's web.UseGuards"))
	none := &unrouted{chain: pipe.Link(everywhere, pipe.Scope{Meta: everywhere.Meta}, pipe.Scope{}), log: cfg.Logger}
	b.root = none.newMux()
	none.root, none.pages = b.root, pages{}
	if app.cors != nil {
		b.root.Use(cors.Handler(*app.cors))
	}
	b.root.Use(middleware.GetHead)

	var seen identity.Distinct[module.Instance]
	for inst := range graph.Instances() {
		opts, marked := registered(inst.Marks)
		c, ok := inst.Value.(Routable)
		v := reflect.ValueOf(inst.Value)
		switch {
		case !ok && marked:
			b.addf("controller %s %s", inst, noRoutes(reflect.TypeOf(inst.Value)))
			continue
		case !ok:
			continue
		case v.Kind() == reflect.Pointer && v.IsNil():
			if marked {
				b.addf("controller %s returned nil; return a controller, or an error", inst)
			}
			continue
		}
		if first, dup := seen.Add(inst.Value, inst); dup {
			if marked { // its guards would be lost
				b.addf("controller %s is the same value as %s: pass only the latter to web.Controller", inst, first)
			}
			continue
		}
		b.controller(c, inst, opts, controllerConfig{
			prefix: app.prefix, limit: app.limit, v1: app.v1, global: everywhere, built: built.In(inst.Module), log: cfg.Logger, unrouted: none,
		})
	}
	if len(b.problems) == 0 {
		b.checkReachable()
	}
	if len(b.problems) > 0 {
		return nil, &BindError{b.problems}
	}
	b.early.warn(cfg.Logger)
	return &Router{b.root, b.routes, none.pages}, nil
}

type controllerConfig struct {
	prefix string
	limit  int64 // 0: not set
	v1     bool  // JSONV1
	global pipe.Scope
	built  pipe.Built
	log    *slog.Logger
	static bool // for Describe: the controller is a zero value, and nothing is built

	unrouted *unrouted
}

// resolve returns the scope of a binding; for Describe only what needs no built values.
func (c controllerConfig) resolve(b pipe.Binding) (pipe.Scope, error) {
	if c.static {
		return b.Static(), nil
	}
	return b.Resolve(c.built)
}

func (b *builder) controller(ctl Routable, inst module.Instance, opts []Option, cfg controllerConfig) {
	s := applyOptions(atController, opts)
	c := &registrar{controllerConfig: cfg, name: inst.Name, label: inst.String(), b: b}
	for _, p := range s.problems {
		c.problemf("%s", p)
	}
	if len(s.problems) > 0 {
		return
	}
	var err error
	if c.owner, err = cfg.resolve(s.binding); err != nil {
		c.problemf("%v", err)
	}
	c.owner = pipe.Named(c.owner, "controller "+c.label)
	for _, r := range s.routes {
		scope, err := cfg.resolve(r.settings.binding)
		if err != nil {
			c.problemf("ForRoute(%q): %v", r, err)
		}
		c.routes = append(c.routes, &resolvedRoute{routeSettings: r, scope: pipe.Named(scope, fmt.Sprintf("web.ForRoute(%q) of controller %s", r, c.label))})
	}
	c.limit = cmp.Or(s.limit, c.limit)
	prefix := cfg.prefix
	if s.withoutPrefix {
		prefix = ""
	}
	bases := []string{prefix + s.prefix}
	if len(s.versions) > 0 {
		bases = nil
		for _, v := range s.versions {
			bases = append(bases, prefix+"/v"+v+s.prefix)
		}
	}
	for _, base := range bases {
		c.base = base
		copied := *c // the endpoints keep it
		copied.register(ctl)
		c.listed = copied.listed
	}
	c.checkForRoutes()
}

func (c *registrar) register(ctl Routable) {
	defer func() {
		v := recover()
		switch {
		case v == nil:
		case c.static:
			c.problemf("Routes of a zero value: panic: %v: use nothing there that the constructor sets, or start the application and use App.Routes", v)
		default:
			c.problemf("Routes panicked: %v\n%s", v, debug.Stack())
		}
	}()
	ctl.Routes(&router{inner: c.b.root.With(), mux: c.b.root, ctl: c, in: c.base})
}
