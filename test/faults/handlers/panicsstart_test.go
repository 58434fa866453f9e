package handlers_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// ground is a provider that all others depend on: it has to be stopped again.
type ground struct{ testkit.Steps }

func (g *ground) OnModuleInit(context.Context) error          { g.Add("up"); return nil }
func (g *ground) OnApplicationShutdown(context.Context) error { g.Add("down"); return nil }

// shaky is a gateway and a controller that panics at one place of its life cycle.
type shaky struct {
	at string
}

func (s *shaky) Subscriptions() []websockets.Subscription {
	crashAt("Subscriptions", s.at)
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, text string) (string, error) { return text, nil })}
}

func (s *shaky) GatewayOptions() []websockets.Option { crashAt("GatewayOptions", s.at); return nil }

func (s *shaky) AfterInit(context.Context, *websockets.Server) error {
	crashAt("AfterInit", s.at)
	return nil
}
func (s *shaky) OnModuleInit(context.Context) error { crashAt("OnModuleInit", s.at); return nil }
func (s *shaky) OnApplicationBootstrap(context.Context) error {
	crashAt("OnApplicationBootstrap", s.at)
	return nil
}
func (s *shaky) OnModuleDestroy(context.Context) error { crashAt("OnModuleDestroy", s.at); return nil }
func (s *shaky) BeforeApplicationShutdown(context.Context) error {
	crashAt("BeforeApplicationShutdown", s.at)
	return nil
}

func (s *shaky) OnApplicationShutdown(context.Context) error {
	crashAt("OnApplicationShutdown", s.at)
	return nil
}

type shakyController struct{ *shaky }

func (c *shakyController) Routes(r chi.Router) {
	crashAt("Routes", c.at)
	r.Get("/", func(http.ResponseWriter, *http.Request) {})
}

// newShaky creates an application that panics at the place.
func newShaky(t *testing.T, p platform, at string, opts ...app.Option) (*app.App, *ground, *testkit.Log) {
	t.Helper()
	g, log := &ground{}, &testkit.Log{}
	guard := func(*ground) (pipeline.Guard, error) {
		crashAt("constructor of a guard", at)
		return pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return nil }), nil
	}
	root := module.New("shaky",
		module.Providers(func() *ground { return g }, websockets.Gateway(func(*ground) *shaky {
			crashAt("constructor", at)
			return &shaky{at}
		}, websockets.UseGuards(guard))),
		module.Controllers(func(s *shaky) *shakyController { return &shakyController{s} }),
		module.Fx(fx.Invoke(func(l fx.Lifecycle) {
			l.Append(fx.Hook{
				OnStart: func(context.Context) error { g.Add("fx up"); return nil },
				OnStop:  func(context.Context) error { g.Add("fx down"); return nil },
			})
		})),
	)
	a, err := app.New(root, append(opts, app.WebSockets(p.adapter()), logTo(log))...)
	if err != nil {
		t.Fatal(err)
	}
	return a, g, log
}

// TestFault_F62_PanicAtTheStart: A constructor, a hook or another function that runs once panics while the
// application starts: the start fails with an error that names the place, and everything already started is stopped.
func TestFault_F62_PanicAtTheStart(t *testing.T) {
	p := platforms()[0]
	for place, row := range map[string]struct{ says, trail string }{
		"constructor":            {"shaky", ""},
		"constructor of a guard": {"newShaky.func1", ""},
		"GatewayOptions":         {"GatewayOptions", "fx up fx down"},
		"Subscriptions":          {"Subscriptions", "fx up fx down"},
		"Routes":                 {"Routes", "fx up fx down"},
		"AfterInit":              {"AfterInit", "fx up fx down"},
		"OnModuleInit":           {"OnModuleInit", "fx up up down fx down"},
		"OnApplicationBootstrap": {"OnApplicationBootstrap", "fx up up down fx down"},
		"OnReady":                {"OnReady", "fx up up down fx down"},
	} {
		t.Run(place, func(t *testing.T) {
			addr := freeAddr(t)
			a, g, _ := newShaky(t, p, place, app.HTTP(addr), app.OnReady(func(*app.App) { crashAt("OnReady", place) }))
			err := a.Start(t.Context())
			if err == nil {
				t.Fatal("it has started")
			}
			for _, word := range []string{"panic", row.says, "_test.go"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the error does not contain %q: %.600v", word, err)
				}
			}
			if got := strings.Join(g.All(), " "); got != row.trail {
				t.Errorf("hooks: %s, want %s", got, row.trail)
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatalf("the address is still in use: %v", err)
			}
			_ = l.Close()
		})
	}
}

// freeAddr returns an address without a listener.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestFault_F62_PanicAtTheStop: A hook of the stop panics: the error of Stop names the place, everything else is
// stopped, and clients are closed.
func TestFault_F62_PanicAtTheStop(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		for _, place := range []string{"OnModuleDestroy", "BeforeApplicationShutdown", "OnApplicationShutdown"} {
			t.Run(place, func(t *testing.T) {
				a, g, _ := newShaky(t, p, place, app.HTTP("127.0.0.1:0"))
				if err := a.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				c, err := p.dial(t, "http://"+a.Addr().String(), apptest.WithTimeout(testkit.Patience))
				if err != nil {
					t.Fatal(err)
				}
				echoes(t, c)
				err = a.Stop(t.Context())
				if err == nil || !strings.Contains(err.Error(), place) || !strings.Contains(err.Error(), "panic") {
					t.Errorf("the error of the stop is %.300v", err)
				}
				c.ExpectClose()
				if got, want := strings.Join(g.All(), " "), "fx up up down fx down"; got != want {
					t.Errorf("hooks: %s, want %s", got, want)
				}
			})
		}
	})
}
