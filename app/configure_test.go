package app_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/cors"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// serving is a configuration of a test.
type serving struct {
	addr, prefix, origin, certFile, keyFile string
	guard                                   pipeline.Guard
}

func configured(c *serving, more ...module.Option) *module.Module {
	return module.New("configured", append(more, module.Imports(module.New("config", module.Exports(module.Value(c)))),
		module.Providers(websockets.Gateway(newEchoGateway)), module.Controllers(newTextController))...)
}

// Options that come from an injected value: where the application listens, TLS, prefix, CORS and guards.
func TestConfigure(t *testing.T) {
	cert := certificate(t, "configured")
	certFile, keyFile := cert.Write(t, t.TempDir())
	c := &serving{addr: "127.0.0.1:0", prefix: "/api", origin: "https://page.example", certFile: certFile, keyFile: keyFile, guard: rejecting("X-Bad")}
	opts := func(c *serving) []app.Option {
		return []app.Option{
			app.HTTP(c.addr, web.Prefix(c.prefix), web.CORS(cors.Options{AllowedOrigins: []string{c.origin}})),
			app.TLS(c.certFile, c.keyFile), app.UseGuards(c.guard), app.StopTimeout(time.Minute), nil,
		}
	}
	a, err := app.New(configured(c), app.WebSockets(ws.New()), app.Configure(opts), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	client := secure(t, cert.Pool())
	defer func() {
		client.CloseIdleConnections()
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if !strings.HasPrefix(a.URL(), "https://127.0.0.1:") {
		t.Errorf("URL: %s", a.URL())
	}
	for header, want := range map[string]int{"X-Good": 200, "X-Bad": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/api/text", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, "1")
		req.Header.Set("Origin", c.origin)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || res.Header.Get("Access-Control-Allow-Origin") != c.origin {
			t.Errorf("%s: %s, %v", header, res.Status, res.Header)
		}
	}
	conn := apptest.DialWS(t, a.URL(), apptest.WithTLS(&tls.Config{RootCAs: cert.Pool(), MinVersion: tls.VersionTLS12}))
	if got := apptest.Call[string](conn, "echo", "hello"); got != "hello" {
		t.Errorf("echo: %q", got)
	}
}

// rejecting returns a guard that rejects requests with a header.
func rejecting(header string) pipeline.Guard {
	return pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get(header) != "" {
			return pipeline.ErrForbidden
		}
		return nil
	})
}

// An option after Configure takes precedence, such as the address of a test.
func TestConfigureOrder(t *testing.T) {
	f := app.Configure(func(c *serving) ([]app.Option, error) {
		return []app.Option{app.HTTP(c.addr, web.Prefix(c.prefix))}, nil
	})
	c := &serving{addr: "192.0.2.1:1", prefix: "/api"} // an address of no machine
	a := apptest.New(t, configured(c), apptest.With(f, app.WebSockets(ws.New()), app.HTTP("127.0.0.1:0")))
	if status, _ := getText(t, a.URL()+"/api/text"); status != http.StatusOK {
		t.Errorf("the route: %d", status)
	}
	http.DefaultClient.CloseIdleConnections()
}

func newRejecting() pipeline.Guard { return rejecting("X-Bad") }

var errConfigure = errors.New("no address")

// What cannot come from Configure is an error with the place, of New where that can know it, else of Start.
func TestConfigureMistakes(t *testing.T) {
	configure := func(opts ...app.Option) app.Option {
		return app.Configure(func(*serving) []app.Option { return opts })
	}
	http := app.HTTP("127.0.0.1:0")
	for _, tt := range []struct {
		name  string
		opts  []app.Option
		words []string
	}{
		{"no function", with(app.Configure(1)), []string{"app: Configure (app/configure_test.go:", "has a int: pass a function such as func(c *Config) []app.Option"}},
		{"nil", with(app.Configure((func() []app.Option)(nil))), []string{"pass a function such as"}},
		{"another result", with(app.Configure(func(*serving) app.Option { return nil })), []string{"does not return []app.Option"}},
		{"not an error", with(app.Configure(func(*serving) ([]app.Option, int) { return nil, 0 })), []string{"does not return []app.Option, or []app.Option and an error"}},
		{"missing", with(app.Configure(func(*http2) []app.Option { return nil })), []string{"http2"}},
		{"no HTTP in the end", with(configure()), []string{"is on port 0, the application's HTTP server, but there is none"}},
		{"an error", with(app.Configure(func(*serving) ([]app.Option, error) { return nil, errConfigure })), []string{"no address"}},
		{"refused", with(configure(http, quiet(), app.StartTimeout(1), app.LogLines(3), app.Resolve(module.Provide(module.Value(1))), configure(http))), []string{
			"app: Configure (app/configure_test.go:", "app.Logger has no effect in the result", "app.StartTimeout has", "app.LogLines has", "app.Resolve has", "app.Configure has",
		}},
		{"a wrong option", with(configure(app.HTTP("nowhere"))), []string{`app: HTTP("nowhere") (app/configure_test.go:`, "must be host:port"}},
		{"a constructor", with(configure(http, app.UseGuards(newRejecting))), []string{"app: UseGuards (app/configure_test.go:", "constructors are not accepted here"}},
		{"a constructor of routes", with(configure(app.HTTP("127.0.0.1:0", web.UseGuards(newRejecting)))), []string{"constructors are not accepted here"}},
		{"TLS without a port", with(configure(app.Mounted(), app.TLS("cert.pem", "key.pem"))), []string{"app: TLS: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := app.New(configured(&serving{}), append(tt.opts, app.WebSockets(ws.New()))...)
			if err == nil {
				err = a.Start(t.Context())
			}
			if err == nil {
				_ = a.Stop(context.Background())
				t.Fatal("no error")
			}
			for _, w := range tt.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("no %q in\n%v", w, err)
				}
			}
		})
	}
}

type http2 struct{}

// What needs no building does without the options of Configure; Describe says that they are missing.
func TestConfigureIsNotBuilt(t *testing.T) {
	opts := with(app.WebSockets(ws.New()), app.Configure(func(*serving) []app.Option { panic("built") }))
	m := configured(&serving{})
	if err := app.Validate(m, opts...); err != nil {
		t.Errorf("Validate: %v", err)
	}
	d, err := app.Describe(m, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Routes) == 0 || len(d.Gateways) != 1 || len(d.Problems) != 1 || !strings.Contains(d.Problems[0], "app: Configure (app/configure_test.go:") {
		t.Errorf("got %+v", d)
	}
}
