package websockets

import (
	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Enhancement is what is bound to a gateway or to a handler: it is an [Option] and
// a [HandlerOption].
type Enhancement struct{ binding enhance.Binding }

// UseGuards binds guards: each is a [pipeline.Guard], a function
// func(context.Context, *pipeline.Call) error, or a constructor of one.
//
//	websockets.Gateway(NewGateway, websockets.UseGuards(NewTokenGuard))
//	websockets.On("delete", g.Delete, websockets.UseGuards(g.admins))
//
// Those of a gateway are asked when a client connects, before its handshake is
// accepted, and again for each of its messages; those of a handler for its messages.
//
// A constructor is called once, in the module of the gateway, and may inject what
// the module sees. At a handler it is too late for that: give a value, or bind the
// constructor with [ForEvent].
func UseGuards(items ...any) Enhancement {
	return Enhancement{enhance.Bind(enhance.Guard, items...)}
}

// UseInterceptors binds interceptors, as [UseGuards] does guards.
func UseInterceptors(items ...any) Enhancement {
	return Enhancement{enhance.Bind(enhance.Interceptor, items...)}
}

// UsePipes binds pipes, as [UseGuards] does guards.
func UsePipes(items ...any) Enhancement {
	return Enhancement{enhance.Bind(enhance.Pipe, items...)}
}

// UseFilters binds filters, as [UseGuards] does guards. Those of a gateway see the
// errors of its connections too.
func UseFilters(items ...any) Enhancement {
	return Enhancement{enhance.Bind(enhance.Filter, items...)}
}

// Meta gives a gateway or handler metadata, which guards and interceptors read.
//
//	websockets.On("delete", g.Delete, websockets.Meta(Roles.With("admin")))
func Meta(meta ...pipeline.Meta) Enhancement { return Enhancement{enhance.Meta(meta...)} }

// ApplyGateway implements [Option].
func (e Enhancement) ApplyGateway(c *GatewayConfig) { c.enhanced = c.enhanced.Join(e.binding) }

func (e Enhancement) applyHandler(s *Subscription) { s.enhanced = s.enhanced.Join(e.binding) }

// ForEvent binds enhancements to the handler of one event where the gateway is
// declared, so that constructors can be given. They come after those of the handler
// itself. An event that the gateway does not handle is a boot error.
//
//	websockets.Gateway(NewGateway, websockets.ForEvent("delete", websockets.UseGuards(NewAdminGuard)))
func ForEvent(event string, enhancements ...Enhancement) Option {
	return optionFunc(func(c *GatewayConfig) {
		var b enhance.Binding
		for _, e := range enhancements {
			b = b.Join(e.binding)
		}
		c.events = append(c.events, eventBinding{event, b})
	})
}

type eventBinding struct {
	event   string
	binding enhance.Binding
}

// constructorsOf lists what the module has to build for the options.
func constructorsOf(opts []Option) (out []any) {
	c := &GatewayConfig{}
	c.apply(opts)
	out = c.enhanced.Constructors()
	for _, e := range c.events {
		out = append(out, e.binding.Constructors()...)
	}
	for _, v := range c.via {
		out = append(out, constructorsOf(v.opts)...)
	}
	return out
}

// enhancementProblems tell what can be seen without having built anything.
func (c *GatewayConfig) enhancementProblems() []string {
	out := c.enhanced.Problems()
	for _, e := range c.events {
		out = append(out, e.binding.Problems()...)
	}
	return out
}

// linker makes the chains of one gateway at one endpoint.
type linker struct {
	built  enhance.Built
	global enhance.Scope
	owner  enhance.Scope
	events map[string]enhance.Binding
}

func newLinker(cfg *GatewayConfig, global enhance.Scope, built enhance.Built) (*linker, []string) {
	l := &linker{built: built, global: global, events: map[string]enhance.Binding{}}
	var problems []string
	var err error
	if l.owner, err = cfg.enhanced.Resolve(built); err != nil {
		problems = append(problems, err.Error())
	}
	for _, e := range cfg.events {
		l.events[e.event] = l.events[e.event].Join(e.binding)
	}
	return l, problems
}

// handler makes the chain of a subscription.
func (l *linker) handler(sub Subscription) (*enhance.Chain, error) {
	scope, err := sub.enhanced.Join(l.events[sub.event]).Resolve(l.built)
	return enhance.Link(l.global, l.owner, scope), err
}
