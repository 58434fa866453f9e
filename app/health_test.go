package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func probed(more ...any) *module.Module {
	return module.New("probed", module.Providers(append(more, websockets.Gateway(newEchoGateway))...),
		module.Controllers(web.Controller(app.NewHealthController, web.WithoutPrefix())))
}

// A stop with a delay is not ready at once, and serves until the delay is over.
func TestDrainDelay(t *testing.T) {
	a, err := app.New(probed(), app.HTTP("127.0.0.1:0", web.Prefix("/api")), app.WebSockets(ws.New()), app.DrainDelay(time.Hour), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	url := "http://" + a.Addr().String()
	check := func(path string, status int, body string) {
		t.Helper()
		if got, text := getText(t, url+path); got != status || strings.TrimSpace(text) != body {
			t.Errorf("%s: %d %s, want %d %s", path, got, text, status, body)
		}
	}
	check("/livez", 200, `{"status":"live"}`)
	check("/readyz", 200, `{"status":"ready"}`)
	if !a.Health().Ready {
		t.Error("not ready")
	}

	ctx, end := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(ctx) }()
	testkit.Eventually(t, "the end of readiness", func() bool { return !a.Health().Ready })
	check("/readyz", 503, `{"status":"stopping"}`)
	check("/livez", 200, `{"status":"live"}`)
	c := apptest.DialWS(t, url) // a client that the balancer sends still
	if got := apptest.Call[string](c, "echo", "hello"); got != "hello" {
		t.Errorf("echo: %q", got)
	}
	end() // the context of the stop ends the delay
	testkit.Receive(t, "the end of the stop", stopped)
}

// deadlined notes the deadline of its stop.
type deadlined struct{ until chan time.Time }

func newDeadlined() *deadlined { return &deadlined{make(chan time.Time, 1)} }

func (d *deadlined) OnModuleDestroy(ctx context.Context) error {
	until, _ := ctx.Deadline()
	d.until <- until
	return nil
}

// The stop timeout starts after the delay; Control ends Run, with its error.
func TestDrainDelayOfRun(t *testing.T) {
	d := newDeadlined()
	var c *app.Control
	m := probed(func(control *app.Control) *deadlined { c = control; return d })
	var asked time.Time
	a, err := app.New(m, app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()), app.StopTimeout(30*time.Second), app.DrainDelay(100*time.Millisecond), quiet(),
		app.OnReady(func(*app.App) {
			asked = time.Now()
			if !c.Health().Ready {
				t.Error("Control: not ready")
			}
			if err := c.Shutdown(&app.ExitError{Code: 4, Err: errHook}); err != nil {
				t.Error(err)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Shutdown(nil); err == nil {
		t.Error("Shutdown of an application that does not run returned nil")
	}
	err = a.Run(t.Context())
	if e, ok := errors.AsType[*app.ExitError](err); !ok || e.Code != 4 || !errors.Is(err, errHook) {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(asked); took < 100*time.Millisecond {
		t.Errorf("stopped after %v", took)
	}
	if until := <-d.until; until.Sub(asked) < 30*time.Second+100*time.Millisecond {
		t.Errorf("the stop had %v", until.Sub(asked))
	}
}

// A degraded backplane is shown, and the node stays ready.
func TestReadyWithoutBackplane(t *testing.T) {
	bus := memory.NewBus()
	a := apptest.New(t, probed(), apptest.With(app.WebSockets(ws.New()), app.Backplane(bus.Node(), backplane.Beats(50*time.Millisecond, time.Minute))))
	seen := func(status int, words ...string) func() bool {
		return func() bool {
			got, text := getText(t, a.URL()+"/readyz")
			for _, w := range words {
				if !strings.Contains(text, w) {
					return false
				}
			}
			return got == status
		}
	}
	testkit.Eventually(t, "the backplane", seen(200, `"status":"ready"`, `"up":true,"degraded":false,"since":"20`))
	bus.Down()
	testkit.Eventually(t, "a degraded backplane", seen(200, `"status":"ready"`, `"up":false,"degraded":true`, `"reason":"`))
}
