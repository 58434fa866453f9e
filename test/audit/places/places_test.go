// Package places_test connects and disconnects in random ways, with functions of the application that fail in random ways,
// and counts the places of connections afterwards.
package places_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/zishang520/socket.io/v3/pkg/utils.SetTimeout.func1")) // a timer of that library may outlive its connection
}

// silence is after what time a client is gone that answers no ping.
const silence = time.Second

// places is how many connections there may be.
const places = 25

// fate is how functions of the application end, at random. While calm, all of them succeed.
type fate struct {
	mu   sync.Mutex
	rand *rand.Rand
	calm bool

	clients, recovered atomic.Int64
}

func (f *fate) n(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calm {
		return n - 1
	}
	return f.rand.IntN(n)
}

func (f *fate) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calm = true
}

var errFate = errors.New("a function of the application fails")

// strike is one end of a function.
func (f *fate) strike(ctx context.Context) error {
	switch f.n(20) {
	case 0:
		return errFate
	case 1:
		return pipeline.ErrForbidden
	case 2:
		panic("a function of the application panics")
	case 3:
		runtime.Goexit()
	case 4: // it ignores its context
		<-time.After(time.Duration(f.n(400)) * time.Millisecond)
	case 5: // a stop waits for it, and ends its context at last
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return nil
}

// same is the function SameClient of recovery.
func (f *fate) same(websockets.Client, *websockets.Handshake) bool {
	switch f.n(20) {
	case 0:
		panic("SameClient panics")
	case 1:
		runtime.Goexit()
	}
	return f.n(5) > 0
}

// hooks is a gateway whose functions end at random.
type hooks struct {
	f     *fate
	owned *websockets.Scoped[int]
}

func newHooks(f *fate) *hooks {
	shut := func(int) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = f.strike(ctx)
	}
	return &hooks{f, websockets.NewScoped(func(ctx context.Context, _ websockets.Client) (int, error) { return 1, f.strike(ctx) }, shut)}
}

func (g *hooks) Subscriptions() []websockets.Subscription {
	handle := func(ctx context.Context, n int) (int, error) {
		_ = websockets.ClientFrom(ctx).Emit(ctx, "news", n)
		if g.f.n(3) == 0 {
			return g.owned.Of(ctx)
		}
		return n, g.f.strike(ctx)
	}
	return []websockets.Subscription{
		websockets.On("do", handle),
		websockets.On("task", handle, websockets.Background(2)),
		websockets.Listen("kick", func(ctx context.Context, _ int) error {
			switch c := websockets.ClientFrom(ctx); g.f.n(3) {
			case 0:
				c.Disconnect()
			case 1:
				c.DisconnectAll()
			default:
				c.Close(4000, "enough")
			}
			return nil
		}),
		websockets.Listen("join", func(ctx context.Context, n int) error { return websockets.ClientFrom(ctx).Join(strconv.Itoa(n)) }),
	}
}

func (g *hooks) HandleConnection(ctx context.Context, c websockets.Client) error {
	if g.f.n(20) == 0 {
		c.DisconnectAll()
	}
	_ = c.Emit(ctx, "news", 0)
	g.f.clients.Add(1)
	if c.Recovered() {
		g.f.recovered.Add(1)
	}
	return g.f.strike(ctx)
}

func (g *hooks) HandleDisconnect(context.Context, websockets.Client, websockets.Reason) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.f.strike(ctx)
}

// observer returns hooks that fail at random.
func observer(f *fate) observe.Hooks {
	strike := func() {
		if f.n(20) == 0 {
			panic("a hook panics")
		}
	}
	return observe.Hooks{
		Admit: func(ctx context.Context, _ observe.Attempt) (context.Context, func(error)) {
			strike()
			return ctx, func(error) { strike() }
		},
		Refused:      func(context.Context, observe.Attempt, observe.Refusal) { strike() },
		Connected:    func(websockets.Client) { strike() },
		Upgraded:     func(websockets.Client) { strike() },
		Disconnected: func(websockets.Client, websockets.Reason, time.Duration) { strike() },
		Received:     func(websockets.Client, observe.Received) { strike() },
	}
}

// guard checks requests and connections.
type guard struct{ f *fate }

func (g guard) CheckHandshake(ctx context.Context, _ *pipeline.Call) error { return g.f.strike(ctx) }

func (g guard) Check(ctx context.Context, c *pipeline.Call) error {
	if c.Kind == pipeline.KindConnect {
		if h := websockets.HandshakeFrom(ctx); g.f.n(4) == 0 {
			h.OnConnected(func(c websockets.Client) { _ = g.f.strike(c.Context()) })
		}
	}
	return g.f.strike(ctx)
}

// playground is an application whose functions end at random, and its players.
type playground struct {
	app  *apptest.App
	fate *fate
	addr string
	kind string
	seed uint64
	log  testkit.Log
}

// everywhere runs f on each platform, several at once.
func everywhere(t *testing.T, f func(t *testing.T, g *playground)) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("AUDIT_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	const brief = 300 * time.Millisecond
	for kind, platform := range map[string]func(*fate) adapter.Adapter{
		"ws": func(*fate) adapter.Adapter { return ws.New() },
		"socketio": func(f *fate) adapter.Adapter {
			return socketio.New(socketio.Options{
				ConnectTimeout: brief, UpgradeTimeout: brief,
				Recovery: &socketio.Recovery{MaxDisconnection: time.Second, SameClient: f.same},
			})
		},
		"zishang": func(*fate) adapter.Adapter {
			return zishang.New(zishang.Options{ConnectTimeout: brief, UpgradeTimeout: brief})
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			t.Logf("AUDIT_SEED=%d", seed)
			g := &playground{fate: &fate{rand: rand.New(rand.NewPCG(seed, 1))}, kind: kind, seed: seed}
			g.start(t, platform(g.fate))
			f(t, g)
		})
	}
}

func (g *playground) start(t *testing.T, a adapter.Adapter) {
	t.Helper()
	limits := websockets.WithLimits(websockets.Limits{
		HandshakeTimeout: 200 * time.Millisecond, CloseTimeout: 200 * time.Millisecond, PingInterval: silence / 2, PingTimeout: silence / 2,
	})
	gateway := func() *hooks { return newHooks(g.fate) }
	gateways := []any{websockets.Gateway(gateway, limits)}
	if g.kind != "ws" {
		for _, ns := range []string{"/one", "/two", "/rooms/{room}"} {
			gateways = append(gateways, websockets.Gateway(module.Named(ns, gateway), websockets.Namespace(ns), limits, websockets.Concurrency(3)))
		}
	}
	g.app = apptest.New(t, module.New("places", module.Exports(gateways...)), apptest.With(app.WebSockets(a),
		app.Logger(g.log.Logger(slog.LevelInfo)), app.MaxConnections(places), app.UseGuards(guard{g.fate}), app.Observe(observer(g.fate))))
	g.addr = strings.TrimPrefix(g.app.URL(), "http://")
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(g.log.String()[max(0, len(g.log.String())-5000):])
		}
	})
}

// play lets 16 players play until more returns false.
func (g *playground) play(t *testing.T, more func() bool) {
	var known pids
	var wg sync.WaitGroup
	for i := range 16 {
		p := &player{t: t, rand: rand.New(rand.NewPCG(g.seed, uint64(i))), addr: g.addr, kind: g.kind, pids: &known}
		wg.Go(func() {
			for more() {
				p.play()
			}
		})
	}
	wg.Wait()
}

// TestField_X12_PlacesAreReturned: Whatever clients do, at random, and however guards, hooks, handlers and other functions
// of the application end, by errors, panics, timeouts or the end of their goroutine, every connection returns its place,
// once: then as many connections get in as app.MaxConnections says, and no more.
func TestField_X12_PlacesAreReturned(t *testing.T) {
	everywhere(t, func(t *testing.T, g *playground) {
		var rounds atomic.Int64
		rounds.Store(320)
		if os.Getenv("AUDIT_LONG") != "" {
			rounds.Store(10_000)
		}
		g.play(t, func() bool { return rounds.Add(-1) >= 0 })
		g.fate.rest()
		t.Logf("%d recovered", g.fate.recovered.Load())
		count(t, g.addr, g.kind)
	})
}

// TestField_X12_StopAmidHandshakes: An application that stops while clients connect, upgrade, reconnect and leave at
// random, and its functions end in every way, stops in time, and no handshake, client or goroutine is left.
func TestField_X12_StopAmidHandshakes(t *testing.T) {
	everywhere(t, func(t *testing.T, g *playground) {
		var stopped atomic.Bool
		played := make(chan struct{})
		go func() {
			defer close(played)
			g.play(t, func() bool { return !stopped.Load() })
		}()
		testkit.Eventually(t, "clients", func() bool { return g.fate.clients.Load() > 20 })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := g.app.App().Stop(ctx); err != nil {
			t.Error(err)
		}
		stopped.Store(true)
		<-played
	})
}

// count opens connections until none gets in.
func count(t *testing.T, addr, kind string) {
	t.Helper()
	target := "/"
	if kind != "ws" {
		target = "/socket.io/?EIO=4&transport=websocket"
	}
	var in []*rawpeer.Peer
	defer func() {
		for _, c := range in {
			c.Close()
		}
	}()
	open := func() bool {
		c, err := rawpeer.TryDial(t, addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.TryWrite(rawpeer.Upgrade(target))
		a, err := c.TryAnswer()
		if err == nil && a.Status == http.StatusSwitchingProtocols {
			if kind != "ws" {
				_ = c.TrySend("40")
			}
			in = append(in, c)
			return true
		}
		c.Close()
		return false
	}
	free := testkit.WithinEvery(100*time.Millisecond, testkit.Patience, func() bool {
		for _, c := range in {
			c.Close()
		}
		in = nil
		started := time.Now()
		for open() && len(in) <= places {
		}
		return len(in) >= places && time.Since(started) < silence // otherwise the first ones may be gone
	})
	if !free {
		t.Fatalf("%d connections get in, want %d", len(in), places)
	}
	if len(in) > places {
		t.Errorf("more than %d connections get in", places)
	}
}
