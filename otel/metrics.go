package otel

import (
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// MetricsOptions are those of [NewMetrics]. The zero value is fit for most applications.
type MetricsOptions struct {
	// MeterProvider makes the instruments; nil is the global one.
	MeterProvider metric.MeterProvider
	// Events are names of events that the application sends without listing them in websockets.Emits or websockets.Sends.
	// Names that are neither listed nor handled count as "_other", as do those that clients make up.
	Events []string
}

// Metrics measures what the gateways of one application do. Its methods are safe for concurrent use.
type Metrics struct {
	meter       metric.Meter
	instruments instruments
	gauges      gauges
	sets        attributeSets

	events names // that are declared
	codes  names // of errors, as they are seen

	app atomic.Pointer[app.App] // nil before Watch; without a lock, since the SDK holds one of its own when it collects

	mu      sync.Mutex // guards the fields below
	watched metric.Registration
	drain   drain
}

// maxEvents and maxCodes are how many names of events and codes of errors are distinguished.
const (
	maxEvents = 1000
	maxCodes  = 200
)

// NewMetrics makes the instruments. Its hooks and Watch are for one application:
//
//	metrics, err := otel.NewMetrics(otel.MetricsOptions{})
//	…
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()), app.Observe(metrics.Hooks()), app.OnReady(metrics.Watch))
//
// The error is that of the MeterProvider.
func NewMetrics(o MetricsOptions) (*Metrics, error) {
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	m := &Metrics{meter: o.MeterProvider.Meter(scope, metric.WithInstrumentationVersion(version())), events: names{most: maxEvents}, codes: names{most: maxCodes}}
	m.sets.describe()
	m.events.add(websockets.EventException, websockets.EventShutdown, websockets.EventCancel)
	if !m.events.add(o.Events...) {
		return nil, errors.New("otel: NewMetrics: MetricsOptions.Events has more than 1,000 names: leave out those that are made at run time")
	}
	return m, errors.Join(m.instruments.create(m.meter), m.gauges.create(m.meter))
}

// version returns that of this module in the program; "" where it is not known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if d.Path == scope {
			return d.Version
		}
	}
	return ""
}

// Hooks returns the hooks for app.Observe. Give those of a [Tracing] before them, so that measurements are made in the
// context of the span, which makes exemplars.
func (m *Metrics) Hooks() observe.Hooks {
	return observe.Hooks{
		Admit: m.admit, Refused: m.countRefusal, Disconnected: m.disconnected,
		Received: m.receive, Handle: m.handle, Emit: m.emit, Deliver: m.deliver, Dropped: m.drop,
		Drain: m.drainStep,
	}
}

// Watch reads the numbers that hooks do not count, such as how many clients are connected, whenever metrics are collected.
// It is for app.OnReady.
//
// It also reads which events the gateways declare: until then, all of them count as "_other".
func (m *Metrics) Watch(a *app.App) {
	for _, g := range a.Gateways() {
		m.events.add(declared(g)...)
	}
	m.app.Store(a)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched != nil {
		return
	}
	var err error
	if m.watched, err = m.meter.RegisterCallback(m.collect, m.gauges.all...); err != nil {
		otel.Handle(err)
	}
}

// Close ends what Watch has started. A program that ends with its application does not need it.
func (m *Metrics) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watched == nil {
		return nil
	}
	err := m.watched.Unregister()
	m.app.Store(nil)
	m.watched = nil
	return err
}

// declared returns the names of the events of a gateway.
func declared(g websockets.GatewayInfo) (all []string) {
	add := func(events []websockets.EventInfo) {
		for _, e := range events {
			name, _ := e.EventInfo()
			all = append(all, name)
		}
	}
	add(g.Emits)
	for _, s := range g.Subscriptions {
		if s.Event != "" {
			all = append(all, s.Event)
		}
		add(s.Sends)
	}
	return all
}

// event returns the name of an event in attributes.
func (m *Metrics) event(name string) string {
	if m.events.has(name) {
		return name
	}
	return other
}
