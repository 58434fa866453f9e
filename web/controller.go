package web

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// Routable is implemented by HTTP controllers: every provider and controller with this
// method is served. Routes is called at start, once for each [Version]; app.Describe calls it on
// a zero value of the controller's type.
//
// Middleware of r.Use runs for the routes of the controller, after matching and before their
// guards; inside r.Route it runs before matching, as in chi. r.NotFound outside of r.Route
// applies to the whole application.
type Routable interface {
	Routes(r chi.Router)
}

// registration is the mark of [Controller].
type registration struct{ options []Option }

// registered returns the options of all registrations among the marks of a constructor, and whether there is one.
func registered(marks []any) (opts []Option, ok bool) {
	for _, m := range marks {
		if reg, is := m.(registration); is {
			opts, ok = append(opts, reg.options...), true
		}
	}
	return opts, ok
}

// Controller returns a controller with options; constructor is a constructor or a
// [module.Provider]. Without options, list the constructor itself in module.Controllers.
//
//	module.Controllers(web.Controller(NewRooms, web.Prefix("/rooms"), web.UseGuards(NewTokenGuard)))
//
// Constructors in the options are resolved in the module that lists the controller.
func Controller(constructor any, opts ...Option) module.Provider {
	marked := module.Mark(constructor, registration{opts})
	return module.Attach(marked, applyOptions(atController, opts).constructors()...)
}

// Constructors returns the constructors in the application's options, which package app
// attaches to the root module.
func Constructors(opts []Option) []any { return applyOptions(atApplication, opts).constructors() }

// Use returns a router that applies options to its routes. Call it in Routes:
//
//	web.Use(r, web.UseGuards(c.admin), web.Meta(Audit.With(true))).Post("/{room}", web.JSON(c.post))
//
// Guards and the like must be values or [pipeline.Injected] here; for constructors use
// [ForRoute]. Use also accepts
// a router of chi, as in unit tests: errors in the options are then logged to slog.Default,
// and requests answered with 500.
func Use(r chi.Router, opts ...Option) chi.Router {
	s := applyOptions(atRoute, opts)
	own, ok := r.(*router)
	if !ok {
		own = &router{inner: r, ctl: newStandalone(slog.Default())}
	}
	scope, err := s.binding.Resolve(own.ctl.built)
	if own.ctl.static { // guards that are fields of the controller are nil
		scope, err = s.binding.Static(), nil
		s.problems = s.problems[:len(s.problems)-len(s.binding.Problems())]
	}
	if err != nil && len(s.binding.Problems()) == 0 {
		s.problems = append(s.problems, err.Error())
	}
	child := own.inline(own.inner.With())
	child.scope = pipe.JoinScopes(own.scope, pipe.Named(scope, "web.Use in controller "+own.ctl.label))
	child.limit = cmp.Or(s.limit, child.limit)
	for _, p := range s.problems {
		if own.ctl.standalone {
			child.broken = fmt.Errorf("web: Use: %s", p)
		}
		own.problemf("Use: %s", p)
	}
	return child
}

// newStandalone returns the registrar for a router of the user, outside of an application.
func newStandalone(log *slog.Logger) *registrar {
	none := pipe.Link(pipe.Scope{}, pipe.Scope{}, pipe.Scope{})
	return &registrar{controllerConfig: controllerConfig{log: log, unrouted: &unrouted{chain: none, log: log}}, standalone: true}
}
