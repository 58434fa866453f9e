package app

import (
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/enhance"
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
	enhanced      enhance.Binding
	web           []web.Option
	proxies       *remote.Proxies // nil: TrustedProxies was not given
	maxConns      int             // 0: the default; negative: no limit
	maxPerAddr    int
	memoryPercent int // 0: the default; negative: off
	logLines      int // of one cause a second; 0: the default
	trusted       []string
	proxyErrs     []error
}

func configOf(opts []Option) config {
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

// graph resolves the modules with what the framework itself provides.
func (c *config) graph(root *module.Module) (*module.Graph, error) {
	opts := []module.ResolveOption{module.Provide(module.Value(c.log))}
	if items := slices.Concat(c.enhanced.Constructors(), web.Constructors(c.web)); len(items) > 0 {
		opts = append(opts, module.AttachToRoot(items...))
	}
	g, err := module.Resolve(root, append(opts, c.resolve...)...)
	if err != nil {
		return nil, err
	}
	return g, errors.Join(errors.Join(c.edgeProblems()...), c.checkEnhanced(g), web.Check(g, c.web))
}

// HTTP serves controllers and gateways on a TCP address such as ":3000";
// "127.0.0.1:0" takes any free port, see App.Addr. The options hold for all
// controllers:
//
//	app.HTTP(":3000", web.Prefix("/api"), web.BodyLimit(64<<10), web.CORS(cors.Options{…}))
func HTTP(addr string, opts ...web.Option) Option {
	return optionFunc(func(c *config) {
		c.http, c.addr = true, addr
		c.web = append(c.web, opts...)
	})
}

// Mounted makes an application without a listener of its own, whose
// App.Handler somebody else serves. The options are those of [HTTP].
func Mounted(opts ...web.Option) Option {
	return optionFunc(func(c *config) {
		c.mounted = true
		c.web = append(c.web, opts...)
	})
}

// WebSockets chooses the platform of the gateways that name none with websockets.Via.
func WebSockets(adapter adapter.Adapter) Option {
	return optionFunc(func(c *config) { c.adapter = adapter })
}

// JSON encodes and decodes the payloads of gateways with another library than the
// framework's own choice, which is strict rather than the fastest; see
// [websockets.JSON] for what that changes. Routes of package web do not ask it.
func JSON(codec websockets.JSON) Option {
	return optionFunc(func(c *config) { c.json = codec })
}

// Logger is where the application logs, and what constructors that take a
// *slog.Logger get. Default: text on standard error, from level Info.
func Logger(log *slog.Logger) Option {
	return optionFunc(func(c *config) { c.log = log })
}

// StartTimeout bounds Main's and Run's start. Default 15 s.
func StartTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.startTimeout = d })
}

// StopTimeout bounds Main's and Run's stop: handlers that have not finished by
// then are cut. Default 15 s.
func StopTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.stopTimeout = d })
}

// BodyTimeout is how long the body of a request may take to come in, however it is
// served; then reading it fails, and the connection is closed. Default one minute;
// 0 or less for no limit. Packets that Socket.IO clients post have a limit of their own.
func BodyTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) { c.bodyTimeout = d })
}

// DrainRate is how many clients of gateways a second a stop tells goodbye, and so how
// many come back to other processes, or to the next, at a time. Default
// 1,000; negative for all at once. It takes half of the stop
// timeout at most. Clients that are not told together with all others learn when to
// come back by [websockets.EventShutdown].
func DrainRate(perSecond int) Option {
	return optionFunc(func(c *config) { c.drainRate = perSecond })
}

// OnReady is called when the application listens and lets clients in. A panic in it
// is an error of Start, and stops the application.
func OnReady(f func(*App)) Option {
	return optionFunc(func(c *config) { c.onReady = append(c.onReady, f) })
}

// Resolve passes options to module.Resolve, such as overrides of a test.
func Resolve(opts ...module.ResolveOption) Option {
	return optionFunc(func(c *config) { c.resolve = append(c.resolve, opts...) })
}
