package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type purge struct {
	Key string
	Raw []byte
}

var purged = websockets.NewNodeEvent[purge]("purge")

// cache handles events of other nodes: what it does depends on the key.
type cache struct {
	Server *websockets.Server `websockets:"server"`

	name    string
	heard   chan string
	release chan struct{} // what "block" waits for, though its context ends
}

func (g *cache) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{purged.On(g.purge)}
}

func (g *cache) purge(ctx context.Context, p purge) error {
	g.heard <- fmt.Sprintf("%s %s %v", g.name, p.Key, p.Raw)
	switch p.Key {
	case "panic":
		panic("broken cache")
	case "exit":
		runtime.Goexit()
	case "error":
		return errors.New("no such key")
	case "wait":
		<-ctx.Done()
		return context.Cause(ctx)
	case "block":
		<-g.release
	}
	return nil
}

// cacheNode is an application with two gateways at one endpoint, and another at its own.
type cacheNode struct {
	*apptest.App

	first *cache
	all   []*cache
	heard chan string
	log   *testkit.Log
}

// modules returns the modules of a node, without starting it.
func (n *cacheNode) modules(opts ...websockets.Option) *module.Module {
	n.heard, n.log = make(chan string, 10_000), &testkit.Log{}
	of := func(name string, opts ...websockets.Option) *module.Module {
		return module.New(name, module.Providers(websockets.Gateway(func() *cache {
			c := &cache{name: name, heard: n.heard, release: make(chan struct{})}
			if n.all = append(n.all, c); name == "first" {
				n.first = c
			}
			return c
		}, opts...)))
	}
	return module.New("caches", module.Imports(of("first", opts...), of("second", opts...), of("other", websockets.Path("/other"))))
}

func (n *cacheNode) start(t *testing.T, bus *memory.Bus, m *module.Module) *cacheNode {
	t.Helper()
	opts := []app.Option{app.WebSockets(ws.New()), app.Logger(n.log.Logger(slog.LevelInfo))}
	if bus != nil {
		opts = append(opts, app.Backplane(bus.Node()))
	}
	n.App = apptest.New(t, m, apptest.With(opts...))
	return n
}

func startCaches(t *testing.T, bus *memory.Bus, opts ...websockets.Option) *cacheNode {
	t.Helper()
	n := &cacheNode{}
	return n.start(t, bus, n.modules(opts...))
}

func (n *cacheNode) emit(t *testing.T, key string) {
	t.Helper()
	if err := purged.Emit(t.Context(), n.first.Server, purge{Key: key, Raw: []byte{1}}); err != nil {
		t.Fatal(err)
	}
}

// expect waits for the handlers of the gateways at the first endpoint.
func (n *cacheNode) expect(t *testing.T, key string) {
	t.Helper()
	got := map[string]bool{}
	for range 2 {
		got[testkit.Receive(t, key, n.heard)] = true
	}
	if !got["first "+key+" [1]"] || !got["second "+key+" [1]"] {
		t.Errorf("%v, want %s at both gateways", got, key)
	}
}

func startThreeCaches(t *testing.T, opts ...websockets.Option) (a, b, c *cacheNode) {
	t.Helper()
	bus := memory.NewBus()
	a, b, c = startCaches(t, bus, opts...), startCaches(t, bus, opts...), startCaches(t, bus, opts...)
	testkit.Eventually(t, "the nodes know each other", func() bool {
		return len(a.first.Server.Nodes()) == 3 && len(b.first.Server.Nodes()) == 3 && len(c.first.Server.Nodes()) == 3
	})
	return a, b, c
}

// Every other node has the event once, at each gateway of the endpoint, in order. The own node and
// gateways at other endpoints do not.
func TestNodeEvent(t *testing.T) {
	a, b, c := startThreeCaches(t)
	a.emit(t, "one")
	b.expect(t, "one")
	c.expect(t, "one")
	c.emit(t, "two")
	a.expect(t, "two")
	b.expect(t, "two")
	for i := range 500 {
		a.emit(t, fmt.Sprint(i))
	}
	next := map[string]int{}
	for range 2 * 500 {
		got := strings.Fields(testkit.Receive(t, "an event", b.heard))
		if want := fmt.Sprint(next[got[0]]); got[1] != want {
			t.Fatalf("%v, want %s", got, want)
		}
		next[got[0]]++
	}
	if len(a.heard)+len(b.heard) > 0 {
		t.Errorf("%d and %d more events", len(a.heard), len(b.heard))
	}
	if s := a.App.App().Stats().Backplane; s.Invalid+s.Unknown+s.Gaps > 0 {
		t.Errorf("%+v", s)
	}
}

// A handler that panics, ends its goroutine, fails or is too slow is logged, and has the next
// event.
func TestNodeEventFailures(t *testing.T) {
	a, b, _ := startThreeCaches(t, websockets.WithLimits(websockets.Limits{CallTimeout: 50 * time.Millisecond}))
	for key, line := range map[string]string{
		"panic": `panic="broken cache"`, "exit": "has ended its goroutine", "error": "no such key", "wait": "deadline exceeded",
	} {
		a.emit(t, key)
		b.expect(t, key)
		testkit.Eventually(t, key+" is logged for both gateways", func() bool { return len(b.log.Lines(line, "event=purge", "node=")) == 2 })
	}
	a.emit(t, "next")
	b.expect(t, "next")
}

// What waits for a handler is bounded.
func TestNodeEventQueue(t *testing.T) {
	a, b, c := startThreeCaches(t)
	a.emit(t, "block")
	b.expect(t, "block")
	client := b.DialWS("/")
	testkit.Eventually(t, "the node has the client", func() bool { return b.first.Server.Local().Len() == 1 })
	const more = 1100
	for i := range more {
		a.emit(t, fmt.Sprint(i))
	}
	if err := a.first.Server.Emit(t.Context(), "after them", nil); err != nil {
		t.Fatal(err)
	}
	client.ExpectMessage("after them") // all of them wait for the handlers, or are lost
	testkit.Eventually(t, "the loss is logged", func() bool { return len(b.log.Lines("events of other nodes are dropped")) > 0 })
	for _, g := range append(c.all, b.all...) {
		close(g.release)
	}
	for i := 0; i < 1024; {
		if got := testkit.Receive(t, "an event", b.heard); strings.HasPrefix(got, "first") {
			if want := fmt.Sprintf("first %d [1]", i); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
			i++
		}
	}
	a.emit(t, "last")
	for {
		if got := testkit.Receive(t, "the last event", b.heard); strings.HasPrefix(got, "first") {
			if got != "first last [1]" {
				t.Errorf("%q after the queue was full", got)
			}
			return
		}
	}
}

// initially is a provider whose OnModuleInit waits.
type initially struct{ entered, release chan struct{} }

func (i *initially) OnModuleInit(context.Context) error {
	close(i.entered)
	<-i.release
	return nil
}

// Events that arrive while a node starts are handled when it has started.
func TestNodeEventAtStart(t *testing.T) {
	bus := memory.NewBus()
	a := startCaches(t, bus)
	b, hook := &cacheNode{}, &initially{make(chan struct{}), make(chan struct{})}
	m := module.New("slow", module.Imports(b.modules()), module.Providers(module.Value(hook)))
	started := make(chan struct{})
	go func() {
		defer close(started)
		b.start(t, bus, m)
	}()
	<-hook.entered
	testkit.Eventually(t, "a knows b", func() bool { return len(a.first.Server.Nodes()) == 2 })
	a.emit(t, "early")
	arrived := a.App.App().Stats().Backplane.Sent
	testkit.Eventually(t, "it is sent", func() bool { return a.App.App().Stats().Backplane.Queued == 0 && arrived > 0 })
	if len(b.heard) > 0 {
		t.Error("an event is handled before OnModuleInit has returned")
	}
	close(hook.release)
	<-started
	b.expect(t, "early")
}

// A stop waits for the handler that runs, and names one that does not return.
func TestNodeEventAtStop(t *testing.T) {
	a, b, c := startThreeCaches(t)
	a.emit(t, "block")
	b.expect(t, "block")
	c.expect(t, "block")
	for range 2 {
		a.emit(t, "never") // waits, and is not handled
	}
	stopped := make(chan error, 1)
	go func() { stopped <- b.App.App().Stop(t.Context()) }()
	testkit.Eventually(t, "b has left", func() bool { return len(a.first.Server.Nodes()) == 2 })
	if len(stopped) > 0 {
		t.Error("the stop has not waited for the handler")
	}
	for _, g := range b.all {
		close(g.release)
	}
	if err := testkit.Receive(t, "the stop", stopped); err != nil {
		t.Error(err)
	}
	if len(b.heard) > 0 {
		t.Errorf("after the stop: %s", <-b.heard)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := c.App.App().Stop(ctx)
	if !errors.Is(err, app.ErrStuck) || !strings.Contains(err.Error(), `node event "purge" of gateway`) {
		t.Errorf("stop with a handler that does not return: %v", err)
	}
	for _, g := range c.all {
		close(g.release)
	}
}

// Without other nodes nothing is sent; errors are the same.
func TestNodeEventAlone(t *testing.T) {
	a := startCaches(t, nil)
	a.emit(t, "alone")
	if len(a.heard) > 0 {
		t.Error("the own node has the event")
	}
	if err := websockets.NewNodeEvent[any]("bad").Emit(t.Context(), a.first.Server, make(chan int)); err == nil {
		t.Error("a payload without a JSON form is no error")
	}
	if err := purged.Emit(t.Context(), nil, purge{}); !errors.Is(err, websockets.ErrNoServer) {
		t.Errorf("without a server: %v", err)
	}
	fake := apptest.NewFakeServer()
	if err := purged.Emit(t.Context(), fake.Server(), purge{Key: "x"}); err != nil {
		t.Error(err)
	}
	if sent := fake.Sent(); len(sent) != 1 || !sent[0].To.Nodes || sent[0].Event != "purge" {
		t.Errorf("%+v", sent)
	}
}

type badEvent struct{}

func (*badEvent) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.NewNodeEvent[chan int]("bad").On(func(context.Context, chan int) error { return nil })}
}

// A payload that JSON cannot hold is a start error.
func TestNodeEventType(t *testing.T) {
	a, err := app.New(module.New("bad", module.Providers(websockets.Gateway(func() *badEvent { return &badEvent{} }))), app.Mounted(), app.WebSockets(ws.New()))
	if err == nil {
		err = a.Start(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), `subscription "bad"`) || !strings.Contains(err.Error(), "chan int") {
		t.Error(err)
	}
}
