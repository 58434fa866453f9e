package gateway

import (
	"context"
	"log/slog"
	"math"
	"reflect"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// sink is a connection that takes everything and keeps nothing.
type sink struct{ adapter.Conn }

func (sink) ID() string                                      { return "sink" }
func (sink) Emit(*adapter.Outgoing, uint64) error            { return nil }
func (sink) Reply(*adapter.Message, *adapter.Outgoing) error { return nil }
func (sink) Close(websockets.Reason)                         {}

// dispatcher returns a function that handles one message of a client of such a gateway.
func dispatcher(tb testing.TB, opts ...websockets.HandlerOption) func() {
	return dispatchers(tb, nil, slog.New(slog.DiscardHandler), opts...)()
}

// dispatchers makes as many clients of one gateway, which observers see.
func dispatchers(tb testing.TB, hooks []observe.Hooks, log *slog.Logger, opts ...websockets.HandlerOption) func() func() {
	tb.Helper()
	return dispatchersOf(tb, hooks, log, websockets.On("move", func(_ context.Context, p point) (point, error) { return p, nil }, opts...))
}

// dispatchersOf makes as many clients that send "move".
func dispatchersOf(tb testing.TB, hooks []observe.Hooks, log *slog.Logger, sub websockets.Subscription) func() func() {
	tb.Helper()
	d := &testGateway{subs: []websockets.Subscription{sub}}
	gs := []gatewayPlan{{name: "gateway", short: "gateway", typ: reflect.TypeOf(d), value: d}}
	cfg := Config{Adapter: testAdapter{adapter.Traits{DefaultPath: "/", Namespaces: true}}, HTTP: true, Observers: observers.New(hooks, log)}
	rt, err := bind(gs, cfg, pipe.Built{}, log)
	if err != nil {
		tb.Fatal(err)
	}
	k := &testRuntime{rt: rt}
	tb.Cleanup(func() { _ = rt.Stop(context.Background()) })
	return func() func() {
		s := newSession(k.endpoint(), sink{}, k.handshake("/"))
		m := &adapter.Message{Event: "move", Reply: true, Payload: websockets.Payload{JSON: []byte(`{"x":1,"y":2}`)}}
		tb.Cleanup(func() { s.cancelCalls(websockets.ErrClosed) })
		return func() { s.dispatch(m) }
	}
}

// wholeChain is one of each before the handler.
func wholeChain() []websockets.HandlerOption {
	return []websockets.HandlerOption{
		websockets.UseGuards(func(_ context.Context, c *pipeline.Call) error {
			if c.Kind != pipeline.KindMessage {
				return pipeline.ErrForbidden
			}
			return nil
		}),
		websockets.UseInterceptors(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) { return next(ctx) }),
		websockets.UsePipes(pipeline.PipeOf(func(_ context.Context, p *point) error {
			p.X++
			return nil
		})),
	}
}

func BenchmarkDispatch(b *testing.B) {
	for _, c := range []struct {
		name string
		opts []websockets.HandlerOption
	}{{"bare", nil}, {"chain", wholeChain()}} {
		b.Run(c.name, func(b *testing.B) {
			handle := dispatcher(b, c.opts...)
			b.ReportAllocs()
			for b.Loop() {
				handle()
			}
		})
	}
}

// BenchmarkDispatchParallel is what messages of different clients cost each other: run
// it with -cpu 1,2,4.
func BenchmarkDispatchParallel(b *testing.B) {
	client := dispatchers(b, nil, slog.New(slog.DiscardHandler))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		handle := client()
		for pb.Next() {
			handle()
		}
	})
}

// TestChainAllocates holds the price of a handler, and of guard, interceptor and pipe, which may keep what they see: the
// call, the input, the result, and the rest of the chain.
func TestChainAllocates(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []websockets.HandlerOption
		want float64
	}{{"a bare handler", nil, 0}, {"the chain", wholeChain(), 4}} {
		handle := dispatcher(t, c.opts...)
		least := math.Inf(1)
		for range 200 { // the race detector, and the collector, empty pools at times
			least = min(least, testing.AllocsPerRun(1, handle))
		}
		if least > c.want {
			t.Errorf("%s allocates %v times, want at most %v", c.name, least, c.want)
		}
	}
}
