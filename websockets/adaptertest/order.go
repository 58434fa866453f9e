package adaptertest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var orderTests = []test{
	{"law 9: one message of a client at a time, in order", testOrder},
	{"law 9: different clients run in parallel", testParallelClients},
	{"law 9: Concurrency runs several messages of a client", testConcurrency},
	{"law 9: Background runs in parallel to other messages", testBackground},
}

// counter counts concurrent handlers.
type counter struct {
	mu        sync.Mutex
	now, peak int
}

func (g *counter) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now++
	g.peak = max(g.peak, g.now)
}

func (g *counter) exit() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now--
}

func (g *counter) peakCount() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

// barrier blocks until n goroutines wait.
type barrier struct {
	mu      sync.Mutex
	missing int
	all     chan struct{}
}

func newBarrier(n int) *barrier { return &barrier{missing: n, all: make(chan struct{})} }

func (m *barrier) wait(ctx context.Context) error {
	m.mu.Lock()
	if m.missing--; m.missing == 0 {
		close(m.all)
	}
	m.mu.Unlock()
	return await(ctx, m.all)
}

func testOrder(t *testing.T, s *suite) {
	const n = 500 // more than fits into a client's inbox
	var atWork counter
	var mu sync.Mutex
	var got []int
	release := make(chan struct{})
	_, c := s.solo(t, newGateway(websockets.On("m", func(ctx context.Context, i int) (int, error) {
		atWork.enter()
		defer atWork.exit()
		if i == 0 {
			if err := await(ctx, release); err != nil {
				return 0, err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, i)
		return i, nil
	})))
	for i := range n {
		c.Emit("m", i)
	}
	close(release)
	if last := apptest.Call[int](c, "m", n); last != n {
		t.Errorf("answer %d, want %d", last, n)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != n+1 || !slices.IsSorted(got) {
		t.Errorf("%d messages, in the order %v; want %d, sorted", len(got), got, n+1)
	}
	if atWork.peakCount() != 1 {
		t.Errorf("%d messages at a time, want 1", atWork.peakCount())
	}
}

func testParallelClients(t *testing.T, s *suite) {
	both := newBarrier(2)
	a := s.start(t, newGateway(websockets.On("meet", func(ctx context.Context, _ struct{}) (bool, error) {
		return true, both.wait(ctx)
	})))
	one, two := s.dial(t, a), s.dial(t, a)
	one.Emit("meet")
	if !apptest.Call[bool](two, "meet") {
		t.Error("the handlers of two clients did not run at the same time")
	}
}

func testConcurrency(t *testing.T, s *suite) {
	const n = 3
	var atWork counter
	met := newBarrier(n)
	g := newGateway(websockets.On("meet", func(ctx context.Context, _ struct{}) (bool, error) {
		atWork.enter()
		defer atWork.exit()
		return true, met.wait(ctx)
	}))
	g.opts = []websockets.Option{websockets.Concurrency(n)}
	_, c := s.solo(t, g)
	for range 3 * n {
		c.Emit("meet")
	}
	if !apptest.Call[bool](c, "meet") {
		t.Error("not answered")
	}
	if atWork.peakCount() != n {
		t.Errorf("%d messages at a time, want %d", atWork.peakCount(), n)
	}
}

func testBackground(t *testing.T, s *suite) {
	started, release := make(chan struct{}, 2), make(chan struct{})
	_, c := s.solo(t, newGateway(echo(), websockets.On("long", func(ctx context.Context, n int) (int, error) {
		started <- struct{}{}
		return n, await(ctx, release)
	}, websockets.Background(1))))
	done := make(chan error, 1)
	go func() {
		_, err := c.TryCall("long", 1)
		done <- err
	}()
	testkit.Receive(t, "the handler in the background", started)
	alive(t, c)
	if e := c.CallError("long", 2); e.Code != websockets.CodeTooManyTasks || e.Message != `Too many at once: 1 of "long" are running` {
		t.Errorf("a second one is answered %+v, want the code %s", e, websockets.CodeTooManyTasks)
	}
	close(release)
	if err := testkit.Receive(t, "its answer", done); err != nil {
		t.Errorf("its answer: %v", err)
	}
	wantAnswer(t, c, 3, "long", 3)
}
