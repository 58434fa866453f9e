package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// testGateway is a gateway with the behaviour of a test. Nil hooks do nothing.
type testGateway struct {
	Server *websockets.Server `websockets:"server"`

	opts    []websockets.Option // fixed at registration
	late    func() []websockets.Option
	subs    []websockets.Subscription
	onInit  func(ctx context.Context, s *websockets.Server) error
	module  func() // OnModuleInit
	destroy func() // OnModuleDestroy
	connect func(ctx context.Context, c websockets.Client) error
	leave   func(ctx context.Context, c websockets.Client, r websockets.Reason)
}

// newGateway returns a gateway with handlers only.
func newGateway(subs ...websockets.Subscription) *testGateway { return &testGateway{subs: subs} }

func (g *testGateway) with(opts ...websockets.Option) *testGateway {
	g.opts = append(g.opts, opts...)
	return g
}

func (g *testGateway) Subscriptions() []websockets.Subscription { return g.subs }

func (g *testGateway) GatewayOptions() []websockets.Option {
	if g.late == nil {
		return nil
	}
	return g.late()
}

func (g *testGateway) AfterInit(ctx context.Context, s *websockets.Server) error {
	if g.onInit == nil {
		return nil
	}
	return g.onInit(ctx, s)
}

func (g *testGateway) OnModuleInit(context.Context) error {
	if g.module != nil {
		g.module()
	}
	return nil
}

func (g *testGateway) OnModuleDestroy(context.Context) error {
	if g.destroy != nil {
		g.destroy()
	}
	return nil
}

func (g *testGateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	if g.connect == nil {
		return nil
	}
	return g.connect(ctx, c)
}

func (g *testGateway) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason) {
	if g.leave != nil {
		g.leave(ctx, c, r)
	}
}

// suite runs the tests with the adapter under test.
type suite struct {
	cfg    Config
	traits adapter.Traits
}

// at returns the option for a namespace or path of the name; target is what to dial.
func (s *suite) at(name string) websockets.Option {
	if s.traits.Namespaces {
		return websockets.Namespace(name)
	}
	return websockets.Path("/" + name)
}

func (*suite) target(name string) string { return "/" + name }

// root is the target of gateways without namespace and path.
func (s *suite) root() string {
	if s.traits.Namespaces {
		return "/"
	}
	return s.traits.DefaultPath
}

// modules returns a root that imports one module for each gateway, in order.
func modules(gateways ...*testGateway) *module.Module {
	var all []*module.Module
	for _, g := range gateways {
		all = append(all, module.New("part", module.Providers(
			websockets.Gateway(func() *testGateway { return g }, g.opts...))))
	}
	return module.New("root", module.Imports(all...))
}

// start starts an application with the gateways.
func (s *suite) start(t *testing.T, gateways ...*testGateway) *apptest.App {
	t.Helper()
	return s.startWith(t, gateways)
}

func (s *suite) startWith(t *testing.T, gateways []*testGateway, opts ...app.Option) *apptest.App {
	t.Helper()
	return s.startOn(t, s.contract(t), gateways, opts...)
}

// startOn starts an application on an adapter that the test looks at.
func (s *suite) startOn(t *testing.T, ct *contract, gateways []*testGateway, opts ...app.Option) *apptest.App {
	t.Helper()
	return s.startRoot(t, ct, modules(gateways...), opts...)
}

// startRoot starts an application with a root module.
func (s *suite) startRoot(t *testing.T, ct *contract, root *module.Module, opts ...app.Option) *apptest.App {
	t.Helper()
	a := apptest.New(t, root, apptest.With(append([]app.Option{app.WebSockets(ct)}, opts...)...))
	if s.cfg.Started != nil {
		s.cfg.Started(t, a)
	}
	return a
}

// dial connects a client to the root target.
func (s *suite) dial(t *testing.T, a *apptest.App, opts ...apptest.DialOption) *apptest.Client {
	t.Helper()
	return s.dialAt(t, a, s.root(), opts...)
}

func (s *suite) dialAt(t *testing.T, a *apptest.App, target string, opts ...apptest.DialOption) *apptest.Client {
	t.Helper()
	c, err := s.cfg.Dial(t, a.URL(), target, opts...)
	if err != nil {
		t.Fatalf("dial %s: %v", target, err)
	}
	return c
}

// as sends the name of a user with the handshake.
func as(user string) apptest.DialOption {
	return apptest.WithHeader(http.Header{"X-User": {user}})
}

// rejected connects a client that the server must reject.
func (s *suite) rejected(t *testing.T, a *apptest.App, target string) *apptest.DialError {
	t.Helper()
	_, err := s.cfg.Dial(t, a.URL(), target)
	if err == nil {
		t.Fatalf("dial %s: accepted, want an error", target)
	}
	return asDialError(t, err)
}

// asDialError returns the error of a rejected client.
func asDialError(t *testing.T, err error) *apptest.DialError {
	t.Helper()
	e, ok := errors.AsType[*apptest.DialError](err)
	if !ok {
		t.Fatalf("dial: %v, want an *apptest.DialError", err)
	}
	return e
}

// solo starts an application with one gateway and connects one client.
func (s *suite) solo(t *testing.T, g *testGateway, opts ...app.Option) (*apptest.App, *apptest.Client) {
	t.Helper()
	a := s.startWith(t, []*testGateway{g}, opts...)
	return a, s.dial(t, a)
}

// boot returns the error of an application that must fail to start.
func (s *suite) boot(t *testing.T, root *module.Module, opts ...app.Option) error {
	t.Helper()
	opts = append([]app.Option{app.Logger(slog.New(slog.DiscardHandler)), app.WebSockets(s.cfg.New())}, opts...)
	a, err := app.New(root, opts...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		return err
	}
	_ = a.Stop(ctx)
	t.Fatal("the application started, want an error")
	return nil
}

// stop stops the application before the end of the test.
func stop(t *testing.T, a *apptest.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := a.App().Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// await waits in the application, where it cannot fail the test.
func await(ctx context.Context, ch <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, testkit.Patience)
	defer cancel()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// logTo makes an application log to l.
func logTo(l *testkit.Log) app.Option { return app.Logger(l.Logger(slog.LevelInfo)) }

// echo returns a handler that answers with its payload.
func echo() websockets.Subscription {
	return websockets.On("echo", func(_ context.Context, v json.RawMessage) (json.RawMessage, error) { return v, nil })
}

// alive checks that a client is still served.
func alive(t *testing.T, c *apptest.Client) {
	t.Helper()
	if got := apptest.Call[string](c, "echo", "still here"); got != "still here" {
		t.Errorf("echo answers %q", got)
	}
}

// has checks that a text contains words.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not contain %q", text, w)
		}
	}
}
