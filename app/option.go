package app

import (
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/place"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Option configures an application.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	opts       []Option
	late       map[*configureOption][]Option // what the functions of Configure have returned; nil before
	configures []*configureOption
	webAt      place.Position // of the options in web
	uses       []used
	middleware []middleware     // of Use, the outermost first
	problems   []module.Problem // of the options
	httpServer
	control          *Control
	mounted          bool
	tls              tlsOptions
	portOptions      []portOption
	keepAlive        time.Duration
	headerTimeout    time.Duration
	adapter          adapter.Adapter
	backplane        backplane.Backplane // nil without
	backplaneOptions []backplane.Option
	json             websockets.JSON
	drainRate        int
	drainDelay       time.Duration
	observers        []observe.Hooks
	bodyTimeout      time.Duration
	bodyTimeoutSet   bool // by an option
	log              *slog.Logger
	givenLog         *slog.Logger // of Logger; nil without
	startTimeout     time.Duration
	stopTimeout      time.Duration
	onReady          []func(*App)
	resolveOptions   []module.ResolveOption
	binding          pipe.Binding
	web              []web.Option
	proxies          *remote.Proxies // nil without TrustedProxies
	maxConns         int             // 0: default; negative: no limit
	maxPerAddr       int
	memoryPercent    int // 0: default; negative: off
	logLines         int // per cause and second; 0: default
	trusted          []string
}

// httpServer is where the HTTP server listens.
type httpServer struct {
	http     bool // there is one
	addr     string
	listener net.Listener // nil without Listener
	systemd  bool         // on the socket of systemd
}

// newConfig applies options; late has the results of Configure, nil before they are built.
func newConfig(opts []Option, late map[*configureOption][]Option) config {
	c := config{
		opts: opts, late: late,
		startTimeout: 15 * time.Second, stopTimeout: 15 * time.Second,
		control: &Control{}, bodyTimeout: time.Minute, headerTimeout: 10 * time.Second, keepAlive: 2 * time.Minute,
	}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	c.checkTLS()
	c.givenLog = c.log
	if c.log == nil {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c
}

// HTTP serves controllers and gateways on a TCP address such as ":3000". The address
// "127.0.0.1:0" selects a free port; see [App.Addr]. The options apply to all
// controllers:
//
//	app.HTTP(":3000", web.Prefix("/api"), web.BodyLimit(64<<10), web.CORS(cors.Options{…}))
func HTTP(addr string, opts ...web.Option) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.http, c.addr, c.webAt = true, addr, at
		c.web = append(c.web, opts...)
		if problem := addressProblem(addr); problem != "" {
			c.problemf(at, "HTTP(%q)", addr)(problem)
		}
	})
}

// Listener serves controllers and gateways on a listener instead of on an address that the
// application opens: one that another process has opened, or one of a test. The options are those of
// [HTTP], whose address does not count then. Stop closes the listener, also where Start has failed.
func Listener(l net.Listener, opts ...web.Option) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		if c.listener = l; l == nil {
			c.problemf(at, "Listener")("the listener is nil: pass one, such as of net.Listen, or use HTTP")
		}
		c.http, c.webAt = true, at
		c.web = append(c.web, opts...)
	})
}

// Mounted declares that another server serves [App.Handler]: the application opens no
// HTTP listener. The options are those of [HTTP].
func Mounted(opts ...web.Option) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		c.mounted, c.webAt = true, at
		c.web = append(c.web, opts...)
	})
}

// WebSockets sets the platform of gateways without websockets.Via. The last one counts.
func WebSockets(adapter adapter.Adapter) Option {
	at := callerPlace()
	return optionFunc(func(c *config) {
		if c.adapter = adapter; adapter == nil {
			c.problemf(at, "WebSockets")("the platform is nil: pass one, such as ws.New()")
		}
	})
}

// JSON sets the library that encodes and decodes the payloads of gateways. The default
// is strict rather than the fastest; [websockets.JSON] describes what changes with
// another one. Routes of package web do not use it, except for [websockets.JSONV1].
func JSON(codec websockets.JSON) Option {
	return optionFunc(func(c *config) { c.json = codec })
}

// webOptions returns the options of all controllers.
func (c *config) webOptions() []web.Option {
	if c.json == websockets.JSONV1() {
		return append(slices.Clip(c.web), web.JSONV1())
	}
	return c.web
}

// Logger sets the logger of the application. Constructors can inject it as
// *slog.Logger. Default: text on standard error, from level Info.
func Logger(log *slog.Logger) Option {
	return optionFunc(func(c *config) { c.log = log })
}

// Observe adds hooks that see what the gateways do. Given several times, all of them are
// called, in order. Those that constructors of modules return, of type observe.Hooks, follow.
func Observe(hooks ...observe.Hooks) Option {
	return optionFunc(func(c *config) { c.observers = append(c.observers, hooks...) })
}

// StartTimeout limits how long Main and Run wait for Start: a second later constructors
// and hooks that have not returned are left behind, see [ErrStuck]. Default 15 s.
func StartTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.startTimeout = d })
}

// StopTimeout limits how long Main and Run wait for Stop: a second later hooks and
// handlers that have not returned are left behind, see [ErrStuck]. Default 15 s.
func StopTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.stopTimeout = d })
}

// BodyTimeout limits how long the body of a request may take to arrive. Then reading it
// fails and the connection is closed. Default 1 minute; 0 or less means no limit. It
// applies to all handlers; packets posted by Socket.IO clients have a separate limit.
//
// With [Mounted] there is no default: the server that serves [App.Handler] has limits of
// its own. A BodyTimeout applies there too, unless a ResponseWriter of that server hides
// SetReadDeadline; this is logged once.
func BodyTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.bodyTimeout, c.bodyTimeoutSet = d, true })
}

// DrainRate limits how many gateway clients per second Stop disconnects, and therefore
// how fast they reconnect elsewhere. Default 1,000; negative
// disconnects all at once. Draining takes at most half of the stop timeout. Clients that
// are drained in batches receive [websockets.EventShutdown], with the time to reconnect.
func DrainRate(perSecond int) Option {
	return optionFunc(func(c *config) { c.drainRate = perSecond })
}

// DrainDelay sets how long Stop serves clients as before, while [App.Health] is not ready: the
// time in which load balancers notice and send new clients to other nodes. Default 0: a stop
// refuses new clients at once. [StopTimeout] does not include it; the context of Stop
// does, and ends it early.
//
// It is the interval of the readiness probe times its failure threshold, and some seconds.
func DrainDelay(d time.Duration) Option {
	return optionFunc(func(c *config) { c.drainDelay = max(d, 0) })
}

// OnReady sets a function that is called once the application accepts clients. A panic
// in it makes Start fail, and stops the application.
func OnReady(f func(*App)) Option {
	return optionFunc(func(c *config) { c.onReady = append(c.onReady, f) })
}

// Resolve passes options to module.Resolve, such as module.Override in tests.
func Resolve(opts ...module.ResolveOption) Option {
	return optionFunc(func(c *config) { c.resolveOptions = append(c.resolveOptions, opts...) })
}
