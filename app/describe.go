package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/gateway"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Description describes an application that has not been built; see [Describe].
type Description struct {
	// Modules are the modules, their providers and the dependencies between them.
	Modules *module.Graph
	// Gateways are in registration order. Their endpoints have no Addr.
	Gateways []websockets.GatewayInfo
	// Routes are those of the controllers.
	Routes []web.RouteInfo
	// Problems are what could not be described: each with the place of a constructor, and what
	// to change. The rest is complete if there are none.
	Problems []string
}

// Describe returns what [App.Modules], [App.Gateways] and [App.Routes] return of a started
// application, without starting one: no constructor runs, so that it needs neither database nor
// network. Documents and clients are made of it.
//
//	d, err := app.Describe(chat.Module, app.WebSockets(ws.New()))
//
// It calls Subscriptions and Routes on zero values of the types that constructors return.
// Handlers may be methods, but what the constructor sets is missing: where Subscriptions or
// Routes use it and panic, it is one of Problems, and so are options that come from
// GatewayOptions. The error is that of [New]. Gateways without websockets.Via need the option
// [WebSockets]; [HTTP] may be left out.
func Describe(root *module.Module, opts ...Option) (*Description, error) {
	c := newConfig(opts, nil)
	c.mounted = c.mounted || !c.http
	graph, err := c.resolve(root, false)
	if err != nil {
		return nil, err
	}
	cfg := c.bindConfig()
	cfg.Global = c.staticScope(graph)
	gateways, problems, err := gateway.Describe(graph, cfg)
	if err != nil {
		return nil, err
	}
	routes, more := web.Describe(graph, cfg.Global, c.webOptions())
	for _, o := range c.configures {
		more = append(more, fmt.Sprintf("app: Configure (%s): its function needs built values, so its options are missing: start the application and use App.Routes and App.Gateways", o.at))
	}
	return &Description{Modules: graph, Gateways: gateways, Routes: routes, Problems: append(problems, more...)}, nil
}

// Gateways describes the gateways of the application; nil before Start: use [Describe] for
// an application that does not run. It waits for a Start or Stop that runs.
func (a *App) Gateways() []websockets.GatewayInfo {
	if a.lock(context.Background(), "Gateways") != nil {
		return nil
	}
	defer a.unlock()
	if a.runtime == nil {
		return nil
	}
	return slices.Collect(a.runtime.Gateways())
}

// Routes describes the routes of the application's controllers; nil before Start: use
// [Describe] for an application that does not run. It waits for a Start or Stop that runs.
func (a *App) Routes() []web.RouteInfo {
	if a.lock(context.Background(), "Routes") != nil {
		return nil
	}
	defer a.unlock()
	if a.router == nil {
		return nil
	}
	return a.router.Routes()
}

// Server returns the server of a gateway, by the Name that [App.Gateways] has; nil if there is none, and before Start.
func (a *App) Server(gateway string) *websockets.Server {
	if rt := a.counted.Load(); rt != nil {
		return rt.Server(gateway)
	}
	return nil
}

// provided returns the hooks of observers that constructors have returned.
func provided(g *module.Graph) (all []observe.Hooks) {
	for inst := range g.Instances() {
		if h, ok := inst.Value.(observe.Hooks); ok {
			all = append(all, h)
		}
	}
	return all
}
