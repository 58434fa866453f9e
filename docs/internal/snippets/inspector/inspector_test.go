package inspector_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/inspector"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func status(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // nothing is read
	return res.StatusCode
}

func TestDev(t *testing.T) {
	for value, want := range map[string]int{"": http.StatusNotFound, "1": http.StatusOK} {
		t.Setenv("INSPECT", value)
		a := apptest.New(t, inspector.Dev(), apptest.With(app.WebSockets(ws.New())))
		if got := status(t, a.URL()+"/inspect/"); got != want {
			t.Errorf("INSPECT=%s: %d", value, got)
		}
	}
}

func TestGuarded(t *testing.T) {
	none := pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return pipeline.ErrForbidden })
	a := apptest.New(t, module.New("app", module.Imports(inspector.Guarded(none))))
	if got := status(t, a.URL()+"/inspect/"); got != http.StatusForbidden {
		t.Errorf("status %d", got)
	}
}
