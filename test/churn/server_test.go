package churn_test

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/engineio"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// countingGateway counts connects and disconnects.
type countingGateway struct {
	Server *websockets.Server `websockets:"server"`

	connects, disconnects atomic.Int64
	doubles, otherCauses  atomic.Int64 // of disconnects

	connected sync.Map // ids of clients
	hook      func(context.Context, websockets.Client) error
	left      chan struct{}    // receives once per disconnect, if not nil
	cause     websockets.Cause // of every disconnect, if set
}

func (l *countingGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("talk", l.Talk)}
}

func (l *countingGateway) HandleConnection(ctx context.Context, c websockets.Client) error {
	l.connects.Add(1)
	l.connected.Store(c.ID(), nil)
	_ = c.Join("all", "of "+c.ID()) // fails if the client has already disconnected
	if l.hook == nil {
		return nil
	}
	return l.hook(ctx, c)
}

func (l *countingGateway) Talk(_ context.Context, n int) (int, error) { return n + 1, nil }

func (l *countingGateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	if _, ok := l.connected.LoadAndDelete(c.ID()); !ok {
		l.doubles.Add(1)
	}
	if l.cause != "" && r.Cause != l.cause {
		l.otherCauses.Add(1)
	}
	l.disconnects.Add(1)
	if l.left != nil {
		l.left <- struct{}{}
	}
}

// adapterSpy keeps the server of an adapter, to inspect it.
type adapterSpy struct {
	adapter.Adapter
	server adapter.Server
}

func (s *adapterSpy) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	server, err := s.Adapter.NewServer(cfg)
	s.server = server
	return server, err
}

// fieldOf returns the target of a pointer field of a struct, exported or not.
func fieldOf[T any](v any, name string) *T {
	return (*T)(reflect.ValueOf(v).Elem().FieldByName(name).UnsafePointer())
}

// isEngine reports whether the server is Socket.IO.
func (s *adapterSpy) isEngine() bool { return s.Adapter.Traits().Namespaces }

// sessions returns the number of Engine.IO sessions.
func (s *adapterSpy) sessions() int {
	if !s.isEngine() {
		return 0
	}
	return fieldOf[engineio.Server](s.server, "engine").Len()
}

// live returns the number of handshakes, connections and sweepers.
func (s *adapterSpy) live() int {
	if !s.isEngine() {
		return fieldOf[wsconn.Group](s.server, "group").Live()
	}
	return fieldOf[wsconn.Group](fieldOf[engineio.Server](s.server, "engine"), "group").Live()
}

// recoverable returns the number of clients with events stored for recovery.
func (s *adapterSpy) recoverable() int {
	if !s.isEngine() {
		return 0
	}
	a := reflect.ValueOf(s.server).Elem().FieldByName("recovery")
	if a.IsNil() {
		return 0
	}
	a = a.Elem()
	mu := (*sync.Mutex)(a.FieldByName("mu").Addr().UnsafePointer())
	mu.Lock()
	defer mu.Unlock()
	return a.FieldByName("journals").Len()
}

// testApp is a running application with one gateway.
type testApp struct {
	gateway *countingGateway
	spy     *adapterSpy
	addr    string
}

func serve(t *testing.T, l *countingGateway, adapter adapter.Adapter, opts ...websockets.Option) *testApp {
	t.Helper()
	p := &testApp{gateway: l, spy: &adapterSpy{Adapter: adapter}}
	a := apptest.New(t,
		module.New("churn", module.Exports(websockets.Gateway(func() *countingGateway { return l }, opts...))),
		apptest.With(app.WebSockets(p.spy),
			app.Logger(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))))
	p.addr = strings.TrimPrefix(a.URL(), "http://")
	return p
}
