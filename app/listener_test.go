package app_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

func listenAnywhere(t *testing.T) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// A listener is served in place of the address of HTTP, and closed by Stop.
func TestListener(t *testing.T) {
	for name, opts := range map[string]func(l net.Listener) []app.Option{
		"alone":       func(l net.Listener) []app.Option { return with(app.Listener(l)) },
		"before HTTP": func(l net.Listener) []app.Option { return with(app.Listener(l), app.HTTP("127.0.0.1:0")) },
		"after HTTP":  func(l net.Listener) []app.Option { return with(app.HTTP("127.0.0.1:0"), app.Listener(l)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := listenAnywhere(t)
			a, err := app.New(module.New("empty"), append(opts(l), quiet())...)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Nodes()) != 0 || a.Self().ID != "" {
				t.Error("nodes before the start")
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if a.Addr().String() != l.Addr().String() {
				t.Errorf("listens on %v, want %v", a.Addr(), l.Addr())
			}
			if nodes := a.Nodes(); len(nodes) != 1 || nodes[0].ID != a.Self().ID {
				t.Errorf("nodes %v, self %v", nodes, a.Self())
			}
			r, err := http.Get("http://" + l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			if r.StatusCode != http.StatusNotFound {
				t.Errorf("status %d", r.StatusCode)
			}
			if err := a.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Stop: %v", err)
			}
		})
	}
}

// Routes and WebSockets on a Unix socket, with TLS too.
func TestListenerOnAUnixSocket(t *testing.T) {
	cert := certificate(t, "app")
	certFile, keyFile := cert.Write(t, t.TempDir())
	for name, opts := range map[string][]app.Option{"http": nil, "https": {app.TLS(certFile, keyFile)}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.sock")
			var lc net.ListenConfig
			l, err := lc.Listen(t.Context(), "unix", path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o660); err != nil {
				t.Fatal(err)
			}
			serveTLS(t, append(opts, app.Listener(l), app.WebSockets(ws.New()))...)
			dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", path)
			}
			c := apptest.DialWS(t, name+"://localhost", apptest.WithDialer(dial), apptest.WithTLS(&tls.Config{RootCAs: cert.Pool(), MinVersion: tls.VersionTLS12}))
			if got := apptest.Call[string](c, "echo", "hello"); got != "hello" {
				t.Errorf("echo: %q", got)
			}
			tr := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: cert.Pool(), MinVersion: tls.VersionTLS12}}
			defer tr.CloseIdleConnections()
			r, err := (&http.Client{Transport: tr}).Get(name + "://localhost/text")
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Body.Close()
			if r.StatusCode != http.StatusOK {
				t.Errorf("status %d", r.StatusCode)
			}
			// The application leaves the mode as it is.
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("mode: %v, %v", info, err)
			}
		})
	}
}

type failing struct{}

func (failing) OnModuleInit(context.Context) error { return errHook }

// A start that fails closes the listener.
func TestListenerOfAFailedStart(t *testing.T) {
	l := listenAnywhere(t)
	a, err := app.New(module.New("failing", module.Providers(func() failing { return failing{} })), app.Listener(l), app.WebSockets(ws.New()), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); !errors.Is(err, errHook) {
		t.Errorf("Start: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
}
