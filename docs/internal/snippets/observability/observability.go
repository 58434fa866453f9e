// Package observability has the code of docs/observability.md.
package observability

import (
	"context"
	"runtime/trace"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Metrics counts what gateways do.
//
// snippet:metrics
type Metrics struct{ Connections, Messages, Failed, Dropped atomic.Int64 }

func (m *Metrics) Hooks() observe.Hooks {
	return observe.Hooks{
		Connected:    func(websockets.Client) { m.Connections.Add(1) },
		Disconnected: func(websockets.Client, websockets.Reason, time.Duration) { m.Connections.Add(-1) },
		Received:     func(websockets.Client, observe.Received) { m.Messages.Add(1) },
		Dropped:      func(websockets.Client, string, error) { m.Dropped.Add(1) },
		Handle: func(ctx context.Context, _ observe.Handling) (context.Context, func(observe.Outcome)) {
			return ctx, func(o observe.Outcome) {
				if o.Err != nil {
					m.Failed.Add(1)
				}
			}
		},
	}
}

// end

// Tracing makes a task of each message, which `go tool trace` shows.
//
// snippet:tracing
func Tracing() observe.Hooks {
	return observe.Hooks{
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			ctx, task := trace.NewTask(ctx, h.Gateway+" "+h.Event)
			return ctx, func(observe.Outcome) { task.End() }
		},
	}
}

// end

// Tracer is the part of a tracing library that is used here.
type Tracer interface {
	// Traceparent returns the W3C traceparent of the span in ctx.
	Traceparent(ctx context.Context) string
	// Start starts a span whose parent is that of a traceparent, if there is one.
	Start(ctx context.Context, name, traceparent string) (context.Context, func(error))
}

// Traces continues the traces of clients, also on other nodes.
//
// snippet:nodes
func Traces(tracer Tracer) observe.Hooks {
	return observe.Hooks{
		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
			ctx, end := tracer.Start(ctx, h.Gateway+" "+h.Event, h.Traceparent)
			return ctx, func(o observe.Outcome) { end(o.Err) }
		},
		Traceparent: tracer.Traceparent,
		Deliver: func(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
			ctx, end := tracer.Start(ctx, "deliver "+a.Event, a.Traceparent)
			return ctx, func(d observe.Delivery) { end(d.Err) }
		},
	}
}

// end

// Options are those of the program.
func Options(m *Metrics) []app.Option {
	return []app.Option{
		app.HTTP(":3000"), app.WebSockets(socketio.New()),
		// snippet:option
		app.Observe(m.Hooks(), Tracing()),
		// end
	}
}

// Rooms returns how many rooms the application has.
//
// snippet:rooms
func Rooms(a *app.App) (n int) {
	for _, e := range a.Stats().Endpoints {
		n += e.Rooms
	}
	return n
}

// end

// Dashboard is a gateway that shows what the observers see.
var Dashboard = module.New("dashboard", module.Providers(
	// snippet:unobserved
	websockets.Gateway(NewDashboard, websockets.Namespace("dashboard"), websockets.Unobserved()),
	// end
))

type dashboard struct{}

// NewDashboard returns the gateway of the dashboard.
func NewDashboard() *dashboard { return &dashboard{} }

// Subscriptions implements [websockets.Subscriber].
func (*dashboard) Subscriptions() []websockets.Subscription { return nil }
