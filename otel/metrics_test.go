package otel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// chat is a gateway with one of each.
type chat struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chat { return &chat{} }

var (
	said    = websockets.NewEvent[string]("said")
	confirm = websockets.NewCall[string, bool]("confirm")
)

func (*chat) GatewayOptions() []websockets.Option {
	return []websockets.Option{websockets.Emits(said, confirm), websockets.WithLimits(websockets.Limits{ClientErrors: -1}), websockets.MaxRooms(1 << 20)}
}

func (g *chat) HandleConnection(_ context.Context, c websockets.Client) error {
	if c.Request().URL.Query().Get("refuse") != "" {
		return pipeline.ErrForbidden
	}
	return nil
}

func (g *chat) HandleDisconnect(ctx context.Context, c websockets.Client, _ websockets.Reason) {
	_ = said.Emit(ctx, c, "too late") // dropped
}

func (g *chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", func(ctx context.Context, room string) (string, error) {
			return room, websockets.ClientFrom(ctx).Join(room)
		}),
		websockets.On("say", func(ctx context.Context, text string) (int, error) {
			return len(text), said.Emit(ctx, g.Server, text)
		}),
		websockets.On("made up", func(ctx context.Context, name string) (string, error) {
			return name, g.Server.Emit(ctx, name, "x")
		}),
		websockets.On("fail", func(_ context.Context, code string) (string, error) {
			return "", &websockets.Error{Message: "Failed", Code: code}
		}),
		websockets.On("break", func(context.Context, string) (string, error) { return "", errors.New("broken") }),
		websockets.On("ask", func(ctx context.Context, q string) (bool, error) {
			return confirm.Call(ctx, websockets.ClientFrom(ctx), q)
		}),
		websockets.Stream("count", func(_ context.Context, n int) iter.Seq2[websockets.Response[string], error] {
			return func(yield func(websockets.Response[string], error) bool) {
				for range n {
					if !yield(said.Response("item"), nil) {
						return
					}
				}
			}
		}),
	}
}

// measured returns an application on n nodes, and a function that collects the metrics of node 0.
func measured(t *testing.T, n int, opts ...app.Option) (*apptest.Cluster, func() map[string]metricdata.Metrics) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	c := apptest.NewCluster(t, n, module.New("chat", module.Providers(websockets.Gateway(newChat, websockets.Via(ws.New()), websockets.Via(socketio.New())))),
		apptest.With(opts...), apptest.PerNode(func(i int) apptest.Option {
			if i > 0 {
				return apptest.With()
			}
			m, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
			if err != nil {
				t.Fatal(err)
			}
			return apptest.With(app.Observe(m.Hooks()), app.OnReady(m.Watch))
		}))
	return c, func() map[string]metricdata.Metrics {
		t.Helper()
		var got metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &got); err != nil {
			t.Fatal(err)
		}
		all := map[string]metricdata.Metrics{}
		for _, s := range got.ScopeMetrics {
			for _, m := range s.Metrics {
				all[m.Name] = m
			}
		}
		return all
	}
}

// series are the attribute sets of a metric, with what it counts.
type series struct {
	kind string
	all  map[attribute.Distinct]attribute.Set
	sum  map[string]float64 // by the text of the attributes
}

func seriesOf(t *testing.T, m metricdata.Metrics) series {
	t.Helper()
	s := series{all: map[attribute.Distinct]attribute.Set{}, sum: map[string]float64{}}
	add := func(a attribute.Set, v float64) {
		s.all[a.Equivalent()] = a
		s.sum[a.Encoded(attribute.DefaultEncoder())] += v
	}
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		s.kind = map[bool]string{true: "counter", false: "up-down counter"}[d.IsMonotonic]
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Sum[float64]:
		s.kind = "counter"
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Value)
		}
	case metricdata.Gauge[int64]:
		s.kind = "gauge"
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[float64]:
		s.kind = "gauge"
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Value)
		}
	case metricdata.Histogram[int64]:
		s.kind = "histogram"
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	case metricdata.Histogram[float64]:
		s.kind = "histogram"
		for _, p := range d.DataPoints {
			add(p.Attributes, float64(p.Count))
		}
	default:
		t.Fatalf("%s is a %T", m.Name, d)
	}
	return s
}

// row describes a metric, as the page does.
type row struct{ kind, unit, attributes string }

// pageText returns docs/observability.md.
func pageText(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(need.Root(t), "docs", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// rowsOfThePage returns its table of metrics.
func rowsOfThePage(t *testing.T) map[string]row {
	t.Helper()
	all := map[string]row{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_.]+)` \\| ([a-z -]+)(?:, `([^`]+)`)? \\| ([^|]+) \\|").FindAllStringSubmatch(pageText(t), -1) {
		var attrs []string
		for _, a := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(m[4], -1) {
			attrs = append(attrs, a[1])
		}
		slices.Sort(attrs)
		all[m[1]] = row{m[2], m[3], strings.Join(attrs, " ")}
	}
	return all
}

// use makes clients do one of everything, and ends with the stop of node 0.
func use(t *testing.T, c *apptest.Cluster) {
	t.Helper()
	n := c.Node(0)
	plain, sio := n.DialWS("/"), n.DialSocketIO("/")
	sio.OnCall("confirm", func(json.RawMessage) any { return true })
	for _, client := range []*apptest.Client{plain, sio} {
		client.Call("join", "tea")
		client.Call("say", "hello")
		client.CallError("fail", "no_tea")
		client.CallError("break", "x")
		client.CallError("unknown", 1)
		client.Call("count", 3)
	}
	sio.Call("ask", "sure?")
	plain.Emit("join", 1) // answered by an exception
	plain.ExpectMessage("exception")
	broken := rawpeer.Open(t, n.URL(), "/")
	broken.Send("{")
	broken.Text()
	_ = broken.Conn.Close()
	n.DialWS("/?refuse=1").ExpectClose()
	if _, err := apptest.TryDialWS(t, n.URL()+"/nowhere"); err == nil {
		t.Error("a path without a gateway is open")
	}
	other := c.Node(1).DialSocketIO("/")
	other.Call("say", "from the other node")
	plain.Close()
}

// TestMetricsOfThePage: an application makes the metrics that docs/observability.md lists, with their units and attributes,
// and no others.
func TestMetricsOfThePage(t *testing.T) {
	rows := rowsOfThePage(t)
	if len(rows) < 40 {
		t.Fatalf("the page has %d metrics: is the table still there?", len(rows))
	}
	c, collect := measured(t, 2)
	use(t, c)
	testkit.Eventually(t, "a client that has left", func() bool { return len(collect()["gatehouse.message.dropped"].Name) > 0 })
	live := collect()
	c.Stop(0)
	all := collect()
	maps.Copy(all, live)
	for name, m := range collect() {
		if strings.HasPrefix(name, "gatehouse.drain") {
			all[name] = m
		}
	}
	for name, m := range all {
		s := seriesOf(t, m)
		keys := map[string]bool{}
		for _, a := range s.all {
			for _, kv := range a.ToSlice() {
				keys[string(kv.Key)] = true
			}
		}
		got := row{s.kind, m.Unit, strings.Join(slices.Sorted(maps.Keys(keys)), " ")}
		if want, ok := rows[name]; !ok {
			t.Errorf("%s is not on the page", name)
		} else if got != want && got.attributes+" "+want.attributes != "" && !withoutErrors(got, want) {
			t.Errorf("%s is %+v, the page has %+v", name, got, want)
		}
		if m.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	for name := range rows {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is on the page, and was not measured", name)
		}
	}
}

// withoutErrors reports whether rows are equal but for failures, of which there were none.
func withoutErrors(got, want row) bool {
	want.attributes = strings.TrimSpace(strings.Replace(" "+want.attributes, " error.type", "", 1))
	return got == want
}

// TestValues: what is counted, of one session on each platform.
func TestValues(t *testing.T) {
	c, collect := measured(t, 2)
	use(t, c)
	testkit.Eventually(t, "no client of plain WebSocket", func() bool {
		return seriesOf(t, collect()["gatehouse.server.active_connections"]).sum["gatehouse.endpoint=/,gatehouse.platform=ws,gatehouse.transport=websocket"] == 0
	})
	all := collect()
	for _, w := range []struct {
		metric, attributes string
		want               float64
	}{
		{"gatehouse.server.active_connections", "gatehouse.endpoint=/,gatehouse.platform=socketio,gatehouse.transport=websocket", 1},
		{"gatehouse.server.connection.duration", "gatehouse.endpoint=/,gatehouse.platform=ws,gatehouse.reason=client namespace disconnect,gatehouse.transport=websocket", 1},
		{"gatehouse.server.refusals", "error.type=forbidden,gatehouse.endpoint=/,gatehouse.platform=ws,gatehouse.stage=hook,http.response.status_code=403", 1},
		{"gatehouse.server.refusals", "error.type=not_found,gatehouse.endpoint=_other,gatehouse.platform=_other,gatehouse.stage=path,http.response.status_code=404", 1},
		{"rpc.server.call.duration", "rpc.method=otel_test.newChat/say,rpc.system.name=gatehouse", 2},
		{"rpc.server.call.duration", "error.type=no_tea,rpc.method=otel_test.newChat/fail,rpc.system.name=gatehouse", 2},
		{"rpc.server.call.duration", "error.type=internal,rpc.method=otel_test.newChat/break,rpc.system.name=gatehouse", 2},
		{"rpc.server.call.duration", "error.type=unknown_event,rpc.method=_other,rpc.system.name=gatehouse", 2},
		{"gatehouse.message.received", "gatehouse.endpoint=/,gatehouse.event=_other,gatehouse.platform=ws", 1},
		{"gatehouse.message.received", "gatehouse.endpoint=/,gatehouse.event=say,gatehouse.platform=socketio", 1},
		{"gatehouse.message.unknown", "gatehouse.endpoint=/,gatehouse.platform=ws", 1},
		{"gatehouse.stream.items", "rpc.method=otel_test.newChat/count", 6},
		{"gatehouse.call.duration", "gatehouse.event=confirm", 1},
		{"gatehouse.backplane.nodes", "", 2},
		{"gatehouse.backplane.up", "", 1},
	} {
		s := seriesOf(t, all[w.metric])
		if got, ok := s.sum[w.attributes]; !ok || got != w.want {
			t.Errorf("%s{%s} is %v, want %v of\n%v", w.metric, w.attributes, got, w.want, s.sum)
		}
	}
}

// TestCardinality: names that clients make up, and those that an application makes at run time, add no series.
func TestCardinality(t *testing.T) {
	c, collect := measured(t, 1)
	client := c.Node(0).DialWS("/")
	count := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			name := fmt.Sprintf("made up %d", i)
			_, _ = client.TryCall(name, 1)
			client.Call("join", name)
			client.Call("made up", name)
			if i%10 == 0 {
				client.CallError("fail", name)
				_, _ = apptest.TryDialWS(t, c.Node(0).URL()+"/"+fmt.Sprint(i))
			}
		}
		for _, m := range collect() {
			n += len(seriesOf(t, m).all)
		}
		return n
	}
	n := 3000
	if testing.Short() {
		n = 2200
	}
	before := count(0, 2100) // more than there are codes of errors in metrics
	if after := count(2100, n); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	if before > 600 {
		t.Errorf("%d series", before)
	}
}

// TestTooManyEvents: names of events that do not fit are an error.
func TestTooManyEvents(t *testing.T) {
	names := make([]string, 1001)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	const want = "otel: NewMetrics: MetricsOptions.Events has more than 1,000 names: leave out those that are made at run time"
	if _, err := otel.NewMetrics(otel.MetricsOptions{Events: names}); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestClose: after Close nothing holds the application.
func TestClose(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	m, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), Events: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, module.New("chat", module.Providers(websockets.Gateway(newChat))), apptest.With(app.WebSockets(ws.New())))
	m.Watch(a.App())
	var collecting sync.WaitGroup // the SDK holds a lock of its own meanwhile
	collecting.Go(func() {
		for range 1000 {
			_ = reader.Collect(context.Background(), new(metricdata.ResourceMetrics))
		}
	})
	defer collecting.Wait()
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	var got metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &got); err != nil || len(got.ScopeMetrics) > 0 {
		t.Errorf("%v, %+v", err, got.ScopeMetrics)
	}
}
