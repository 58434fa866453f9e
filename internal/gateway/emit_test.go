package gateway

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// sinkEngine is an engine that takes everything, or does not return from Send.
type sinkEngine struct{ blocks bool }

func (sinkEngine) Name() string             { return "sink" }
func (sinkEngine) Traits() backplane.Traits { return backplane.Traits{} }
func (sinkEngine) Start(_ context.Context, _ backplane.Node, in backplane.Inbound) error {
	in.Link(true, false, nil)
	return nil
}
func (sinkEngine) Send(context.Context, []*backplane.Message) error   { return nil }
func (sinkEngine) Interest(context.Context, []string, []string) error { return nil }
func (sinkEngine) Stop(context.Context) error                         { return nil }

// Without a backplane, an event to a room allocates as much as it did before there was one; with
// one, at most one allocation more.
func TestEmitAllocates(t *testing.T) {
	for _, c := range []struct {
		b    backplane.Backplane
		more float64
	}{{nil, 0}, {sinkEngine{blocks: true}, 1}} {
		synctest.Test(t, func(t *testing.T) {
			k, server := newNodeRuntime(t, c.b)
			p := newPeer("peer")
			p.is(k.endpoint().Connect(p, k.handshake("/x")))
			if err := p.client().Join("room"); err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			for room, most := range map[string]float64{"room": 7, "none": 5} {
				n := testing.AllocsPerRun(1000, func() {
					if err := server.To(room).Emit(ctx, "news", 1); err != nil {
						t.Error(err)
					}
				})
				if n > most+c.more {
					t.Errorf("%q, backplane %v: %v allocations, want at most %v", room, c.b, n, most+c.more)
				}
				p.got()
			}
		})
	}
}

// BenchmarkEmit sends an event to a room with one client.
func BenchmarkEmit(b *testing.B) {
	for name, engine := range map[string]backplane.Backplane{"alone": nil, "backplane": sinkEngine{}} {
		b.Run(name, func(b *testing.B) {
			d := &testGateway{}
			cfg := Config{Adapter: testAdapter{adapter.Traits{DefaultPath: "/", Namespaces: true}}, HTTP: true}
			if engine != nil {
				cfg.Backplane, cfg.BackplaneOptions = engine, backplane.NewOptions()
			}
			plan := gatewayPlan{name: "gateway", short: "gateway", typ: reflect.TypeOf(d), value: d, opts: options(websockets.Namespace("/x"))}
			rt, err := bind([]gatewayPlan{plan}, cfg, pipe.Built{}, (&testkit.Log{}).Logger(slog.LevelError))
			if err != nil {
				b.Fatal(err)
			}
			if err := rt.Connect(b.Context()); err != nil {
				b.Fatal(err)
			}
			rt.Open()
			defer func() { _ = rt.Stop(context.Background()) }()
			k := &testRuntime{rt: rt}
			p := newPeer("peer")
			p.emit = func(*adapter.Outgoing, uint64) error { return nil }
			p.is(k.endpoint().Connect(p, k.handshake("/x")))
			if err := p.client().Join("room"); err != nil {
				b.Fatal(err)
			}
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Server.To("room").Emit(ctx, "news", 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
