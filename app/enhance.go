package app

import (
	"errors"
	"fmt"

	"github.com/gatehouse-go/gatehouse/internal/enhance"
	"github.com/gatehouse-go/gatehouse/module"
)

// UseGuards binds guards to the whole application: to its HTTP routes, its
// gateways' connections and their messages. Each is a [pipeline.Guard], a function
// func(context.Context, *pipeline.Call) error, or a constructor of one, which is
// called once and may inject what the root module sees. They are asked in the order
// given, before those of gateways, controllers and handlers.
//
//	app.Main(Module, app.HTTP(":3000"), app.UseGuards(NewTokenGuard))
//
// A guard that needs the providers of another module belongs into it; see [Global].
func UseGuards(items ...any) Option { return use(enhance.Guard, items) }

// UseInterceptors binds interceptors to the whole application, as [UseGuards] does guards.
func UseInterceptors(items ...any) Option { return use(enhance.Interceptor, items) }

// UsePipes binds pipes to the whole application, as [UseGuards] does guards.
func UsePipes(items ...any) Option { return use(enhance.Pipe, items) }

// UseFilters binds filters to the whole application, as [UseGuards] does guards.
// They are asked last.
func UseFilters(items ...any) Option { return use(enhance.Filter, items) }

func use(role enhance.Role, items []any) Option {
	b := enhance.Bind(role, items...)
	return optionFunc(func(c *config) { c.enhanced = c.enhanced.Join(b) })
}

// Global binds what a module provides to the whole application: the provider is a
// guard, interceptor, pipe or filter, or several of them. It is injected like any
// other. Those of several modules come in the order in which they are built, after
// those of [UseGuards] and its like.
//
//	module.Providers(NewTokens, app.Global(NewTokenGuard))
func Global(constructor any) module.Provider { return module.Mark(constructor, global{}) }

// global is the mark of Global.
type global struct{}

// checkEnhanced finds what is wrong with what is bound to the application.
func (c *config) checkEnhanced(g *module.Graph) error {
	var errs []error
	for _, p := range c.enhanced.Problems() {
		errs = append(errs, fmt.Errorf("app: %s", p))
	}
	for d := range g.Declared() {
		for _, m := range d.Marks {
			if _, ok := m.(global); ok && !enhance.MayBeOne(d.Type) {
				errs = append(errs, fmt.Errorf("app: Global(%s): %s is no guard, interceptor, pipe or filter; it needs a method Check, Intercept, Transform or Catch of package pipeline", d, d.Type))
			}
		}
	}
	return errors.Join(errs...)
}

// scope gathers what is bound to an application that has been built.
func (c *config) scope(g *module.Graph) (enhance.Scope, error) {
	s, err := c.enhanced.Resolve(enhance.BuiltBy(g))
	if err != nil {
		return s, fmt.Errorf("app: %w", err)
	}
	for inst := range module.Marked[global](g) {
		if !s.Add(inst.Value) {
			return s, fmt.Errorf("app: Global(%s): it made a %T, which is no guard, interceptor, pipe or filter", inst, inst.Value)
		}
	}
	return s, nil
}
