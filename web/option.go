package web

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Option configures the HTTP side of an application, a controller ([Controller]), or routes
// ([Use], [ForRoute]). An option that has no effect where it is passed is a start error.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// target is what options are applied to.
type target uint8

const (
	atApplication target = 1 << iota
	atController
	atRoute
)

func (t target) String() string {
	var names []string
	for _, n := range []struct {
		at   target
		name string
	}{{atController, "web.Controller"}, {atRoute, "web.Use or web.ForRoute"}, {atApplication, "the application's options"}} {
		if t&n.at != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " or ")
}

// settings is the result of applying options.
type settings struct {
	at       target
	binding  pipe.Binding
	prefix   string
	versions []string
	limit    int64 // 0: not set
	cors     *cors.Options
	v1       bool // JSONV1
	// withoutPrefix: the application's does not apply.
	withoutPrefix bool
	routes        []*routeSettings
	problems      []string
}

// routeSettings is one [ForRoute].
type routeSettings struct {
	method, path string // method is "" for routes for any method
	settings     *settings
}

func (r *routeSettings) String() string { return strings.TrimPrefix(r.method+" "+r.path, " ") }

func applyOptions(at target, opts []Option) *settings {
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

// allowed reports whether the option has an effect here, and records a problem if not.
func (s *settings) allowed(option string, where target) bool {
	if s.at&where == 0 {
		s.problemf("%s has no effect in %s; pass it to %s", option, s.at, where)
		return false
	}
	return true
}

// JSONV1 decodes bodies and encodes results of [JSON] handlers as encoding/json does, and those of [ReadJSON]. Set it with
// app.JSON(websockets.JSONV1()), which passes it on; docs/json.md lists the differences. [WriteJSON] keeps
// the framework's codec.
func JSONV1() Option {
	return optionFunc(func(s *settings) {
		if s.allowed("JSONV1", atApplication) {
			s.v1 = true
		}
	})
}

func bindOption(b pipe.Binding) Option {
	return optionFunc(func(s *settings) { s.binding = s.binding.Join(b) })
}

// UseGuards binds guards: values, functions with the signature of [pipeline.GuardFunc],
// [pipeline.Injected], or constructors, which the module resolves. [Use] does not accept
// constructors.
func UseGuards(items ...any) Option { return bindOption(pipe.Bind(pipe.Guard, items...)) }

// UseInterceptors binds interceptors, like [UseGuards].
func UseInterceptors(items ...any) Option { return bindOption(pipe.Bind(pipe.Interceptor, items...)) }

// UsePipes binds pipes, like [UseGuards]. They apply to the input of [JSON] handlers.
func UsePipes(items ...any) Option { return bindOption(pipe.Bind(pipe.Pipe, items...)) }

// UseFilters binds filters, like [UseGuards].
func UseFilters(items ...any) Option { return bindOption(pipe.Bind(pipe.Filter, items...)) }

// Meta adds metadata to a controller or to routes. Guards and interceptors read it with
// [pipeline.Key.Of]. Metadata of the application applies to controllers that have none.
func Meta(meta ...pipeline.Meta) Option { return bindOption(pipe.Meta(meta...)) }

// Prefix is prepended to every pattern of the controller, or of the application. It may contain
// parameters: "/orgs/{org}". The prefix "/api" of the application, version 1 and the prefix
// "/rooms" of the controller result in /api/v1/rooms.
func Prefix(path string) Option {
	return optionFunc(func(s *settings) {
		if !s.allowed(fmt.Sprintf("Prefix(%q)", path), atApplication|atController) {
			return
		}
		if strings.ContainsAny(withoutParameters(path), "* \t?#") {
			s.problemf("Prefix(%q): must be a path such as \"/rooms\"", path)
			return
		}
		s.prefix = cleanPrefix(path)
	})
}

// WithoutPrefix serves a controller without the [Prefix] of the application, such as that of
// a page, or of a health check:
//
//	module.Controllers(web.Controller(NewSite, web.WithoutPrefix()))
func WithoutPrefix() Option {
	return optionFunc(func(s *settings) {
		if s.allowed("WithoutPrefix", atController) {
			s.withoutPrefix = true
		}
	})
}

// cleanPrefix returns "" or "/x".
func cleanPrefix(path string) string {
	if path = strings.Trim(path, "/"); path == "" {
		return ""
	}
	return "/" + path
}

// Version serves the controller below a version: Version("1", "2") below /v1 and /v2, between
// the prefixes of application and controller. Routes is called once for each version.
func Version(versions ...string) Option {
	return optionFunc(func(s *settings) {
		if !s.allowed("Version", atController) {
			return
		}
		for _, v := range versions {
			switch {
			case v == "" || strings.ContainsAny(v, "/*{} \t?#"):
				s.problemf("Version(%q): must be a version such as \"1\"", v)
			case (v[0] == 'v' || v[0] == 'V') && len(v) > 1 && v[1] >= '0' && v[1] <= '9':
				s.problemf("Version(%q): remove the v; Version(%q) is served at /v%s", v, v[1:], v[1:])
			default:
				s.versions = append(s.versions, v)
			}
		}
	})
}

// defaultBodyLimit is the limit of JSON handlers without a BodyLimit.
const defaultBodyLimit = 1_000_000

// BodyLimit limits the size of request bodies, in bytes. A limit of the route overrides that of
// the controller, which overrides that of the application. Larger bodies are answered with 413.
// Default: 1,000,000 for [JSON] handlers, no limit for handlers that read the body themselves;
// the option applies to both.
func BodyLimit(bytes int64) Option {
	return optionFunc(func(s *settings) {
		if bytes < 1 {
			s.problemf("BodyLimit(%d): must be at least 1", bytes)
			return
		}
		s.limit = bytes
	})
}

// ForRoute binds options to one route of the controller. Unlike [Use] it accepts constructors,
// which the module resolves. The pattern is that in Routes, including those of enclosing
// r.Route calls, without Prefix and Version: "POST /{room}". A pattern without a method, such as
// "/files/*", is a route of r.Handle or r.Mount. A pattern without a route is a start error,
// which lists the routes. The options apply after those of Use.
//
//	web.Controller(NewController, web.ForRoute("DELETE /{room}", web.UseGuards(NewAdminGuard)))
func ForRoute(pattern string, opts ...Option) Option {
	// Outside of the closure, which runs several times and must use the same items.
	r := &routeSettings{settings: applyOptions(atRoute, opts)}
	method, path, ok := strings.Cut(strings.TrimSpace(pattern), " ")
	if !ok {
		method, path = "", method
	}
	r.method, r.path = strings.ToUpper(method), cmp.Or(strings.TrimSpace(path), "/")
	return optionFunc(func(s *settings) {
		if !s.allowed(fmt.Sprintf("ForRoute(%q)", pattern), atController) {
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

// constructors returns the constructors that the module must build.
func (s *settings) constructors() []any {
	out := s.binding.Constructors()
	for _, r := range s.routes {
		out = append(out, r.settings.binding.Constructors()...)
	}
	return out
}
