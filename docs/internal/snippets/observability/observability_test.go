package observability_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/observability"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type room struct{}

func (*room) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Listen("enter", func(ctx context.Context, name string) error { return websockets.ClientFrom(ctx).Join(name) }),
	}
}

// TestMetrics: the page's hooks count, and the dashboard is not counted.
func TestMetrics(t *testing.T) {
	m := &observability.Metrics{}
	root := module.New("root", module.Imports(observability.Dashboard), module.Providers(websockets.Gateway(func() *room { return &room{} })))
	a := apptest.New(t, root, apptest.With(append(observability.Options(m), app.HTTP("127.0.0.1:0"))...))
	a.DialSocketIO("/dashboard")
	c := a.DialSocketIO("/")
	c.Call("enter", "tea")
	c.CallError("enter", 1)
	if n := m.Connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if n, failed := m.Messages.Load(), m.Failed.Load(); n != 2 || failed > 1 {
		t.Errorf("%d messages, %d failed", n, failed)
	}
	if n := observability.Rooms(a.App()); n != 1 {
		t.Errorf("%d rooms", n)
	}
}

// ticket is an event for nodes.
var ticket = websockets.NewNodeEvent[string]("ticket")

type nodes struct {
	Server *websockets.Server `websockets:"server"`
	heard  chan string
}

func newNodes() *nodes { return &nodes{heard: make(chan string, 1)} }

func (g *nodes) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{ticket.On(g.hear), websockets.On("send", func(ctx context.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, ticket.Emit(ctx, g.Server, "hello")
	})}
}

func (g *nodes) hear(ctx context.Context, _ string) error {
	g.heard <- tracer{}.Traceparent(ctx)
	return nil
}

type tracer struct{}

type traceKey struct{}

func (tracer) Traceparent(ctx context.Context) string {
	s, _ := ctx.Value(traceKey{}).(string)
	return s
}

func (tracer) Start(ctx context.Context, _, traceparent string) (context.Context, func(error)) {
	return context.WithValue(ctx, traceKey{}, traceparent), func(error) {}
}

// TestTraces: the handler of a node event has the trace of its sender, and a client's message its own.
func TestTraces(t *testing.T) {
	c := apptest.NewCluster(t, 2, module.New("nodes", module.Exports(websockets.Gateway(newNodes))),
		apptest.With(app.WebSockets(ws.New()), app.Observe(observability.Traces(tracer{}))))
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := context.WithValue(t.Context(), traceKey{}, parent)
	if err := ticket.Emit(ctx, apptest.Get[*nodes](c.Node(0)).Server, "hello"); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Receive(t, "the event", apptest.Get[*nodes](c.Node(1)).heard); got != parent {
		t.Errorf("got %q", got)
	}
	c.Node(0).DialWS("/").Raw().Text(`{"event":"send","traceparent":"` + parent + `"}`)
	if got := testkit.Receive(t, "the event of a client", apptest.Get[*nodes](c.Node(1)).heard); got != parent {
		t.Errorf("got %q", got)
	}
}
