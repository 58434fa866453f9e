package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// lodge is a gateway of which an application has several.
type lodge struct{ initErr error }

func newLodge() *lodge { return &lodge{} }

func (g *lodge) AfterInit(context.Context, *websockets.Server) error { return g.initErr }

func (g *lodge) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Request().URL.Query().Has("refuse") {
		return errors.New("full")
	}
	return nil
}

func (g *lodge) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("fail", func(context.Context, string) error { return errors.New("broken") }),
		websockets.Listen("crash", func(context.Context, string) error { panic("broken") }),
	}
}

func lodgeIn(namespace string, opts ...websockets.Option) module.Provider {
	return module.Named(namespace, websockets.Gateway(newLodge, append(opts, websockets.Namespace(namespace))...))
}

// Log lines about a gateway that serves several namespaces say which: gateway, platform, path and namespace.
func TestLogsNameTheEndpoint(t *testing.T) {
	log := &testkit.Log{}
	a := apptest.New(t, module.New("lodges", module.Providers(lodgeIn("north"), lodgeIn("south"))),
		apptest.With(app.Logger(log.Logger(0)), app.WebSockets(socketio.New())))
	const gateway = "gateway=app_test.newLodge"
	for _, ns := range []string{"/north", "/south"} {
		where := []string{"platform=socketio", "path=/socket.io/", "namespace=" + ns}
		c := a.DialSocketIO(ns)
		for event, words := range map[string][]string{
			"fail":  {`msg="gateway failed"`, gateway, "event=fail", "error=broken"},
			"crash": {`msg="gateway failed"`, gateway, "event=crash", "place="},
			"other": {"no gateway of the endpoint handles an event", "event=other"},
		} {
			c.CallError(event, "x")
			testkit.Eventually(t, event+" in "+ns+" in the log", func() bool { return len(log.Lines(append(words, where...)...)) == 1 })
		}
		_ = a.DialSocketIO(ns + "?refuse").ExpectClose()
		testkit.Eventually(t, "a refused client in "+ns, func() bool {
			return len(log.Lines(append([]string{gateway, "event=handleConnection", "error=full"}, where...)...)) == 1
		})
	}
}

// On a port of its own, lines have the listener.
func TestLogsNameTheListener(t *testing.T) {
	log := &testkit.Log{}
	a := apptest.New(t, module.New("lodges", module.Providers(websockets.Gateway(newLodge, websockets.Addr("127.0.0.1:0"), websockets.Path("/deep")))),
		apptest.With(app.Logger(log.Logger(0)), app.WebSockets(ws.New())))
	addr := a.App().Gateways()[0].Endpoints[0].Addr.String()
	apptest.DialWS(t, "ws://"+addr+"/deep").CallError("fail", "x")
	testkit.Eventually(t, "the failure in the log", func() bool {
		return len(log.Lines("gateway failed", "gateway=app_test.newLodge", "platform=ws", "path=/deep", "listener=127.0.0.1:0")) == 1
	})
}

// Start errors about one of several gateways of one constructor have the options that say where it is served.
func TestErrorsNameTheEndpoint(t *testing.T) {
	lodges := func(name string, items ...any) *module.Module { return module.New(name, module.Providers(items...)) }
	for _, tt := range []struct {
		name string
		root *module.Module
		want string
	}{
		{"option", lodges("lodges", lodgeIn("north"), lodgeIn("south", websockets.MaxRooms(-1))),
			`websockets: gateway app_test.newLodge (app/gatewaynames_test.go) with Namespace("south"): MaxRooms(-1): must be at least 1`},
		{"two modules", module.New("root", module.Imports(lodges("a", lodgeIn("north")), lodges("b", lodgeIn("south", websockets.Concurrency(0))))),
			`websockets: gateway app_test.newLodge (app/gatewaynames_test.go) of module b with Namespace("south"): Concurrency(0): must be at least 1`},
		{"path and port", lodges("lodges", lodgeIn("north"), lodgeIn("south", websockets.Port(3001), websockets.Path("/deep"), websockets.MaxRooms(-1))),
			`websockets: gateway app_test.newLodge (app/gatewaynames_test.go) with Port(3001) Path("/deep") Namespace("south"): MaxRooms(-1): must be at least 1`},
		{"alone", lodges("lodges", lodgeIn("south", websockets.MaxRooms(-1))),
			`websockets: gateway app_test.newLodge (app/gatewaynames_test.go): MaxRooms(-1): must be at least 1`},
	} {
		err := app.Validate(tt.root, app.WebSockets(socketio.New()))
		if got := lineNumber.ReplaceAllString(text(err), "_test.go"); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// The error of a hook says of which gateway it is.
func TestHookErrorsNameTheEndpoint(t *testing.T) {
	newBroken := func() *lodge { return &lodge{initErr: errors.New("no heating")} }
	in := func(ns string) module.Provider {
		return module.Named(ns, websockets.Gateway(newBroken, websockets.Namespace(ns)))
	}
	a, err := app.New(module.New("lodges", module.Providers(in("north"), in("south"))), quiet(), app.Mounted(), app.WebSockets(socketio.New()))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	const want = `AfterInit of app_test.TestHookErrorsNameTheEndpoint.func1 (app/gatewaynames_test.go): gateway app_test.TestHookErrorsNameTheEndpoint.func1 with Namespace("north"): no heating`
	if got := lineNumber.ReplaceAllString(text(err), "_test.go"); !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
