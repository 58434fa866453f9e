// Package page has the code of docs/configuration.md.
package page

import (
	"context"
	"errors"
	"time"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/config"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Config is the configuration of the page.
//
// snippet:config
type Config struct {
	Addr     string        `env:"ADDR" envDefault:":3000"`
	Prefix   string        `env:"PREFIX" envDefault:"/api"`
	Origins  []string      `env:"ORIGINS"` // https://a.example,https://b.example
	Proxies  []string      `env:"TRUSTED_PROXIES"`
	Cert     string        `env:"TLS_CERT"`
	Key      string        `env:"TLS_KEY"`
	Drain    time.Duration `env:"DRAIN_DELAY" envDefault:"0s"`
	Database string        `env:"DATABASE_URL,required"`
}

// Validate is called when all variables could be read.
func (c *Config) Validate() error {
	if (c.Cert == "") != (c.Key == "") {
		return errors.New("TLS_CERT and TLS_KEY: set both or none")
	}
	return nil
}

var Module = module.New("app", module.Imports(config.Module[Config](config.Prefix("CHAT_")), Chat))

func NewStore(c *Config) *Store { return &Store{c.Database} } // in any module

// end

// Store needs a setting.
type Store struct{ url string }

// Chat is a module of the page.
var Chat = module.New("chat", module.Providers(NewStore, websockets.Gateway(NewGateway)))

// Serving returns the options of the application that come from its configuration.
//
// snippet:configure
func Serving(c *Config) []app.Option {
	opts := []app.Option{
		app.HTTP(c.Addr, web.Prefix(c.Prefix), web.CORS(cors.Options{AllowedOrigins: c.Origins})),
		app.TrustedProxies(c.Proxies...),
		app.DrainDelay(c.Drain),
	}
	if c.Cert != "" {
		opts = append(opts, app.TLS(c.Cert, c.Key))
	}
	return opts
}

func main() {
	app.Main(Module, app.WebSockets(socketio.New()), app.Configure(Serving))
}

// end

var _ = main

// Gateway has origins from the configuration.
//
// snippet:gateway
type Gateway struct{ cfg *Config }

func NewGateway(c *Config) *Gateway { return &Gateway{c} }

func (g *Gateway) GatewayOptions() []websockets.Option {
	return []websockets.Option{websockets.Origins(g.cfg.Origins...)}
}

// end

// Subscriptions implements websockets.Subscriber.
func (g *Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("database", func(context.Context, struct{}) (int, error) { return len(g.cfg.Database), nil })}
}
