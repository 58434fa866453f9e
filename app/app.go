// Package app builds and runs an application of modules.
//
//	func main() { app.Main(chat.Module, app.HTTP(":3000"), app.WebSockets(ws.New())) }
//
// Start runs, in this order: constructors, fx hooks, AfterInit of gateways,
// OnModuleInit, OnApplicationBootstrap. Then it accepts clients.
//
// Stop rejects new clients, then runs, in this order: OnModuleDestroy,
// BeforeApplicationShutdown, handlers that have not finished and HandleDisconnect; it
// closes connections and listeners, then runs OnApplicationShutdown and fx hooks.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/gatehouse-go/gatehouse/internal/gateway"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/module"
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
	runtime   *gateway.Runtime
	router    *web.Router
	instances []module.Instance
	inited    int
	fxStarted bool
	listeners []*listener
	failed    chan error

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

// New resolves the module graph and checks the options of controllers and gateways. It
// runs no constructors; Start does. The error is a [*module.Error], a [*web.BindError]
// or a [*GatewayError].
func New(root *module.Module, opts ...Option) (*App, error) {
	c := newConfig(opts)
	graph, err := c.graph(root)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: c, graph: graph, log: c.log, sampler: logsample.New(c.log.Handler(), c.logLines),
		failed: make(chan error, 1), lifecycle: make(chan struct{}, 1),
	}
	if err := gateway.Check(graph, a.cfg.bindConfig()); err != nil {
		return nil, err
	}
	return a, nil
}

func (c *config) bindConfig() gateway.Config {
	return gateway.Config{Adapter: c.adapter, JSON: c.json, DrainRate: c.drainRate, HTTPAddr: c.addr, HTTP: c.http || c.mounted}
}

// Validate checks an application without building it: missing and ambiguous
// dependencies, cycles, and the options of controllers and gateways. Use it in a test.
//
//	if err := app.Validate(Module); err != nil { t.Fatal(err) }
//
// Without the options HTTP and WebSockets, checks that depend on them are skipped.
func Validate(root *module.Module, opts ...Option) error {
	c := newConfig(opts)
	if !c.http && !c.mounted {
		opts = append(opts, Mounted())
	}
	if c.adapter != nil {
		_, err := New(root, opts...)
		return err
	}
	_, err := c.graph(root)
	return err
}

// Graph returns the modules and providers of an application as a Mermaid flowchart.
func Graph(root *module.Module, opts ...Option) (string, error) {
	c := newConfig(opts)
	g, err := c.graph(root)
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
func (a *App) Start(ctx context.Context) error {
	if err := a.startOnce(ctx); err != nil {
		return err
	}
	for _, f := range a.cfg.onReady { // without the lock: f may call methods of the App
		if err := recoverUser("OnReady", func() error { f(a); return nil }); err != nil {
			return a.rollback(ctx, err)
		}
	}
	return nil
}

// rollback stops the application after a failed start and returns all errors.
func (a *App) rollback(ctx context.Context, err error) error {
	ctx, cancel := a.rollbackContext(ctx)
	defer cancel()
	return errors.Join(err, a.Stop(ctx))
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
	startTime := time.Now()
	a.fx = fx.New(a.graph.Fx(), fx.WithLogger(func() fxevent.Logger { return fxLogger{a.log} }))
	if err := a.fx.Err(); err != nil {
		return err
	}
	for inst := range a.graph.Instances() {
		a.instances = append(a.instances, inst)
	}
	if err := a.fx.Start(ctx); err != nil {
		return fmt.Errorf("app: start hook of an fx option: %w", err)
	}
	a.fxStarted = true
	global, err := a.cfg.scope(a.graph)
	if err != nil {
		return err
	}
	cfg := a.cfg.bindConfig()
	cfg.Global, cfg.Reserve = global, a.newAdmission().Acquire
	sampled := slog.New(a.sampler)
	rt, err := gateway.Bind(a.graph, cfg, sampled)
	if err != nil {
		return err
	}
	a.runtime = rt
	a.router, err = web.Bind(a.graph, web.BindConfig{Global: global, Options: a.cfg.web, Logger: sampled})
	if err != nil {
		return err
	}
	if err := rt.Init(ctx); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if err := a.callStartHooks(ctx, moduleInit(), a.instances); err != nil {
		return err
	}
	if err := a.callStartHooks(ctx, bootstrap(), a.instances); err != nil {
		return err
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

// Stop stops the application, in the order described at the package. It stops waiting
// when ctx is done: handlers that still run then are abandoned. It returns all errors.
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
	a.log.Info("stopped")
	return err
}

func (a *App) stop(ctx context.Context) error {
	a.state = stateStopped
	defer a.sampler.Close()
	if a.runtime != nil {
		a.runtime.Refuse()
	}
	errs := []error{
		a.callStopHooks(ctx, moduleDestroy()),
		a.callStopHooks(ctx, beforeShutdown()),
		a.shutdownListeners(ctx),
		a.callStopHooks(ctx, shutdown()),
	}
	if a.fxStarted {
		// fx calls no hooks when ctx is done.
		fxCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout)
		defer cancel()
		errs = append(errs, a.fx.Stop(fxCtx))
	}
	return errors.Join(errs...)
}

// Handler returns the handler of the application's controllers and gateways, for
// another server. Before Start and after Stop it answers 503.
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
		h.ServeHTTP(w, r)
	})
}

// Addr returns the address of the HTTP server; nil before Start and without [HTTP].
func (a *App) Addr() net.Addr {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.addr
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
	var out []websockets.GatewayInfo
	for g := range a.runtime.Gateways() {
		out = append(out, g)
	}
	return out
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

// GatewayError lists everything that is wrong with the declarations of an application's
// gateways.
type GatewayError = gateway.BindError
