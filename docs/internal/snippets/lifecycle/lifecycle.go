// Package lifecycle is the code of docs/lifecycle.md.
package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Cache has hooks.
//
// snippet:hooks
type Cache struct{ ready bool }

func NewCache() *Cache { return &Cache{} }

func (c *Cache) OnModuleInit(ctx context.Context) error {
	c.ready = true // connect, migrate, warm up
	return nil
}

func (c *Cache) OnApplicationShutdown(ctx context.Context) error {
	c.ready = false // flush, close
	return nil
}

// end

// Ready reports whether the cache is ready.
func (c *Cache) Ready() bool { return c.ready }

// Gateway reports whether the cache is ready.
type Gateway struct{ cache *Cache }

// NewGateway makes a Gateway.
func NewGateway(cache *Cache) *Gateway { return &Gateway{cache} }

// Subscriptions of the Gateway.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("ready", g.Ready)}
}

// Ready reports whether the cache is ready.
func (g *Gateway) Ready(context.Context, struct{}) (bool, error) { return g.cache.Ready(), nil }

// Module of the page.
var Module = module.New("ready", module.Providers(NewCache, websockets.Gateway(NewGateway)))

func main() {
	// snippet:main
	app.Main(Module,
		app.HTTP(":3000"),
		app.WebSockets(ws.New()),
		app.Logger(slog.New(slog.NewJSONHandler(os.Stderr, nil))),
		app.StopTimeout(20*time.Second),
		app.OnReady(func(a *app.App) { slog.Info("listening", "addr", a.Addr()) }),
	)
	// end
}

var _ = main

// Job ends the application.
//
// snippet:job
type Job struct{ control *app.Control }

func NewJob(c *app.Control) *Job { return &Job{c} }

func (j *Job) done() error { return j.control.Shutdown(&app.ExitError{Code: 3}) }

// end

// OnApplicationBootstrap does the job.
func (j *Job) OnApplicationBootstrap(context.Context) error { return j.done() }

// Probed answers probes.
//
// snippet:health
var Probed = module.New("probed",
	module.Imports(Module),
	module.Controllers(web.Controller(app.NewHealthController, web.WithoutPrefix())),
)

// end

// Run serves until ctx ends.
//
// snippet:run
func Run(ctx context.Context) error {
	a, err := app.New(Module, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
	if err != nil {
		return fmt.Errorf("wiring: %w", err)
	}
	return a.Run(ctx) // Start, wait for ctx, Stop
}

// end

// Mounted serves the application inside of another server.
//
// snippet:mount
func Mounted(ctx context.Context) (http.Handler, func(context.Context) error, error) {
	a, err := app.New(Module, app.Mounted(), app.WebSockets(ws.New()))
	if err != nil {
		return nil, nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, nil, err
	}
	return a.Handler(), a.Stop, nil
}

// end
