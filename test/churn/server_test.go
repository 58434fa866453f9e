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

// lobby counts who comes and goes.
type lobby struct {
	Server *websockets.Server `websockets:"server"`

	connects, disconnects atomic.Int64

	hook func(context.Context, websockets.Client) error
	left chan struct{} // one for each who left, when somebody waits for it
}

func (l *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("talk", l.Talk)}
}

func (l *lobby) HandleConnection(ctx context.Context, c websockets.Client) error {
	l.connects.Add(1)
	_ = c.Join("all", "of "+c.ID()) // an error tells that it has left already
	if l.hook == nil {
		return nil
	}
	return l.hook(ctx, c)
}

func (l *lobby) Talk(_ context.Context, n int) (int, error) { return n + 1, nil }

func (l *lobby) HandleDisconnect(_ context.Context, _ websockets.Client, _ websockets.Reason) {
	l.disconnects.Add(1)
	if l.left != nil {
		l.left <- struct{}{}
	}
}

// spy keeps the server that an adapter makes, to look into.
type spy struct {
	adapter.Adapter
	server adapter.Server
}

func (s *spy) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	server, err := s.Adapter.NewServer(cfg)
	s.server = server
	return server, err
}

// inside gives what a field of a struct points to, exported or not.
func inside[T any](v any, name string) *T {
	return (*T)(reflect.ValueOf(v).Elem().FieldByName(name).UnsafePointer())
}

// isEngine tells a server of Socket.IO from one of plain WebSocket.
func (s *spy) isEngine() bool { return s.Adapter.Traits().Namespaces }

// sessions is how many Engine.IO sessions there are.
func (s *spy) sessions() int {
	if !s.isEngine() {
		return 0
	}
	return inside[engineio.Server](s.server, "engine").Len()
}

// live is how many handshakes, connections and sweepers there are.
func (s *spy) live() int {
	if !s.isEngine() {
		return inside[wsconn.Group](s.server, "group").Live()
	}
	return inside[wsconn.Group](inside[engineio.Server](s.server, "engine"), "group").Live()
}

// absent is how many clients' events are kept for recovery.
func (s *spy) absent() int {
	if !s.isEngine() {
		return 0
	}
	a := reflect.ValueOf(s.server).Elem().FieldByName("absence").Elem()
	if !a.IsValid() {
		return 0
	}
	mu := (*sync.Mutex)(a.FieldByName("mu").Addr().UnsafePointer())
	mu.Lock()
	defer mu.Unlock()
	return a.FieldByName("records").Len()
}

// place is a running application with one gateway.
type place struct {
	lobby *lobby
	spy   *spy
	addr  string
}

func serve(t *testing.T, l *lobby, adapter adapter.Adapter, opts ...websockets.Option) *place {
	t.Helper()
	p := &place{lobby: l, spy: &spy{Adapter: adapter}}
	a := apptest.New(t,
		module.New("churn", module.Exports(websockets.Gateway(func() *lobby { return l }, opts...))),
		apptest.With(app.WebSockets(p.spy),
			app.Logger(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))))
	p.addr = strings.TrimPrefix(a.URL(), "http://")
	return p
}
