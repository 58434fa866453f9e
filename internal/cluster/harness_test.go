package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// testNode is a node that records the events it receives. Tests run it in a bubble of
// testing/synctest.
type testNode struct {
	*Cluster

	t   *testing.T
	log *testkit.Log

	mu       sync.Mutex
	events   []string
	losses   []Loss
	left     []string
	deliver  func(m *backplane.Message) // nil without
	clients  int
	draining bool
}

func nodeID(n int) string { return fmt.Sprintf("%016x", n) }

// newNode returns a node that has not started.
func newNode(t *testing.T, n int, b backplane.Backplane, opts ...backplane.Option) *testNode {
	x := &testNode{t: t, log: &testkit.Log{}}
	started := time.Now()
	x.Cluster = New(Config{
		Backplane: b, Options: backplane.NewOptions(opts...),
		Self: func() backplane.Node {
			x.mu.Lock()
			defer x.mu.Unlock()
			return backplane.Node{ID: nodeID(n), Name: fmt.Sprint("node ", n), Started: started, Clients: x.clients, Draining: x.draining}
		},
		Endpoints: []Endpoint{{1, "ws /"}},
		Deliver:   x.received,
		Log:       x.log.Logger(slog.LevelInfo),
		Gap: func(l Loss) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.losses = append(x.losses, l)
		},
		Left: func(origin string) {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.left = append(x.left, origin)
		},
	})
	return x
}

func (x *testNode) received(_ *backplane.Message, load Load) error {
	m, err := load()
	if err != nil {
		return err
	}
	x.mu.Lock()
	x.events = append(x.events, m.Event)
	f := x.deliver
	x.mu.Unlock()
	if f != nil {
		f(m)
	}
	return nil
}

// take returns the events received since the last call.
func (x *testNode) take() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	got := x.events
	x.events = nil
	return got
}

// start starts a node that stops with the test.
func start(t *testing.T, n int, b backplane.Backplane, opts ...backplane.Option) *testNode {
	t.Helper()
	x := newNode(t, n, b, opts...)
	if err := x.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.stop(t) })
	return x
}

func (x *testNode) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := x.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// emit sends an event.
func (x *testNode) emit(event string, flags ...backplane.Flags) error {
	m := &backplane.Message{Kind: backplane.Event, Channel: backplane.ChannelEvents, Event: event}
	for _, f := range flags {
		m.Flags |= f
	}
	return x.Send(m)
}

func (x *testNode) mustEmit(events ...string) {
	x.t.Helper()
	for _, e := range events {
		if err := x.emit(e); err != nil {
			x.t.Fatal(e, err)
		}
	}
}

func (x *testNode) want(events ...string) {
	x.t.Helper()
	synctest.Wait()
	if got := x.take(); !slices.Equal(got, events) {
		x.t.Errorf("%s has received %q, want %q", x.Self().Name, got, events)
	}
}

func (x *testNode) Self() backplane.Node { return x.cfg.Self() }

// known returns the names of the nodes that a node knows.
func (x *testNode) known() (names []string) {
	for _, n := range x.Nodes() {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// engine is an engine whose Send is a function; it is connected at once.
type engine struct {
	send func(ctx context.Context, batch []*backplane.Message) error

	mu   sync.Mutex
	in   backplane.Inbound
	sent [][]backplane.Message
}

var _ backplane.Backplane = (*engine)(nil)

func (*engine) Name() string             { return "test" }
func (*engine) Traits() backplane.Traits { return backplane.Traits{} }

func (e *engine) Start(_ context.Context, _ backplane.Node, in backplane.Inbound) error {
	e.mu.Lock()
	e.in = in
	e.mu.Unlock()
	in.Link(true, false, nil)
	return nil
}

func (e *engine) Send(ctx context.Context, batch []*backplane.Message) error {
	e.mu.Lock()
	var own []backplane.Message
	for _, m := range batch {
		own = append(own, *m)
	}
	e.sent = append(e.sent, own)
	e.mu.Unlock()
	if e.send == nil {
		return nil
	}
	return e.send(ctx, batch)
}

func (*engine) Interest(context.Context, []string, []string) error { return errors.New("not called") }
func (*engine) Stop(context.Context) error                         { return nil }

// events returns the batches of events that were sent.
func (e *engine) events() (batches [][]backplane.Message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, b := range e.sent {
		var events []backplane.Message
		for _, m := range b {
			if m.Kind == backplane.Event {
				events = append(events, m)
			}
		}
		if len(events) > 0 {
			batches = append(batches, events)
		}
	}
	return batches
}

// pair starts two nodes that know each other.
func pair(t *testing.T, bus *memory.Bus, opts ...backplane.Option) (a, b *testNode, engineA, engineB *memory.Backplane) {
	t.Helper()
	engineA, engineB = bus.Node(), bus.Node()
	a, b = start(t, 1, engineA, opts...), start(t, 2, engineB, opts...)
	synctest.Wait()
	if len(a.known()) != 2 || len(b.known()) != 2 {
		t.Fatalf("nodes: %q, %q", a.known(), b.known())
	}
	return a, b, engineA, engineB
}
