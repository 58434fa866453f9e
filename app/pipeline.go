package app

import (
	"errors"
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
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
func UseGuards(items ...any) Option { return use(pipe.Guard, items) }

// UseInterceptors binds interceptors to the whole application, like [UseGuards].
func UseInterceptors(items ...any) Option { return use(pipe.Interceptor, items) }

// UsePipes binds pipes to the whole application, like [UseGuards].
func UsePipes(items ...any) Option { return use(pipe.Pipe, items) }

// UseFilters binds filters to the whole application, like [UseGuards]. They run after
// those of gateways, controllers and handlers.
func UseFilters(items ...any) Option { return use(pipe.Filter, items) }

func use(role pipe.Role, items []any) Option {
	b := pipe.Bind(role, items...)
	return optionFunc(func(c *config) { c.binding = c.binding.Join(b) })
}

// Global binds a provider of a module to the whole application. It must be a guard,
// interceptor, pipe or filter, or several of them, and can be injected like any other
// provider. Global providers run after those of [UseGuards] and the like, in the order
// in which they are built.
//
//	module.Providers(NewTokens, app.Global(NewTokenGuard))
func Global(constructor any) module.Provider { return module.Mark(constructor, global{}) }

// global is the mark of Global.
type global struct{}

// checkBinding validates what is bound to the application.
func (c *config) checkBinding(g *module.Graph) error {
	var errs []error
	for _, p := range c.binding.Problems() {
		errs = append(errs, fmt.Errorf("app: %s", p))
	}
	for d := range g.Declared() {
		for _, m := range d.Marks {
			if _, ok := m.(global); ok && !pipe.MayImplementAny(d.Type) {
				errs = append(errs, fmt.Errorf("app: Global(%s): %s is not a guard, interceptor, pipe or filter: it needs a method Check, Intercept, Transform or Catch of package pipeline", d, d.Type))
			}
		}
	}
	return errors.Join(errs...)
}

// scope returns what is bound to the application, after the graph has been built.
func (c *config) scope(g *module.Graph) (pipe.Scope, error) {
	s, err := c.binding.Resolve(pipe.BuiltBy(g))
	if err != nil {
		return s, fmt.Errorf("app: %w", err)
	}
	for inst := range module.Marked[global](g) {
		if !s.Add(inst.Value) {
			return s, fmt.Errorf("app: Global(%s): it returned a %T, which is not a guard, interceptor, pipe or filter", inst, inst.Value)
		}
	}
	return s, nil
}
