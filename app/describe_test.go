package app_test

import (
	"context"
	"io/fs"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type teaController struct{ guard pipeline.Guard }

func newTeaController(*teaGuard) *teaController { return &teaController{newTeaGuard()} }

type teaQuery struct {
	Pot string `path:"pot"`
	Max int    `query:"max"`
}

func (c *teaController) Routes(r chi.Router) {
	web.Use(r, web.UseGuards(c.guard), web.Meta(house.With("route"))).Get("/{pot}", web.JSON(c.show, web.Errors(errDry)))
	r.Post("/", web.JSON(c.add))
}

func (c *teaController) show(context.Context, teaQuery) (string, error) { return "", nil }

func (c *teaController) add(context.Context, string) (struct{}, error) { return struct{}{}, nil }

func teaModule() *module.Module {
	return module.New("tea", module.Providers(newTeaGuard, websockets.Gateway(newTeaGateway,
		websockets.Via(ws.New(), websockets.Path("/tea"), websockets.UseGuards(newTeaGuard)),
		websockets.Via(socketio.New(), websockets.Namespace("tea"), websockets.Addr("127.0.0.1:0")), websockets.Emits(emptied, refill))),
		module.Controllers(web.Controller(newTeaController, web.Prefix("/pots"), web.Version("1", "2"), web.UseGuards(newTeaGuard), web.ForRoute("POST /", web.UseGuards(newTeaGuard), web.Meta(house.With("post"))))))
}

// TestDescribe: what Describe returns is what the started application returns.
func TestDescribe(t *testing.T) {
	d, err := app.Describe(teaModule(), quiet(), app.HTTP(":0", web.Prefix("/api")))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Problems) > 0 {
		t.Errorf("problems: %q", d.Problems)
	}
	a := startApp(t, teaModule(), app.Mounted(web.Prefix("/api")))
	gateways := a.Gateways()
	for i := range gateways {
		for j := range gateways[i].Endpoints {
			gateways[i].Endpoints[j].Addr = net.Addr(nil)
		}
	}
	if !reflect.DeepEqual(d.Gateways, gateways) { //nolint:govet // the same errors, not equal ones
		t.Errorf("gateways:\n%+v\nwant:\n%+v", d.Gateways, gateways)
	}
	routes := a.Routes()
	if !reflect.DeepEqual(d.Routes, routes) || len(routes) != 4 || routes[3].String() != "POST /api/v2/pots (app_test.newTeaController)" { //nolint:govet // the same errors, not equal ones
		t.Errorf("routes:\n%+v\nwant:\n%+v", d.Routes, routes)
	}
	if names := slices.Collect(d.Modules.Modules()); len(names) != 1 || names[0].Name() != "tea" {
		t.Errorf("modules: %v", names)
	}
	if fresh, err := app.New(teaModule(), quiet(), app.Mounted()); err != nil || fresh.Gateways() != nil || fresh.Routes() != nil {
		t.Errorf("before Start: %v, %v", fresh, err)
	}
}

// A fussy gateway and controller use what the constructor sets.
type fussy struct {
	next *fussy
	name string
}

func newFussy() *fussy { panic("a constructor ran") }

func newFussyController() *fussyController { panic("a constructor ran") }

func newHidden() websockets.Subscriber { panic("a constructor ran") }

func newHiddenController() web.Routable { panic("a constructor ran") }

func (f *fussy) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen(f.next.name, func(context.Context, int) error { return nil })}
}

func (f *fussy) GatewayOptions() []websockets.Option { return nil }

type fussyController struct {
	mw func(http.Handler) http.Handler
}

func (f *fussyController) Routes(r chi.Router) {
	r.Get("/first", f.mw(http.NotFoundHandler()).ServeHTTP)
}

type unnamed struct{ name string }

func newUnnamed() unnamed { panic("a constructor ran") }

func (u unnamed) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen(u.name, func(context.Context, int) error { return nil })}
}

func TestDescribeProblems(t *testing.T) {
	m := module.New("fussy", module.Providers(websockets.Gateway(newFussy), websockets.Gateway(newHidden), websockets.Gateway(newUnnamed)),
		module.Controllers(newFussyController, newHiddenController))
	d, err := app.Describe(m, quiet(), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	const null = "panic: runtime error: invalid memory address or nil pointer dereference"
	want := []string{
		"gateway app_test.newFussy (app/describe_test.go): its method GatewayOptions needs the built gateway, so these options are missing; pass them to websockets.Gateway, or start the application and use App.Gateways",
		"gateway app_test.newFussy (app/describe_test.go): Subscriptions of a zero value: " + null + "; use nothing there that the constructor sets, or start the application and use App.Gateways",
		"gateway app_test.newHidden (app/describe_test.go): its constructor returns the interface websockets.Subscriber, so its handlers are not known; return the gateway's own type, or start the application and use App.Gateways",
		`gateway app_test.newUnnamed (app/describe_test.go): subscription "" (app/describe_test.go): the event has no name; pass the one that clients send`,
		"controller app_test.newFussyController (app/describe_test.go): Routes of a zero value: " + null + ": use nothing there that the constructor sets, or start the application and use App.Routes",
		"controller app_test.newHiddenController (app/describe_test.go): its constructor returns the interface web.Routable, so its routes are not known: return the controller's own type, or start the application and use App.Routes",
	}
	var got []string
	for _, p := range d.Problems {
		got = append(got, regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(p, "_test.go"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(d.Gateways) != 3 || len(d.Gateways[0].Endpoints) != 1 || len(d.Routes) != 0 {
		t.Errorf("%+v", d)
	}
}

// sitePages serves files that its constructor sets, which Describe does not have.
type sitePages struct{ files fs.FS }

func newSitePages() *sitePages { panic("a constructor ran") }

func (c *sitePages) Routes(r chi.Router) { web.Static(r, "/", c.files) }

func TestDescribeStatic(t *testing.T) {
	d, err := app.Describe(module.New("site", module.Controllers(newSitePages)), quiet())
	if err != nil || len(d.Problems) > 0 || len(d.Routes) != 1 || d.Routes[0].String() != "GET /* (app_test.newSitePages)" {
		t.Errorf("%v, %q, %v", err, d.Problems, d.Routes)
	}
}

func TestDescribeRefuses(t *testing.T) {
	_, err := app.Describe(module.New("m", module.Providers(func(*teaGuard) int { return 0 })), quiet())
	if err == nil || !strings.Contains(err.Error(), "needs *app_test.teaGuard") {
		t.Errorf("missing provider: %v", err)
	}
	_, err = app.Describe(module.New("m", module.Providers(websockets.Gateway(newTeaGateway))), quiet())
	if err == nil || !strings.HasSuffix(err.Error(), "no platform serves it; add app.WebSockets(ws.New()) to the application, or websockets.Via to the gateway") {
		t.Errorf("no platform: %v", err)
	}
}
