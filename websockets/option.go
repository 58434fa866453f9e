package websockets

import (
	"context"
	"net/http"
	"regexp"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Option configures where and how a gateway is served. Platforms have options of their own,
// such as ws.Options.
type Option interface {
	// ApplyGateway sets the option. The framework calls it.
	ApplyGateway(*config.Gateway)
}

type optionFunc func(*config.Gateway)

func (f optionFunc) ApplyGateway(c *config.Gateway) { f(c) }

func configOptions(opts []Option) []config.Option {
	out := make([]config.Option, 0, len(opts))
	for _, o := range opts {
		if o != nil {
			out = append(out, o)
		}
	}
	return out
}

// Path is the HTTP path of the gateway's server. On plain WebSocket it is the
// gateway's own and may be a pattern of [http.ServeMux] without a method, such
// as "/rooms/{room}"; [PathValue] reads the values.
// On Socket.IO it is the path of the whole server. Default: the platform's
// ("/" for plain WebSocket, "/socket.io/" for Socket.IO).
func Path(path string) Option {
	return optionFunc(func(c *config.Gateway) { c.Path = path })
}

// Namespace is the Socket.IO namespace; "chat" is the same as "/chat". Segments
// in braces make it a pattern: "/orgs/{org}" serves every namespace of that
// form, each with clients and rooms of its own, and [PathValue] reads the value. Default "/". Platforms without
// namespaces refuse it at boot. Of Namespace, [NamespaceRegexp] and
// [NamespaceFunc] the last one given holds.
func Namespace(name string) Option {
	return optionFunc(func(c *config.Gateway) { c.Namespace, c.NamespaceRegexp, c.NamespaceFunc = &name, nil, nil })
}

// NamespaceRegexp serves every namespace that re matches as a whole, for forms
// that a Namespace pattern cannot say. [PathValue] reads named groups.
func NamespaceRegexp(re *regexp.Regexp) Option {
	return optionFunc(func(c *config.Gateway) {
		c.Namespace, c.NamespaceRegexp, c.NamespaceFunc = nil, re, nil
		if re == nil {
			c.Problemf("NamespaceRegexp(nil): pass a regular expression")
		}
	})
}

// NamespaceFunc serves every namespace, "/" and its name, for which match
// returns true, such as those in a table:
//
//	websockets.NamespaceFunc("tenants", func(namespace string) bool {
//		return tenants.Has(strings.TrimPrefix(namespace, "/"))
//	})
//
// Each has clients and rooms of its own, and is forgotten when no client is in it.
// Endpoints are asked in the order in which their gateways are registered, and
// match may be called several times for one client, by several goroutines. It
// must be quick: leave what takes time to [Admit]. When it panics the client is
// refused, and it is logged. label names the pattern in errors and logs. Gateways with
// the same label share the namespaces; give all of them one Option value, stored in a
// variable, since Go does not compare functions.
func NamespaceFunc(label string, match func(namespace string) bool) Option {
	return &namespaceOption{config.NamespaceFunc{Label: label, Match: match}}
}

type namespaceOption struct{ config.NamespaceFunc }

func (o *namespaceOption) ApplyGateway(c *config.Gateway) {
	c.Namespace, c.NamespaceRegexp, c.NamespaceFunc = &o.Label, nil, &o.NamespaceFunc
	if o.Match == nil {
		c.NamespaceFunc = nil
		c.Problemf("NamespaceFunc(%q): pass a function", o.Label)
	}
	if o.Label == "" {
		c.Problemf("NamespaceFunc: pass a label; errors and logs name the namespaces by it")
	}
}

// Port serves the gateway on its own TCP port, on every interface. 0, the
// default, or the port of the application's HTTP server means that server.
func Port(port int) Option {
	return optionFunc(func(c *config.Gateway) { c.Port = &port })
}

// Addr serves the gateway on its own address, such as "127.0.0.1:3001" or
// ":0" for any free port (see Server.Addr).
// Gateways with the same text share a listener.
func Addr(addr string) Option {
	return optionFunc(func(c *config.Gateway) {
		if c.Addr = addr; addr == "" {
			c.Problemf("Addr(\"\"): must be an address, such as \"127.0.0.1:3001\"; remove it to use the application's HTTP server")
		}
	})
}

// Via serves the gateway through an adapter, with the options of that endpoint.
// Given several times, one gateway instance has several endpoints: its Server is
// all of them, and rooms, broadcasts and Clients span the platforms. Options
// outside of Via hold for each of them. Without Via the application's adapter serves it.
func Via(adapter Platform, opts ...Option) Option {
	return optionFunc(func(c *config.Gateway) {
		if adapter == nil {
			c.Problemf("Via(nil): pass an adapter, such as ws.New()")
			return
		}
		c.Via = append(c.Via, config.Via{Platform: adapter, Options: configOptions(opts)})
	})
}

// Platform is an adapter of a wire protocol, such as ws.New() and socketio.New(). Package
// adapter has its contract.
type Platform interface {
	// Name is the platform's name, see [Client.Platform].
	Name() string
}

// Origins lets browser pages of other origins connect: "https://app.example.com"
// exactly, "https://*.example.com" for one or more labels, or "*" for any page
// (unsafe with cookies). Applications with web views have origins such as
// "capacitor://localhost" and "file://". The server's own host is always allowed, and so are
// clients that send no Origin, which are not browsers. Default: own host only.
//
// Origins are compared as in RFC 6454: case and the default ports of http and https do not
// matter. Text that no browser sends as an origin is a start error, which says what to write.
func Origins(origins ...string) Option {
	return optionFunc(func(c *config.Gateway) {
		for _, text := range origins {
			p, err := origin.ParsePattern(text, "websockets.CheckOrigin")
			if err != nil {
				c.Problemf("Origins: %v", err)
				continue
			}
			c.Origins = append(c.Origins, p)
		}
	})
}

// CheckOrigin decides about browser origins instead of [Origins]. It is called
// on every handshake and must be safe for concurrent use.
//
// Gateways that share a server need one Option value, stored in a variable: Go does
// not compare functions, and two checks of one server are an error of the start, as is
// one gateway with a check beside one with Origins alone.
//
//	var checkOrigin = websockets.CheckOrigin(tenants.Allow)
func CheckOrigin(allow func(*http.Request) bool) Option {
	return &originOption{config.Origin{Allow: allow}}
}

type originOption struct{ config.Origin }

func (o *originOption) ApplyGateway(c *config.Gateway) {
	c.CheckOrigin = &o.Origin
	if o.Allow == nil {
		c.CheckOrigin = nil
	}
}

// Admit adds a check that runs before the handshake is accepted, after the guards:
// use it for what only this gateway's connections need, and [UseGuards] for what
// holds for messages or HTTP as well. An error refuses the client: with HTTP status
// and JSON body on plain WebSocket, as connect_error on a Socket.IO namespace. An
// [*Error] is shown; any other error says "Internal server error" and is logged.
// What the check learns reaches HandleConnection and every handler through a [Key]
// set on the Handshake. Checks run in the order given; ctx ends after
// Limits.HandshakeTimeout.
func Admit(check func(ctx context.Context, h *Handshake) error) Option {
	return optionFunc(func(c *config.Gateway) {
		if check == nil {
			c.Problemf("Admit(nil): pass a function")
			return
		}
		c.Checks = append(c.Checks, func(ctx context.Context, h pipeline.Holder) error { return check(ctx, h.(*Handshake)) })
	})
}

// Concurrency lets up to n messages of one client run at a time. Default 1:
// one after another, in order. With more there is no order.
func Concurrency(n int) Option {
	return optionFunc(func(c *config.Gateway) {
		c.Concurrency = n
		if n < 1 {
			c.Problemf("Concurrency(%d): must be at least 1", n)
		}
	})
}

// MaxRooms bounds the rooms that one client is in. Default 1,000.
func MaxRooms(n int) Option {
	return optionFunc(func(c *config.Gateway) {
		c.MaxRooms = n
		if n < 1 {
			c.Problemf("MaxRooms(%d): must be at least 1", n)
		}
	})
}

// HideCauseData leaves the client's own payload out of the `cause` of errors,
// so that secrets in it are not echoed. Payloads of more than 64 KiB are left out in any case.
func HideCauseData() Option {
	return optionFunc(func(c *config.Gateway) { c.HideCauseData = true })
}

// AnswerErrorsOnce sends an error of a message whose client waits for an answer as the answer only. The
// default on Socket.IO is the answer and the event exception; on plain WebSocket the answer is that event in any case.
// It holds for a namespace if one of its gateways has it.
func AnswerErrorsOnce() Option {
	return optionFunc(func(c *config.Gateway) { c.AnswerOnly = true })
}

// ExceptionEvent renames the event under which errors reach Socket.IO clients. Default [EventException]. Plain
// WebSocket keeps that name, which is a part of its protocol. The gateways of one namespace must agree.
func ExceptionEvent(name string) Option {
	return optionFunc(func(c *config.Gateway) {
		if c.Event = name; name == "" || reserved[name] && name != EventException || len(name) > config.MaxEventName {
			c.Problemf("ExceptionEvent(%q): pass the name of an event that clients can receive", name)
		}
	})
}

// Unobserved leaves the gateway's clients, messages and events out of the hooks of
// app.Observe: for a gateway that sends what observers see, which would observe itself
// otherwise. It holds for an endpoint if all gateways there have it.
func Unobserved() Option {
	return optionFunc(func(c *config.Gateway) { c.Unobserved = true })
}

// DropAfterClose drops the messages of a client that has left which no handler has started
// yet. Without it they are handled for Limits.CloseTimeout: after a clean leave (a close
// frame, DISCONNECT) with a context that lives so long, otherwise with one that has ended.
// It holds for all gateways of a namespace.
func DropAfterClose() Option {
	return optionFunc(func(c *config.Gateway) { c.DropAfterClose = true })
}

// Strictness is the result of [Strict]: an [Option] and a [HandlerOption].
type Strictness struct{}

// Strict refuses payloads with names that the handler's type does not have, and with half
// a surrogate pair in a string ("\ud83d"), of all handlers of a gateway or of one. Without it
// such names are left out, and such halves are read as U+FFFD. Duplicate names are always
// refused.
func Strict() Strictness { return Strictness{} }

// ApplyGateway implements [Option].
func (Strictness) ApplyGateway(c *config.Gateway) { c.Strict = true }

// ApplyHandler implements [HandlerOption].
func (Strictness) ApplyHandler(s *handler.Spec) { s.Strict = true }

// Emits lists the events and calls that the gateway sends, for the registry from which
// documents and client types are generated. Given several times, also inside of [Via], the
// lists are joined. An event with two payload types at one gateway is a start error.
func Emits(events ...EventInfo) Option {
	return optionFunc(func(c *config.Gateway) {
		for i, e := range events {
			if e == nil {
				c.Problemf("Emits: event %d is nil; pass an event, such as one of NewEvent", i+1)
				continue
			}
			c.Emits = append(c.Emits, e)
		}
	})
}
