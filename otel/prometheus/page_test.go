package prometheus_test

import (
	"context"
	"net/http"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/otel"
	"github.com/gatehouse-go/gatehouse/otel/prometheus"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/web"
)

// internalOnly is the guard of the page, and of the tests.
func internalOnly(_ context.Context, c *pipeline.Call) error {
	if c.Request.Header.Get("Authorization") != "Bearer scraper" {
		return &pipeline.Error{Message: "Forbidden", Code: "forbidden", Status: http.StatusForbidden}
	}
	return nil
}

// program is that of the page.
func program(Module *module.Module) error {
	// snippet:prometheus
	exporter, err := prometheus.New(prometheus.Options{})
	if err != nil {
		return err
	}
	metrics, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: exporter})
	if err != nil {
		return err
	}
	root := module.New("root", module.Imports(Module), module.Controllers(
		web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(internalOnly)),
	))
	app.Main(root, app.HTTP(":3000"), app.WebSockets(socketio.New()), app.Observe(metrics.Hooks()), app.OnReady(metrics.Watch))
	// end
	return nil
}

var _ = program
