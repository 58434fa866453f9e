package otel_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

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

// echo answers messages with what they have.
type echo struct{}

func newEcho() *echo { return &echo{} }

func (*echo) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", func(_ context.Context, s string) (string, error) { return s, nil })}
}

// echoing starts an application that observers see.
func echoing(t testing.TB, watch func(*app.App), hooks ...observe.Hooks) *apptest.App {
	t.Helper()
	if watch == nil {
		watch = func(*app.App) {}
	}
	return apptest.New(t, module.New("echo", module.Providers(websockets.Gateway(newEcho, websockets.WithLimits(websockets.Limits{PingInterval: time.Hour})))),
		apptest.With(app.WebSockets(socketio.New()), app.Observe(hooks...), app.OnReady(watch), app.Logger(slog.New(slog.DiscardHandler))))
}

// asker returns a function that sends 64 bytes as Socket.IO n times and reads the answers, without allocations.
func asker(t testing.TB, a *apptest.App) func(n int) {
	t.Helper()
	p := rawpeer.NewEngine(t, a.URL()).WebSocket()
	p.Send("40")
	p.Read()
	if err := p.Conn.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat("x", 62)
	question := []byte(rawpeer.Frame{First: 0x81, Payload: `421["echo","` + data + `"]`}.Bytes())
	buf := make([]byte, 2+len(`431["`+data+`"]`))
	ask := func(n int) {
		for range n {
			if _, err := p.Conn.Write(question); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(p.R, buf); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasSuffix(string(buf), data+`"]`) {
			t.Fatalf("got %q", buf)
		}
	}
	ask(100)
	return ask
}

// observers are those whose cost is measured.
func observers(t testing.TB) map[string]func() *apptest.App {
	t.Helper()
	metrics := func() *otel.Metrics {
		m, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	spans := func(s trace.Sampler) observe.Hooks {
		return otel.NewTracing(otel.TracingOptions{TracerProvider: trace.NewTracerProvider(trace.WithSampler(s), trace.WithSpanProcessor(ending{}))}).Hooks()
	}
	return map[string]func() *apptest.App{
		"none": func() *apptest.App { return echoing(t, nil) },
		"metrics": func() *apptest.App {
			m := metrics()
			return echoing(t, m.Watch, m.Hooks())
		},
		"unsampled spans": func() *apptest.App { return echoing(t, nil, spans(trace.NeverSample())) },
		"sampled spans":   func() *apptest.App { return echoing(t, nil, spans(trace.AlwaysSample())) },
		"both, unsampled": func() *apptest.App {
			m := metrics()
			return echoing(t, m.Watch, spans(trace.NeverSample()), m.Hooks())
		},
	}
}

// ending is a processor that keeps nothing.
type ending struct{ trace.SpanProcessor }

func (ending) OnStart(context.Context, trace.ReadWriteSpan) {}
func (ending) OnEnd(trace.ReadOnlySpan)                     {}
func (ending) Shutdown(context.Context) error               { return nil }
func (ending) ForceFlush(context.Context) error             { return nil }

// allocations returns how many there are for each message: the least of several rounds, since pools are emptied at times.
func allocations(ask func(n int)) float64 {
	const n, rounds = 1000, 5
	least := math.Inf(1)
	for range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ask(n)
		runtime.ReadMemStats(&after)
		least = min(least, float64(after.Mallocs-before.Mallocs)/n)
	}
	return least
}

// TestAllocations: a message with its answer needs little memory more when it is measured and traced.
func TestAllocations(t *testing.T) {
	all := observers(t)
	base := allocations(asker(t, all["none"]()))
	for name, most := range map[string]float64{"metrics": 3, "unsampled spans": 10, "sampled spans": 15, "both, unsampled": 10} {
		got := allocations(asker(t, all[name]())) - base
		t.Logf("%s: %.2f more than %.2f", name, got, base)
		if got > most+0.5 {
			t.Errorf("%s: %.1f allocations more than %.1f, want at most %v", name, got, base, most)
		}
	}
}

// BenchmarkEcho is the whole time of a message with its answer, of client and server.
func BenchmarkEcho(b *testing.B) {
	for name, start := range observers(b) {
		b.Run(name, func(b *testing.B) {
			ask := asker(b, start())
			b.ReportAllocs()
			b.ResetTimer()
			ask(b.N)
		})
	}
}
