package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// journal records hooks in the order of their calls.
type journal struct{ lines []string }

func (j *journal) addf(format string, args ...any) {
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

type store struct{ hooks }

func newStore(j *journal) *store { j.addf("new store"); return &store{hooks{j, "store", ""}} }

type service struct{ hooks }

func newService(j *journal, _ *store) *service {
	j.addf("new service")
	return &service{hooks{j, "service", ""}}
}

// hooks has all five lifecycle hooks; the one named in fail returns an error.
type hooks struct {
	j    *journal
	name string
	fail string
}

var errHook = errors.New("no luck")

func (h *hooks) hook(name string) error {
	h.j.addf("%s %s", name, h.name)
	if h.fail == name {
		return errHook
	}
	return nil
}

func (h *hooks) OnModuleInit(context.Context) error              { return h.hook("init") }
func (h *hooks) OnApplicationBootstrap(context.Context) error    { return h.hook("bootstrap") }
func (h *hooks) OnModuleDestroy(context.Context) error           { return h.hook("destroy") }
func (h *hooks) BeforeApplicationShutdown(context.Context) error { return h.hook("before") }
func (h *hooks) OnApplicationShutdown(context.Context) error     { return h.hook("shutdown") }

type gateway struct {
	Server *websockets.Server `websockets:"server"`
	j      *journal
}

func newGateway(j *journal, _ *service) *gateway { return &gateway{j: j} }

func (g *gateway) AfterInit(context.Context, *websockets.Server) error {
	g.j.addf("afterInit, server set: %t", g.Server != nil)
	return nil
}

func quiet() app.Option { return app.Logger(slog.New(slog.DiscardHandler)) }

func lifecycle(j *journal) *module.Module {
	return module.New("life", module.Providers(module.Value(j), websockets.Gateway(newGateway), newService, newStore))
}

func TestHooksRunInDependencyOrder(t *testing.T) {
	j := &journal{}
	a, err := app.New(lifecycle(j), quiet(), app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"new store", "new service", "afterInit, server set: true",
		"init store", "init service", "bootstrap store", "bootstrap service",
		"destroy service", "destroy store", "before service", "before store", "shutdown service", "shutdown store",
	}
	if !slices.Equal(j.lines, want) {
		t.Errorf("got  %q\nwant %q", j.lines, want)
	}
}

func TestFailedHookStopsTheApplication(t *testing.T) {
	j := &journal{}
	m := module.New("life", module.Providers(module.Value(j), newStore,
		func(j *journal, _ *store) *service { return &service{hooks{j, "service", "init"}} }))
	a, err := app.New(m, quiet(), app.HTTP("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	err = a.Start(t.Context())
	hook, ok := errors.AsType[*app.HookError](err)
	if !ok || !errors.Is(err, errHook) || hook.Hook != "OnModuleInit" || hook.Module != "life" {
		t.Fatalf("Start: %v", err)
	}
	if !strings.Contains(err.Error(), "module life: OnModuleInit of ") || !strings.Contains(err.Error(), "app_test.go:") {
		t.Errorf("error without hook and place: %v", err)
	}
	want := []string{"new store", "init store", "init service", "destroy store", "before store", "shutdown store"}
	if !slices.Equal(j.lines, want) {
		t.Errorf("got  %q\nwant %q", j.lines, want)
	}
}

func TestStartReturnsAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	j := &journal{}
	a, err := app.New(lifecycle(j), quiet(), app.HTTP(l.Addr().String()), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("Start: %v, want EADDRINUSE", err)
	}
	if last := j.lines[len(j.lines)-1]; last != "shutdown store" {
		t.Errorf("last hook %q, want shutdown store", last)
	}
}

func TestRunStopsWhenContextIsDone(t *testing.T) {
	j := &journal{}
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan string, 1)
	a, err := app.New(lifecycle(j), quiet(), app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()),
		app.OnReady(func(a *app.App) {
			if gs := a.Gateways(); len(gs) != 1 || gs[0].Endpoints[0].Path != "/" {
				t.Errorf("Gateways: %+v", gs)
			}
			ready <- a.Addr().String()
		}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	addr := <-ready
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("GET on the path of a gateway: %d %s, want 426", res.StatusCode, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		t.Error("still listening after Run")
	}
}

func TestMountedHandler(t *testing.T) {
	j := &journal{}
	a, err := app.New(lifecycle(j), quiet(), app.Mounted(), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, a.Handler(), "/"); got != http.StatusServiceUnavailable {
		t.Errorf("before Start: %d, want 503", got)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, a.Handler(), "/"); got != http.StatusUpgradeRequired {
		t.Errorf("after Start: %d, want 426", got)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get(t, a.Handler(), "/"); got != http.StatusServiceUnavailable {
		t.Errorf("after Stop: %d, want 503", got)
	}
}

func TestValidateAndGraph(t *testing.T) {
	if err := app.Validate(lifecycle(&journal{})); err != nil {
		t.Fatal(err)
	}
	broken := module.New("broken", module.Providers(newService))
	var merr *module.Error
	if err := app.Validate(broken); !errors.As(err, &merr) || len(merr.Problems) != 2 {
		t.Errorf("Validate: %v, want the two missing types", err)
	}
	text, err := app.Graph(lifecycle(&journal{}))
	if err != nil || !strings.HasPrefix(text, "flowchart") || !strings.Contains(text, "newService") {
		t.Errorf("Graph: %v\n%s", err, text)
	}
}

// Run ends with the application: it returns after a Stop that a handler or OnReady has called.
func TestAudit_RunEndsAfterStop(t *testing.T) {
	stop := make(chan error, 1)
	a, err := app.New(module.New("m"), quiet(), app.HTTP("127.0.0.1:0"), app.OnReady(func(a *app.App) {
		stop <- a.Stop(t.Context())
	}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(t.Context()) }()
	if err := testkit.Receive(t, "Stop", stop); err != nil {
		t.Error(err)
	}
	if err := testkit.Receive(t, "Run", done); err != nil {
		t.Error(err)
	}
}
