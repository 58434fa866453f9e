// Package prometheus serves metrics of OpenTelemetry for Prometheus to scrape.
//
//	exporter, err := prometheus.New(prometheus.Options{})
//	…
//	metrics, err := otel.NewMetrics(otel.MetricsOptions{MeterProvider: exporter})
//	…
//	root := module.New("root", module.Imports(Module),
//		module.Controllers(web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(internalOnly))))
//	app.Main(root, app.HTTP(":3000"), app.WebSockets(ws.New()), app.Observe(metrics.Hooks()), app.OnReady(metrics.Watch))
//
// It is a module of its own. In its folder are a dashboard for Grafana and alert rules, see docs/observability.md.
package prometheus

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/gatehouse-go/gatehouse/web"
)

// Options are those of [New]. The zero value is fit for most applications.
type Options struct {
	// Path is where the metrics are; default "/metrics".
	Path string
	// Registry is where they are registered; nil is a new one, which also has the metrics of the Go runtime and of the
	// process.
	Registry *prometheus.Registry
}

// Exporter is a MeterProvider whose metrics its controller serves. Its methods are safe for concurrent use.
type Exporter struct {
	*metric.MeterProvider

	path    string
	handler http.Handler
}

// New makes an exporter. It returns an error if the registry has other metrics of the same names.
func New(o Options) (*Exporter, error) {
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
		o.Registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	reader, err := exporter.New(exporter.WithRegisterer(o.Registry), exporter.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("prometheus: New: %w", err)
	}
	return &Exporter{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
		path:          cmp.Or(o.Path, "/metrics"),
		handler: promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{
			EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
		}),
	}, nil
}

// maxScrapes is how many requests are answered at once, and scrapeTimeout how long one may take; others are answered with 503.
const (
	maxScrapes    = 4
	scrapeTimeout = 10 * time.Second
)

// Controller is a constructor for module.Controllers and web.Controller:
//
//	module.Controllers(web.Controller(exporter.Controller, web.WithoutPrefix(), web.UseGuards(internalOnly)))
//
// On an address that others reach, bind a guard: the metrics name gateways and events, and say how busy they are.
func (e *Exporter) Controller() *Controller { return &Controller{e} }

// Controller serves the metrics of an [Exporter].
type Controller struct{ exporter *Exporter }

// Routes implements [web.Routable].
func (c *Controller) Routes(r chi.Router) {
	if c.exporter == nil { // app.Describe asks a zero value
		r.Get("/metrics", http.NotFound)
		return
	}
	r.Method(http.MethodGet, c.exporter.path, c.exporter.handler)
}

var _ web.Routable = (*Controller)(nil)
