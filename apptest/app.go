package apptest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/abandon"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// App is a running application that stops when the test ends.
type App struct {
	t   testing.TB
	app *app.App
}

// Option configures [New] and [NewCluster].
type Option struct {
	app     []app.Option
	binding func(*pipe.Overrides) []module.ResolveOption // nil unless it overrides what is bound
	memory  bool                                         // of InMemory
	cluster *clusterOptions                              // nil unless it is for NewCluster only
}

// With passes options of package app.
func With(opts ...app.Option) Option { return Option{app: opts} }

// New starts an application on a free port of 127.0.0.1, or [InMemory], and stops it when the test
// ends, without waiting for Socket.IO clients between two polls. An error of either fails the test. The application logs to the test.
//
//	a := apptest.New(t, chat.Module, apptest.With(app.WebSockets(ws.New())))
//	c := a.DialWS("/ws/chat")
func New(t testing.TB, root *module.Module, opts ...Option) *App {
	t.Helper()
	all := []app.Option{app.HTTP("127.0.0.1:0")}
	if inMemory(opts) {
		all = append(all, app.Listener(newMemoryListener()))
	}
	for _, o := range opts {
		if o.cluster != nil {
			t.Fatalf("apptest: New: PerNode, OnBus and Backplane are options of NewCluster")
		}
	}
	all = append(all, appOptions(opts)...)
	x := start(t, root, slog.New(slog.NewTextHandler(testWriter{t}, nil)), all)
	t.Cleanup(func() {
		if err := x.stop(abandon.WithPolling(context.Background())); err != nil {
			t.Errorf("apptest: stop: %v", err)
		}
	})
	if inMemory(opts) {
		for _, g := range x.app.Gateways() {
			for _, e := range g.Endpoints {
				if e.Listener != "" {
					t.Fatalf("apptest: InMemory: the gateway %s listens on %s: serve it on the port of the application in this test", g.Name, e.Listener)
				}
			}
		}
	}
	return x
}

func inMemory(opts []Option) bool {
	return slices.ContainsFunc(opts, func(o Option) bool { return o.memory })
}

// appOptions returns the options of one application.
func appOptions(opts []Option) (all []app.Option) {
	overrides := &pipe.Overrides{}
	for _, o := range opts {
		all = append(all, o.app...)
		if o.binding != nil {
			all = append(all, app.Resolve(o.binding(overrides)...))
		}
	}
	return all
}

// stopWait limits a start, and a stop.
const stopWait = 15 * time.Second

// start starts an application.
func start(t testing.TB, root *module.Module, log *slog.Logger, opts []app.Option) *App {
	t.Helper()
	a, err := app.New(root, append([]app.Option{app.Logger(log)}, opts...)...)
	if err != nil {
		t.Fatalf("apptest: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	if err := a.Start(ctx); err != nil {
		t.Fatalf("apptest: %v", err)
	}
	return &App{t, a}
}

func (a *App) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWait)
	defer cancel()
	return a.app.Stop(ctx)
}

// Get returns the application's value of type T, or the only one that implements an
// interface T. It fails the test unless exactly one exists.
func Get[T any](a *App) T {
	a.t.Helper()
	var found []T
	for _, v := range module.Find[T](a.app.Modules()) {
		found = append(found, v)
	}
	if len(found) != 1 {
		a.t.Fatalf("apptest: Get: the application has %d values of type %v, want 1", len(found), reflect.TypeFor[T]())
	}
	return found[0]
}

// App returns the application itself.
func (a *App) App() *app.App { return a.app }

// URL returns the HTTP address, such as "http://127.0.0.1:41234", or "https://127.0.0.1:41234" with app.TLS.
// [InMemory] it is one that only the clients of this package and HTTPClient reach.
func (a *App) URL() string { return a.app.URL() }

// trusting is the TLS configuration of the application's own clients: its certificate is not that of an address.
func trusting() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // the application of the same test
}

// DialWS connects a plain WebSocket client to a path. With app.TLS it accepts any certificate, unless [WithTLS] is given.
func (a *App) DialWS(path string, opts ...DialOption) *Client {
	a.t.Helper()
	return DialWS(a.t, a.URL()+path, append([]DialOption{WithTLS(trusting())}, opts...)...)
}

// DialSocketIO connects a Socket.IO client to a namespace. As in the JavaScript client it may have a
// query, which is that of the handshake: "/chat?user=ada". TLS is as with DialWS.
func (a *App) DialSocketIO(namespace string, opts ...DialOption) *Client {
	a.t.Helper()
	url := a.URL()
	namespace, query, asked := strings.Cut(namespace, "?")
	if asked {
		url += "?" + query
	}
	return DialSocketIO(a.t, url, append([]DialOption{WithNamespace(namespace), WithTLS(trusting())}, opts...)...)
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}
