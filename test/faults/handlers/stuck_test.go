package handlers_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F63_StuckHandler: A handler that ignores its context and never returns does not block the stop: it ends
// in time, with an error that names the problem, after every other client was closed.
func TestFault_F63_StuckHandler(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		for name, opts := range map[string][]websockets.HandlerOption{"in turn": nil, "in the background": {websockets.Background(1)}} {
			t.Run(name, func(t *testing.T) { stuck(t, p, opts) })
		}
	})
}

func stuck(t *testing.T, p platform, opts []websockets.HandlerOption) {
	t.Helper()
	started, release, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var left atomic.Int64
	h := &hooks{
		subs: []websockets.Subscription{websockets.Listen("block", func(context.Context, int) error {
			defer close(over)
			close(started)
			<-release
			return nil
		}, opts...)},
		leave: func(context.Context, websockets.Client, websockets.Reason) { left.Add(1) },
	}
	log := &testkit.Log{}
	a, err := app.New(module.New("test", module.Providers(websockets.Gateway(func() *hooks { return h }))),
		app.HTTP("127.0.0.1:0"), app.WebSockets(p.adapter()), logTo(log))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { // otherwise the goroutine would leak
		close(release)
		testkit.Receive(t, "the end of the handler", over)
	}()
	url := "http://" + a.Addr().String()
	dial := func() *apptest.Client {
		c, err := p.dial(t, url, apptest.WithTimeout(testkit.Patience))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	bad, good := dial(), dial()
	bad.Emit("block", 1)
	testkit.Receive(t, "the handler", started)
	echoes(t, good)
	const timeout = 2 * time.Second
	stopping := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- a.Stop(ctx) }()
	good.ExpectClose()
	err = testkit.Receive(t, "the end of the stop", stopped)
	if err == nil || !strings.Contains(err.Error(), "handlers of 1 clients did not finish in time") {
		t.Errorf("the error of the stop is %v", err)
	}
	if took := time.Since(stopping); took < timeout {
		t.Errorf("the handler got %v, want %v", took, timeout)
	}
	bad.ExpectClose()
	if n := left.Load(); n != 2 { // law 7: it runs after the last handler, or after that handler's deadline
		t.Errorf("HandleDisconnect has run %d times, want for both clients", n)
	}
}

// TestFault_F64_WritesToTheGone: A handler continues after its client has disconnected: Emit, Call, Join and streams
// return ErrClosed or end, and nothing panics.
func TestFault_F64_WritesToTheGone(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		left, results := make(chan struct{}, 2), make(chan map[string]error, 1)
		h := &hooks{leave: func(context.Context, websockets.Client, websockets.Reason) { left <- struct{}{} }}
		yielded := make(chan int, 1)
		h.subs = []websockets.Subscription{
			websockets.On("linger", func(ctx context.Context, _ int) (int, error) {
				<-ctx.Done()
				c := websockets.ClientFrom(ctx)
				_, err := c.Call(context.WithoutCancel(ctx), "ask", nil)
				got := map[string]error{
					"Emit": c.Emit(ctx, "late", 1), "Call": err, "Join": c.Join("late"),
					"volatile Emit": c.Emit(ctx, "late", 1, websockets.Volatile()),
				}
				c.Leave("late")
				c.Disconnect()
				if err := h.Server.Except(c).Emit(ctx, "late", 1); err != nil {
					got["broadcast"] = err
				}
				results <- got
				return 1, nil
			}, websockets.Background(1)),
			websockets.Stream("stream", func(context.Context, int) items {
				return func(yield func(websockets.Response[int], error) bool) {
					n := 0
					for yield(websockets.Respond("item", n), nil) {
						n++
					}
					yielded <- n
				}
			}, websockets.Background(1)),
		}
		a, log := start(t, p, h)
		witness := p.enter(t, a)
		c := p.enter(t, a)
		c.Emit("linger", 1)
		c.Emit("stream", 1)
		echoes(t, c)
		c.Abort()
		for what, err := range testkit.Receive(t, "the handler", results) {
			if what == "broadcast" || err == nil || !strings.Contains(err.Error(), websockets.ErrClosed.Error()) {
				t.Errorf("%s: got %v, want ErrClosed", what, err)
			}
		}
		testkit.Receive(t, "the end of the stream", yielded)
		testkit.Receive(t, "HandleDisconnect", left)
		echoes(t, witness)
		if n := h.Server.To("late").Local().Len(); n != 0 {
			t.Errorf("%d clients in a room that was entered too late", n)
		}
		if lines := log.Lines("level=ERROR"); len(lines) > 0 {
			t.Errorf("in the log: %s", lines)
		}
	})
}

type items = iter.Seq2[websockets.Response[int], error]

// TestFault_F65_AllAtOnce: Emit, Disconnect, Join, Leave and broadcasts run on many goroutines at once, thousands of
// times, while clients connect and disconnect: no race, no panic, and no client or room is left.
func TestFault_F65_AllAtOnce(t *testing.T) {
	const rounds, workers, each = 25, 8, 50 // 10,000 of each
	onEach(t, func(t *testing.T, p platform) {
		var connected, left atomic.Int64
		members := make(chan websockets.Client, 1)
		h := &hooks{
			connect: func(_ context.Context, c websockets.Client) error { connected.Add(1); members <- c; return nil },
			leave:   func(context.Context, websockets.Client, websockets.Reason) { left.Add(1) },
		}
		a, log := start(t, p, h, websockets.Concurrency(4))
		for round := range rounds {
			peer := p.enter(t, a)
			c := testkit.Receive(t, "the client", members)
			var all sync.WaitGroup
			for w := range workers {
				all.Go(func() {
					for i := range each {
						if w == 0 && i == each/2 {
							if round%2 == 0 {
								c.Disconnect()
							} else {
								peer.Abort()
							}
						}
						_ = c.Join("a", "b")
						_ = c.Emit(t.Context(), "news", i)
						_ = h.Server.To("a").Emit(t.Context(), "news", i)
						c.Leave("b")
						_ = c.Rooms()
						_ = peer.TryEmit("echo", "x")
					}
				})
			}
			all.Wait()
			peer.Close()
		}
		testkit.Eventually(t, "all have left", func() bool {
			return left.Load() == rounds && h.Server.Local().Len() == 0 && h.Server.To("a", "b").Local().Len() == 0
		})
		if connected.Load() != rounds {
			t.Errorf("%d connected", connected.Load())
		}
		last := p.enter(t, a)
		testkit.Receive(t, "the last client", members)
		echoes(t, last)
		if lines := log.Lines("level=ERROR"); len(lines) > 0 {
			t.Errorf("in the log: %s", lines)
		}
	})
}
