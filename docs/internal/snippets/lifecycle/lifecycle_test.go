package lifecycle_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/lifecycle"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func TestHooksRunBeforeClients(t *testing.T) {
	a := apptest.New(t, lifecycle.Module, apptest.With(app.WebSockets(ws.New())))
	if !apptest.Call[bool](a.DialWS("/"), "ready") {
		t.Error("the cache is not ready")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := lifecycle.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestJobEndsTheApplication(t *testing.T) {
	a, err := app.New(module.New("job", module.Providers(lifecycle.NewJob)), app.Mounted())
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*app.ExitError](a.Run(t.Context())); !ok || e.Code != 3 {
		t.Errorf("the error of Run: %v", e)
	}
}

func TestProbed(t *testing.T) {
	a := apptest.New(t, lifecycle.Probed, apptest.With(app.WebSockets(ws.New())))
	for _, path := range []string{"/livez", "/readyz"} {
		ask.JSON(t, "GET", a.URL()+path, "").Want(t, 200, map[string]string{"/livez": `{"status":"live"}`, "/readyz": `{"status":"ready"}`}[path])
	}
}

func TestMounted(t *testing.T) {
	handler, stop, err := lifecycle.Mounted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	if !apptest.Call[bool](apptest.DialWS(t, server.URL), "ready") {
		t.Error("the cache is not ready")
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := apptest.TryDialWS(t, server.URL); err == nil {
		t.Error("a stopped application accepts clients")
	}
}

// snippet:graph
func TestGraph(t *testing.T) {
	text, err := app.Graph(lifecycle.Module)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "flowchart LR") {
		t.Error(text)
	}
}

// end
