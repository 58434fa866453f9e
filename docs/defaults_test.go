package docs_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The defaults on docs/security.md that no other test checks.

// greedyGateway does for a client what is limited for each client, as often as possible.
type greedyGateway struct {
	calls   sync.WaitGroup
	refused chan struct{} // a call that was
	gone    context.Context
	leave   context.CancelFunc // ends the calls that wait
}

func newGreedyGateway() *greedyGateway {
	v := &greedyGateway{refused: make(chan struct{}, manyCalls)}
	v.gone, v.leave = context.WithCancel(context.Background())
	return v
}

func (v *greedyGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("join", v.Join), websockets.Listen("call", v.Call)}
}

// Join joins as many rooms as it may, and returns how many those are.
func (*greedyGateway) Join(ctx context.Context, most int) (int, error) {
	c := websockets.ClientFrom(ctx)
	for i := range most {
		if err := c.Join(strconv.Itoa(i)); errors.Is(err, websockets.ErrTooManyRooms) {
			return i, nil
		} else if err != nil {
			return 0, err
		}
	}
	return most, nil
}

// Call calls the client, which does not answer, more often than it may.
func (v *greedyGateway) Call(ctx context.Context, _ websockets.Payload) error {
	c := websockets.ClientFrom(ctx)
	for range manyCalls {
		v.calls.Go(func() {
			if _, err := c.Call(v.gone, "ask", nil); errors.Is(err, websockets.ErrTooManyCalls) {
				v.refused <- struct{}{}
			}
		})
	}
	return nil
}

// watched notes the limits that an adapter is given.
type watched struct {
	adapter.Adapter
	limits websockets.Limits
}

func (w *watched) NewServer(cfg adapter.ServerConfig) (adapter.Server, error) {
	w.limits = cfg.Limits
	return w.Adapter.NewServer(cfg)
}

// open starts an application in which nothing has been set.
func open(t *testing.T, adapter adapter.Adapter) (*apptest.App, *greedyGateway) {
	t.Helper()
	a := apptest.New(t, module.New("visit", module.Exports(websockets.Gateway(newGreedyGateway))), apptest.With(app.WebSockets(adapter)))
	return a, apptest.Get[*greedyGateway](a)
}

func TestDefaultLimits(t *testing.T) {
	for name, adapter := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
		t.Run(name, func(t *testing.T) {
			w := &watched{Adapter: adapter}
			_, _ = open(t, w)
			want := websockets.Limits{
				MaxMessage: 1_000_000, HandshakeTimeout: 15 * time.Second, PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second,
				SendQueue: 1 << 20, SendQueueMax: 8 << 20, SendStall: 10 * time.Second, IdleAfter: 10 * time.Second, MaxAuth: 16 << 10, KeptHeaders: 16 << 10,
				CloseTimeout: 5 * time.Second, CallTimeout: 10 * time.Second, ClientErrors: 50,
			}
			if w.limits != want {
				t.Errorf("%+v, want %+v", w.limits, want)
			}
			pageSays(t, "size of a message", "1,000,000", " bytes")
			pageSays(t, "memory of the send queue of a client", w.limits.SendQueue>>20, " MiB")
			pageSays(t, "the same, whether or not the client reads", w.limits.SendQueueMax>>20, " MiB")
			for what, d := range map[string]time.Duration{
				"time of the handshake, guards included":              w.limits.HandshakeTimeout,
				"interval of heartbeats":                              w.limits.PingInterval,
				"time to answer a heartbeat":                          w.limits.PingTimeout,
				"time in which a client reads nothing from its queue": w.limits.SendStall,
				"closing of a connection":                             w.limits.CloseTimeout,
				"answer of a client to a call without a deadline":     w.limits.CallTimeout,
			} {
				pageSays(t, what, d.Seconds(), " s")
			}
		})
	}
}

func TestDefaultRooms(t *testing.T) {
	a, _ := open(t, ws.New())
	if got := apptest.Call[int](a.DialWS("/"), "join", 2000); got != 1000 {
		t.Errorf("a client is let into %d rooms", got)
	}
}

const (
	maxCalls  = 1024
	manyCalls = 1100
)

func TestDefaultCalls(t *testing.T) {
	a, v := open(t, ws.New())
	c := a.DialWS("/", apptest.WithTimeout(30*time.Second))
	defer v.calls.Wait()
	defer v.leave()
	c.Emit("call")
	for range maxCalls {
		c.ExpectMessage("ask")
	}
	for n := range manyCalls - maxCalls {
		select {
		case <-v.refused:
		case <-time.After(30 * time.Second):
			t.Fatalf("%d calls were refused", n)
		}
	}
}
