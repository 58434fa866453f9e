// Command observed is the example application with OpenTelemetry: metrics for Prometheus, and traces in a file. It is a module of
// its own, so that others do not require the SDK.
//
//	go run ./cmd/example/observed -metrics -traces traces.json
//	curl http://127.0.0.1:3000/metrics
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/program"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/otel/prometheus"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/web"
)

func main() {
	s := program.Settings{Platforms: platforms.Both(), Key: login.NewKey(), TokenLife: time.Hour}
	metrics, traces := false, ""
	flag.StringVar(&s.Addr, "addr", "127.0.0.1:3000", "`address` of the page, the gateways and the HTTP controllers")
	flag.BoolVar(&metrics, "metrics", false, "serve /metrics to clients on this machine")
	flag.StringVar(&traces, "traces", "", "`file` for the spans, as JSON")
	flag.Parse()

	root, options, err := observed(s, metrics, traces)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app.Main(root, append(options, app.OnReady(func(a *app.App) { fmt.Printf("Open %s\n", program.URL(a.Addr())) }))...)
}

// observed returns the root module and the options of the application.
func observed(s program.Settings, metrics bool, traces string) (root *module.Module, options []app.Option, err error) {
	root, options = s.Module(), s.Options()
	if traces != "" { // before the metrics, whose exemplars have the span
		option, err := tracing(traces)
		if err != nil {
			return nil, nil, err
		}
		options = append(options, option, app.Logger(slog.New(otel.SlogHandler(slog.NewTextHandler(os.Stderr, nil)))))
	}
	if !metrics {
		return root, options, nil
	}
	exporter, err := prometheus.New(prometheus.Options{})
	if err != nil {
		return nil, nil, err
	}
	measured, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: exporter})
	if err != nil {
		return nil, nil, err
	}
	root = module.New("observed", module.Imports(root),
		module.Controllers(web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(onThisMachine))))
	return root, append(options, app.Observe(measured.Hooks()), app.OnReady(measured.Watch)), nil
}

// tracing returns the option that has every span written to a file, at once. In production use trace.WithBatcher, and an exporter
// that sends spans to a collector.
func tracing(file string) (app.Option, error) {
	f, err := os.Create(file) //nolint:gosec // a flag of the user
	if err != nil {
		return nil, err
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(f))
	if err != nil {
		return nil, err
	}
	provider := trace.NewTracerProvider(trace.WithSyncer(exporter))
	// Anyone may send a trace context with a message.
	return app.Observe(otel.NewTracing(otel.TracingOptions{TracerProvider: provider, PublicEndpoint: true}).Hooks()), nil
}

// onThisMachine is the guard of the metrics: Prometheus runs on the same machine.
func onThisMachine(_ context.Context, c *pipeline.Call) error {
	if !web.RemoteAddr(c.Request).IsLoopback() {
		return pipeline.ErrForbidden
	}
	return nil
}
