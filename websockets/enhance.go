package websockets

import (
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Enhancement is what is bound to a gateway or to a handler: it is an [Option] and
// a [HandlerOption].
type Enhancement struct{ binding pipe.Binding }

// UseGuards binds guards: each is a [pipeline.Guard], a function
// func(context.Context, *pipeline.Call) error, a constructor of one, or
// [pipeline.Injected] with its type.
//
//	websockets.Gateway(NewGateway, websockets.UseGuards(NewTokenGuard))
//	websockets.On("delete", g.Delete, websockets.UseGuards(g.admins))
//
// Guards of a gateway run when a client connects, before its handshake is accepted, and
// again for each of its messages; guards of a handler run for its messages.
//
// A constructor is called once, in the module of the gateway, and may inject what
// the module sees. Constructors are not accepted at a handler: bind a value or
// [pipeline.Injected] there, or bind the constructor with [ForEvent].
func UseGuards(items ...any) Enhancement {
	return Enhancement{pipe.Bind(pipe.Guard, items...)}
}

// UseInterceptors binds interceptors, as [UseGuards] does guards.
func UseInterceptors(items ...any) Enhancement {
	return Enhancement{pipe.Bind(pipe.Interceptor, items...)}
}

// UsePipes binds pipes, as [UseGuards] does guards.
func UsePipes(items ...any) Enhancement {
	return Enhancement{pipe.Bind(pipe.Pipe, items...)}
}

// UseFilters binds filters, as [UseGuards] does guards. Those of a gateway see the
// errors of its connections too.
func UseFilters(items ...any) Enhancement {
	return Enhancement{pipe.Bind(pipe.Filter, items...)}
}

// Meta adds metadata to a gateway or handler. Guards and interceptors read it.
//
//	websockets.On("delete", g.Delete, websockets.Meta(Roles.With([]string{"admin"})))
func Meta(meta ...pipeline.Meta) Enhancement { return Enhancement{pipe.Meta(meta...)} }

// ApplyGateway implements [Option].
func (e Enhancement) ApplyGateway(c *config.Gateway) { c.Enhanced = c.Enhanced.Join(e.binding) }

// ApplyHandler implements [HandlerOption].
func (e Enhancement) ApplyHandler(s *handler.Spec) { s.Enhanced = s.Enhanced.Join(e.binding) }

// ForEvent binds enhancements to the handler of one event where the gateway is
// declared, which may be constructors. They run after those of the handler itself. An event that the gateway does not handle is a boot error.
//
//	websockets.Gateway(NewGateway, websockets.ForEvent("delete", websockets.UseGuards(NewAdminGuard)))
func ForEvent(event string, enhancements ...Enhancement) Option {
	return optionFunc(func(c *config.Gateway) {
		var b pipe.Binding
		for _, e := range enhancements {
			b = b.Join(e.binding)
		}
		c.Events = append(c.Events, config.EventBinding{Event: event, Binding: b})
	})
}
