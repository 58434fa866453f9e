package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
)

// What a client does is in the metrics, which only this machine reads, and in the file of the spans.
func TestObserved(t *testing.T) {
	traces := filepath.Join(t.TempDir(), "traces.json")
	s := program.Settings{Addr: "127.0.0.1:0", Platforms: platforms.Both(), Key: login.NewKey(), TokenLife: time.Hour}
	root, options, err := observed(s, true, traces)
	if err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, root, apptest.With(options...))
	c := a.DialWS("/ws")
	c.Call("identity", 1)
	res, err := a.HTTPClient().Get(a.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if want := `rpc_method="root.NewGateway/identity"`; err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(b), want) {
		t.Errorf("%d, %v: no %s in\n%s", res.StatusCode, err, want, b)
	}
	spans, err := os.ReadFile(traces)
	if want := `"Name":"root.NewGateway/identity"`; err != nil || !strings.Contains(string(spans), want) {
		t.Errorf("%v: no %s in\n%s", err, want, spans)
	}
}

// Without flags it is the example.
func TestPlain(t *testing.T) {
	s := program.Settings{Addr: "127.0.0.1:0", Platforms: platforms.Both(), Key: login.NewKey(), TokenLife: time.Hour}
	root, options, err := observed(s, false, "")
	if err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, root, apptest.With(options...))
	res, err := a.HTTPClient().Get(a.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusNotFound {
		t.Errorf("got %d", res.StatusCode)
	}
}
