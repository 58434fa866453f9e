package web

import (
	"fmt"
	"log/slog"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// Describe returns the routes of a graph that has not been built, for app.Describe. It calls
// Routes on zero values of the controllers' types; problems are what cannot be described so. global is
// what is bound to the whole application.
func Describe(graph *module.Graph, global pipe.Scope, opts []Option) (routes []RouteInfo, problems []string) {
	b := newBuilder()
	discard := slog.New(slog.DiscardHandler)
	app := applyOptions(atApplication, opts)
	global = pipe.JoinScopes(pipe.Scope{Security: global.Security}, pipe.Scope{Security: app.binding.Security(pipe.Built{})})
	for d := range graph.Declared() {
		own, marked := registered(d.Marks)
		t := d.Type
		if t == nil || t.Kind() == reflect.Interface {
			if marked || t != nil && t.Implements(reflect.TypeFor[Routable]()) {
				b.problems = append(b.problems, fmt.Sprintf("controller %s: its constructor returns the interface %v, so its routes are not known: return the controller's own type, or start the application and use App.Routes", d, t))
			}
			continue
		}
		v := reflect.Zero(t)
		if t.Kind() == reflect.Pointer {
			v = reflect.New(t.Elem())
		}
		if c, ok := reflect.TypeAssert[Routable](v); ok {
			b.controller(c, module.Instance{Module: d.Module, Name: d.Name, Place: d.Place}, own, controllerConfig{
				prefix: app.prefix, limit: app.limit, v1: app.v1, global: global, log: discard, static: true, unrouted: newStandalone(discard).unrouted,
			})
		}
	}
	return b.routes, b.problems
}
