//go:build unix

package otel_test

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// crier sends to all.
type crier struct {
	Server *websockets.Server `websockets:"server"`
}

func (*crier) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("ready", func(context.Context, websockets.Payload) error { return nil })}
}

// broadcaster returns a function that sends 64 bytes n times to all of so many clients, and reads what they were sent.
func broadcaster(t *testing.T, ctx context.Context, clients int, hooks ...observe.Hooks) func(n int) {
	t.Helper()
	g := &crier{}
	a := apptest.New(t, module.New("crier", module.Providers(websockets.Gateway(func() *crier { return g },
		websockets.WithLimits(websockets.Limits{PingInterval: time.Hour})))),
		apptest.With(app.WebSockets(socketio.New()), app.Observe(hooks...)))
	data := strings.Repeat("x", 62)
	size := 2 + len(`42["news","`+data+`"]`)
	peers := make([]*rawpeer.Socket, clients)
	for i := range peers {
		peers[i] = rawpeer.NewEngine(t, a.URL()).WebSocket()
		peers[i].Send("40")
		peers[i].Read()
		if err := peers[i].Conn.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	return func(n int) {
		for range n {
			if err := g.Server.All().Emit(ctx, "news", data); err != nil {
				t.Fatal(err)
			}
		}
		buf := make([]byte, n*size)
		for _, p := range peers {
			if _, err := io.ReadFull(p.R, buf); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestBroadcastTime compares what a broadcast costs the processor with and without metrics, as TestTime: OTEL_COST=20 with 1,000
// clients. A broadcast has one span, whatever the number of its recipients.
func TestBroadcastTime(t *testing.T) {
	rounds, n, clients, slack := 3, 20, 50, 4.0
	if s := os.Getenv("OTEL_COST"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		n, clients, slack = 50, 1000, 0
	}
	m, err := otel.NewMetrics(otel.MetricsOptions{Events: []string{"news"}, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))})
	if err != nil {
		t.Fatal(err)
	}
	send := map[string]func(n int){
		"none":    broadcaster(t, t.Context(), clients),
		"metrics": broadcaster(t, t.Context(), clients, m.Hooks()),
	}
	own := map[string][]float64{}
	for range rounds {
		for name, f := range send {
			before, _ := cpuTime()
			f(n)
			after, _ := cpuTime()
			own[name] = append(own[name], float64(after-before))
		}
	}
	got := median(own["metrics"]) / median(own["none"])
	t.Logf("a broadcast to %d: %.3f of %.0f µs in user mode", clients, got, median(own["none"])/float64(n)/1000)
	if got > 1.05+slack {
		t.Errorf("metrics: %.3f times the time, want at most %v", got, 1.05+slack)
	}
}

// counting counts spans, and their recipients.
type counting struct {
	ending

	spans, recipients atomic.Int64
}

func (c *counting) OnEnd(s trace.ReadOnlySpan) {
	c.spans.Add(1)
	for _, a := range s.Attributes() {
		if a.Key == attribute.Key("gatehouse.recipients") {
			c.recipients.Add(a.Value.AsInt64())
		}
	}
}

func TestBroadcastHasOneSpan(t *testing.T) {
	c := &counting{}
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(c))
	ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
	defer parent.End()
	const clients = 20
	send := broadcaster(t, ctx, clients, otel.NewTracing(otel.TracingOptions{TracerProvider: provider, Emits: true}).Hooks())
	connected := c.spans.Load()
	send(3)
	if got := c.spans.Load() - connected; got != 3 || c.recipients.Load() != 3*clients {
		t.Errorf("%d spans with %d recipients, want 3 with %d", got, c.recipients.Load(), 3*clients)
	}
}
