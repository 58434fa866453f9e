// Package harness runs an application for the fault tests of packets and sessions: the stage of all fault tests, a
// second client that must not be affected, and the number of open Engine.IO sessions. [Memory] is the same without a
// network, for tests with a fake clock.
package harness

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/engineio"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Harness is a running application.
type Harness struct {
	*stage.Stage

	spy    *spy
	second *apptest.Client
	seen   int // number of disconnected clients that Left has returned
}

// Review is a payload with fields.
type Review struct {
	To    string         `json:"to"`
	Stars float64        `json:"stars"`
	More  map[string]any `json:"more"`
}

var tick = websockets.NewEvent[int]("tick")

// handlers are additional to those of the stage.
func handlers() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("mirror", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
		websockets.On("any", func(_ context.Context, v any) (any, error) { return v, nil }),
		websockets.On("post", func(_ context.Context, l Review) (Review, error) { return l, nil }),
		websockets.On("join", func(ctx context.Context, rooms []string) (int, error) {
			c := websockets.ClientFrom(ctx)
			if err := c.Join(rooms...); errors.Is(err, websockets.ErrRoomName) {
				return 0, &websockets.Error{Message: "Too long a name", Code: "room_name", Err: err}
			} else if err != nil {
				return 0, &websockets.Error{Message: "Too many rooms", Code: "rooms", Err: err}
			}
			return len(c.Rooms()), nil
		}),
		websockets.Stream("ticks", func(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
			return func(yield func(websockets.Response[int], error) bool) {
				for i := range n {
					if !yield(tick.Response(i), nil) {
						return
					}
				}
			}
		}),
	}
}

// New starts an application with an adapter, and connects the second client. When the test ends, it checks that no
// other client is left, and stops the application.
func New(t testing.TB, adapter adapter.Adapter, opts ...websockets.Option) *Harness {
	t.Helper()
	return NewWith(t, adapter, nil, opts...)
}

// NewWith is [New] with options of the application.
func NewWith(t testing.TB, adapter adapter.Adapter, appOpts []app.Option, opts ...websockets.Option) *Harness {
	t.Helper()
	h := &Harness{spy: &spy{Adapter: adapter}}
	h.Stage = stage.New(t, h.spy, stage.Gateway(opts...), stage.App(appOpts...), stage.Handle(handlers()...))
	h.second = h.dial()
	apptest.Call[string](h.second, "echo", "here")
	t.Cleanup(func() {
		h.Alone(t)
		h.second.Close()
		h.WantGone(1)
		h.Wait("no session is left", func() bool { return h.sessions() == 0 })
	})
	return h
}

func (h *Harness) dial() *apptest.Client {
	if h.spy.Traits().Namespaces {
		return h.App.DialSocketIO("/", apptest.WithTimeout(testkit.Patience))
	}
	return h.App.DialWS("/", apptest.WithTimeout(testkit.Patience))
}

// Own reports whether the server is Gatehouse's own, not zishang's.
func (h *Harness) Own() bool {
	_, other := h.spy.Adapter.(*zishang.Adapter)
	return !other
}

// Engine returns a client for Engine.IO requests to the application.
func (h *Harness) Engine(t testing.TB) *rawpeer.Engine {
	t.Helper()
	return rawpeer.NewEngine(t, h.Addr)
}

// Enter opens a session over polling and enters the main namespace.
func (h *Harness) Enter(t testing.TB) *rawpeer.Poller {
	t.Helper()
	p := h.Engine(t).Poll()
	rawpeer.Enter(t, p, "/", "")
	rawpeer.Echo(t, p, "in")
	return p
}

// EnterWS is Enter over WebSocket.
func (h *Harness) EnterWS(t testing.TB) *rawpeer.Socket {
	t.Helper()
	s := h.Engine(t).WebSocket()
	rawpeer.Enter(t, s, "/", "")
	rawpeer.Echo(t, s, "in")
	return s
}

// Open opens a plain WebSocket.
func (h *Harness) Open(t testing.TB) *rawpeer.Peer {
	t.Helper()
	p := rawpeer.Open(t, h.Addr, "/")
	rawpeer.EchoWS(t, p, "in")
	return p
}

// Left waits for the next disconnect, and returns its reason.
func (h *Harness) Left(t testing.TB) websockets.Reason {
	t.Helper()
	h.Wait("another client has left", func() bool { return len(h.Reasons()) > h.seen })
	h.seen++
	return h.Reasons()[h.seen-1]
}

// WantLeft is Left, and expects one of the causes.
func (h *Harness) WantLeft(t testing.TB, causes ...websockets.Cause) {
	t.Helper()
	got := h.Left(t)
	if slices.Contains(causes, got.Cause) {
		return
	}
	t.Errorf("the client left by %q (%s), want one of %q", got.Cause, got, causes)
}

// Alive fails the test unless the second client, and a new one, are served.
func (h *Harness) Alive(t testing.TB) {
	t.Helper()
	if got := apptest.Call[string](h.second, "echo", "still here"); got != "still here" {
		t.Errorf("the second client's echo: %q", got)
	}
	// Not with apptest, whose dialling ends with the test, before its cleanup.
	if h.spy.Traits().Namespaces {
		c := h.EnterWS(t)
		c.Send("41")
		c.Abort()
	} else {
		h.Open(t).Abort()
	}
	h.Left(t)
}

// Alone waits until no client but the second is left, and no session without a namespace, and checks that the
// application is alive.
func (h *Harness) Alone(t testing.TB) {
	t.Helper()
	h.Wait("all clients but the second have left", func() bool { return h.Server.Local().Len() == 1 && h.sessions() <= 1 })
	h.Wait("their hooks have run", func() bool { return len(h.Reasons())+1 == h.Connects() })
	h.seen = len(h.Reasons())
	h.Alive(t)
}

// sessions returns the number of Engine.IO sessions of Gatehouse's own server, and 0 for others.
func (h *Harness) sessions() int {
	v := reflect.ValueOf(h.spy.server)
	if v.Kind() != reflect.Pointer {
		return 0
	}
	engine := v.Elem().FieldByName("engine")
	if !engine.IsValid() || engine.Type() != reflect.TypeFor[*engineio.Server]() {
		return 0
	}
	return (*engineio.Server)(engine.UnsafePointer()).Len()
}

// spy keeps the server that an adapter creates, for inspection.
type spy struct {
	adapter.Adapter

	server adapter.Server
}

// NewServer implements [adapter.Adapter].
func (s *spy) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	server, err := s.Adapter.NewServer(cfg)
	s.server = server
	return server, err
}

// Engines runs a test on both Socket.IO servers.
func Engines(t *testing.T, test func(t *testing.T, adapter adapter.Adapter)) {
	t.Helper()
	t.Run("socketio", func(t *testing.T) { test(t, socketio.New()) })
	t.Run("zishang", func(t *testing.T) { test(t, zishang.New(zishang.Options{ConnectTimeout: 15 * time.Second})) })
}

// Transports runs a test on Gatehouse's own Socket.IO server, over polling and over WebSocket, and on zishang's over
// WebSocket.
func Transports(t *testing.T, test func(t *testing.T, h *Harness, enter func(testing.TB) rawpeer.Wire), opts ...websockets.Option) {
	t.Helper()
	t.Run("polling", func(t *testing.T) {
		h := New(t, socketio.New(), opts...)
		test(t, h, func(t testing.TB) rawpeer.Wire { t.Helper(); return h.Enter(t) })
	})
	t.Run("socketio", func(t *testing.T) {
		h := New(t, socketio.New(), opts...)
		test(t, h, func(t testing.TB) rawpeer.Wire { t.Helper(); return h.EnterWS(t) })
	})
	t.Run("zishang", func(t *testing.T) {
		h := New(t, zishang.New(zishang.Options{ConnectTimeout: 15 * time.Second}), opts...)
		test(t, h, func(t testing.TB) rawpeer.Wire { t.Helper(); return h.EnterWS(t) })
	})
}

// Plain runs a test on plain WebSocket.
func Plain(t *testing.T, test func(t *testing.T, h *Harness), opts ...websockets.Option) {
	t.Helper()
	t.Run("ws", func(t *testing.T) { test(t, New(t, ws.New(), opts...)) })
}
