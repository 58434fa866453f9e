package deploy_test

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type gateway struct{}

func newGateway() *gateway { return &gateway{} }

func (*gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

// startNode starts an application at an address, and returns what stops it.
func startNode(t *testing.T, at string) (stop func()) {
	t.Helper()
	a, err := app.New(module.New("echo", module.Providers(websockets.Gateway(newGateway))), app.HTTP(at), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// TestNginxRestart: with the page's configuration a node is used again as soon as it is back, although
// the WebSockets to it do not end. One node after another is restarted, as in a deployment.
func TestNginxRestart(t *testing.T) {
	program := need.Program(t, "NGINX", "nginx")
	at := freeAddresses(t, 3)
	text := strings.NewReplacer("10.0.0.1:3000", at[0], "10.0.0.2:3000", at[1], "listen 8080", "listen "+at[2]).Replace(block(t, balancers, "nginx"))
	dir, file := write(t, "nginx.conf", nginxConf(text))
	log := &testkit.Log{}
	nginx := exec.Command(program, "-p", dir, "-e", "stderr", "-c", file, "-g", "daemon off;")
	nginx.Stdout, nginx.Stderr = log, log
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Signal(syscall.SIGTERM)
		_ = nginx.Wait()
	})
	testkit.Eventually(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", at[2])
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	connect := func(n int, when string) {
		for range n {
			c, err := apptest.TryDialWS(t, "http://"+at[2], apptest.WithTimeout(testkit.Patience))
			if err != nil {
				t.Fatalf("%s: %v\n%s", when, err, log)
			}
			if got := apptest.Call[string](c, "echo", "hello"); got != "hello" {
				t.Errorf("%s: got %q", when, got)
			}
		}
	}
	stop := []func(){startNode(t, at[0]), startNode(t, at[1])}
	connect(4, "both run")
	for i := range 2 {
		stop[i]()
		connect(4, "one was stopped")
		stop[i] = startNode(t, at[i])
		connect(4, "it is back")
	}
}
