package app_test

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	poured  = websockets.NewEvent[int]("poured")
	emptied = websockets.NewEvent[string]("emptied")
	refill  = websockets.NewCall[string, bool]("refill")
	steep   = websockets.NewStream[string]("steep", poured)
	errDry  = &websockets.Error{Message: "No tea", Code: "no_tea"}
	house   = pipeline.NewKey[string]("house")
)

type teaGateway struct{}

func newTeaGateway() *teaGateway { return &teaGateway{} }

func (g *teaGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("pour", g.pour, websockets.Sends(emptied), websockets.Errors(errDry), websockets.Strict(), websockets.Meta(house.With("mine"))),
		steep.On(g.steep, websockets.Background(2)),
		websockets.Listen("spill", g.spill),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) { return 0, nil }),
	}
}

func (g *teaGateway) pour(context.Context, int) (websockets.Response[string], error) {
	return emptied.Response("pot"), nil
}

func (g *teaGateway) steep(context.Context, string) iter.Seq2[websockets.Response[int], error] {
	return nil
}

func (g *teaGateway) spill(context.Context, bool) error { return nil }

// admitTea is a guard.
func admitTea(context.Context, *pipeline.Call) error { return nil }

type teaGuard struct{}

func newTeaGuard() *teaGuard { return &teaGuard{} }

func (*teaGuard) Check(context.Context, *pipeline.Call) error { return nil }

// started starts an application that listens nowhere.
func startApp(t *testing.T, m *module.Module, opts ...app.Option) *app.App {
	t.Helper()
	a, err := app.New(m, append([]app.Option{quiet(), app.Mounted(), app.WebSockets(ws.New())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// eventsOf formats the events of a registry: poured(int).
func eventsOf(events []websockets.EventInfo) string {
	var out []string
	for _, e := range events {
		name, payload := e.EventInfo()
		text := fmt.Sprintf("%s(%s)", name, payload)
		if a, ok := e.(websockets.Answered); ok {
			text += a.AnswerInfo().String()
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// TestField_X57_Emits: Of the lists of Emits in several Via only the last was in the registry; they are joined, each event once.
func TestField_X57_Emits(t *testing.T) {
	m := module.New("tea", module.Providers(websockets.Gateway(newTeaGateway,
		websockets.Via(ws.New(), websockets.Path("/a"), websockets.Emits(poured, refill)),
		websockets.Emits(emptied),
		websockets.Via(ws.New(), websockets.Path("/b"), websockets.Emits(refill, emptied)),
	)))
	gs := startApp(t, m).Gateways()
	if got, want := eventsOf(gs[0].Emits), "emptied(string) poured(int) refill(string)bool"; got != want {
		t.Errorf("Emits: %s, want %s", got, want)
	}
}

// TestField_X58_Names: Two modules with one constructor of a gateway had one name for both in the registry; the name of each says its module.
func TestField_X58_Names(t *testing.T) {
	tea := func(path string) module.Provider {
		return websockets.Gateway(newTeaGateway, websockets.Path(path))
	}
	green := module.New("green", module.Providers(tea("/green")))
	black := module.New("black", module.Providers(tea("/black")))
	other := module.New("black", module.Providers(tea("/other")))
	twice := module.New("twice", module.Providers(module.Named("x", tea("/x")), module.Named("y", tea("/y"))))
	gs := startApp(t, module.New("root", module.Imports(green, black, other, twice, lifecycle(&journal{})))).Gateways()
	for i, want := range []string{
		"app_test.newTeaGateway of module green",
		"app_test.newTeaGateway of module black (" + black.Place() + ")",
		"app_test.newTeaGateway of module black (" + other.Place() + ")",
		"app_test.newTeaGateway of module twice (" + twice.Place() + ") #1",
		"app_test.newTeaGateway of module twice (" + twice.Place() + ") #2",
		"app_test.newGateway",
	} {
		if gs[i].Name != want {
			t.Errorf("%d: %q, want %q", i, gs[i].Name, want)
		}
	}
}

func TestGateways(t *testing.T) {
	m := module.New("tea", module.Providers(websockets.Gateway(newTeaGateway,
		websockets.UseGuards(newTeaGuard, admitTea, &teaGuard{}, &teaGuard{}), websockets.Origins("https://tea.example"), websockets.WithLimits(websockets.Limits{MaxMessage: 7}),
		websockets.ForEvent("spill", websockets.Meta(house.With("event"))),
		websockets.Via(ws.New(), websockets.Path("/tea"), websockets.Strict()),
		websockets.Via(socketio.New(), websockets.Namespace("tea"), websockets.Addr("127.0.0.1:0")))))
	a := startApp(t, m)
	g := a.Gateways()[0]
	if g.Name != "app_test.newTeaGateway" || g.Type != reflect.TypeFor[*teaGateway]() || g.Module != "tea" || !strings.HasPrefix(g.Place, "app/registry_test.go:") || !g.Fallback {
		t.Errorf("%+v", g)
	}
	if want := []string{"app_test.newTeaGuard", "app_test.admitTea", "*app_test.teaGuard", "*app_test.teaGuard"}; !slices.Equal(g.Guards, want) {
		t.Errorf("guards: %q", g.Guards)
	}
	e := g.Endpoints
	if len(e) != 2 || e[0].Platform != "ws" || e[0].Path != "/tea" || e[0].Addr != nil || e[1].Namespace != "/tea" || e[1].Addr == nil {
		t.Fatalf("endpoints: %+v", e)
	}
	if e[0].Limits.MaxMessage != 7 || e[0].Limits.SendQueue == 0 || !slices.Equal(e[1].Origins, []string{"https://tea.example"}) {
		t.Errorf("endpoints: %+v", e)
	}
	const pkg = "github.com/gatehouse-go/gatehouse/app_test."
	var got []string
	for _, s := range g.Subscriptions {
		got = append(got, fmt.Sprintf("%s %s in=%v out=%v item=%v sends=%s errors=%d %s meta=%d strict=%t background=%d",
			s.Kind, s.Event, s.In, s.Out, s.Item, eventsOf(s.Sends), len(s.Errors), strings.TrimPrefix(s.Func, pkg), len(s.Meta), s.Strict, s.Background))
	}
	want := []string{
		"on pour in=int out=websockets.Response[string] item=string sends=emptied(string) errors=1 (*teaGateway).pour meta=1 strict=true background=0",
		"stream steep in=string out=websockets.Response[int] item=int sends=poured(int) errors=0 (*teaGateway).steep meta=0 strict=false background=2",
		"listen spill in=bool out=<nil> item=<nil> sends= errors=0 (*teaGateway).spill meta=1 strict=false background=0",
		"fallback  in=websockets.Payload out=int item=<nil> sends= errors=0 (*teaGateway).Subscriptions.func1 meta=0 strict=false background=0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("subscriptions:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
