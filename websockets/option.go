package websockets

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/keep"
	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
)

// Option configures where and how a gateway is served. Platform packages have
// options of their own (such as ws.Options); see [PlatformOption].
type Option interface {
	// ApplyGateway records the option. It is called by the framework.
	ApplyGateway(*GatewayConfig)
}

// GatewayConfig gathers a gateway's options. Only options write to it.
type GatewayConfig struct {
	addr        string
	port        *int
	path        string
	namespace   *string
	nspRegexp   *regexp.Regexp
	nspFunc     *namespaceOption
	platform    []PlatformOption
	limits      Limits
	origins     []string
	origin      *originOption
	admits      []admitCheck
	enhanced    enhance.Binding
	strict      bool
	events      []eventBinding
	via         []viaEndpoint
	emits       []EventInfo
	concurrency int
	maxRooms    int
	hideCause   bool
	// dropAfterClose: see [DropAfterClose].
	dropAfterClose bool
	problems       []string
}

// admitCheck is a check of [Admit].
type admitCheck func(context.Context, *Handshake) error

type viaEndpoint struct {
	adapter Adapter
	opts    []Option
}

func (c *GatewayConfig) apply(opts []Option) {
	for _, o := range opts {
		if o != nil {
			o.ApplyGateway(c)
		}
	}
}

// AddPlatform records an option of a platform.
func (c *GatewayConfig) AddPlatform(o PlatformOption) { c.platform = append(c.platform, o) }

type optionFunc func(*GatewayConfig)

func (f optionFunc) ApplyGateway(c *GatewayConfig) { f(c) }

func (c *GatewayConfig) problemf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// Path is the HTTP path of the gateway's server. On plain WebSocket it is the
// gateway's own and may be a pattern of [http.ServeMux] without a method, such
// as "/rooms/{room}"; read the values with Client.Request().PathValue("room").
// On Socket.IO it is the path of the whole server. Default: the platform's
// ("/" for plain WebSocket, "/socket.io/" for Socket.IO).
func Path(path string) Option {
	return optionFunc(func(c *GatewayConfig) { c.path = path })
}

// Namespace is the Socket.IO namespace; "chat" is the same as "/chat". Segments
// in braces make it a pattern: "/orgs/{org}" serves every namespace of that
// form, each with clients and rooms of its own, and
// Client.Request().PathValue("org") tells which. Default "/". Platforms without
// namespaces refuse it at boot. Of Namespace, [NamespaceRegexp] and
// [NamespaceFunc] the last one given holds.
func Namespace(name string) Option {
	return optionFunc(func(c *GatewayConfig) { c.namespace, c.nspRegexp, c.nspFunc = &name, nil, nil })
}

// NamespaceRegexp serves every namespace that re matches as a whole, for forms
// that a Namespace pattern cannot say. Named groups are read with
// Client.Request().PathValue.
func NamespaceRegexp(re *regexp.Regexp) Option {
	return optionFunc(func(c *GatewayConfig) {
		c.namespace, c.nspRegexp, c.nspFunc = nil, re, nil
		if re == nil {
			c.problemf("NamespaceRegexp(nil): give a regular expression")
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
// Each has clients and rooms of its own, and is forgotten when nobody is in it.
// Endpoints are asked in the order in which their gateways are registered, and
// match may be called several times for one client, by several goroutines. It
// must be quick: leave what takes time to [Admit]. When it panics the client is
// refused, and it is logged. label names the pattern in errors and logs. Gateways with
// the same label share the namespaces; give all of them one Option value, stored in a
// variable, since Go does not compare functions.
func NamespaceFunc(label string, match func(namespace string) bool) Option {
	return &namespaceOption{label, match}
}

type namespaceOption struct {
	label string
	match func(namespace string) bool
}

func (o *namespaceOption) ApplyGateway(c *GatewayConfig) {
	c.namespace, c.nspRegexp, c.nspFunc = &o.label, nil, o
	if o.match == nil {
		c.nspFunc = nil
		c.problemf("NamespaceFunc(%q): give a function", o.label)
	}
	if o.label == "" {
		c.problemf("NamespaceFunc: give a label; errors and logs name the namespaces by it")
	}
}

// same reports whether both are one option, or have one declared function.
func (o *namespaceOption) same(p *namespaceOption) bool {
	return o == p || o != nil && p != nil && sameDeclared(o.match, p.match)
}

// Port serves the gateway on its own TCP port, on every interface. 0, the
// default, or the port of the application's HTTP server means that server.
func Port(port int) Option {
	return optionFunc(func(c *GatewayConfig) { c.port = &port })
}

// Addr serves the gateway on its own address, such as "127.0.0.1:3001" or
// ":0" for any free port (see Server.Addr).
// Gateways with the same text share a listener.
func Addr(addr string) Option {
	return optionFunc(func(c *GatewayConfig) { c.addr = addr })
}

// Via serves the gateway through an adapter, with the options of that endpoint.
// Given several times, one gateway instance has several endpoints: its Server is
// all of them, and rooms, broadcasts and Clients span the platforms. Options
// outside of Via hold for each of them. Without Via the application's adapter serves it.
func Via(adapter Adapter, opts ...Option) Option {
	return optionFunc(func(c *GatewayConfig) {
		if adapter == nil {
			c.problemf("Via(nil): give an adapter, such as ws.New()")
			return
		}
		c.via = append(c.via, viaEndpoint{adapter, opts})
	})
}

// WithLimits sets the limits of the gateway's server; zero fields keep their
// defaults. Gateways that share a server must not disagree.
func WithLimits(l Limits) Option {
	return optionFunc(func(c *GatewayConfig) { c.limits = l })
}

// Origins lets browser pages of other origins connect: "https://app.example.com"
// exactly, "https://*.example.com" for one or more labels, or "*" for any page
// (unsafe with cookies). The server's own host is always allowed, and so are
// clients that send no Origin, which are not browsers. Default: own host only.
func Origins(origins ...string) Option {
	return optionFunc(func(c *GatewayConfig) { c.origins = append(c.origins, origins...) })
}

// CheckOrigin decides about browser origins instead of [Origins]. It is called
// on every handshake and must be safe for concurrent use.
//
// Gateways that share a server need one Option value, stored in a variable: Go does
// not compare functions, and two checks of one server are an error of the start, as is
// one gateway with a check beside one with Origins alone.
//
//	var checkOrigin = websockets.CheckOrigin(tenants.Allow)
func CheckOrigin(allow func(*http.Request) bool) Option { return &originOption{allow} }

// Admit adds a check that runs before the handshake is accepted, after the guards:
// use it for what only this gateway's connections need, and [UseGuards] for what
// holds for messages or HTTP as well. An error refuses the client: with HTTP status
// and JSON body on plain WebSocket, as connect_error on a Socket.IO namespace. An
// [*Error] is shown; any other error says "Internal server error" and is logged.
// What the check learns reaches HandleConnection and every handler through a [Key]
// set on the Handshake. Checks run in the order given; ctx ends after
// Limits.HandshakeTimeout.
func Admit(check func(ctx context.Context, h *Handshake) error) Option {
	return optionFunc(func(c *GatewayConfig) {
		if check == nil {
			c.problemf("Admit(nil): give a function")
			return
		}
		c.admits = append(c.admits, check)
	})
}

// Concurrency lets up to n messages of one client run at a time. Default 1:
// one after another, in order. More gives up the order.
func Concurrency(n int) Option {
	return optionFunc(func(c *GatewayConfig) {
		c.concurrency = n
		if n < 1 {
			c.problemf("Concurrency(%d): must be at least 1", n)
		}
	})
}

// MaxRooms bounds the rooms that one client is in. Default 1,000.
func MaxRooms(n int) Option {
	return optionFunc(func(c *GatewayConfig) {
		c.maxRooms = n
		if n < 1 {
			c.problemf("MaxRooms(%d): must be at least 1", n)
		}
	})
}

// HideCauseData leaves the client's own payload out of the `cause` of errors,
// so that secrets in it are not echoed. Payloads of more than 64 KiB are left out in any case.
func HideCauseData() Option {
	return optionFunc(func(c *GatewayConfig) { c.hideCause = true })
}

// DropAfterClose drops the messages of a client that has left which no handler has started
// yet. Without it they are handled: after a clean leave (a close frame, DISCONNECT) with a
// context that lives for Limits.CloseTimeout, otherwise with one that has ended. It holds
// for all gateways of a namespace.
func DropAfterClose() Option {
	return optionFunc(func(c *GatewayConfig) { c.dropAfterClose = true })
}

// Strictness is what [Strict] gives: an [Option] and a [HandlerOption].
type Strictness struct{}

// Strict refuses payloads with names that the handler's type does not have, of all
// handlers of a gateway or of one. Without it such names are left out. Duplicate
// names are always refused.
func Strict() Strictness { return Strictness{} }

// ApplyGateway implements [Option].
func (Strictness) ApplyGateway(c *GatewayConfig) { c.strict = true }

func (Strictness) applyHandler(s *Subscription) { s.strict = true }

// Emits lists events that the gateway sends, for the registry from which
// documents and client types are generated.
func Emits(events ...EventInfo) Option {
	return optionFunc(func(c *GatewayConfig) { c.emits = append(c.emits, events...) })
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	if l.MaxMessage <= 0 {
		l.MaxMessage = 1_000_000
	}
	if l.SendQueue <= 0 {
		l.SendQueue = 1 << 20
	}
	if l.SendQueueMax <= 0 {
		l.SendQueueMax = 8 << 20
	}
	l.SendQueueMax = max(l.SendQueueMax, l.SendQueue)
	def(&l.SendStall, 10*time.Second)
	if l.MaxAuth <= 0 {
		l.MaxAuth = 16 << 10
	}
	if l.KeptHeaders <= 0 {
		l.KeptHeaders = keep.DefaultHeaders
	}
	if l.ClientErrors == 0 {
		l.ClientErrors = 50
	}
	def(&l.HandshakeTimeout, 15*time.Second)
	def(&l.PingInterval, 25*time.Second)
	def(&l.PingTimeout, 20*time.Second)
	def(&l.CloseTimeout, 5*time.Second)
	return l
}
