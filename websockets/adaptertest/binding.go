package adaptertest

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func bindingTests() []test {
	http := app.HTTP("127.0.0.1:0")
	return []test{
		{"law 1: a separate listener", testOwnListener},
		{"law 1: the port of the HTTP server selects that server", testHTTPPort},
		bootError("law 1: port 0 without an HTTP server", nil, "port 0", "app.HTTP", newGateway(echo())),
		{"law 2: gateways with one path or namespace share clients", testShared},
		{"law 2: gateways with different paths or namespaces do not", testSeparate},
		{"law 2: a platform without namespaces rejects one and names Path", testNamespaceRejected},
		bootError("law 3: an invalid port", http, "Port(70000)", "65535", &testGateway{opts: []websockets.Option{websockets.Port(70000)}}),
		bootError("law 3: conflicting options of a shared server", http, "WithLimits", "share the server",
			&testGateway{opts: []websockets.Option{websockets.WithLimits(websockets.Limits{MaxMessage: 1})}},
			&testGateway{opts: []websockets.Option{websockets.WithLimits(websockets.Limits{MaxMessage: 2})}}),
		{"law 3: one event handled twice names both gateways", testHandledTwice},
		{"law 3: a type with neither subscriptions nor hooks", testNoGateway},
		{"law 3: a gateway that only sends", testSendingGateway},
		{"law 3: a server field of an unsupported type", testServerField},
		{"law 4: GatewayOptions apply after injection", testGatewayOptions},
	}
}

// bootError is a test that the gateways fail to start with an error that contains two
// texts.
func bootError(name string, opt app.Option, one, two string, gateways ...*testGateway) test {
	return test{name, func(t *testing.T, s *suite) {
		has(t, s.boot(t, modules(gateways...), opt).Error(), one, two)
	}}
}

func testOwnListener(t *testing.T, s *suite) {
	own := newGateway(echo(), answer("which", "own")).with(websockets.Addr("127.0.0.1:0"))
	main := newGateway(echo(), answer("which", "main"))
	a := s.start(t, own, main)
	if own.Server.Addr() == nil || own.Server.Addr().String() == a.App().Addr().String() {
		t.Fatalf("listening on %v, want a separate address", own.Server.Addr())
	}
	for want, url := range map[string]string{"own": "http://" + own.Server.Addr().String(), "main": a.URL()} {
		c, err := s.cfg.Dial(t, url, s.root())
		if err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, c, want, "which")
	}
}

func testHTTPPort(t *testing.T, s *suite) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	g := newGateway(echo()).with(websockets.Port(addr.Port))
	a := s.startWith(t, []*testGateway{g}, app.HTTP(addr.String()))
	if got := g.Server.Addr().String(); got != addr.String() {
		t.Errorf("the gateway listens on %s, want %s", got, addr)
	}
	alive(t, s.dial(t, a))
}

func testShared(t *testing.T, s *suite) {
	one := newGateway(answer("one", 1)).with(s.at("chat"))
	two := newGateway(answer("two", 2)).with(s.at("/chat"))
	if !s.traits.Namespaces {
		two.opts = []websockets.Option{websockets.Path("chat")}
	}
	a := s.start(t, one, two)
	c := s.dialAt(t, a, s.target("chat"))
	if apptest.Call[int](c, "one") != 1 || apptest.Call[int](c, "two") != 2 {
		t.Error("a client does not reach both gateways")
	}
	if one.Server.Local().Len() != 1 || two.Server.Local().Len() != 1 {
		t.Errorf("the servers count %d and %d clients, want 1 and 1", one.Server.Local().Len(), two.Server.Local().Len())
	}
}

func testSeparate(t *testing.T, s *suite) {
	one := newGateway(answer("which", 1)).with(s.at("one")).emits(posted)
	two := newGateway(answer("which", 2)).with(s.at("two"))
	a := s.start(t, one, two)
	c1, c2 := s.dialAt(t, a, s.target("one")), s.dialAt(t, a, s.target("two"))
	if apptest.Call[int](c1, "which") != 1 || apptest.Call[int](c2, "which") != 2 {
		t.Error("a client reaches the other gateway")
	}
	if err := one.Server.Emit(t.Context(), "posted", 1); err != nil {
		t.Fatal(err)
	}
	c1.ExpectMessage("posted")
	c2.ExpectNone("posted", func() { apptest.Call[int](c2, "which") })
	if e := s.rejected(t, a, s.target("three")); e.Status == 0 && !s.traits.Namespaces || e.Message == "" {
		t.Errorf("a target without a gateway rejects with %+v", e)
	}
}

func testNamespaceRejected(t *testing.T, s *suite) {
	g := newGateway(echo()).with(websockets.Namespace("chat"))
	if s.traits.Namespaces {
		alive(t, s.dialAt(t, s.start(t, g), "/chat"))
		return
	}
	has(t, s.boot(t, modules(g), app.HTTP("127.0.0.1:0")).Error(), "namespace", `websockets.Path("/chat")`)
}

type (
	firstGateway  struct{ testGateway }
	secondGateway struct{ testGateway }
)

func newFirstGateway() *firstGateway   { return &firstGateway{*newGateway(echo())} }
func newSecondGateway() *secondGateway { return &secondGateway{*newGateway(echo())} }

func testHandledTwice(t *testing.T, s *suite) {
	root := module.New("root", module.Providers(websockets.Gateway(newFirstGateway), websockets.Gateway(newSecondGateway)))
	has(t, s.boot(t, root, app.HTTP("127.0.0.1:0")).Error(), `"echo"`, "newFirstGateway", "newSecondGateway", "binding.go")
}

type noGateway struct{}

func newNoGateway() *noGateway { return &noGateway{} }

func testNoGateway(t *testing.T, s *suite) {
	root := module.New("root", module.Providers(websockets.Gateway(newNoGateway)))
	has(t, s.boot(t, root, app.HTTP("127.0.0.1:0")).Error(), "newNoGateway", "neither Subscriptions nor a hook")
}

type sendingGateway struct {
	Server *websockets.Server `websockets:"server"`
}

func testSendingGateway(t *testing.T, s *suite) {
	g := &sendingGateway{}
	root := module.New("root", module.Providers(websockets.Gateway(func() *sendingGateway { return g }, s.at("sends"), websockets.Emits(news))))
	a := s.startRoot(t, s.contract(t), root)
	c := s.dialAt(t, a, s.target("sends"))
	testkit.Eventually(t, "the client", func() bool { return g.Server.Local().Len() == 1 })
	if err := g.Server.Emit(t.Context(), "news", 7); err != nil {
		t.Fatal(err)
	}
	if got := apptest.Expect[int](c, "news"); got != 7 {
		t.Errorf("received %d", got)
	}
}

type foreignServer struct {
	Server *bytes.Buffer `websockets:"server"`
}

func newForeignServer() *foreignServer { return &foreignServer{} }

func (*foreignServer) AfterInit(context.Context, *websockets.Server) error { return nil }

func testServerField(t *testing.T, s *suite) {
	root := module.New("root", module.Providers(websockets.Gateway(newForeignServer)))
	has(t, s.boot(t, root, app.HTTP("127.0.0.1:0")).Error(), "newForeignServer", "*bytes.Buffer", "Server")
}

func testGatewayOptions(t *testing.T, s *suite) {
	g := newGateway(echo())
	g.late = func() []websockets.Option { return []websockets.Option{s.at("late"), websockets.MaxRooms(1)} }
	alive(t, s.dialAt(t, s.start(t, g), s.target("late")))
}
