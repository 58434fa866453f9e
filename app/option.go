package app

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Option configures an application.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

type config struct {
	http          bool
	mounted       bool
	addr          string
	adapter       adapter.Adapter
	json          websockets.JSON
	drainRate     int
	bodyTimeout   time.Duration
	log           *slog.Logger
	startTimeout  time.Duration
	stopTimeout   time.Duration
	onReady       []func(*App)
	resolve       []module.ResolveOption
	binding       pipe.Binding
	web           []web.Option
	proxies       *remote.Proxies // nil without TrustedProxies
	maxConns      int             // 0: default; negative: no limit
	maxPerAddr    int
	memoryPercent int // 0: default; negative: off
	logLines      int // per cause and second; 0: default
	trusted       []string
	proxyErrs     []error
}

func newConfig(opts []Option) config {
	c := config{startTimeout: 15 * time.Second, stopTimeout: 15 * time.Second, bodyTimeout: time.Minute}
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	if c.log == nil {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c
}

// graph resolves the modules, with the providers of the framework.
func (c *config) graph(root *module.Module) (*module.Graph, error) {
	opts := []module.ResolveOption{module.Provide(module.Value(c.log))}
	if items := slices.Concat(c.binding.Constructors(), web.Constructors(c.web)); len(items) > 0 {
		opts = append(opts, module.AttachToRoot(items...))
	}
	g, err := module.Resolve(root, append(opts, c.resolve...)...)
	if err != nil {
		return nil, err
	}
	return g, errors.Join(errors.Join(c.limitProblems()...), c.checkBinding(g), web.Check(g, c.web))
}

// HTTP serves controllers and gateways on a TCP address such as ":3000". The address
// "127.0.0.1:0" selects a free port; see [App.Addr]. The options apply to all
// controllers:
//
//	app.HTTP(":3000", web.Prefix("/api"), web.BodyLimit(64<<10), web.CORS(cors.Options{…}))
func HTTP(addr string, opts ...web.Option) Option {
	return optionFunc(func(c *config) {
		c.http, c.addr = true, addr
		c.web = append(c.web, opts...)
	})
}

// Mounted declares that another server serves [App.Handler]: the application opens no
// HTTP listener. The options are those of [HTTP].
func Mounted(opts ...web.Option) Option {
	return optionFunc(func(c *config) {
		c.mounted = true
		c.web = append(c.web, opts...)
	})
}

// WebSockets sets the platform of gateways without websockets.Via.
func WebSockets(adapter adapter.Adapter) Option {
	return optionFunc(func(c *config) { c.adapter = adapter })
}

// JSON sets the library that encodes and decodes the payloads of gateways. The default
// is strict rather than the fastest; [websockets.JSON] describes what changes with
// another one. Routes of package web do not use it.
func JSON(codec websockets.JSON) Option {
	return optionFunc(func(c *config) { c.json = codec })
}

// Logger sets the logger of the application. Constructors can inject it as
// *slog.Logger. Default: text on standard error, from level Info.
func Logger(log *slog.Logger) Option {
	return optionFunc(func(c *config) { c.log = log })
}

// StartTimeout limits how long Main and Run wait for Start. Default 15 s.
func StartTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.startTimeout = d })
}

// StopTimeout limits how long Main and Run wait for Stop; handlers that still run then
// are abandoned. Default 15 s.
func StopTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.stopTimeout = d })
}

// BodyTimeout limits how long the body of a request may take to arrive. Then reading it
// fails and the connection is closed. Default 1 minute; 0 or less means no limit. It
// applies to all handlers; packets posted by Socket.IO clients have a separate limit.
func BodyTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.bodyTimeout = d })
}

// DrainRate limits how many gateway clients per second Stop disconnects, and therefore
// how fast they reconnect elsewhere. Default 1,000; negative
// disconnects all at once. Draining takes at most half of the stop timeout. Clients that
// are drained in batches receive [websockets.EventShutdown], with the time to reconnect.
func DrainRate(perSecond int) Option {
	return optionFunc(func(c *config) { c.drainRate = perSecond })
}

// OnReady sets a function that is called once the application accepts clients. A panic
// in it makes Start fail, and stops the application.
func OnReady(f func(*App)) Option {
	return optionFunc(func(c *config) { c.onReady = append(c.onReady, f) })
}

// Resolve passes options to module.Resolve, such as module.Override in tests.
func Resolve(opts ...module.ResolveOption) Option {
	return optionFunc(func(c *config) { c.resolve = append(c.resolve, opts...) })
}
