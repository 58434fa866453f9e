package cluster_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// traceKey has the traceparent of a context, as the packages of tracers do.
type traceKey struct{}

// traced are hooks as those of a tracer, and what they have seen.
type traced struct {
	arrivals chan observe.Arrival
	ended    chan observe.Delivery
}

func (x *traced) hooks() []observe.Hooks {
	of := func(ctx context.Context) string { s, _ := ctx.Value(traceKey{}).(string); return s }
	return []observe.Hooks{{Connected: func(websockets.Client) {}}, {
		Emit: func(ctx context.Context, _ observe.Emission) (context.Context, func(observe.Delivery)) {
			if of(ctx) == "caller" {
				ctx = context.WithValue(ctx, traceKey{}, traceparent) // a span of the emission
			}
			return ctx, nil
		},
		Traceparent: of,
		Deliver: func(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
			x.arrivals <- a
			return context.WithValue(ctx, traceKey{}, a.Traceparent), func(d observe.Delivery) { x.ended <- d }
		},
	}}
}

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

type tracedGateway struct {
	Server *websockets.Server `websockets:"server"`
	heard  chan string        // the traceparent in the context of the handler of a NodeEvent
}

var spread = websockets.NewNodeEvent[string]("trace")

func newTracedGateway() *tracedGateway { return &tracedGateway{heard: make(chan string, 10)} }

func (g *tracedGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", echoText), spread.On(g.hear)}
}

func echoText(_ context.Context, s string) (string, error) { return s, nil }

func (g *tracedGateway) hear(ctx context.Context, text string) error {
	s, _ := ctx.Value(traceKey{}).(string)
	g.heard <- s
	if text == "panic" {
		panic(text)
	}
	return nil
}

// The trace context of what is emitted, called and sent to nodes reaches the hooks and handlers of the
// other nodes. One that is malformed is left out, and without one there is none.
func TestTraceContext(t *testing.T) { onEachService(t, testTraceContext) }

func testTraceContext(t *testing.T, s service) {
	x := &traced{make(chan observe.Arrival, 10), make(chan observe.Delivery, 10)}
	start := func(opts ...app.Option) (*apptest.App, *tracedGateway) {
		a := apptest.New(t, module.New("traced", module.Exports(websockets.Gateway(newTracedGateway))),
			apptest.With(append(opts, app.WebSockets(ws.New()), app.Backplane(s()), app.Observe(x.hooks()...), app.Logger(slog.New(slog.DiscardHandler)))...))
		return a, apptest.Get[*tracedGateway](a)
	}
	a, from := start(app.UseInterceptors(pipeline.EmitFunc(func(_ *pipeline.Emission, next func() error) error { return next() })))
	b, to := start()
	for _, g := range []*tracedGateway{from, to} {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(g.Server.Nodes()) == 2 })
	}
	bob := b.DialWS("/")
	bob.Call("echo", "hello") // the server has the client
	bob.OnCall("ask", func(json.RawMessage) any { return true })
	for _, c := range []struct{ in, want string }{{traceparent, traceparent}, {"caller", traceparent}, {"", ""}, {"malformed", ""}} {
		ctx := context.WithValue(t.Context(), traceKey{}, c.in)
		arrived := func(want observe.Arrival, recipients int) {
			t.Helper()
			want.Node, want.Traceparent = a.App().Self().ID, c.want
			if got := testkit.Receive(t, "an arrival", x.arrivals); got != want {
				t.Errorf("%q: arrival %+v, want %+v", c.in, got, want)
			}
			if d := testkit.Receive(t, "its end", x.ended); d.Recipients != recipients || d.Err != nil || d.Took <= 0 {
				t.Errorf("%q: %+v, want %d recipients", c.in, d, recipients)
			}
		}
		if err := from.Server.Emit(ctx, "news", 1); err != nil {
			t.Fatal(err)
		}
		bob.ExpectMessage("news")
		arrived(observe.Arrival{Event: "news"}, 1)
		if got, err := from.Server.Call(ctx, "ask", nil); err != nil || len(got.Answered) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		arrived(observe.Arrival{Event: "ask", Call: true}, 1)
		if c.in == "caller" {
			continue // Emit is for clients
		}
		if err := spread.Emit(ctx, from.Server, "hello"); err != nil {
			t.Fatal(err)
		}
		if got := testkit.Receive(t, "the node event", to.heard); got != c.want {
			t.Errorf("%q: the handler has %q, want %q", c.in, got, c.want)
		}
		arrived(observe.Arrival{Event: "trace", NodeEvent: true}, 0)
	}
	if err := spread.Emit(t.Context(), from.Server, "panic"); err != nil {
		t.Fatal(err)
	}
	<-x.arrivals
	if d := testkit.Receive(t, "the end of a handler that panics", x.ended); d.Err == nil {
		t.Error("the end of a handler that panics has no error")
	}
	if s := b.App().Stats().Backplane; s.Invalid+s.Unknown > 0 {
		t.Errorf("%+v", s)
	}
}
