package otel_test

import (
	"log/slog"
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// program is that of the page.
func program(Module *module.Module) error {
	// snippet:otel
	metrics, err := otel.NewMetrics(otel.MetricsOptions{})
	if err != nil {
		return err
	}
	tracing := otel.NewTracing(otel.TracingOptions{})
	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
		app.Observe(tracing.Hooks(), metrics.Hooks()), app.OnReady(metrics.Watch),
		app.Logger(slog.New(otel.SlogHandler(slog.NewJSONHandler(os.Stdout, nil)))))
	// end
	return nil
}

var _ = program
