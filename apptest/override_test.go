package apptest_test

import (
	"context"
	"net/http"
	"regexp"
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

// The strict ones fail, each in its role; a test replaces them.
type (
	strictGuard       struct{}
	strictInterceptor struct{}
	strictPipe        struct{}
	strictFilter      struct{}
	strictBoth        struct {
		strictGuard
		strictFilter
	}
)

func (*strictGuard) Check(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden }

func (*strictInterceptor) Intercept(context.Context, *pipeline.Call, pipeline.Next) (any, error) {
	return "strict", nil
}

func (*strictPipe) Transform(context.Context, *pipeline.Call, any) error {
	return &pipeline.Error{Message: "strict"}
}

func (*strictFilter) Catch(context.Context, *pipeline.Call, error) *pipeline.Error {
	return &pipeline.Error{Message: "strict"}
}

type strictGateway struct{ late []websockets.HandlerOption }

func (g *strictGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("greet", func(_ context.Context, name string) (string, error) {
		if name == "" {
			return "", websockets.NewError("no name")
		}
		return "hello " + name, nil
	}, g.late...)}
}

type strictController struct{}

func (strictController) Routes(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

func allow(context.Context, *pipeline.Call) error { return nil }

func pass(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) { return next(ctx) }

func accept(context.Context, *pipeline.Call, any) error { return nil }

func mild(context.Context, *pipeline.Call, error) *pipeline.Error {
	return &pipeline.Error{Message: "mild"}
}

// mustNotRun is a constructor that a test replaces.
func mustNotRun[T any](t *testing.T) func() *T {
	return func() *T {
		t.Errorf("the constructor of %T was called", *new(T))
		return new(T)
	}
}

// TestOverrideBound: every role, wherever it is bound.
func TestOverrideBound(t *testing.T) {
	overrides := []apptest.Option{
		apptest.With(app.WebSockets(ws.New())),
		apptest.OverrideGuard[*strictGuard](pipeline.GuardFunc(allow)),
		apptest.OverrideInterceptor[*strictInterceptor](pipeline.InterceptorFunc(pass)),
		apptest.OverridePipe[*strictPipe](pipeline.PipeFunc(accept)),
		apptest.OverrideFilter[*strictFilter](pipeline.FilterFunc(mild)),
	}
	atGateway := func(items ...websockets.Option) *module.Module {
		return module.New("test", module.Providers(websockets.Gateway(func() *strictGateway { return &strictGateway{} }, items...)))
	}
	plain := func(late ...websockets.HandlerOption) any {
		return websockets.Gateway(func() *strictGateway { return &strictGateway{late} })
	}
	values := []app.Option{
		app.UseGuards(&strictGuard{}), app.UseInterceptors(&strictInterceptor{}), app.UsePipes(&strictPipe{}), app.UseFilters(&strictFilter{}),
	}
	for _, tt := range []struct {
		bound string
		root  *module.Module
		opts  []app.Option
	}{
		{"to the gateway, by constructors", atGateway(
			websockets.UseGuards(mustNotRun[strictGuard](t)), websockets.UseInterceptors(mustNotRun[strictInterceptor](t)),
			websockets.UsePipes(mustNotRun[strictPipe](t)), websockets.UseFilters(mustNotRun[strictFilter](t))), nil},
		{"to an event, by constructors", atGateway(websockets.ForEvent("greet",
			websockets.UseGuards(module.Named("x", mustNotRun[strictGuard](t))), websockets.UseInterceptors(mustNotRun[strictInterceptor](t)),
			websockets.UsePipes(mustNotRun[strictPipe](t)), websockets.UseFilters(mustNotRun[strictFilter](t)))), nil},
		{"to the application, as values", module.New("test", module.Providers(plain())), values},
		{"to the application, by constructors", module.New("test", module.Providers(plain())), []app.Option{
			app.UseGuards(mustNotRun[strictGuard](t)), app.UseInterceptors(mustNotRun[strictInterceptor](t)),
			app.UsePipes(mustNotRun[strictPipe](t)), app.UseFilters(mustNotRun[strictFilter](t)),
		}},
		{"to the application, by modules", module.New("test", module.Providers(plain(),
			app.Global(func() *strictGuard { return &strictGuard{} }), app.Global(func() *strictInterceptor { return &strictInterceptor{} }),
			app.Global(func() *strictPipe { return &strictPipe{} }), app.Global(func() *strictFilter { return &strictFilter{} }))), nil},
		{"to the handler, by type", module.New("test",
			module.Providers(func() *strictGuard { return &strictGuard{} }, func() *strictInterceptor { return &strictInterceptor{} },
				func() *strictPipe { return &strictPipe{} }, func() *strictFilter { return &strictFilter{} }),
			module.Providers(plain(websockets.UseGuards(pipeline.Injected[*strictGuard]()), websockets.UseInterceptors(pipeline.Injected[*strictInterceptor]()),
				websockets.UsePipes(pipeline.Injected[*strictPipe]()), websockets.UseFilters(pipeline.Injected[*strictFilter]())))), nil},
	} {
		t.Run(tt.bound, func(t *testing.T) {
			c := apptest.New(t, tt.root, append(overrides, apptest.With(tt.opts...))...).DialWS("/")
			if got := apptest.Call[string](c, "greet", "Ann"); got != "hello Ann" {
				t.Errorf("got %q", got)
			}
			if e := c.CallError("greet", ""); e.Message != "mild" {
				t.Errorf("got %q", e.Message)
			}
		})
	}
}

// One role of a type that has several.
func TestOverrideBoundInOneRole(t *testing.T) {
	newBoth := func() *strictBoth { return &strictBoth{} }
	root := module.New("test", module.Providers(websockets.Gateway(func() *strictGateway { return &strictGateway{} },
		websockets.UseGuards(newBoth), websockets.UseFilters(newBoth))))
	c := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())), apptest.OverrideGuard[*strictBoth](pipeline.GuardFunc(allow))).DialWS("/")
	if e := c.CallError("greet", ""); e.Message != "strict" {
		t.Errorf("got %q, want the filter of the application", e.Message)
	}
}

// Each node of a cluster has the overrides, also those of a node alone.
func TestOverrideBoundOnCluster(t *testing.T) {
	root := module.New("test", module.Providers(websockets.Gateway(func() *strictGateway { return &strictGateway{} },
		websockets.UseGuards(mustNotRun[strictGuard](t)), websockets.UsePipes(mustNotRun[strictPipe](t)))))
	c := apptest.NewCluster(t, 2, root, apptest.With(app.WebSockets(ws.New())),
		apptest.OverrideGuard[*strictGuard](pipeline.GuardFunc(allow)),
		apptest.PerNode(func(int) apptest.Option { return apptest.OverridePipe[*strictPipe](pipeline.PipeFunc(accept)) }))
	for i := range 2 {
		apptest.Call[string](c.Node(i).DialWS("/"), "greet", "Ann")
	}
}

func TestOverrideWith(t *testing.T) {
	root := module.New("test",
		module.Providers(func() greeter { return polite{} }, websockets.Gateway(newHello, websockets.UseGuards(mustNotRun[strictGuard](t)))),
		module.Controllers(web.Controller(func() strictController { return strictController{} }, web.UseGuards(mustNotRun[strictGuard](t)))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())),
		apptest.OverrideWith(module.As[greeter](func() curt { return curt{} })),
		apptest.OverrideGuard[*strictGuard](pipeline.GuardFunc(allow)))
	if got := apptest.Call[string](a.DialWS("/"), "greet", "Ann"); got != "hm" {
		t.Errorf("got %q, want the fake's answer", got)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("got %v, %v", res, err)
	}
	_ = res.Body.Close()
}

func TestOverrideModule(t *testing.T) {
	greeters := module.New("greeters", module.Exports(module.As[greeter](mustNotRun[polite](t))))
	root := module.New("hello", module.Imports(greeters), module.Exports(websockets.Gateway(newHello)))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())),
		apptest.OverrideModule(greeters, module.New("greeters", module.Exports(module.Value[greeter](curt{})))))
	if got := apptest.Call[string](a.DialWS("/"), "greet", "Ann"); got != "hm" {
		t.Errorf("got %q, want the fake's answer", got)
	}
}

var anyLine = regexp.MustCompile(`(_test\.go):\d+`)

// What is overridden and not there is an error that lists what is.
func TestOverrideMistakes(t *testing.T) {
	newGuard := func() *strictGuard { return &strictGuard{} }
	guarded := module.New("test", module.Providers(websockets.Gateway(func() *strictGateway { return &strictGateway{} }, websockets.UseGuards(newGuard, allow))))
	for name, tt := range map[string]struct {
		root *module.Module
		opt  apptest.Option
		want string
	}{
		"a guard of another type": {guarded, apptest.OverrideGuard[*strictBoth](pipeline.GuardFunc(allow)),
			"apptest.OverrideGuard[*apptest_test.strictBoth] (apptest/override_test.go): no guard of this type is bound\n" +
				"hint: pass one of these: *apptest_test.strictGuard, the function apptest_test.allow"},
		"another role": {guarded, apptest.OverrideFilter[*strictFilter](pipeline.FilterFunc(mild)),
			"apptest.OverrideFilter[*apptest_test.strictFilter] (apptest/override_test.go): no filter of this type is bound\n" +
				"hint: remove it: the application binds no filter"},
		"a function": {guarded, apptest.OverrideGuard[pipeline.GuardFunc](pipeline.GuardFunc(allow)),
			"apptest.OverrideGuard[pipeline.GuardFunc] (apptest/override_test.go): pipeline.GuardFunc is not a type of one guard\n" +
				"hint: make the guard a type of its own, or override what it uses"},
		"no value": {guarded, apptest.OverrideGuard[*strictGuard](nil),
			"apptest.OverrideGuard[*apptest_test.strictGuard] (apptest/override_test.go): the guard is nil\nhint: pass one"},
		"a constructor": {guarded, apptest.OverrideWith(func() *strictBoth { return nil }),
			"no module provides *apptest_test.strictBoth\n" +
				"hint: remove it, or override the type that constructors inject, or one that is bound by a constructor: *apptest_test.strictGuard of TestOverrideMistakes.func1 (apptest/override_test.go)"},
		"a module": {guarded, apptest.OverrideModule(module.New("other"), module.New("fake")), "no module imports other (apptest/override_test.go)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &testkit.Recorder{TB: t}
			r.Run(func() { apptest.New(r, tt.root, apptest.With(app.WebSockets(ws.New())), tt.opt) })
			got := anyLine.ReplaceAllString(strings.Join(r.Failures(), "\n"), "$1")
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}
