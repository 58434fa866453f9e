package web

import (
	"fmt"
	"strings"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Option configures the application's HTTP side, one controller ([Controller]), or
// routes ([Use], [ForRoute]). An option where it means nothing is an error of the
// start that says where it belongs.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// place is where options are given.
type place uint8

const (
	atApplication place = 1 << iota
	atController
	atRoute
)

func (p place) String() string {
	var names []string
	for _, n := range []struct {
		at   place
		name string
	}{{atController, "web.Controller"}, {atRoute, "web.Use or web.ForRoute"}, {atApplication, "the application's options"}} {
		if p&n.at != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " or ")
}

// settings is what the options of one place say.
type settings struct {
	at       place
	binding  pipe.Binding
	prefix   string
	versions []string
	limit    int64 // 0: not given
	cors     *cors.Options
	routes   []*routeSettings
	problems []string
}

// routeSettings is one [ForRoute].
type routeSettings struct {
	method, path string // method is "" for routes of any method
	settings     *settings
}

func (r *routeSettings) String() string { return strings.TrimPrefix(r.method+" "+r.path, " ") }

func gather(at place, opts []Option) *settings {
	s := &settings{at: at}
	for _, o := range opts {
		if o != nil {
			o.apply(s)
		}
	}
	s.problems = append(s.problems, s.binding.Problems()...)
	return s
}

func (s *settings) problemf(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// only reports whether the option means something here.
func (s *settings) only(option string, where place) bool {
	if s.at&where == 0 {
		s.problemf("%s means nothing in %s; give it to %s", option, s.at, where)
		return false
	}
	return true
}

func bind(b pipe.Binding) Option {
	return optionFunc(func(s *settings) { s.binding = s.binding.Join(b) })
}

// UseGuards binds guards: values, functions of the form of [pipeline.GuardFunc], or
// constructors, which the module resolves. [Use] takes values and functions only.
func UseGuards(items ...any) Option { return bind(pipe.Bind(pipe.Guard, items...)) }

// UseInterceptors binds interceptors, as [UseGuards] does guards.
func UseInterceptors(items ...any) Option { return bind(pipe.Bind(pipe.Interceptor, items...)) }

// UsePipes binds pipes, as [UseGuards] does guards. They see the input of [JSON]
// handlers.
func UsePipes(items ...any) Option { return bind(pipe.Bind(pipe.Pipe, items...)) }

// UseFilters binds filters, as [UseGuards] does guards.
func UseFilters(items ...any) Option { return bind(pipe.Bind(pipe.Filter, items...)) }

// Meta gives metadata to a controller or to routes, for guards and interceptors to
// read by [pipeline.Key.Of]. That of the application is read where the controller has none.
func Meta(meta ...pipeline.Meta) Option { return bind(pipe.Meta(meta...)) }

// Prefix goes before every pattern of the controller, or of the application. It may
// have parameters: "/orgs/{org}". "/api" of the application, version 1 and "/rooms"
// of the controller make /api/v1/rooms.
func Prefix(path string) Option {
	return optionFunc(func(s *settings) {
		if !s.only(fmt.Sprintf("Prefix(%q)", path), atApplication|atController) {
			return
		}
		if strings.ContainsAny(path, "* \t") {
			s.problemf("Prefix(%q): must be a path such as \"/rooms\"", path)
			return
		}
		s.prefix = cleanPrefix(path)
	})
}

// cleanPrefix gives "" or "/x".
func cleanPrefix(path string) string {
	if path = strings.Trim(path, "/"); path == "" {
		return ""
	}
	return "/" + path
}

// Version serves the controller below /v and the version: Version("1", "2") at
// /v1 and /v2, between the application's prefix and the controller's. Its Routes is
// called once for each. A controller without Version is served without.
func Version(versions ...string) Option {
	return optionFunc(func(s *settings) {
		if !s.only("Version", atController) {
			return
		}
		for _, v := range versions {
			switch {
			case v == "" || strings.ContainsAny(v, "/*{} \t"):
				s.problemf("Version(%q): must be text such as \"1\"", v)
			case (v[0] == 'v' || v[0] == 'V') && len(v) > 1 && v[1] >= '0' && v[1] <= '9':
				s.problemf("Version(%q): leave out the v; Version(%q) is served at /v%s", v, v[1:], v[1:])
			default:
				s.versions = append(s.versions, v)
			}
		}
	})
}

// defaultBodyLimit is that of JSON handlers without a BodyLimit.
const defaultBodyLimit = 1_000_000

// BodyLimit is the greatest size of request bodies, in bytes: that of the route,
// or else of its controller, or else of the application. What is larger is answered
// with 413. Default: 1,000,000 for [JSON] handlers, no limit for handlers that read
// the body themselves; given explicitly it holds for both.
func BodyLimit(bytes int64) Option {
	return optionFunc(func(s *settings) {
		if bytes < 1 {
			s.problemf("BodyLimit(%d): must be at least 1", bytes)
			return
		}
		s.limit = bytes
	})
}

// CORS tells browsers which pages of other origins may use the controllers.
// Preflights are answered before any guard is asked; without CORS they get 405.
//
//	web.CORS(cors.Options{AllowedOrigins: []string{"https://app.example.com"}, AllowCredentials: true})
//
// AllowCredentials for every origin is an error of the start, as browsers refuse it.
func CORS(o cors.Options) Option {
	return optionFunc(func(s *settings) {
		if !s.only("CORS", atApplication) {
			return
		}
		all := len(o.AllowedOrigins) == 0
		for _, origin := range o.AllowedOrigins {
			all = all || origin == "*"
		}
		if all && o.AllowOriginFunc == nil && o.AllowCredentials {
			s.problemf("CORS: AllowCredentials with every origin is refused by browsers; list AllowedOrigins")
		}
		s.cors = &o
	})
}

// ForRoute binds options to one route of the controller, here, where constructors
// can still be resolved by the module. The pattern is that of Routes, with those of
// r.Route around it, without Prefix and Version: "POST /{room}"; "/files/*" without a
// method is what r.Handle and r.Mount register. One that no route has is an error of the
// start that lists the routes. The options come after those of [Use].
//
//	web.Controller(NewController, web.ForRoute("DELETE /{room}", web.UseGuards(NewAdminGuard)))
func ForRoute(pattern string, opts ...Option) Option {
	// Outside of the closure: it is applied more than once, and is to be the same each time.
	r := &routeSettings{settings: gather(atRoute, opts)}
	method, path, ok := strings.Cut(strings.TrimSpace(pattern), " ")
	if !ok {
		method, path = "", method
	}
	r.method, r.path = strings.ToUpper(method), canonical(strings.TrimSpace(path))
	return optionFunc(func(s *settings) {
		if !s.only(fmt.Sprintf("ForRoute(%q)", pattern), atController) {
			return
		}
		if !strings.HasPrefix(r.path, "/") {
			s.problemf("ForRoute(%q): must be a method and a pattern, such as \"POST /{room}\"", pattern)
			return
		}
		for _, p := range r.settings.problems {
			s.problemf("ForRoute(%q): %s", pattern, p)
		}
		s.routes = append(s.routes, r)
	})
}

// canonical is how a pattern is compared and shown: what r.Route("/rooms") and
// r.Get("/") make is /rooms.
func canonical(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// constructors are what the module has to build.
func (s *settings) constructors() []any {
	out := s.binding.Constructors()
	for _, r := range s.routes {
		out = append(out, r.settings.binding.Constructors()...)
	}
	return out
}
