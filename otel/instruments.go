package otel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are those that hooks record with.
type instruments struct {
	connectionDuration, handshakeDuration, callDuration, waitDuration, clientCallDuration, drainDuration metric.Float64Histogram

	refusals, messagesReceived, messagesSent, malformed, dropped, io, streamItems, drainClients metric.Int64Counter

	recipients metric.Int64Histogram
}

// Boundaries of histograms: those of the conventions for SignalR's connections and for calls of RPC.
var (
	ofConnections = []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 1800, 7200, 28800}
	ofCalls       = []float64{0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	ofRecipients  = []float64{0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000}
)

func (i *instruments) create(m metric.Meter) error {
	var errs []error
	histogram := func(to *metric.Float64Histogram, name, text string, boundaries []float64) {
		var err error
		*to, err = m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(text), metric.WithExplicitBucketBoundaries(boundaries...))
		errs = append(errs, err)
	}
	counter := func(to *metric.Int64Counter, name, unit, text string) {
		var err error
		*to, err = m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
	}
	histogram(&i.connectionDuration, connectionDuration, "How long clients were connected.", ofConnections)
	histogram(&i.handshakeDuration, handshakeDuration, "How long the guards and checks of a connection took.", ofCalls)
	histogram(&i.callDuration, callDuration, "How long guards, handler and answer of a message took.", ofCalls)
	histogram(&i.waitDuration, waitDuration, "How long messages waited for others of their client.", ofCalls)
	histogram(&i.clientCallDuration, clientCalls, "How long clients took to answer calls.", ofCalls)
	histogram(&i.drainDuration, drainDuration, "How long it took to disconnect the clients when the application stopped.", ofConnections)
	counter(&i.refusals, refusals, "{connection}", "Connections that were refused.")
	counter(&i.messagesReceived, messagesReceived, "{message}", "Messages that clients have sent.")
	counter(&i.messagesSent, messagesSent, "{message}", "Events that were queued for clients of this node, each recipient counted.")
	counter(&i.malformed, malformed, "{message}", "Messages of clients that could not be read.")
	counter(&i.dropped, dropped, "{message}", "Events that a client was not sent.")
	counter(&i.io, io, "By", "Bytes of messages received and of events sent, without frames and compression.")
	counter(&i.streamItems, streamItems, "{item}", "Items that streams have sent.")
	counter(&i.drainClients, drainClients, "{connection}", "Clients that were disconnected because the application stopped.")
	var err error
	i.recipients, err = m.Int64Histogram(emitRecipients, metric.WithUnit("{connection}"), metric.WithDescription("How many clients of this node an event to a selection reached."),
		metric.WithExplicitBucketBoundaries(ofRecipients...))
	return errors.Join(append(errs, err)...)
}
