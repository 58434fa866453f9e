package guards

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func key(k string) apptest.DialOption {
	return apptest.WithHeader(http.Header{"X-Key": {k}})
}

func TestRoutes(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Key", "k1").Want(t, 200, `"ada"`)
	ask.JSON(t, "GET", a.URL()+"/whoami", "").
		Want(t, 401, `{"statusCode":401,"message":"Unauthorized","error":"Unauthorized","code":"unauthorized"}`)
	ask.JSON(t, "DELETE", a.URL()+"/notes", "", "X-Key", "k2").
		Want(t, 403, `{"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}`)
	ask.JSON(t, "DELETE", a.URL()+"/notes", "", "X-Key", "k1").Want(t, 204, "")
}

func TestClients(t *testing.T) {
	for name, dial := range map[string]func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error){
		"ws": func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialWS(t, a.URL(), o...)
		},
		"socketio": func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialSocketIO(t, a.URL(), o...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var adapter adapter.Adapter = ws.New()
			if name == "socketio" {
				adapter = socketio.New()
			}
			a := apptest.New(t, Module, apptest.With(app.WebSockets(adapter)))
			_, err := dial(a)
			refused, ok := errors.AsType[*apptest.DialError](err)
			if !ok || refused.Message != "Unauthorized" || (name == "ws") != (refused.Status == 401) {
				t.Fatalf("got %v", err)
			}
			if name == "socketio" && string(refused.Data) != `{"status":"error","message":"Unauthorized","code":"unauthorized"}` {
				t.Errorf("data %s", refused.Data)
			}
			bob, err := dial(a, key("k2"))
			if err != nil {
				t.Fatal(err)
			}
			if got := apptest.Call[string](bob, "whoami"); got != "bob" {
				t.Errorf("got %q", got)
			}
			if e := bob.CallError("clear"); e.Message != "Forbidden resource" || e.Code != "forbidden" || e.Cause.Pattern != "clear" {
				t.Errorf("got %+v", e)
			}
			ada, err := dial(a, key("k1"))
			if err != nil {
				t.Fatal(err)
			}
			if !apptest.Call[bool](ada, "clear") {
				t.Error("not cleared")
			}
		})
	}
}

// One handler only: the gateway accepts all clients.
func TestOneHandler(t *testing.T) {
	a := apptest.New(t, Handle, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	c.Call("whoami")
	if e := c.CallError("clear"); e.Code != "unauthorized" {
		t.Errorf("got %+v", e)
	}
	if !apptest.Call[bool](a.DialWS("/", key("k1")), "clear") {
		t.Error("not cleared")
	}
	ask.JSON(t, "GET", a.URL()+"/whoami", "").Want(t, 200, `""`)
	if got := ask.JSON(t, "DELETE", a.URL()+"/notes", ""); got.Status != 401 {
		t.Errorf("got %d", got.Status)
	}
}

// The table of kinds.
func TestKinds(t *testing.T) {
	root := module.New("app", module.Imports(Module, BanModule))
	for name, tt := range map[string]struct {
		adapter adapter.Adapter
		dial    func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error)
		want    []string
	}{
		"ws": {ws.New(), func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialWS(t, a.URL(), o...)
		}, []string{"handshake / guards.NewGateway", "connect / guards.NewGateway", "message whoami guards.NewGateway", "http GET /whoami guards.NewController"}},
		"socketio": {socketio.New(), func(a *apptest.App, o ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialSocketIO(t, a.URL(), o...)
		}, []string{"handshake /socket.io/ guards.NewGateway", "connect / guards.NewGateway", "message whoami guards.NewGateway", "http GET /whoami guards.NewController"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, root, apptest.With(app.WebSockets(tt.adapter)))
			c, err := tt.dial(a, key("k1"))
			if err != nil {
				t.Fatal(err)
			}
			c.Call("whoami")
			ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Key", "k1")
			bans := apptest.Get[*Bans](a)
			bans.mu.Lock()
			defer bans.mu.Unlock()
			if !slices.Equal(bans.asked, tt.want) {
				t.Errorf("asked %q", bans.asked)
			}
			bans.mu.Unlock()
			_, err = tt.dial(a, apptest.WithHeader(http.Header{"X-Real-Ip": {"203.0.113.7"}, "X-Key": {"k1"}}))
			refused, ok := errors.AsType[*apptest.DialError](err)
			if !ok || refused.Status != 403 || refused.Message != "Go away" {
				t.Errorf("got %v", err)
			}
			bans.mu.Lock()
			if name == "socketio" && !strings.HasPrefix(bans.asked[len(bans.asked)-1], "handshake") {
				t.Errorf("asked %q", bans.asked)
			}
		})
	}
}

// A constructor of app.UseGuards injects what the root module sees.
func TestGlobalGuard(t *testing.T) {
	root := module.New("app", module.Imports(Module), module.Providers(NewBans))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()), app.UseGuards(NewBanGuard)))
	got := ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Real-Ip", "203.0.113.7")
	if got.Status != 403 || got.Field(t, "code") != "banned" {
		t.Errorf("got %+v", got)
	}
}

// What a guard returns, and what clients receive over HTTP, at connect and for messages.
func TestWhatClientsAreTold(t *testing.T) {
	for _, tt := range []struct {
		err           error
		http, connect int
		message, code string
	}{
		{pipeline.ErrForbidden, 403, 403, "Forbidden resource", "forbidden"},
		{pipeline.ErrUnauthorized, 401, 401, "Unauthorized", "unauthorized"},
		{&pipeline.Error{Message: "Not on Sundays", Code: "sunday"}, 403, 403, "Not on Sundays", "sunday"},
		{&pipeline.Error{Message: "Later", Status: 503}, 503, 503, "Later", ""},
		{errors.New("disk full"), 500, 500, "Internal server error", ""},
	} {
		t.Run(tt.message, func(t *testing.T) {
			var mu sync.Mutex
			deny := pipeline.KindHTTP
			guard := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
				mu.Lock()
				defer mu.Unlock()
				if c.Kind == deny {
					return tt.err
				}
				return nil
			})
			a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New()), app.UseGuards(guard)))
			got := ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Key", "k1")
			if got.Status != tt.http || got.Field(t, "message") != tt.message || got.Field(t, "code") != tt.code {
				t.Errorf("route: %+v", got)
			}
			set := func(k pipeline.Kind) {
				mu.Lock()
				defer mu.Unlock()
				deny = k
			}
			set(pipeline.KindMessage)
			if e := a.DialWS("/", key("k1")).CallError("whoami"); e.Message != tt.message || e.Code != tt.code {
				t.Errorf("message: %+v", e)
			}
			set(pipeline.KindConnect)
			_, err := apptest.TryDialWS(t, a.URL(), key("k1"))
			if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != tt.connect || e.Message != tt.message {
				t.Errorf("connect: %v", err)
			}
		})
	}
}

// A constructor is called once in a module, and one guard may be shared among modules.
func TestOneGuard(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	apptest.Get[*KeyGuard](a) // fails where there are two

	shared := func(g *KeyGuard) pipeline.Guard { return g }
	keys := module.New("keys", module.Providers(module.Value(Accounts{"k1": {"ada", "admin"}})), module.Exports(NewKeyGuard))
	users := module.New("users", module.Imports(keys), module.Providers(NewNotes,
		websockets.Gateway(NewGateway, websockets.UseGuards(shared))))
	routes := module.New("routes", module.Imports(keys), module.Providers(NewNotes),
		module.Controllers(web.Controller(NewController, web.UseGuards(shared))))
	a = apptest.New(t, module.New("app", module.Imports(users, routes)), apptest.With(app.WebSockets(ws.New())))
	apptest.Get[*KeyGuard](a)
	a.DialWS("/", key("k1")).Call("whoami")
	ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Key", "k1").Want(t, 200, `"ada"`)
}

// A guard that another module provides, bound by its type.
func TestInjected(t *testing.T) {
	a := apptest.New(t, Injected, apptest.With(app.WebSockets(ws.New())))
	apptest.Get[*KeyGuard](a) // fails where there are two
	a.DialWS("/", key("k1")).Call("whoami")
	ask.JSON(t, "GET", a.URL()+"/whoami", "", "X-Key", "k1").Want(t, 200, `"ada"`)
	if got := ask.JSON(t, "GET", a.URL()+"/whoami", ""); got.Status != 401 {
		t.Errorf("got %+v", got)
	}
}

// snippet:test
func TestRoleGuard(t *testing.T) {
	call := &pipeline.Call{Kind: pipeline.KindMessage, Handler: pipeline.Metadata{Roles.With([]string{"admin"})}}
	User.Set(call, Account{"bob", "guest"})

	if err := RoleGuard(t.Context(), call); !errors.Is(err, pipeline.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

// end

// lobby records its calls.
type lobby struct{ calls chan string }

func (l *lobby) Connected(websockets.Client)    { l.calls <- "connected" }
func (l *lobby) Disconnected(websockets.Client) { l.calls <- "disconnected" }

func TestPresence(t *testing.T) {
	l := &lobby{make(chan string, 8)}
	root := module.New("notes", module.Providers(NewNotes, func() Lobby { return l },
		websockets.Gateway(NewGateway, websockets.UseGuards(NewPresence, NewRefusal))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	if _, err := apptest.TryDialWS(t, a.URL(), key("refused")); err == nil { // refused by the next guard
		t.Error("accepted")
	}
	c := a.DialWS("/")
	c.Call("whoami")
	c.Close()
	if came, left := <-l.calls, <-l.calls; came != "connected" || left != "disconnected" || len(l.calls) > 0 {
		t.Errorf("got %s, %s and %d more", came, left, len(l.calls))
	}
}

// NewRefusal returns a guard that refuses the key "refused".
func NewRefusal() pipeline.Guard {
	return pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
		if c.Request.Header.Get("X-Key") == "refused" {
			return pipeline.ErrForbidden
		}
		return nil
	})
}

// late has a constructor where only values can be bound.
type late struct{}

func (late) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("whoami", new(Gateway).WhoAmI, websockets.UseGuards(NewKeyGuard))}
}

func TestConstructorThatComesTooLate(t *testing.T) {
	root := module.New("late", module.Providers(websockets.Gateway(func() *late { return &late{} })))
	a, err := app.New(root, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "constructors are not accepted here") {
		t.Errorf("got %v", err)
	}
}

// snippet:override
func TestWhoAmIWithoutKeys(t *testing.T) {
	a := apptest.New(t, Module,
		apptest.With(app.WebSockets(ws.New())),
		apptest.OverrideGuard[*KeyGuard](pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
			User.Set(c, Account{"ada", "admin"})
			return nil
		})), // NewKeyGuard is not called
	)
	if got := apptest.Call[string](a.DialWS("/"), "whoami"); got != "ada" {
		t.Errorf("got %q", got)
	}
}

// end
