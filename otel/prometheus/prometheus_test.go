package prometheus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/otel/prometheus"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// chat makes every metric: it answers, sends, calls, streams and drops.
type chat struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chat { return &chat{} }

func (g *chat) HandleDisconnect(ctx context.Context, c websockets.Client, _ websockets.Reason) {
	_ = c.Emit(ctx, "late", "x") // dropped
}

func (g *chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("say", func(ctx context.Context, s string) (string, error) { return s, g.Server.Emit(ctx, "said", s) }),
		websockets.On("ask", func(ctx context.Context, s string) (string, error) {
			_, err := websockets.ClientFrom(ctx).Call(ctx, "question", s)
			return s, err
		}),
		websockets.Stream("count", count),
	}
}

// scraped starts an application that is used a little, and returns the registry and a function that scrapes it.
func scraped(t *testing.T) (*apptest.App, *client.Registry, func(header string) (status int, body string)) {
	t.Helper()
	registry := client.NewRegistry()
	exporter, err := prometheus.New(prometheus.Options{Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: exporter})
	if err != nil {
		t.Fatal(err)
	}
	root := module.New("root", module.Providers(websockets.Gateway(newChat, websockets.Via(socketio.New()), websockets.Via(ws.New()))),
		module.Controllers(web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(internalOnly))))
	a := apptest.New(t, root, apptest.With(app.HTTP("127.0.0.1:0", web.Prefix("/api")), app.Logger(slog.New(slog.DiscardHandler)),
		app.Backplane(memory.NewBus().Node()), app.Observe(metrics.Hooks()), app.OnReady(metrics.Watch)))
	c := a.DialSocketIO("/")
	c.OnCall("question", answer)
	c.Call("say", "hello")
	c.Call("ask", "sure?")
	c.Call("count", 2)
	c.CallError("unknown", 1)
	_, _ = apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace("/nowhere"))
	return a, registry, func(authorization string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/metrics", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		defer http.DefaultClient.CloseIdleConnections()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
}

// families parses what is scraped.
func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	all, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return all
}

// TestScrape: the text parses, has no finding of Prometheus's linter, and is for those only that the guard accepts.
func TestScrape(t *testing.T) {
	_, registry, scrape := scraped(t)
	if status, body := scrape("none"); status != http.StatusForbidden || strings.Contains(body, "gatehouse_") {
		t.Errorf("without authorization: %d\n%s", status, body)
	}
	status, body := scrape("Bearer scraper")
	if status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	all := families(t, body)
	for name, labels := range map[string]string{
		"gatehouse_server_active_connections": `gatehouse_transport="websocket"`,
		"rpc_server_call_duration_seconds":    `rpc_method="prometheus_test.newChat/say"`,
		"gatehouse_message_received_total":    `gatehouse_event="say"`,
		"gatehouse_backplane_nodes":           "",
	} {
		if all[name] == nil || !strings.Contains(body, labels) {
			t.Errorf("no %s with %s", name, labels)
		}
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestDefaultRegistry: without a registry there are metrics of the process too.
func TestDefaultRegistry(t *testing.T) {
	exporter, err := prometheus.New(prometheus.Options{Path: "/internal/metrics"})
	if err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, module.New("root", module.Controllers(exporter.Controller)))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/internal/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Contains(b, []byte("go_goroutines")) {
		t.Errorf("%v, %s", err, b)
	}
}

func answer(json.RawMessage) any { return true }

func count(_ context.Context, n int) iter.Seq2[websockets.Response[int], error] {
	return func(yield func(websockets.Response[int], error) bool) {
		for i := range n {
			if !yield(websockets.Response[int]{Event: "item", Data: i}, nil) {
				return
			}
		}
	}
}
