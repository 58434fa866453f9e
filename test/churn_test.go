package test_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	churnClients = 1000
	churnBatch   = 100
	churnMute    = 10 // of these never answer heartbeats, so that the server closes them

	churnPingInterval = 500 * time.Millisecond
	churnPingTimeout  = 3 * time.Second
)

// churnGateway counts connects, messages and disconnects.
type churnGateway struct {
	Server *websockets.Server `websockets:"server"`

	connects, messages, disconnects, doubles, pingTimeouts atomic.Int64

	gone sync.Map // client id → whether it has disconnected
}

func newChurn() *churnGateway { return &churnGateway{} }

func (g *churnGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("talk", g.Talk)}
}

func (g *churnGateway) HandleConnection(_ context.Context, c websockets.Client) error {
	g.connects.Add(1)
	return c.Join("all", "of "+c.ID())
}

func (g *churnGateway) Talk(_ context.Context, n int) (int, error) {
	g.messages.Add(1)
	return n + 1, nil
}

func (g *churnGateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	if _, before := g.gone.LoadOrStore(c.ID(), true); before {
		g.doubles.Add(1)
	}
	if r.Cause == websockets.CausePingTimeout {
		g.pingTimeouts.Add(1)
	}
	g.disconnects.Add(1)
}

func TestChurn(t *testing.T) {
	limits := websockets.WithLimits(websockets.Limits{PingInterval: churnPingInterval, PingTimeout: churnPingTimeout})
	t.Run("ws", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newChurn, limits))
		churn(t, a, func(opts ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialWS(t, a.URL()+"/", opts...)
		})
	})
	t.Run("socketio", func(t *testing.T) {
		a := newApp(t, socketio.New(), websockets.Gateway(newChurn, limits))
		churn(t, a, func(opts ...apptest.DialOption) (*apptest.Client, error) {
			return apptest.TryDialSocketIO(t, a.URL(), opts...)
		})
	})
}

type churnDial func(opts ...apptest.DialOption) (*apptest.Client, error)

func churn(t *testing.T, a *apptest.App, dial churnDial) {
	t.Helper()
	g := apptest.Get[*churnGateway](a)
	start := runtime.NumGoroutine()
	peak := start
	started := time.Now()
	for first := 0; first < churnClients; first += churnBatch {
		peak = max(peak, churnOneBatch(t, g, dial, first))
	}
	talked := time.Since(started)

	// Mute clients are closed after one heartbeat. The extra second is for a busy
	// machine.
	const patience = churnPingInterval + churnPingTimeout + time.Second
	left := time.Now()
	back := within(patience, func() bool {
		return g.disconnects.Load() == churnClients && runtime.NumGoroutine() <= start
	})
	after := runtime.NumGoroutine()
	t.Logf("goroutines: %d at the start, %d with %d clients, %d after; %v for all to connect and disconnect, %v more to settle",
		start, peak, churnBatch, after, talked.Round(time.Millisecond), time.Since(left).Round(time.Millisecond))
	if !back {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines at the start, %d after %v\n%.8000s", start, after, patience, stacks[:runtime.Stack(stacks, true)])
	}
	if peak < start+2*churnBatch { // at least the client's reader and one of the server
		t.Errorf("at most %d goroutines with %d clients connected: the measurement measures nothing", peak, churnBatch)
	}
	for _, count := range []struct {
		what      string
		got, want int64
	}{
		{"HandleConnection", g.connects.Load(), churnClients},
		{"messages", g.messages.Load(), churnClients},
		{"HandleDisconnect", g.disconnects.Load(), churnClients},
		{"clients that disconnected twice", g.doubles.Load(), 0},
		{"clients closed by heartbeat", g.pingTimeouts.Load(), churnMute},
		{"clients of the server", int64(g.Server.Local().Len()), 0},
		{"clients in rooms", int64(g.Server.To("all").Local().Len()), 0},
	} {
		if count.got != count.want {
			t.Errorf("%s: %d, want %d", count.what, count.got, count.want)
		}
	}
	// It still serves clients.
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	if got := apptest.Call[int](c, "talk", 1); got != 2 {
		t.Errorf("talk: %d, want 2", got)
	}
	c.Close()
}

// churnOneBatch connects the clients in parallel and then disconnects them, every other
// one by an abort. The mute ones of the first batch stay. It returns the number of
// goroutines while all are connected.
func churnOneBatch(t *testing.T, g *churnGateway, dial churnDial, first int) (goroutines int) {
	t.Helper()
	var connecting, disconnecting sync.WaitGroup
	var clients [churnBatch]*apptest.Client
	for i := range clients {
		connecting.Go(func() {
			var err error
			if clients[i], err = churnConnect(dial, first+i); err != nil {
				t.Errorf("client %d: %v", first+i, err)
			}
		})
	}
	connecting.Wait()
	if n := g.Server.To("all").Local().Len(); n < churnBatch && !t.Failed() {
		t.Errorf("%d clients in the room, want %d", n, churnBatch)
	}
	goroutines = runtime.NumGoroutine()
	for i, c := range clients {
		if c == nil || first+i < churnMute {
			continue
		}
		disconnecting.Go(func() {
			if i%2 == 0 {
				c.Abort()
			} else {
				c.Close()
			}
		})
	}
	disconnecting.Wait()
	return goroutines
}

func churnConnect(dial churnDial, n int) (*apptest.Client, error) {
	opts := []apptest.DialOption{apptest.WithTimeout(20 * time.Second)}
	if n < churnMute {
		opts = append(opts, apptest.WithoutPong())
	}
	c, err := dial(opts...)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	answer, err := c.TryCall("talk", n)
	if err == nil && string(answer) != fmt.Sprint(n+1) {
		err = fmt.Errorf("talk(%d) was answered %s", n, answer)
	}
	return c, err
}

// within polls done every 10 ms until it returns true or patience expires.
func within(patience time.Duration, done func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for !done() {
		select {
		case <-look.C:
		case <-deadline.C:
			return done()
		}
	}
	return true
}
