// Program uses something of every released module.
package main

import (
	"context"
	"log"
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/config"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/otel/prometheus"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type Gateway struct{}

func NewGateway() *Gateway { return &Gateway{} }

func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("greet", g.Greet)}
}

func (g *Gateway) Greet(_ context.Context, name string) (string, error) { return "Hello, " + name, nil }

type Config struct {
	Addr string `env:"ADDR" envDefault:":3000"`
}

var Module = module.New("hello", module.Imports(config.Module[Config]()), module.Providers(websockets.Gateway(NewGateway)))

func main() {
	exporter, err := prometheus.New(prometheus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	metrics, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: exporter})
	if err != nil {
		log.Fatal(err)
	}
	admin, err := adminui.New(adminui.Options{Username: "admin", PasswordHash: os.Getenv("ADMIN_HASH")})
	if err != nil {
		log.Fatal(err)
	}
	var engine backplane.Backplane = nats.New()
	if secret := os.Getenv("CLUSTER_SECRET"); secret != "" {
		engine = embedded.New(embedded.Secret(secret))
	}
	if url := os.Getenv("REDIS"); url != "" {
		engine = redis.Native(redis.URL(url))
	}
	app.Main(module.New("root", module.Imports(Module, admin.Module())), app.Configure(func(c *Config) []app.Option { return []app.Option{app.HTTP(c.Addr)} }), app.WebSockets(ws.New()), app.WebSockets(socketio.New()), app.WebSockets(zishang.New()), app.Backplane(engine), app.Observe(metrics.Hooks(), admin.Hooks()))
}
