package main

import (
	"bytes"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unlike are the modules that are left out: gateways.Module has a method GatewayOptions, the guard of those of authentication is one of
// jwtauth without a secret, and a constructor of testing.Module fails.
var unlike = []string{"gateways.Module", "authentication.Module", "authentication.Guarded", "authentication.Limited", "authentication.Logged", "testing.Module"}

// TestStatic: the documents of a module that is not built are those of the started application, on each platform that can serve it.
func TestStatic(t *testing.T) {
	for name, root := range shown {
		if slices.Contains(unlike, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			compared := 0
			for _, platform := range []func() adapter.Adapter{func() adapter.Adapter { return ws.New() }, func() adapter.Adapter { return socketio.New() }} {
				static, err := app.Describe(root, app.WebSockets(platform()))
				if err != nil { // options of the other platform
					continue
				}
				a := apptest.New(t, root, apptest.With(app.WebSockets(platform()))).App()
				want, got := documentsOf(t, &app.Description{Modules: a.Modules(), Gateways: a.Gateways(), Routes: a.Routes()}), documentsOf(t, static)
				if !slices.EqualFunc(got, want, func(a, b contract.Document) bool { return a.Name == b.Name && bytes.Equal(a.Text, b.Text) }) {
					t.Errorf("%s\nwant:\n%s", got, want)
				}
				compared++
			}
			if compared == 0 {
				t.Error("no platform serves it")
			}
		})
	}
}

func documentsOf(t *testing.T, d *app.Description) []contract.Document {
	t.Helper()
	m, err := contract.From(d)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := m.Documents()
	if err != nil {
		t.Fatal(err)
	}
	return docs
}
