// Package otel makes metrics and traces of OpenTelemetry of what the gateways of an application do.
//
//	metrics, err := otel.NewMetrics(otel.MetricsOptions{})
//	…
//	tracing := otel.NewTracing(otel.TracingOptions{})
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()),
//		app.Observe(tracing.Hooks(), metrics.Hooks()), app.OnReady(metrics.Watch))
//
// It is a module of its own, which needs the API of OpenTelemetry only: which SDK and exporters there are is the
// program's. The names are stable, see docs/observability.md.
package otel
