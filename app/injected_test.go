package app_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// doorman is a guard of a module.
type doorman struct {
	name string
	v    *testkit.Steps
}

func (d *doorman) Check(_ context.Context, c *pipeline.Call) error {
	d.v.Add(d.name + " " + string(c.Kind))
	return nil
}

// bouncer is what consumers inject in place of a doorman.
type bouncer interface {
	Check(context.Context, *pipeline.Call) error
}

// valueGuard has its method on the pointer.
type valueGuard struct{}

func (*valueGuard) Check(context.Context, *pipeline.Call) error { return nil }

type injectGateway struct{}

func (*injectGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("gateway", echoed),
		websockets.On("event", echoed),
		websockets.On("handler", echoed, websockets.UseGuards(pipeline.Injected[*doorman]())),
	}
}

func echoed(_ context.Context, n int) (int, error) { return n, nil }

type injectController struct{ late bool }

func (c *injectController) Routes(r chi.Router) {
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }
	r.Get("/route", hello)
	if c.late {
		web.Use(r, web.UseGuards(pipeline.Injected[bouncer]())).Get("/handler", hello)
	}
}

// Injected binds the instance that the module sees, wherever a guard can be bound.
func TestInjected(t *testing.T) {
	v := &testkit.Steps{}
	guards := module.New("guards",
		module.Exports(
			func() *doorman { return &doorman{"shared", v} },
			module.As[bouncer](func() *doorman { return &doorman{"interface", v} }),
		),
	)
	rooms := module.New("rooms", module.Imports(guards),
		module.Providers(
			func() *doorman { return &doorman{"private", v} },
			websockets.Gateway(func() *injectGateway { return &injectGateway{} },
				websockets.UseGuards(pipeline.Injected[bouncer]()),
				websockets.ForEvent("event", websockets.UseGuards(pipeline.Injected[*doorman]()))),
		),
		module.Controllers(web.Controller(func() *injectController { return &injectController{late: true} },
			web.UseGuards(pipeline.Injected[*doorman]()),
			web.ForRoute("GET /route", web.UseGuards(pipeline.Injected[bouncer]())))),
	)
	root := module.New("app", module.Imports(rooms, guards))
	opts := []app.Option{app.WebSockets(ws.New()), app.UseGuards(pipeline.Injected[*doorman]())}
	if err := app.Validate(root, opts...); err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, root, apptest.With(opts...))
	want := func(what string, lines ...string) {
		t.Helper()
		if got := v.Take(); !slices.Equal(got, lines) {
			t.Errorf("%s: checked by %q, want %q", what, got, lines)
		}
	}
	c := a.DialWS("/")
	if got := apptest.Call[int](c, "gateway", 7); got != 7 {
		t.Errorf("answered %d", got)
	}
	want("gateway", "shared connect", "interface connect", "shared message", "interface message")
	c.Call("event", 1)
	want("ForEvent", "shared message", "interface message", "private message")
	c.Call("handler", 1)
	want("handler", "shared message", "interface message", "private message")
	fetch(t, a.URL()+"/route")
	want("ForRoute", "shared http", "private http", "interface http")
	fetch(t, a.URL()+"/handler")
	want("web.Use", "shared http", "private http", "interface http")
}

// A test replaces the guard with module.Override: it is bound by its type.
func TestInjectedOverride(t *testing.T) {
	v := &testkit.Steps{}
	root := module.New("app",
		module.Providers(func() *testkit.Steps { t.Error("the overridden guard was built"); return v },
			module.As[bouncer](func(v *testkit.Steps) *doorman { return &doorman{"true", v} })),
		module.Controllers(web.Controller(func() *injectController { return &injectController{} },
			web.UseGuards(pipeline.Injected[bouncer]()))),
	)
	a := apptest.New(t, root, apptest.With(app.Resolve(module.Override[bouncer](&doorman{"fake", v}))))
	fetch(t, a.URL()+"/route")
	if got := v.Take(); !slices.Equal(got, []string{"fake http"}) {
		t.Errorf("checked by %q", got)
	}
}

func fetch(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d", url, resp.StatusCode)
	}
}

var lineNumber = regexp.MustCompile(`_test\.go:\d+`)

// Validate finds what cannot be injected, without building anything.
func TestInjectedProblems(t *testing.T) {
	mustNotRun := func() *doorman { t.Error("a constructor was called"); return nil }
	gateway := func(opts ...websockets.Option) module.Provider {
		return websockets.Gateway(func() *injectGateway { t.Error("a constructor was called"); return nil }, opts...)
	}
	use := func() websockets.Option { return websockets.UseGuards(pipeline.Injected[*doorman]()) }
	private := module.New("private", module.Providers(mustNotRun))
	one, two := module.New("one", module.Exports(mustNotRun)), module.New("two", module.Exports(mustNotRun))
	for _, tt := range []struct {
		what string
		root *module.Module
		opts []app.Option
		want string
	}{
		{"not provided", module.New("chat", module.Providers(gateway(use()))), nil,
			"Injected[*app_test.doorman] (app/injected_test.go:N) needs *app_test.doorman, which is not available in the module\n" +
				"hint: add a constructor for it to module.Providers"},
		{"at an event", module.New("chat", module.Providers(gateway(websockets.ForEvent("event", use().(websockets.Enhancement))))), nil,
			"Injected[*app_test.doorman] (app/injected_test.go:N) needs *app_test.doorman, which is not available in the module"},
		{"private", module.New("chat", module.Imports(private), module.Providers(gateway(use()))), nil,
			"needs *app_test.doorman, which is not available in the module\nhint: module private provides it privately; move "},
		{"ambiguous", module.New("chat", module.Imports(one, two), module.Providers(gateway(use()))), nil,
			"Injected[*app_test.doorman] (app/injected_test.go:N) needs *app_test.doorman, which 2 imports export: "},
		{"named", module.New("chat", module.Providers(module.Named("front", mustNotRun), gateway(use()))), nil,
			" provides it as \"front\"; bind the constructor in place of its type"},
		{"no guard", module.New("chat", module.Providers(gateway(websockets.UseGuards(pipeline.Injected[*testkit.Steps]())))), nil,
			"guard 1 is Injected[*testkit.Steps] (app/injected_test.go:N), but *testkit.Steps is not a pipeline.Guard; " +
				"it needs the method Check(context.Context, *pipeline.Call) error"},
		{"another role", module.New("chat", module.Providers(mustNotRun, gateway(websockets.UseFilters(pipeline.Injected[*doorman]())))), nil,
			"filter 1 is Injected[*app_test.doorman] (app/injected_test.go:N), but *app_test.doorman is not a pipeline.Filter; " +
				"it needs the method Catch(context.Context, *pipeline.Call, error) *pipeline.Error"},
		{"a value", module.New("chat", module.Providers(gateway(websockets.UseGuards(pipeline.Injected[valueGuard]())))), nil,
			"but app_test.valueGuard is not a pipeline.Guard; *app_test.valueGuard is one; bind Injected[*app_test.valueGuard]"},
		{"empty", module.New("chat", module.Providers(gateway(websockets.UseGuards(pipeline.Injection{})))), nil,
			"guard 1 is an empty pipeline.Injection; create it with pipeline.Injected"},
		{"controller", module.New("chat", module.Controllers(web.Controller(func() *injectController { return nil }, web.UseGuards(pipeline.Injected[*doorman]())))), nil,
			"Injected[*app_test.doorman] (app/injected_test.go:N) needs *app_test.doorman, which is not available in the module"},
		{"application", module.New("chat", module.Imports(private)), []app.Option{app.UseGuards(pipeline.Injected[*doorman]())},
			"module chat (app/injected_test.go:N): Injected[*app_test.doorman] (app/injected_test.go:N) needs *app_test.doorman, which is not available in the module\n" +
				"hint: module private provides it privately; move "},
		{"as a provider", module.New("chat", module.Providers(pipeline.Injected[*doorman]())), nil,
			"argument 1 of module.Providers is pipeline.Injected[*app_test.doorman] (app/injected_test.go:N)\n" +
				"hint: pass it to UseGuards and the like; list a constructor here"},
	} {
		err := app.Validate(tt.root, append([]app.Option{app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New())}, tt.opts...)...)
		if err == nil || !strings.Contains(lineNumber.ReplaceAllString(err.Error(), "_test.go:N"), tt.want) {
			t.Errorf("%s: %v, want %q", tt.what, err, tt.want)
		}
	}
}

// What only the handlers bind is found at the start.
func TestInjectedAtHandlerProblems(t *testing.T) {
	for _, tt := range []struct {
		root *module.Module
		want string
	}{
		{module.New("chat", module.Providers(websockets.Gateway(func() *injectGateway { return &injectGateway{} }))),
			`subscription "handler" (app/injected_test.go:N): guard 1: Injected[*app_test.doorman] (app/injected_test.go:N): *app_test.doorman is not available in module chat (app/injected_test.go:N): add a constructor for it to module.Providers`},
		{module.New("chat", module.Controllers(func() *injectController { return &injectController{late: true} })),
			`Use: guard 1: Injected[app_test.bouncer] (app/injected_test.go:N): app_test.bouncer is not available in module chat (app/injected_test.go:N): add a constructor for it to module.Providers`},
		{module.New("chat", module.Providers(module.Value[bouncer](nil)), module.Controllers(func() *injectController { return &injectController{late: true} })),
			`Use: guard 1: Injected[app_test.bouncer] (app/injected_test.go:N): the module provides nil`},
	} {
		err := started(t, tt.root)
		if err == nil || !strings.Contains(lineNumber.ReplaceAllString(err.Error(), "_test.go:N"), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

func started(t *testing.T, root *module.Module) error {
	t.Helper()
	a, err := app.New(root, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), quiet())
	if err != nil {
		return err
	}
	if err := a.Start(t.Context()); err != nil {
		return err
	}
	return a.Stop(context.Background())
}
