package start_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestField_X49_OnlyVia: app.Validate did not check gateways unless app.WebSockets was given, so that an application
// with websockets.Via only passed its test and failed to start; what does not depend on the platform is checked in any
// case.
func TestField_X49_OnlyVia(t *testing.T) {
	via := func(opts ...websockets.Option) module.Provider {
		return websockets.Gateway(newLobby, append(opts, websockets.Via(ws.New()))...)
	}
	check := func(p module.Provider) string { return text(app.Validate(providers(p), quiet())) }
	const gateway = "websockets: gateway start_test.newLobby (field/start/gateways_test.go): "
	want(t, check(via()), "")
	want(t, check(via(websockets.Namespace("chat"))), gateway+`the platform ws has no namespaces; set a Path instead, such as websockets.Path("/chat")`)
	want(t, check(via(websockets.Port(-1))), gateway+"Port(-1): must be between 0 and 65535")
	want(t, check(websockets.Gateway(newLobby)), "")
	want(t, check(websockets.Gateway(newLobby, websockets.Concurrency(0))), gateway+"Concurrency(0): must be at least 1")
	want(t, check(websockets.Gateway(func() *bare { return nil })),
		"websockets: gateway start_test.TestField_X49_OnlyVia.func3 (field/start/list_test.go) has the field start_test.bare.server without a tag, so that it stays nil; write Server *websockets.Server `websockets:\"server\"`, or set it in AfterInit")
}

// Tank is provided by no module.
type Tank struct{}

// site is a controller with a route that fails at the start.
type site struct{}

func newSite() *site { return &site{} }

func (*site) Routes(r chi.Router) { r.Get("no slash", nil) }

// hall handles an event twice.
type hall struct{}

func newHall() *hall { return &hall{} }

// Subscriptions implements [websockets.Subscriber].
func (*hall) Subscriptions() []websockets.Subscription {
	on := websockets.Listen("a", func(context.Context, int) error { return nil })
	return []websockets.Subscription{on, on}
}

// TestField_X49_OneList: Mistakes of modules, of what is bound to the application, and of gateways were reported one
// layer after the other, some without a place; app.Validate reports all in one list, and so does the start for what it
// finds in built values.
func TestField_X49_OneList(t *testing.T) {
	m := module.New("m", module.Providers(
		func(*Tank) int { return 0 }, (func())(nil), func() *cache { return &cache{} }, newLobby, module.As[guard](newGate),
		app.Global(func() string { return "" }), websockets.Gateway(newHall, websockets.Namespace("n"))),
		module.Controllers(web.Controller(newRooms, web.BodyLimit(0))))
	opts := []app.Option{app.HTTP(""), app.MemoryGuard(101), app.TrustedProxies("10.0.0.0/33"), app.UseGuards(1), app.Mounted(web.Version("1"))}
	wantAll(t, app.Validate(m, append([]app.Option{quiet(), app.WebSockets(ws.New())}, opts...)...), []string{
		"module m (field/start/list_test.go): argument 2 of module.Providers is a nil func()",
		"module m (field/start/list_test.go): TestField_X49_OneList.func1 (field/start/list_test.go) needs *start_test.Tank (parameter 1), which is not available in the module",
		"module m (field/start/list_test.go): start_test.TestField_X49_OneList.func2 (field/start/list_test.go) has the method OnModuleInit() error of *start_test.cache" + otherForm + "OnModuleInit is another one",
		"module m (field/start/list_test.go): start_test.TestField_X49_OneList.func2 (field/start/list_test.go) has the method OnApplicationShutdown() error of *start_test.cache" + otherForm + "OnApplicationShutdown is another one",
		"app: Global(start_test.TestField_X49_OneList.func3 (field/start/list_test.go)): string is not a guard, interceptor, pipe or filter: it needs a method Check, Intercept, Transform or Catch of package pipeline",
		"module m (field/start/list_test.go): start_test.newLobby (field/start/gateways_test.go) returns *start_test.lobby, which has the method Subscriptions but is not registered as a gateway, so that no client reaches it",
		"app: options of controllers (field/start/list_test.go): Version has no effect in the application's options; pass it to web.Controller",
		"web: controller start_test.newRooms (field/start/forms_test.go) has the method Routes(*chi.Mux) of *start_test.rooms" + otherForm + "Routes is another one; write func (*rooms) Routes(r chi.Router)",
		"web: controller start_test.newRooms (field/start/forms_test.go): BodyLimit(0): must be at least 1",
		"websockets: gateway start_test.newHall (field/start/list_test.go): the platform ws has no namespaces; set a Path instead, such as websockets.Path(\"/n\")",
		`app: HTTP("") (field/start/list_test.go): the address is empty, which would be a random port on all interfaces: write a port such as ":3000", or "127.0.0.1:0" for a free one`,
		"app: MemoryGuard(101) (field/start/list_test.go): must be at most 100; use a negative number to turn it off",
		`app: TrustedProxies (field/start/list_test.go): "10.0.0.0/33" is neither an address nor a prefix: use the form "10.0.0.0/8" or "192.0.2.7"`,
		"app: UseGuards (field/start/list_test.go): guard 1 has type int, which is neither a pipeline.Guard nor a constructor of one; it needs the method Check(context.Context, *pipeline.Call) error",
	})

	built := module.New("m", module.Providers(func() initializer { return &cache{} }, websockets.Gateway(newHall), app.Global(func() any { return 1 })),
		module.Controllers(newSite))
	a, err := app.New(built, quiet(), app.WebSockets(ws.New()), app.HTTP("127.0.0.1:0"), app.UseGuards(func() guard { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, a.Start(t.Context()), []string{
		"module m (field/start/list_test.go): start_test.TestField_X49_OneList.func4 (field/start/list_test.go) has the method OnModuleInit() error of *start_test.cache" + otherForm + "OnModuleInit is another one",
		"module m (field/start/list_test.go): start_test.TestField_X49_OneList.func4 (field/start/list_test.go) has the method OnApplicationShutdown() error of *start_test.cache" + otherForm + "OnApplicationShutdown is another one",
		"app: UseGuards (field/start/list_test.go): guard 1: its constructor returned a <nil>, which is not a pipeline.Guard; it needs the method Check(context.Context, *pipeline.Call) error",
		"app: Global(start_test.TestField_X49_OneList.func5 (field/start/list_test.go)): it returned a int, which is not a guard, interceptor, pipe or filter",
		`web: controller start_test.newSite (field/start/list_test.go): GET no slash: the handler is nil`,
		`websockets: event "a" is handled twice on ws the HTTP server /: by gateway start_test.newHall (field/start/list_test.go) at field/start/list_test.go and by gateway start_test.newHall (field/start/list_test.go) at field/start/list_test.go; remove one, or put the second in the place of the first with websockets.Replace`,
	})
}

// wantAll compares the problems of an error, without their hints. Each must have a place.
func wantAll(t *testing.T, err error, messages []string) {
	t.Helper()
	e, ok := errors.AsType[*module.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *module.Error", err)
	}
	var got []string
	for _, p := range e.Problems {
		got = append(got, line.ReplaceAllString(p.Message, ".go"))
		if p.Place == "" {
			t.Errorf("without a place: %s", p.Message)
		}
	}
	want(t, strings.Join(got, "\n"), strings.Join(messages, "\n"))
}
