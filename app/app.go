// Package app builds and runs an application of modules.
//
//	func main() { app.Main(chat.Module, app.HTTP(":3000"), app.WebSockets(ws.New())) }
//
// Start runs, in this order: constructors, fx hooks, the backplane, AfterInit of gateways,
// OnModuleInit, OnApplicationBootstrap. Then it accepts clients.
//
// Stop waits for the delay of [DrainDelay], rejects new clients, then runs, in this order: OnModuleDestroy,
// BeforeApplicationShutdown, handlers that have not finished and HandleDisconnect; it
// closes connections, leaves the other nodes, closes listeners, then runs OnApplicationShutdown and
// fx hooks.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/gateway"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// App is one application. Its methods are safe for concurrent use.
type App struct {
	cfg   config
	graph *module.Graph
	log   *slog.Logger
	// sampler limits the log lines that clients can trigger.
	sampler *logsample.Sampler

	lifecycle chan struct{} // capacity 1: held by Start, Stop and Gateways; guards the fields below
	state     state
	fx        *fx.App
	fxHooks   *fxHooks
	runtime   *gateway.Runtime
	router    *web.Router
	instances []module.Instance
	inited    int
	fxStarted bool
	listeners []*listener
	tls       *tls.Config // nil without TLS
	failed    chan error
	stopped   chan struct{} // closed after Stop
	shutdown  shutdowner
	draining  atomic.Bool // the stop has started

	counted atomic.Pointer[gateway.Runtime] // runtime, for Stats, which does not wait for a Stop

	mu      sync.RWMutex // guards the fields below
	handler http.Handler // nil unless started
	addr    net.Addr
}

type state uint8

const (
	stateNew state = iota
	stateStarted
	stateStopped
)

// New resolves the module graph and checks hooks, options, controllers and gateways. It
// runs no constructors; Start does. The error is a [*module.Error], which lists all
// problems.
func New(root *module.Module, opts ...Option) (*App, error) {
	c := newConfig(opts, nil)
	graph, err := c.resolve(root, false)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: c, graph: graph, log: c.log, sampler: logsample.New(c.log.Handler(), c.logLines),
		failed: make(chan error, 1), stopped: make(chan struct{}), shutdown: shutdowner{requested: make(chan error, 1)}, lifecycle: make(chan struct{}, 1),
	}
	c.control.app.Store(a)
	return a, nil
}

func (c *config) bindConfig() gateway.Config {
	addr := c.addr
	if c.listener != nil {
		addr = c.listener.Addr().String()
	}
	return gateway.Config{Adapter: c.adapter, JSON: c.json, DrainRate: c.drainRate, HTTPAddr: addr, HTTP: c.http || c.mounted || c.pending()}
}

// Validate checks an application without building it: missing and ambiguous
// dependencies, cycles, methods with the name of a hook and another form, and the options
// of the application, its controllers and its gateways. Use it in a test.
//
//	if err := app.Validate(Module); err != nil { t.Fatal(err) }
//
// The error is that of [New], with all problems. Without the option [WebSockets], checks
// that depend on the platform are skipped for gateways without websockets.Via. The start
// finds what needs the built values: subscriptions, routes, and options from GatewayOptions.
func Validate(root *module.Module, opts ...Option) error {
	c := newConfig(opts, nil)
	c.mounted = c.mounted || !c.http
	_, err := c.resolve(root, true)
	return err
}

// Graph returns the modules and providers of an application as a Mermaid flowchart.
func Graph(root *module.Module, opts ...Option) (string, error) {
	c := newConfig(opts, nil)
	c.mounted = c.mounted || !c.http
	g, err := c.resolve(root, true)
	if err != nil {
		return "", err
	}
	return g.Mermaid(), nil
}

// Modules returns the resolved graph. Its instances are available once the application
// has started.
func (a *App) Modules() *module.Graph { return a.graph }

// Start builds the application, calls the hooks, and listens. If a step fails, Start
// stops what has started and returns the error: of a constructor
// ([*module.BuildError]), of a hook ([*HookError]), or of listening
// (errors.Is(err, syscall.EADDRINUSE)). An App can be started only once.
//
// After a start that has failed, values that constructors have returned and that are
// io.Closers are closed, in reverse order, also if a later constructor failed; not those
// whose OnApplicationShutdown was called, nor those of module.Value.
func (a *App) Start(ctx context.Context) error {
	if err := a.startOnce(ctx); err != nil {
		return err
	}
	w := await.New(ctx)
	for _, f := range a.cfg.control.takeReady() {
		if err := w.Call(func(context.Context) error { return f(a) }); err != nil {
			return a.rollback(ctx, withStack("app: OnReady", err))
		}
	}
	for _, f := range a.cfg.onReady { // without the lock: f may call methods of the App
		if err := w.Call(func(context.Context) error { f(a); return nil }); err != nil {
			return a.rollback(ctx, withStack("app: OnReady", err))
		}
	}
	return nil
}

// rollback stops the application after a failed start and returns all errors.
func (a *App) rollback(ctx context.Context, err error) error {
	ctx, cancel := a.rollbackContext(ctx)
	defer cancel()
	err = errors.Join(err, a.Stop(ctx))
	a.closeConstructed(ctx)
	return err
}

// rollbackContext returns the context of the stop after a failed start.
func (a *App) rollbackContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout)
}

// recoverUser converts a panic of f into an error.
func recoverUser(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("app: %s: panic: %v\n%s", what, v, debug.Stack())
		}
	}()
	return f()
}

func (a *App) startOnce(ctx context.Context) error {
	if err := a.lock(ctx, "Start"); err != nil {
		return err
	}
	defer a.unlock()
	if a.state != stateNew {
		return errors.New("app: Start: already called: create another App with app.New")
	}
	a.state = stateStarted
	if err := recoverUser("start", func() error { return a.start(ctx) }); err != nil {
		stopCtx, cancel := a.rollbackContext(ctx)
		defer cancel()
		if stopErr := a.stop(stopCtx); stopErr != nil {
			a.log.Error("stop after a failed start", "error", stopErr)
		}
		a.closeConstructed(stopCtx)
		return err
	}
	return nil
}

// lock waits until no other Start or Stop runs, or ctx is done.
func (a *App) lock(ctx context.Context, what string) error {
	select {
	case a.lifecycle <- struct{}{}: // also if ctx is done already
		return nil
	default:
	}
	select {
	case a.lifecycle <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("app: %s: another Start or Stop has not finished: %w", what, context.Cause(ctx))
	}
}

func (a *App) unlock() { <-a.lifecycle }

func (a *App) start(ctx context.Context) error {
	startTime, w := time.Now(), await.New(ctx)
	var err error
	if len(a.cfg.configures) == 0 {
		if a.tls, err = a.loadTLS(); err != nil { // first: it takes the least
			return err
		}
	}
	if err := a.build(w); err != nil {
		return err
	}
	if len(a.cfg.configures) > 0 {
		if err := a.configure(); err != nil {
			return err
		}
		if a.tls, err = a.loadTLS(); err != nil {
			return err
		}
	}
	if err := a.bind(w); err != nil {
		return err
	}
	if err := a.runtime.Connect(ctx); err != nil {
		return fmt.Errorf("app: Backplane: %w", err)
	}
	err = a.runtime.Init(func(h gateway.Hook) error {
		return a.runHook(w, HookError{Hook: h.Name, Provider: h.Provider, Module: h.Module, Place: h.Place}, h.Call)
	})
	if err != nil {
		return err
	}
	for _, h := range []hook{moduleInit, bootstrap} {
		if err := a.callStartHooks(w, h); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("app: start: %w", context.Cause(ctx))
	}
	if err := a.listen(ctx); err != nil {
		return err
	}
	for m := range a.graph.Modules() {
		a.log.Debug("module", "module", m.Name(), "place", m.Place())
	}
	a.log.Info("started", "providers", len(a.instances), "took", time.Since(startTime).Round(time.Millisecond))
	return nil
}

// build runs the constructors, and the start hooks of fx.
func (a *App) build(w *await.Waiter) error {
	hooks := &fxHooks{app: a, waiter: w}
	var built *fx.App
	err := w.Call(func(context.Context) error {
		built = fx.New(a.graph.Fx(), fx.Decorate(hooks.decorate, a.shutdown.decorate), fx.WithLogger(func() fxevent.Logger { return fxLogger{a.log} }))
		return built.Err()
	})
	if errors.Is(err, await.ErrStuck) {
		a.graph.Abandon()
		return a.stuckConstructor(err)
	}
	if err != nil {
		return withStack("app: start", err)
	}
	a.fx, a.fxHooks = built, hooks
	a.instances = slices.Collect(a.graph.Instances())
	a.warnOfNil()
	if err := hooks.start(a.fx); err != nil {
		return err
	}
	a.fxStarted = true
	return nil
}

// stuckConstructor returns the error of the constructor that runs.
func (a *App) stuckConstructor(err error) error {
	const hint = "a constructor must not wait: do so in OnModuleInit, whose context ends with the start"
	d, ok := a.graph.Building()
	if !ok {
		a.log.Error("a function of the raw fx options is stuck")
		return fmt.Errorf("app: start: a function of the raw fx options of a module %w: %s", err, hint)
	}
	a.log.Error("constructor is stuck", "module", d.Module.Name(), "provider", d.Name, "place", d.Place)
	return &module.BuildError{Module: d.Module, Constructor: d.Name, Place: d.Place, Err: fmt.Errorf("%w: %s", err, hint)}
}

// bind registers gateways and routes. The error is a *[module.Error] with what is wrong with any
// of them.
func (a *App) bind(w *await.Waiter) error {
	type bound struct {
		runtime *gateway.Runtime
		router  *web.Router
	}
	var got bound
	err := w.Call(func(context.Context) error {
		b := bound{}
		global, problems := a.cfg.scope(a.graph)
		problems = append(builtProblems(a.graph), problems...)
		cfg := a.cfg.bindConfig()
		cfg.Global, cfg.Reserve = global, a.newAdmission().Acquire
		cfg.Backplane, cfg.BackplaneOptions = a.cfg.backplane, backplane.NewOptions(a.cfg.backplaneOptions...)
		sampled := slog.New(a.sampler)
		cfg.Observers = observers.New(slices.Concat(a.cfg.observers, provided(a.graph)), sampled)
		decls := slices.Collect(a.graph.Declared())
		var gatewayErr, webErr error
		b.router, webErr = web.Bind(a.graph, web.BindConfig{Global: global, Options: a.cfg.webOptions(), Logger: sampled})
		problems = append(problems, a.cfg.located(decls, module.ProblemController, webErr)...)
		b.runtime, gatewayErr = gateway.Bind(a.graph, cfg, sampled)
		problems = append(problems, a.cfg.located(decls, module.ProblemGateway, gatewayErr)...)
		got = b
		if len(problems) == 0 { // else not everything has been bound
			problems = pipe.Unused(a.graph)
		}
		if len(problems) > 0 {
			return &module.Error{Problems: problems}
		}
		return errors.Join(webErr, gatewayErr)
	})
	if errors.Is(err, await.ErrStuck) {
		return fmt.Errorf("app: start: Subscriptions, GatewayOptions or Routes of a provider %w: they must not wait", err)
	}
	if got.runtime != nil {
		a.runtime = got.runtime // a stop closes its servers
		a.counted.Store(got.runtime)
	}
	a.router = got.router
	return withStack("app: start", err)
}

// withStack adds the stack to the error of a panic.
func withStack(what string, err error) error {
	if p, ok := errors.AsType[*recovered.PanicError](err); ok {
		return fmt.Errorf("%s: %w\n%s", what, err, p.Stack)
	}
	return err
}

// Stop stops the application, in the order described at the package. It stops waiting
// when ctx is done: hooks and handlers that have not returned a second later are left
// behind, see [ErrStuck], and later hooks run. It returns all errors.
// Stop does nothing if the application has not started or has been stopped.
func (a *App) Stop(ctx context.Context) error {
	if err := a.lock(ctx, "Stop"); err != nil {
		return err
	}
	defer a.unlock()
	if a.state != stateStarted {
		return nil
	}
	err := a.stop(ctx)
	close(a.stopped)
	a.log.Info("stopped")
	return err
}

func (a *App) stop(ctx context.Context) error {
	a.state = stateStopped
	defer a.sampler.Close()
	a.drain(ctx)
	if a.runtime != nil {
		a.runtime.Refuse()
	}
	w := await.New(ctx)
	errs := []error{
		a.callStopHooks(w, moduleDestroy),
		a.callStopHooks(w, beforeShutdown),
		a.shutdownListeners(ctx),
		a.callStopHooks(w, shutdown),
	}
	if a.fxStarted {
		a.fxHooks.waiter = w
		errs = append(errs, a.fx.Stop(context.WithoutCancel(ctx))) // the hooks have ctx; fx calls none when its context is done
	}
	return errors.Join(errs...)
}

// Handler returns the handler of the application's controllers and gateways, for
// another server or router, with [Mounted]. Before Start and after Stop it answers 503.
//
// Below a path, pass it to Mount of chi, or use http.StripPrefix for other routers. The
// application sees the rest of the path, and never redirects out of it.
func (a *App) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.RLock()
		h := a.handler
		a.mu.RUnlock()
		if h == nil {
			adapter.WriteRefusal(w, &websockets.Error{
				Message: "The application is not running", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
			})
			return
		}
		h.ServeHTTP(w, below(r))
	})
}

// Addr returns the address of the HTTP server; nil before Start and without [HTTP] and [Listener].
func (a *App) Addr() net.Addr {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.addr
}

// URL returns the address of the HTTP server as a URL without a path, such as "http://127.0.0.1:3000", or https:// with
// [TLS]; "" where Addr is nil.
func (a *App) URL() string {
	addr, scheme := a.Addr(), "http"
	if addr == nil {
		return ""
	}
	if a.tls != nil { // set before the address
		scheme = "https"
	}
	return scheme + "://" + addr.String()
}

// Stats counts what the gateways do at this moment; it is empty before Start.
func (a *App) Stats() observe.Stats {
	if rt := a.counted.Load(); rt != nil {
		return rt.Stats()
	}
	return observe.Stats{}
}

// Nodes returns the processes that run the application, as this one knows them, in the order of
// their start; only this one without a backplane, and none before Start.
func (a *App) Nodes() []backplane.Node {
	if rt := a.counted.Load(); rt != nil {
		return rt.Nodes()
	}
	return nil
}

// Self returns this process, as Nodes has it; the zero Node before Start.
func (a *App) Self() backplane.Node {
	if rt := a.counted.Load(); rt != nil {
		return rt.Self()
	}
	return backplane.Node{}
}
