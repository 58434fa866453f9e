package app_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The mistakes of newcomers, and what each is answered with: what is wrong, where, and what to write. The texts are exact
// but for line numbers.

// mistake is an application with a mistake.
type mistake struct {
	name string
	m    *module.Module
	opts []app.Option
	want string
}

func provide(items ...any) *module.Module { return module.New("shop", module.Providers(items...)) }

func serve(items ...any) *module.Module { return module.New("shop", module.Controllers(items...)) }

func with(opts ...app.Option) []app.Option { return opts }

// chatGateway is a gateway without a mistake.
type chatGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chatGateway { return &chatGateway{} }

func (g *chatGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("join", g.join)}
}

func (g *chatGateway) join(ctx context.Context, room string) (int, error) {
	return g.Server.To(room).Count(ctx)
}

type (
	orders   struct{ *depot }
	depot    struct{}
	noTag    struct{ Server *websockets.Server }
	byValue  struct{ noTag }
	noClient struct{}
	noInit   struct{}
	silent   struct{}
	subs     struct{ list []websockets.Subscription }
	routes   struct{ register func(chi.Router) }
	badTag   struct {
		Server *websockets.Server `websocket:"server"`
	}
	guardless struct{}
)

func newOrders(*depot) *orders { return nil }
func newDepot() *depot         { return nil }

func (*depot) Depot() {}

func (byValue) HandleConnection(context.Context, websockets.Client) error { return nil }
func (*noTag) HandleConnection(context.Context, websockets.Client) error  { return nil }
func (*noClient) HandleConnection(context.Context) error                  { return nil }
func (*noInit) OnModuleInit()                                             {}
func (*badTag) HandleConnection(context.Context, websockets.Client) error { return nil }
func (*guardless) Check(*pipeline.Call) error                             { return nil }
func (s *subs) Subscriptions() []websockets.Subscription                  { return s.list }
func (r *routes) Routes(c chi.Router)                                     { r.register(c) }

func listen(context.Context, string) error { return nil }

// gatewayOf is not inlined, so that the name of the constructor does not depend on the compiler.
//
//go:noinline
func gatewayOf(list ...websockets.Subscription) module.Provider {
	return websockets.Gateway(func() *subs { return &subs{list} })
}

//go:noinline
func controllerOf(register func(chi.Router)) any { return func() *routes { return &routes{register} } }

// declarations are mistakes that app.Validate finds.
func declarations() []mistake {
	depotModule, storeModule := module.New("depot", module.Exports(newDepot)), module.New("store", module.Providers(newDepot))
	return []mistake{
		{
			"gateway not registered", provide(newChat), nil,
			"module shop (app/mistakes_test.go): app_test.newChat (app/mistakes_test.go) returns *app_test.chatGateway, which has the method Subscriptions but is not registered as a gateway, so that no client reaches it\n" +
				"hint: write module.Providers(websockets.Gateway(newChat)), or rename the method",
		},
		{
			"hook without a context", provide(func() *noInit { return nil }), nil,
			"module shop (app/mistakes_test.go): app_test.declarations.func1 (app/mistakes_test.go) has the method OnModuleInit() of *app_test.noInit, which is not called, because the form of OnModuleInit is another one\n" +
				"hint: write func (*noInit) OnModuleInit(ctx context.Context) error",
		},
		{
			"gateway hook without its client", provide(websockets.Gateway(func() *noClient { return nil })), nil,
			"websockets: gateway app_test.declarations.func2 (app/mistakes_test.go) has the method HandleConnection(context.Context) error of *app_test.noClient, which is not called, because the form of HandleConnection is another one; write func (*noClient) HandleConnection(ctx context.Context, c websockets.Client) error",
		},
		{
			"Server without its tag", provide(websockets.Gateway(func() *noTag { return nil })), nil,
			"websockets: gateway app_test.declarations.func3 (app/mistakes_test.go) has the field app_test.noTag.Server without a tag, so that it stays nil; write Server *websockets.Server `websockets:\"server\"`, or set it in AfterInit",
		},
		{
			"Server with a typo in the tag", provide(websockets.Gateway(func() *badTag { return nil })), nil,
			"websockets: gateway app_test.declarations.func4 (app/mistakes_test.go) has the field app_test.badTag.Server without a tag, so that it stays nil; write Server *websockets.Server `websockets:\"server\"`, or set it in AfterInit",
		},
		{
			"gateway by value", provide(websockets.Gateway(func() byValue { return byValue{} })), nil,
			"websockets: gateway app_test.declarations.func5 (app/mistakes_test.go) returns app_test.byValue by value, so that its field app_test.byValue.Server cannot be set; return *app_test.byValue from the constructor",
		},
		{
			"gateway without handlers", provide(websockets.Gateway(func() *silent { return nil })), nil,
			"websockets: gateway app_test.declarations.func6 (app/mistakes_test.go) returns *app_test.silent, which has neither Subscriptions nor a hook (AfterInit, HandleConnection, HandleDisconnect); add one, or the field Server *websockets.Server `websockets:\"server\"` to send only",
		},
		{
			"missing provider", provide(newOrders), nil,
			"module shop (app/mistakes_test.go): newOrders (app/mistakes_test.go) needs *app_test.depot (parameter 1), which is not available in the module\n" +
				"hint: add a constructor for it to module.Providers",
		},
		{
			"import missing", module.New("shop", module.Imports(module.New("other", module.Imports(depotModule))), module.Providers(newOrders)), nil,
			"module shop (app/mistakes_test.go): newOrders (app/mistakes_test.go) needs *app_test.depot (parameter 1), which is not available in the module\n" +
				"hint: module depot exports it; add module depot (app/mistakes_test.go) to module.Imports",
		},
		{
			"provider not exported", module.New("shop", module.Imports(storeModule), module.Providers(newOrders)), nil,
			"module shop (app/mistakes_test.go): newOrders (app/mistakes_test.go) needs *app_test.depot (parameter 1), which is not available in the module\n" +
				"hint: module store provides it privately; move newDepot to module.Exports",
		},
		{
			"pointer and value", provide(newDepot, func(depot) int { return 0 }), nil,
			"module shop (app/mistakes_test.go): declarations.func7 (app/mistakes_test.go) needs app_test.depot (parameter 1), which is not available in the module\n" +
				"hint: newDepot (app/mistakes_test.go) provides *app_test.depot; inject that type",
		},
		{
			"interface without module.As", provide(newDepot, func(interface{ Depot() }) int { return 0 }), nil,
			"module shop (app/mistakes_test.go): declarations.func8 (app/mistakes_test.go) needs interface { Depot() } (parameter 1), which is not available in the module\n" +
				"hint: newDepot (app/mistakes_test.go) of module shop provides *app_test.depot, which implements it; use module.As[interface { Depot() }](newDepot)",
		},
		{
			"cycle", provide(func(*orders) *depot { return nil }, newOrders), nil,
			"module shop (app/mistakes_test.go): declarations.func9 (app/mistakes_test.go) is in a cycle of 2 constructors:\n" +
				"\tdeclarations.func9 (app/mistakes_test.go) of module shop needs *app_test.orders (parameter 1) from\n" +
				"\tnewOrders (app/mistakes_test.go) of module shop needs *app_test.depot (parameter 1) from\n" +
				"\tdeclarations.func9 (app/mistakes_test.go)\n" +
				"hint: break it with a Lazy, for example module.Lazy[*app_test.orders] as parameter 1 of declarations.func9 (app/mistakes_test.go)",
		},
		{
			"constructor called", provide(newDepot()), nil,
			"module shop (app/mistakes_test.go): argument 1 of module.Providers is of type *app_test.depot, not a constructor\n" +
				"hint: list the function that makes it, without a call, or provide the value with module.Value",
		},
		{
			"constructor twice", module.New("shop", module.Providers(newDepot), module.Exports(newDepot)), nil,
			"module shop (app/mistakes_test.go): newDepot (app/mistakes_test.go) is listed twice\n" +
				"hint: remove it from module.Providers; module.Exports provides it too",
		},
		{
			"module among providers", provide(depotModule), nil,
			"module shop (app/mistakes_test.go): argument 1 of module.Providers is a module\n" +
				"hint: move it to module.Imports",
		},
		{
			"nil module", module.New("shop", module.Imports(nil)), nil,
			"module shop (app/mistakes_test.go): argument 1 of module.Imports is nil\n" +
				"hint: the variable was not initialized yet when module.New ran; declare it with `var Module = module.New(…)` and do not assign it in init",
		},
		{
			"fx.Annotate", provide(fx.Annotate(newDepot, fx.As(new(any)))), nil,
			"module shop (app/mistakes_test.go): argument 1 of module.Providers is fx.Annotate(newDepot, …), which only fx.Provide accepts\n" +
				"hint: write module.As[I](newDepot) in place of fx.As",
		},
		{
			"cleanup function", provide(func() (*depot, func(), error) { return nil, nil, nil }), nil,
			"module shop (app/mistakes_test.go): declarations.func10 (app/mistakes_test.go) returns a cleanup function func() (result 2), which is never called\n" +
				"hint: remove the result, and clean up in the method OnApplicationShutdown(context.Context) error of *app_test.depot",
		},
		{
			"guard without a context", provide(), with(app.UseGuards(&guardless{})),
			"app: UseGuards (app/mistakes_test.go): guard 1 has type *app_test.guardless, which is neither a pipeline.Guard nor a constructor of one; it needs the method Check(context.Context, *pipeline.Call) error",
		},
		{
			"guard by its type", provide(), with(app.UseGuards(pipeline.Injected[*guardless]())),
			"app: UseGuards (app/mistakes_test.go): guard 1 is Injected[*app_test.guardless] (app/mistakes_test.go), but *app_test.guardless is not a pipeline.Guard; it needs the method Check(context.Context, *pipeline.Call) error",
		},
		{
			"namespace on plain WebSocket", provide(websockets.Gateway(newChat, websockets.Namespace("chat"))), nil,
			`websockets: gateway app_test.newChat (app/mistakes_test.go): the platform ws has no namespaces; set a Path instead, such as websockets.Path("/chat")`,
		},
		{
			"no platform", provide(websockets.Gateway(newChat)), with(app.WebSockets(nil)),
			"app: WebSockets (app/mistakes_test.go): the platform is nil: pass one, such as ws.New()",
		},
		{
			"no listener", provide(), with(app.Listener(nil)),
			"app: Listener (app/mistakes_test.go): the listener is nil: pass one, such as of net.Listen, or use HTTP",
		},
		{
			"two adapters at one path", provide(websockets.Gateway(newChat, websockets.Via(ws.New(ws.Options{BinaryFrames: ws.On}))), websockets.Gateway(func() *subs { return nil })), nil,
			"websockets: gateway app_test.newChat (app/mistakes_test.go) and gateway app_test.declarations.func11 (app/mistakes_test.go) share the server ws / but have different adapters (*ws.Adapter.opts.BinaryFrames); make the adapter once, store it in a package variable and give both that, or give one another Path",
		},
		{
			"Concurrency 0", provide(websockets.Gateway(newChat, websockets.Concurrency(0))), nil,
			"websockets: gateway app_test.newChat (app/mistakes_test.go): Concurrency(0): must be at least 1",
		},
		{
			"port too large", provide(websockets.Gateway(newChat, websockets.Port(99999))), nil,
			"websockets: gateway app_test.newChat (app/mistakes_test.go): Port(99999): must be between 0 and 65535",
		},
		{
			"origin without a scheme", provide(websockets.Gateway(newChat, websockets.Origins("example.com"))), nil,
			`websockets: gateway app_test.newChat (app/mistakes_test.go): Origins: origin "example.com" must be scheme and host, such as "https://app.example.com"`,
		},
		{
			"option of another platform", provide(websockets.Gateway(newChat, socketio.Options{})), nil,
			"websockets: gateway app_test.newChat (app/mistakes_test.go): option socketio.Options belongs to the platform socketio, but ws serves the gateway; remove it, or put it inside the Via of that platform",
		},
		{
			"HTTP without a port", provide(), with(app.HTTP("localhost")),
			`app: HTTP("localhost") (app/mistakes_test.go): must be host:port: write a port such as ":3000", or "127.0.0.1:0" for a free one`,
		},
		{
			"option of a controller for the application", provide(), with(app.HTTP(":0", web.Version("1"))),
			"app: options of controllers (app/mistakes_test.go): Version has no effect in the application's options; pass it to web.Controller",
		},
		{
			"prefix of a route", serve(web.Controller(controllerOf(nil), web.ForRoute("GET /", web.Prefix("/a")))), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): ForRoute("GET /"): Prefix("/a") has no effect in web.Use or web.ForRoute; pass it to web.Controller or the application's options`,
		},
	}
}

// builds are mistakes that the start finds.
func builds() []mistake {
	type search struct {
		Room string `path:"rom"`
	}
	type message struct {
		Text string `json:"text" validate:"requird"`
	}
	body := func(context.Context, message) (int, error) { return 0, nil }
	query := func(context.Context, search) (int, error) { return 0, nil }
	return []mistake{
		{
			"event twice", provide(gatewayOf(websockets.Listen("a", listen), websockets.Listen("a", listen))), nil,
			`websockets: event "a" is handled twice on ws the HTTP server /: by gateway app_test.gatewayOf.func1 (app/mistakes_test.go) at app/mistakes_test.go and by gateway app_test.gatewayOf.func1 (app/mistakes_test.go) at app/mistakes_test.go; remove one, or put the second in the place of the first with websockets.Replace`,
		},
		{
			"event without a name", provide(gatewayOf(websockets.Listen("", listen))), nil,
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "" (app/mistakes_test.go): the event has no name; pass the one that clients send`,
		},
		{
			"reserved event", provide(gatewayOf(websockets.Listen("connect", listen))), with(app.WebSockets(socketio.New())),
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "connect" (app/mistakes_test.go): the name is reserved by the platforms; choose another`,
		},
		{
			"handler is nil", provide(gatewayOf(websockets.On[string, int]("a", nil))), nil,
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "a" (app/mistakes_test.go): the handler is nil; pass a method of the gateway`,
		},
		{
			"constructor of a guard at a handler", provide(gatewayOf(websockets.Listen("a", listen, websockets.UseGuards(func() pipeline.Guard { return nil })))), nil,
			`websockets: gateway app_test.gatewayOf.func1 (app/mistakes_test.go): subscription "a" (app/mistakes_test.go): guard 1: constructors are not accepted here: pass a value or pipeline.Injected, or pass the constructor to websockets.Gateway or web.Controller, for one handler with websockets.ForEvent or web.ForRoute`,
		},
		{
			"typo in ForEvent", provide(websockets.Gateway(newChat, websockets.ForEvent("jion", websockets.Meta()))), nil,
			`websockets: gateway app_test.newChat (app/mistakes_test.go): ForEvent("jion"): the gateway does not handle the event; its events are: join`,
		},
		{
			"typo in a path value", serve(controllerOf(func(r chi.Router) { r.Get("/{room}", web.JSON(query)) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET /{room}: JSON: app_test.search has the tag path:"rom", but /{room} has no {rom}: correct the tag or the pattern`,
		},
		{
			"typo in a validate tag", serve(controllerOf(func(r chi.Router) { r.Post("/", web.JSON(body)) })), with(app.UsePipes(validate.New)),
			"web: controller app_test.controllerOf.func1 (app/mistakes_test.go): POST /: JSON: validate: invalid tags of app_test.message: Undefined validation function 'requird' on field 'Text': correct the tag or add the rule with validate.Rule",
		},
		{
			"body of a GET", serve(controllerOf(func(r chi.Router) { r.Get("/", web.JSON(body)) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET /: JSON: GET ignores the body, but app_test.message decodes the field Text from it: add a tag path, query or header, or json:"-"`,
		},
		{
			"route twice", serve(controllerOf(func(r chi.Router) { r.Get("/a", http.NotFound) }), controllerOf(func(r chi.Router) { r.Get("/a", http.NotFound) })), nil,
			"web: GET /a is registered by controller app_test.controllerOf.func1 (app/mistakes_test.go) and by controller app_test.controllerOf.func1 (app/mistakes_test.go); remove one, or change the Prefix or Version of one",
		},
		{
			"route without a slash", serve(controllerOf(func(r chi.Router) { r.Get("a", http.NotFound) })), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): GET a: a pattern must start with a slash, such as "/a"`,
		},
		{
			"typo in ForRoute", serve(web.Controller(controllerOf(func(r chi.Router) { r.Get("/a", http.NotFound) }), web.ForRoute("GET /b"))), nil,
			`web: controller app_test.controllerOf.func1 (app/mistakes_test.go): ForRoute("GET /b"): no such route; its routes are: GET /a`,
		},
		{
			"gateway is nil", provide(websockets.Gateway(func() *subs { return nil })), nil,
			"websockets: gateway app_test.builds.func11 (app/mistakes_test.go) returned nil, so that no client can reach it; return a gateway, or an error",
		},
		{
			"Lazy in a constructor", provide(func(l module.Lazy[*orders]) *depot { l.Get(); return nil }, newOrders), nil,
			"module shop (app/mistakes_test.go): builds.func12 (app/mistakes_test.go) failed: module.Lazy[*app_test.orders]: newOrders (app/mistakes_test.go) of module shop has not run yet; call Get after construction, for example in OnModuleInit",
		},
		{
			"constructor fails", provide(func() (*depot, error) { return nil, errHook }), nil,
			"module shop (app/mistakes_test.go): builds.func13 (app/mistakes_test.go) failed: no luck",
		},
		{
			"hook fails", provide(func() *hooks { return &hooks{&journal{}, "x", "init"} }), nil,
			"module shop: OnModuleInit of app_test.builds.func14 (app/mistakes_test.go): no luck",
		},
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range append(declarations(), settings()...) {
		t.Run(c.name, func(t *testing.T) {
			err := app.Validate(c.m, append([]app.Option{quiet(), app.WebSockets(ws.New())}, c.opts...)...)
			compare(t, err, c.want)
		})
	}
	for _, c := range append(builds(), unmatchedNames()...) {
		t.Run(c.name, func(t *testing.T) {
			a, err := app.New(c.m, append([]app.Option{quiet(), app.Mounted(), app.WebSockets(ws.New())}, c.opts...)...)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, a.Start(t.Context()), c.want)
		})
	}
}

func compare(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = lineNumber.ReplaceAllString(err.Error(), "_test.go")
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
