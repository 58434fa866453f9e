package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// options returns the options of a gateway: those of its declaration, then those of its value.
func (g *gatewayPlan) options() []config.Option {
	op, ok := g.value.(websockets.OptionsProvider)
	if !ok || g.isNil {
		return g.opts
	}
	if g.provided == nil {
		g.provided = append([]websockets.Option{}, op.GatewayOptions()...)
	}
	opts := slices.Clip(g.opts)
	for _, o := range g.provided {
		opts = append(opts, o)
	}
	return opts
}

// distinguish sets what distinguishes the gateways of one constructor in errors and logs: their
// modules, and the options that say where they are served.
func distinguish(gs []gatewayPlan) {
	same := map[string][]*gatewayPlan{}
	for i := range gs {
		same[gs[i].name] = append(same[gs[i].name], &gs[i])
	}
	for _, all := range same {
		if len(all) == 1 {
			continue
		}
		modules := slices.ContainsFunc(all, func(g *gatewayPlan) bool { return g.module != all[0].module })
		for _, g := range all {
			if modules && g.module != nil {
				g.apart = " of module " + g.moduleName()
			}
			c := &config.Gateway{}
			c.Apply(g.options())
			if at := servedAt(c); at != "" {
				g.apart += " with " + at
			}
			g.name += g.apart
		}
	}
}

// servedAt lists the options that say where a gateway is served, as declared.
func servedAt(c *config.Gateway) string {
	var all []string
	switch {
	case c.Port != nil:
		all = append(all, "Port("+strconv.Itoa(*c.Port)+")")
	case c.Addr != "":
		all = append(all, fmt.Sprintf("Addr(%q)", c.Addr))
	}
	if c.Path != "" {
		all = append(all, fmt.Sprintf("Path(%q)", c.Path))
	}
	switch {
	case c.NamespaceFunc != nil:
		all = append(all, fmt.Sprintf("NamespaceFunc(%q)", c.NamespaceFunc.Label))
	case c.NamespaceRegexp != nil:
		all = append(all, fmt.Sprintf("NamespaceRegexp(%s)", c.NamespaceRegexp))
	case c.Namespace != nil:
		all = append(all, fmt.Sprintf("Namespace(%q)", *c.Namespace))
	}
	for _, v := range c.Via {
		at := &config.Gateway{}
		at.Apply(v.Options)
		all = append(all, strings.TrimSpace("Via("+v.Platform.Name()+" "+servedAt(at))+")")
	}
	return strings.Join(all, " ")
}

// label returns the name of the gateway in logs, without its place.
func (g *gatewayPlan) label() string { return g.short + g.apart }

// located adds what distinguishes the gateway to the error of a hook.
func (g *gatewayPlan) located(err error) error {
	if err == nil || g.apart == "" {
		return err
	}
	return fmt.Errorf("gateway %s: %w", g.label(), err)
}

// nameOf returns the name of a gateway of the endpoint, with the endpoint if it has several.
func (e *endpoint) nameOf(g *boundGateway) string {
	if len(g.server.endpoints) < 2 {
		return g.name
	}
	at := cmp.Or(e.srv.listener, "the HTTP server") + " " + e.srv.path
	if e.pattern.name != "" {
		at += " namespace " + e.pattern.name
	}
	return g.name + " on " + e.srv.adapter.Name() + " " + at
}

// at returns where the server is: its listener, if that is not the application's, and its path.
func (p *serverPlan) at() string { return strings.TrimPrefix(p.listener+" "+p.path, " ") }
