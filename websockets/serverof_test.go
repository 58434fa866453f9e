package websockets_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// kitchen sends to the clients of the gateway that takes its orders.
type kitchen struct {
	clients websockets.ServerOf[*counter]
	early   websockets.Selection // made in the constructor
	errs    []error              // of the constructor
	onInit  error
}

var errEarly = errors.New("early")

func newKitchen(clients websockets.ServerOf[*counter]) *kitchen {
	k := &kitchen{clients: clients, early: clients.To("tea"), onInit: errEarly}
	k.errs = useAll(clients.Server)
	return k
}

// useAll calls each method of a server that returns an error.
func useAll(s *websockets.Server) []error {
	ctx := context.Background()
	_, callErr := s.Call(ctx, "x", 1)
	_, fetchErr := s.Fetch(ctx)
	_, countErr := s.Count(ctx)
	return []error{
		s.Emit(ctx, "x", 1), s.Join(ctx, "x"), s.Leave(ctx, "x"), s.To("none").Disconnect(ctx),
		callErr, fetchErr, countErr, websockets.NewNodeEvent[int]("x").Emit(ctx, s, 1),
	}
}

func (k *kitchen) OnModuleInit(ctx context.Context) error {
	k.onInit = k.clients.Emit(ctx, "open", true)
	return nil
}

func (k *kitchen) ready(ctx context.Context, dish string) error {
	return k.clients.To("tea").Emit(ctx, "ready", dish)
}

// counter is a gateway that needs the kitchen.
type counter struct {
	Server  *websockets.Server `websockets:"server"`
	kitchen *kitchen
}

func newCounter(k *kitchen) *counter { return &counter{kitchen: k} }

func (g *counter) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("join", func(ctx context.Context, room string) error { return websockets.ClientFrom(ctx).Join(room) }),
		websockets.Listen("order", func(ctx context.Context, dish string) error { return g.kitchen.ready(ctx, dish) }),
	}
}

// A service sends to the clients of a gateway that needs the service, on all its platforms, from the start on.
func TestServerOf(t *testing.T) {
	root := module.New("tea", module.Providers(newKitchen, websockets.Gateway(newCounter,
		websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New()))))
	a := apptest.New(t, root)
	plain, sio := a.DialWS("/ws"), a.DialSocketIO("/")
	plain.Call("join", "tea")
	sio.Call("join", "tea")
	k, g := apptest.Get[*kitchen](a), apptest.Get[*counter](a)

	plain.Call("order", "scone")
	for _, c := range []*apptest.Client{plain, sio} {
		if dish := apptest.Expect[string](c, "ready"); dish != "scone" {
			t.Errorf("%q is ready", dish)
		}
	}
	if err := k.early.Emit(t.Context(), "late", 1); err != nil {
		t.Error(err)
	}
	apptest.Expect[int](sio, "late")

	const want = "websockets: the server of the gateway *websockets_test.counter is not ready: use it from OnModuleInit on, not in constructors and hooks of fx"
	for i, err := range k.errs {
		if !errors.Is(err, websockets.ErrNoServer) || err.Error() != want {
			t.Errorf("method %d in the constructor: %v", i, err)
		}
	}
	if k.onInit != nil {
		t.Errorf("in OnModuleInit: %v", k.onInit)
	}
	for i, err := range useAll(k.clients.Server) {
		if err != nil {
			t.Errorf("method %d after the start: %v", i, err)
		}
	}
	if n, m := k.clients.Local().Len(), g.Server.Local().Len(); n != 2 || m != 2 {
		t.Errorf("%d clients, the gateway has %d", n, m)
	}
	if k.clients.Addr() == nil || k.clients.Addr() != g.Server.Addr() || len(k.clients.Nodes()) != 1 {
		t.Errorf("addr %v, nodes %v", k.clients.Addr(), k.clients.Nodes())
	}
}

// Before the start nothing of a server waits, fails loudly or panics.
func TestServerOfBefore(t *testing.T) {
	s := websockets.ServerOf[*counter]{}.Handle(seal.Framework{})
	v, _ := s.New()
	early := v.(websockets.ServerOf[*counter])
	for _, server := range []websockets.ServerOf[*counter]{{}, early} {
		if server.Local().Len() != 0 || server.Addr() != nil || server.Nodes() != nil || server.Presence(seal.Framework{}) != nil {
			t.Error("a server without clients has some")
		}
		for range server.Natives() {
			t.Error("a server without a platform has one")
		}
		if err := server.Emit(t.Context(), "x", 1); !errors.Is(err, websockets.ErrNoServer) {
			t.Error(err)
		}
	}
}

// Two gateways of one type are distinguished by the module that sees them, and by name.
func TestServerOfTwoGateways(t *testing.T) {
	counterAt := func(path string) module.Provider { return websockets.Gateway(newCounter, websockets.Path(path)) }
	shop := func(name string) *module.Module {
		return module.New(name, module.Providers(newKitchen), module.Exports(counterAt("/"+name)))
	}
	tea, coffee := shop("tea"), shop("coffee")
	a := apptest.New(t, module.New("shops", module.Imports(tea, coffee)), apptest.With(app.WebSockets(ws.New())))
	for _, name := range []string{"tea", "coffee"} {
		c := a.DialWS("/" + name)
		c.Call("join", "tea")
		c.Call("order", name)
		if dish := apptest.Expect[string](c, "ready"); dish != name {
			t.Errorf("at %s: %q is ready", name, dish)
		}
	}

	outside := func(websockets.ServerOf[*counter]) *strings.Builder { return new(strings.Builder) }
	_, err := app.New(module.New("shops", module.Imports(tea, coffee), module.Providers(outside)), app.HTTP(":0"), app.WebSockets(ws.New()))
	const want = `module shops (websockets/serverof_test.go): TestServerOfTwoGateways.func3 (websockets/serverof_test.go) needs the server of the gateway *websockets_test.counter (parameter 1), which 2 imports export: newCounter (websockets/serverof_test.go) of module tea (websockets/serverof_test.go) and newCounter (websockets/serverof_test.go) of module coffee (websockets/serverof_test.go)
hint: import only one of them, or distinguish them with module.Named`
	if got := regexp.MustCompile(`\.go:\d+`).ReplaceAllString(fmt.Sprint(err), ".go"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

type namedCounters struct {
	fx.In

	Tea    websockets.ServerOf[*counter] `name:"tea"`
	Coffee websockets.ServerOf[*counter] `name:"coffee"`
	None   websockets.ServerOf[*other]   `optional:"true"`
}

type other struct{}

// clerk knows both gateways by name.
type clerk struct{ tea, coffee, none *websockets.Server }

func newClerk(p namedCounters) *clerk { return &clerk{p.Tea.Server, p.Coffee.Server, p.None.Server} }

func TestServerOfNamed(t *testing.T) {
	counterAt := func(path string) module.Provider {
		return module.Named(path[1:], websockets.Gateway(func() *counter { return newCounter(nil) }, websockets.Path(path)))
	}
	root := module.New("shops", module.Providers(counterAt("/tea"), counterAt("/coffee"), newClerk))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	k := apptest.Get[*clerk](a)
	a.DialWS("/coffee").Call("join", "x")
	if tea, coffee := k.tea.Local().Len(), k.coffee.Local().Len(); tea != 0 || coffee != 1 {
		t.Errorf("%d and %d clients", tea, coffee)
	}
	if err := k.none.Emit(t.Context(), "x", 1); !errors.Is(err, websockets.ErrNoServer) {
		t.Error(err)
	}
}

// counting is a gateway by another name, for a package that the gateway's imports.
type counting interface{ counts() }

func (*counter) counts() {}

func TestServerOfInterface(t *testing.T) {
	type waiter struct{ clients websockets.ServerOf[counting] }
	var w *waiter
	newWaiter := func(c websockets.ServerOf[counting]) *waiter { w = &waiter{c}; return w }
	newBusy := func(*waiter) *counter { return newCounter(nil) }
	waiters := module.New("waiters", module.Exports(newWaiter))
	counters := module.New("counters", module.Imports(waiters), module.Exports(module.As[counting](websockets.Gateway(newBusy))))
	a := apptest.New(t, counters, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	c.Call("join", "tea")
	if err := w.clients.To("tea").Emit(t.Context(), "ready", "scone"); err != nil {
		t.Error(err)
	}
	apptest.Expect[string](c, "ready")
}
