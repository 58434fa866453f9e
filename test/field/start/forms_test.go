package start_test

import (
	"context"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// cache has life-cycle hooks without a context.
type cache struct{}

func (*cache) OnModuleInit() error          { return nil }
func (*cache) OnApplicationShutdown() error { return nil }

// pool has a hook with a pointer receiver.
type pool struct{}

func (*pool) OnModuleDestroy(context.Context) error { return nil }

// logs and metrics both have a hook.
type (
	logs    struct{}
	metrics struct{}
	both    struct {
		*logs
		metrics
	}
)

func (*logs) OnApplicationBootstrap(context.Context) error   { return nil }
func (metrics) OnApplicationBootstrap(context.Context) error { return nil }

// initializer is an interface that cache implements.
type initializer interface{ OnModuleInit() error }

const otherForm = ", which is not called, because the form of "

// TestField_X46_LifecycleHooks: A provider's OnModuleInit without a context, one of two embedded types, or one with a
// pointer receiver on a value was ignored; each is an error of app.Validate or of the start, with the right form.
func TestField_X46_LifecycleHooks(t *testing.T) {
	newCache := func() *cache { return &cache{} }
	want(t, validated(providers(module.Named("c", newCache))),
		"module m (field/start/main_test.go): start_test.TestField_X46_LifecycleHooks.func1 (field/start/forms_test.go) has the method OnModuleInit() error of *start_test.cache"+otherForm+"OnModuleInit is another one\n"+
			"hint: write func (*cache) OnModuleInit(ctx context.Context) error\n"+
			"module m (field/start/main_test.go): start_test.TestField_X46_LifecycleHooks.func1 (field/start/forms_test.go) has the method OnApplicationShutdown() error of *start_test.cache"+otherForm+"OnApplicationShutdown is another one\n"+
			"hint: write func (*cache) OnApplicationShutdown(ctx context.Context) error")
	want(t, validated(providers(module.Value(pool{}))),
		"module m (field/start/main_test.go): module.Value[start_test.pool] (field/start/forms_test.go) has the type start_test.pool, but the receiver of its method OnModuleDestroy is *start_test.pool, so the method is not called\n"+
			"hint: return *start_test.pool from the constructor")
	want(t, validated(controllers(module.Value(&both{&logs{}, metrics{}}))),
		"module m (field/start/main_test.go): module.Value[*start_test.both] (field/start/forms_test.go) has the type *start_test.both, which embeds *start_test.logs and start_test.metrics: each has a method OnApplicationBootstrap, so neither is called\n"+
			"hint: write func (*both) OnApplicationBootstrap(ctx context.Context) error, which calls those that it needs")
	hidden := providers(func() initializer { return &cache{} })
	want(t, validated(hidden), "")
	want(t, start(t, hidden),
		"module m (field/start/main_test.go): start_test.TestField_X46_LifecycleHooks.func2 (field/start/forms_test.go) has the method OnModuleInit() error of *start_test.cache"+otherForm+"OnModuleInit is another one\n"+
			"hint: write func (*cache) OnModuleInit(ctx context.Context) error\n"+
			"module m (field/start/main_test.go): start_test.TestField_X46_LifecycleHooks.func2 (field/start/forms_test.go) has the method OnApplicationShutdown() error of *start_test.cache"+otherForm+"OnApplicationShutdown is another one\n"+
			"hint: write func (*cache) OnApplicationShutdown(ctx context.Context) error")
}

// door has each hook of gateways in another form.
type door struct{}

func newDoor() *door { return &door{} }

func (*door) Subscriptions(context.Context) []websockets.Subscription { return nil }
func (*door) GatewayOptions() websockets.Option                       { return nil }
func (*door) AfterInit(*websockets.Server)                            {}
func (*door) HandleConnection(websockets.Client) error                { return nil }
func (*door) HandleDisconnect(context.Context, websockets.Client)     {}

// TestField_X46_GatewayHooks: HandleConnection and the other hooks of a gateway were ignored if they had another form, so
// that a check of clients was not made; each is an error of app.Validate, also in a gateway that the constructor returns
// by value. A plain provider may have such methods.
func TestField_X46_GatewayHooks(t *testing.T) {
	const gateway = "websockets: gateway start_test.newDoor (field/start/forms_test.go) has the method "
	want(t, validated(providers(websockets.Gateway(newDoor))),
		gateway+"Subscriptions(context.Context) []websockets.Subscription of *start_test.door"+otherForm+"Subscriptions is another one; write func (*door) Subscriptions() []websockets.Subscription\n"+
			gateway+"GatewayOptions() websockets.Option of *start_test.door"+otherForm+"GatewayOptions is another one; write func (*door) GatewayOptions() []websockets.Option\n"+
			gateway+"AfterInit(*websockets.Server) of *start_test.door"+otherForm+"AfterInit is another one; write func (*door) AfterInit(ctx context.Context, s *websockets.Server) error\n"+
			gateway+"HandleConnection(websockets.Client) error of *start_test.door"+otherForm+"HandleConnection is another one; write func (*door) HandleConnection(ctx context.Context, c websockets.Client) error\n"+
			gateway+"HandleDisconnect(context.Context, websockets.Client) of *start_test.door"+otherForm+"HandleDisconnect is another one; write func (*door) HandleDisconnect(ctx context.Context, c websockets.Client, r websockets.Reason)")
	want(t, validated(providers(newDoor)), "")
	want(t, validated(providers(websockets.Gateway(func() lobby { return lobby{} }))),
		"websockets: gateway start_test.TestField_X46_GatewayHooks.func1 (field/start/forms_test.go) has the type start_test.lobby, but the receiver of its method Subscriptions is *start_test.lobby, so the method is not called; return *start_test.lobby from the constructor")
}

// rooms has another form of Routes.
type rooms struct{}

func newRooms() *rooms { return &rooms{} }

func (*rooms) Routes(*chi.Mux) {}

// TestField_X46_Routes: Routes with a *chi.Mux was ignored, so that all its routes were answered 404; it is an error of
// app.Validate for controllers, and no plain provider is checked.
func TestField_X46_Routes(t *testing.T) {
	const message = "web: controller start_test.newRooms (field/start/forms_test.go) has the method Routes(*chi.Mux) of *start_test.rooms" + otherForm + "Routes is another one; write func (*rooms) Routes(r chi.Router)"
	want(t, validated(providers(web.Controller(newRooms))), message)
	want(t, validated(controllers(newRooms)), message)
	want(t, validated(providers(newRooms)), "")
}

// gate is a guard with another form of CheckHandshake.
type gate struct{}

func newGate() *gate { return &gate{} }

func (*gate) Check(context.Context, *pipeline.Call) error { return nil }
func (*gate) CheckHandshake(*pipeline.Call) error         { return nil }

// trace is an interceptor with another form of InterceptDenial.
type trace struct{}

func (trace) Intercept(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
	return next(ctx)
}
func (trace) InterceptDenial(context.Context, error) error { return nil }

// guard is an interface that gate implements.
type guard interface {
	Check(context.Context, *pipeline.Call) error
}

// TestField_X46_Guards: CheckHandshake without a context was ignored, so that connections were not checked by it; it is
// an error of app.Validate or of the start wherever a guard is bound, and so are the optional methods of interceptors.
func TestField_X46_Guards(t *testing.T) {
	const has = "has the method CheckHandshake(*pipeline.Call) error of *start_test.gate" + otherForm + "CheckHandshake is another one"
	const write = "write func (*gate) CheckHandshake(ctx context.Context, c *pipeline.Call) error"
	empty := module.New("m")
	want(t, validated(empty, app.UseGuards(newGate())), "app: UseGuards (field/start/forms_test.go): guard 1 "+has+"; "+write)
	want(t, validated(empty, app.UseGuards(newGate)), "app: UseGuards (field/start/forms_test.go): guard 1 "+has+"; "+write)
	want(t, validated(providers(newGate), app.UseGuards(pipeline.Injected[*gate]())), "app: UseGuards (field/start/forms_test.go): guard 1 "+has+"; "+write)
	want(t, validated(empty, app.UseGuards(module.As[guard](newGate))), "module m (field/start/forms_test.go): start_test.newGate (field/start/forms_test.go) "+has+"\nhint: "+write)
	want(t, validated(providers(app.Global(newGate))), "module m (field/start/main_test.go): start_test.newGate (field/start/forms_test.go) "+has+"\nhint: "+write)
	want(t, validated(providers(websockets.Gateway(newLobby, websockets.UseGuards(newGate)))),
		"websockets: gateway start_test.newLobby (field/start/gateways_test.go): guard 1 "+has+"; "+write)
	want(t, start(t, empty, app.UseGuards(func() guard { return newGate() })), "app: UseGuards (field/start/forms_test.go): guard 1 "+has+"; "+write)
	want(t, validated(empty, app.UseInterceptors(trace{})), "app: UseInterceptors (field/start/forms_test.go): interceptor 1 has the method InterceptDenial(context.Context, error) error of start_test.trace"+otherForm+
		"InterceptDenial is another one; write func (trace) InterceptDenial(ctx context.Context, c *pipeline.Call, err error) error")
}
