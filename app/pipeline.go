package app

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/hookform"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// UseGuards binds guards to the whole application: its HTTP routes, its gateways'
// connections and their messages. An item is a [pipeline.Guard], a function
// func(context.Context, *pipeline.Call) error, [pipeline.Injected], or a constructor of
// a guard, which is called once and can inject what the root module sees. The guards run
// in the given order, before those of gateways, controllers and handlers.
//
//	app.Main(Module, app.HTTP(":3000"), app.UseGuards(NewTokenGuard))
//
// If a guard needs the private providers of another module, declare it there with
// [Global].
func UseGuards(items ...any) Option { return use(callerPlace(), "UseGuards", pipe.Guard, items) }

// UseInterceptors binds interceptors to the whole application, like [UseGuards].
func UseInterceptors(items ...any) Option {
	return use(callerPlace(), "UseInterceptors", pipe.Interceptor, items)
}

// UsePipes binds pipes to the whole application, like [UseGuards].
func UsePipes(items ...any) Option { return use(callerPlace(), "UsePipes", pipe.Pipe, items) }

// UseFilters binds filters to the whole application, like [UseGuards]. They run after
// those of gateways, controllers and handlers.
func UseFilters(items ...any) Option { return use(callerPlace(), "UseFilters", pipe.Filter, items) }

func use(at place.Position, name string, role pipe.Role, items []any) Option {
	b := pipe.Bind(role, items...)
	return optionFunc(func(c *config) {
		c.uses = append(c.uses, used{at, name, b})
		c.binding = c.binding.Join(b)
		for _, p := range b.Problems() {
			c.problemf(at, "%s", name)(p)
		}
	})
}

// used is what one option binds.
type used struct {
	at      place.Position
	name    string
	binding pipe.Binding
}

// Global binds a provider of a module to the whole application. It must be a guard,
// interceptor, pipe or filter, or several of them, and can be injected like any other
// provider. Global providers run after those of [UseGuards] and the like, in the order
// in which they are built.
//
//	module.Providers(NewTokens, app.Global(NewTokenGuard))
//
// The constructor may be in [pipeline.WithSchemes].
func Global(constructor any) module.Provider {
	if d, ok := constructor.(pipeline.DeclaredGuard); ok {
		return module.Mark(d.Guard(), global{declared: d.Schemes()})
	}
	return module.Mark(constructor, global{})
}

// global is the mark of Global.
type global struct{ declared []pipeline.Scheme }

// globalProblems checks what is bound to the application by modules. scope finds the rest when it
// is built.
func globalProblems(decls []module.Declaration, built bool) (all []module.Problem) {
	for _, d := range decls {
		for _, m := range d.Marks {
			var wrong []hookform.Mistake
			switch m := m.(type) {
			case global:
				if !built && !pipe.MayImplementAny(d.Type) {
					all = append(all, module.Problem{
						Kind: module.ProblemOption, Module: d.Module, Constructor: d.Name, Place: d.Place, File: d.File,
						Message: fmt.Sprintf("app: Global(%s): %s is not a guard, interceptor, pipe or filter: it needs a method Check, Intercept, Transform or Catch of package pipeline", d, d.Type),
					})
				}
				wrong = pipe.WrongForms(pipe.Any, d.Type)
			case *pipe.Item:
				wrong = m.Mistakes(d.Type)
			}
			for _, w := range wrong {
				all = append(all, d.Problem(module.ProblemHook, w.Text, w.Hint))
			}
		}
	}
	return all
}

// staticScope returns what is bound to the application and needs no built values.
func (c *config) staticScope(g *module.Graph) pipe.Scope {
	s := pipe.Scope{Security: c.binding.Security(pipe.Built{})}
	for d := range g.Declared() {
		for _, m := range d.Marks {
			if m, ok := m.(global); ok {
				s.AddSecurity(d.Name, nil, d.Type, m.declared)
			}
		}
	}
	return s
}

// scope returns what is bound to the application, after the graph has been built.
func (c *config) scope(g *module.Graph) (s pipe.Scope, problems []module.Problem) {
	s.Meta = c.binding.Meta
	built := pipe.BuiltBy(g)
	for _, u := range c.uses {
		bound, err := u.binding.Resolve(built)
		if err != nil {
			problems = append(problems, optionProblem(u.at, u.name, err.Error()))
		}
		s = pipe.JoinScopes(s, pipe.Named(bound, fmt.Sprintf("app.%s (%s)", u.name, u.at)))
	}
	for inst, m := range module.Marked[global](g) {
		bound := pipe.Scope{}
		bound.AddSecurity(inst.Name, inst.Value, nil, m.declared)
		if !built.Add(&bound, inst.Value) {
			problems = append(problems, module.Problem{
				Kind: module.ProblemOption, Module: inst.Module, Constructor: inst.Name, Place: inst.Place,
				Message: fmt.Sprintf("app: Global(%s): it returned a %T, which is not a guard, interceptor, pipe or filter", inst, inst.Value),
			})
		}
		s = pipe.JoinScopes(s, pipe.Named(bound, fmt.Sprintf("app.Global(%s)", inst)))
	}
	return s, problems
}
