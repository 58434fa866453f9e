// Package app builds and runs an application of modules.
//
//	func main() { app.Main(chat.Module, app.HTTP(":3000"), app.WebSockets(ws.New())) }
//
// The order of a start: constructors, fx hooks, gateways' AfterInit,
// OnModuleInit, OnApplicationBootstrap, listening. Nobody is let in earlier.
// The order of a stop: no new clients, OnModuleDestroy,
// BeforeApplicationShutdown, running handlers and HandleDisconnect, connections
// and listeners, OnApplicationShutdown, fx hooks.
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
	// sampler is in front of log for what clients can cause.
	sampler *logsample.Sampler

	turn      chan struct{} // of Start and Stop: who has put something in
	state     state
	fx        *fx.App
	runtime   *gateway.Runtime
	router    *web.Router
	instances []module.Instance
	inited    int
	fxStarted bool
	listeners []*listener
	failed    chan error

	ready   sync.RWMutex // of what follows, set by Start
	handler http.Handler
	addr    net.Addr
}

type state uint8

const (
	stateNew state = iota
	stateStarted
	stateStopped
)

// New resolves the module graph and checks the gateways' options. It builds
// nothing: constructors run in Start. The error is a [*module.Error], a
// [*web.BindError] or a [*GatewayError].
func New(root *module.Module, opts ...Option) (*App, error) {
	c := configOf(opts)
	graph, err := c.graph(root)
	if err != nil {
		return nil, err
	}
	a := &App{
		cfg: c, graph: graph, log: c.log, sampler: logsample.New(c.log.Handler(), c.logLines),
		failed: make(chan error, 1), turn: make(chan struct{}, 1),
	}
	if err := gateway.Check(graph, a.bindConfig()); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *App) bindConfig() gateway.Config {
	return gateway.Config{Adapter: a.cfg.adapter, JSON: a.cfg.json, DrainRate: a.cfg.drainRate, HTTPAddr: a.cfg.addr, HTTP: a.cfg.http || a.cfg.mounted}
}

// Validate checks an application without building it: every constructor's
// needs, cycles, ambiguity, and the options of gateways. Use it in a test.
//
//	if err := app.Validate(Module); err != nil { t.Fatal(err) }
//
// Where neither HTTP nor WebSockets is given, what depends on them is not checked.
func Validate(root *module.Module, opts ...Option) error {
	c := configOf(opts)
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

// Graph gives the application's modules and providers as Mermaid flowchart text.
func Graph(root *module.Module, opts ...Option) (string, error) {
	c := configOf(opts)
	g, err := c.graph(root)
	if err != nil {
		return "", err
	}
	return g.Mermaid(), nil
}

// Modules is the resolved graph, for discovery once the application has started.
func (a *App) Modules() *module.Graph { return a.graph }

// Start builds everything, calls the hooks, and listens. When anything fails it
// stops what had started and returns the error: of the graph, of a constructor
// ([*module.BuildError]), of a hook ([*HookError]), or of listening
// (errors.Is(err, syscall.EADDRINUSE)). An App starts once.
func (a *App) Start(ctx context.Context) error {
	if err := a.startOnce(ctx); err != nil {
		return err
	}
	for _, f := range a.cfg.onReady { // unlocked: it may ask the App, or stop it
		if err := shielded("OnReady", func() error { f(a); return nil }); err != nil {
			return a.giveUp(ctx, err)
		}
	}
	return nil
}

// giveUp stops what had started.
func (a *App) giveUp(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout)
	defer cancel()
	return errors.Join(err, a.Stop(ctx))
}

// shielded turns a panic into an error: what has started is to be stopped.
func shielded(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("app: %s: panic: %v\n%s", what, v, debug.Stack())
		}
	}()
	return f()
}

func (a *App) startOnce(ctx context.Context) error {
	if err := a.take(ctx, "Start"); err != nil {
		return err
	}
	defer a.give()
	if a.state != stateNew {
		return errors.New("app: Start was called before; make another App with app.New")
	}
	a.state = stateStarted
	if err := shielded("start", func() error { return a.start(ctx) }); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout)
		defer cancel()
		if stopErr := a.stop(stopCtx); stopErr != nil {
			a.log.Error("stop after a failed start", "error", stopErr)
		}
		return err
	}
	return nil
}

// take waits for a Start or Stop under way, as long as ctx lasts.
func (a *App) take(ctx context.Context, what string) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("app: %s: another Start or Stop has not finished: %w", what, context.Cause(ctx))
	}
}

func (a *App) give() { <-a.turn }

func (a *App) start(ctx context.Context) error {
	begin := time.Now()
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
	bound := a.bindConfig()
	bound.Global, bound.Reserve = global, a.admission().Acquire
	sampled := slog.New(a.sampler)
	rt, err := gateway.Bind(a.graph, bound, sampled)
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
	if err := a.up(ctx, moduleInit(), a.instances); err != nil {
		return err
	}
	if err := a.up(ctx, bootstrap(), a.instances); err != nil {
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
	a.log.Info("started", "providers", len(a.instances), "took", time.Since(begin).Round(time.Millisecond))
	return nil
}

// Stop ends the application in the order of the package's doc. ctx bounds it;
// what has not finished by then is cut. Errors are collected. Stopping twice, or
// what never started, does nothing.
func (a *App) Stop(ctx context.Context) error {
	if err := a.take(ctx, "Stop"); err != nil {
		return err
	}
	defer a.give()
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
		a.down(ctx, moduleDestroy()),
		a.down(ctx, beforeShutdown()),
		a.unlisten(ctx),
		a.down(ctx, shutdown()),
	}
	if a.fxStarted {
		// fx calls no hook at all once ctx is done.
		fxCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.stopTimeout)
		defer cancel()
		errs = append(errs, a.fx.Stop(fxCtx))
	}
	return errors.Join(errs...)
}

// Handler serves the application's controllers and gateways, to be mounted in
// another server. Before Start and after Stop it answers 503.
func (a *App) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.ready.RLock()
		h := a.handler
		a.ready.RUnlock()
		if h == nil {
			adapter.WriteRefusal(w, &websockets.Error{
				Message: "The application is not running", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
			})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Addr is where the HTTP server listens; nil before Start, or without one.
func (a *App) Addr() net.Addr {
	a.ready.RLock()
	defer a.ready.RUnlock()
	return a.addr
}

// Gateways is what the gateways of a started application are and do.
func (a *App) Gateways() []websockets.GatewayInfo {
	if a.take(context.Background(), "Gateways") != nil {
		return nil
	}
	defer a.give()
	if a.runtime == nil {
		return nil
	}
	var out []websockets.GatewayInfo
	for g := range a.runtime.Gateways() {
		out = append(out, g)
	}
	return out
}

// GatewayError lists everything that is wrong with the declarations of an application's
// gateways.
type GatewayError = gateway.BindError
