package web

import (
	"fmt"
	"log/slog"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// Routable registers routes; every provider and controller that has the method is
// served. Routes is called while the application starts, once for each [Version].
//
// What r.Use adds runs for the routes of the controller, after they are matched and
// before their guards. Inside r.Route it runs before matching, as chi has it. r.NotFound
// outside of r.Route is the whole application's.
type Routable interface {
	Routes(r chi.Router)
}

// registration is the mark of [Controller].
type registration struct{ options []Option }

// Controller makes a constructor, or [module.Provider], a controller with options. A
// plain constructor in module.Controllers is one without.
//
//	module.Controllers(web.Controller(NewRooms, web.Prefix("/rooms"), web.UseGuards(NewTokenGuard)))
//
// Constructors in the options are resolved by the module that lists the controller.
func Controller(constructor any, opts ...Option) module.Provider {
	marked := module.Mark(constructor, registration{opts})
	return module.Attach(marked, gather(atController, opts).constructors()...)
}

// Constructors are those that the application's options ask its root module to
// build; package app attaches them.
func Constructors(opts []Option) []any { return gather(atApplication, opts).constructors() }

// Use gives a router whose routes have the options, for Routes:
//
//	web.Use(r, web.UseGuards(c.admin), web.Meta(Audit.With(true))).Post("/{room}", web.JSON(c.post))
//
// Enhancers are values here: inject what a constructor makes, or use [ForRoute]. On a
// router of chi itself, as in a unit test, the options hold as well; what is wrong with
// them is then logged to slog.Default and answered with 500.
func Use(r chi.Router, opts ...Option) chi.Router {
	s := gather(atRoute, opts)
	own, ok := r.(*router)
	if !ok {
		own = &router{inner: r, ctl: &bound{log: slog.Default(), alone: true}}
	}
	scope, err := s.binding.Resolve(pipe.Built{})
	if err != nil && len(s.binding.Problems()) == 0 {
		s.problems = append(s.problems, err.Error())
	}
	child := own.inline(own.inner.With())
	child.scope = join(own.scope, scope)
	if s.limit > 0 {
		child.limit = s.limit
	}
	for _, p := range s.problems {
		if own.ctl.alone {
			child.broken = fmt.Errorf("web: Use: %s", p)
		}
		own.problemf("Use: %s", p)
	}
	return child
}
