package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/gatehouse-go/gatehouse/observe"
)

// gauges are the instruments that are read from the statistics of the application.
type gauges struct {
	all []metric.Observable

	connections metric.Int64ObservableUpDownCounter

	stopping, suspended, namespaces, rooms, queueSize, queueMax, inboxDepth, inboxSize, handlers metric.Int64ObservableGauge

	recoveries, unknown metric.Int64ObservableCounter

	backplane backplaneGauges
}

// backplaneGauges are those about other nodes.
type backplaneGauges struct {
	up, degraded, nodes, queued, queueBytes metric.Int64ObservableGauge

	sent, received, bytes, frames, dropped, gaps, duplicates, unknown, invalid, reconnects, requests metric.Int64ObservableCounter

	queueAge     metric.Float64ObservableGauge
	sendDuration metric.Float64ObservableCounter
}

func (g *gauges) create(m metric.Meter) error {
	var errs []error
	made := func(o metric.Observable, err error) { g.all, errs = append(g.all, o), append(errs, err) }
	gauge := func(to *metric.Int64ObservableGauge, name, unit, text string) {
		var err error
		*to, err = m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(text))
		made(*to, err)
	}
	counter := func(to *metric.Int64ObservableCounter, name, unit, text string) {
		var err error
		*to, err = m.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		made(*to, err)
	}
	var err error
	g.connections, err = m.Int64ObservableUpDownCounter(activeConnections, metric.WithUnit("{connection}"), metric.WithDescription("Clients that are connected."))
	made(g.connections, err)
	gauge(&g.stopping, stopping, "", "1 while the application stops.")
	gauge(&g.suspended, suspended, "{connection}", "Clients that have lost the connection and may reconnect.")
	gauge(&g.namespaces, namespaces, "{namespace}", "Concrete namespaces with clients.")
	gauge(&g.rooms, rooms, "{room}", "Rooms with clients.")
	gauge(&g.queueSize, queueSize, "By", "What waits to be sent to clients.")
	gauge(&g.queueMax, queueMax, "By", "What waits to be sent to the client for which most waits.")
	gauge(&g.inboxDepth, inboxDepth, "{message}", "Received messages that wait to be handled.")
	gauge(&g.inboxSize, inboxSize, "By", "Memory of received messages that wait to be handled.")
	gauge(&g.handlers, handlersRunning, "{handler}", "Handlers and HandleConnection hooks that run.")
	counter(&g.recoveries, recoveries, "{connection}", "Clients that were suspended, by how that has ended.")
	counter(&g.unknown, unknown, "{message}", "Messages without a handler.")

	b := &g.backplane
	gauge(&b.up, backplaneUp, "", "1 while the service that connects the nodes can be reached.")
	gauge(&b.degraded, backplaneDegraded, "", "1 while it cannot be reached, and for a minute after messages were lost.")
	gauge(&b.nodes, backplaneNodes, "{node}", "Nodes that live, this one included.")
	gauge(&b.queued, backplaneQueued, "{message}", "Messages that wait to be sent to other nodes.")
	gauge(&b.queueBytes, backplaneQueueBytes, "By", "Memory of messages that wait to be sent to other nodes.")
	counter(&b.sent, backplaneSent, "{message}", "Messages sent to other nodes.")
	counter(&b.received, backplaneReceived, "{message}", "Messages received from other nodes.")
	counter(&b.bytes, backplaneBytes, "By", "Sizes of messages between nodes.")
	counter(&b.frames, backplaneFrames, "{frame}", "Batches of messages sent to other nodes.")
	counter(&b.dropped, backplaneDropped, "{message}", "Messages between nodes that were dropped.")
	counter(&b.gaps, backplaneGaps, "{message}", "Messages of other nodes, about clients, that have not arrived.")
	counter(&b.duplicates, backplaneDuplicates, "{message}", "Messages of other nodes that arrived twice or too late.")
	counter(&b.unknown, backplaneUnknown, "{message}", "Messages of a newer version, or for endpoints that this node does not have.")
	counter(&b.invalid, backplaneInvalid, "{message}", "Messages of other nodes that are malformed, or over a limit.")
	counter(&b.reconnects, backplaneReconnects, "{reconnect}", "How often the connection to the service was lost and made again.")
	counter(&b.requests, backplaneRequests, "{request}", "Questions to other nodes, by how they have ended.")
	b.queueAge, err = m.Float64ObservableGauge(backplaneQueueAge, metric.WithUnit("s"), metric.WithDescription("For how long the oldest message has waited to be sent to other nodes."))
	made(b.queueAge, err)
	b.sendDuration, err = m.Float64ObservableCounter(backplaneSendDuration, metric.WithUnit("s"), metric.WithDescription("How long sending batches to other nodes took in all."))
	made(b.sendDuration, err)
	return errors.Join(errs...)
}

// collect is the callback of the instruments.
func (m *Metrics) collect(_ context.Context, o metric.Observer) error {
	a := m.app.Load()
	if a == nil {
		return nil
	}
	s := a.Stats()
	o.ObserveInt64(m.gauges.stopping, boolean(s.Stopping))
	all := map[place]observe.EndpointStats{}
	for _, e := range s.Endpoints {
		p := placeOf(observe.Endpoint{Platform: e.Platform, Path: e.Path, Namespace: e.Namespace})
		all[p] = sum(all[p], e)
	}
	for p, e := range all {
		m.collectEndpoint(o, p, e)
	}
	if s.Backplane != nil {
		m.collectBackplane(o, s.Backplane)
	}
	return nil
}

func boolean(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// sum adds the statistics of endpoints that have the same attributes: those of several listeners, or of several paths with
// the same namespace.
func sum(a, b observe.EndpointStats) observe.EndpointStats {
	transports := map[string]int{"websocket": 0} // always there, so that the series starts with 0
	for _, all := range []map[string]int{a.Transports, b.Transports} {
		for t, n := range all {
			transports[t] += n
		}
	}
	return observe.EndpointStats{
		Transports: transports, Suspended: a.Suspended + b.Suspended, Namespaces: a.Namespaces + b.Namespaces, Rooms: a.Rooms + b.Rooms,
		Handlers: a.Handlers + b.Handlers, Waiting: a.Waiting + b.Waiting, WaitingBytes: a.WaitingBytes + b.WaitingBytes,
		QueuedBytes: a.QueuedBytes + b.QueuedBytes, MostQueued: max(a.MostQueued, b.MostQueued),
		UnknownEvents: a.UnknownEvents + b.UnknownEvents, Recovered: a.Recovered + b.Recovered, NotRecovered: a.NotRecovered + b.NotRecovered,
		Arrived: a.Arrived + b.Arrived, Departed: a.Departed + b.Departed,
	}
}

func (m *Metrics) collectEndpoint(o metric.Observer, p place, e observe.EndpointStats) {
	g, at := &m.gauges, m.sets.endpoints.get(p).observe
	for transport, n := range e.Transports {
		o.ObserveInt64(g.connections, int64(n), m.sets.clients.get(transportKey{p, transport}).observe...)
	}
	o.ObserveInt64(g.suspended, int64(e.Suspended), at...)
	o.ObserveInt64(g.namespaces, int64(e.Namespaces), at...)
	o.ObserveInt64(g.rooms, int64(e.Rooms), at...)
	o.ObserveInt64(g.queueSize, int64(e.QueuedBytes), at...)
	o.ObserveInt64(g.queueMax, int64(e.MostQueued), at...)
	o.ObserveInt64(g.inboxDepth, int64(e.Waiting), at...)
	o.ObserveInt64(g.inboxSize, int64(e.WaitingBytes), at...)
	o.ObserveInt64(g.handlers, int64(e.Handlers), at...)
	o.ObserveInt64(g.unknown, int64(e.UnknownEvents), at...)
	for outcome, n := range map[string]uint64{"recovered": e.Recovered - e.Arrived, "arrived": e.Arrived, "departed": e.Departed, "lost": e.NotRecovered} {
		o.ObserveInt64(g.recoveries, int64(n), m.sets.recoveries.get(recoveryKey{p, outcome}).observe...)
	}
}

func (m *Metrics) collectBackplane(o metric.Observer, s *observe.BackplaneStats) {
	b := &m.gauges.backplane
	o.ObserveInt64(b.up, boolean(s.Up))
	o.ObserveInt64(b.degraded, boolean(s.Degraded))
	o.ObserveInt64(b.nodes, int64(s.Nodes))
	o.ObserveInt64(b.queued, int64(s.Queued))
	o.ObserveInt64(b.queueBytes, int64(s.QueuedBytes))
	o.ObserveFloat64(b.queueAge, seconds(s.QueueAge))
	o.ObserveInt64(b.sent, int64(s.Sent))
	o.ObserveInt64(b.received, int64(s.Received))
	o.ObserveInt64(b.bytes, int64(s.SentBytes), m.sets.transmit.observe...)
	o.ObserveInt64(b.bytes, int64(s.ReceivedBytes), m.sets.receive.observe...)
	o.ObserveInt64(b.frames, int64(s.Batches))
	o.ObserveFloat64(b.sendDuration, seconds(s.SendTime))
	o.ObserveInt64(b.dropped, int64(s.Dropped), m.sets.reasons.get("not_sent").observe...)
	o.ObserveInt64(b.dropped, int64(s.Overrun), m.sets.reasons.get("overrun").observe...)
	o.ObserveInt64(b.gaps, int64(s.Gaps))
	o.ObserveInt64(b.duplicates, int64(s.Duplicates))
	o.ObserveInt64(b.unknown, int64(s.Unknown))
	o.ObserveInt64(b.invalid, int64(s.Invalid))
	o.ObserveInt64(b.reconnects, int64(s.Reconnects))
	for request, q := range map[string]observe.Questions{"call": s.Calls, "fetch": s.Fetches, "count": s.Counts} {
		for outcome, n := range map[string]uint64{"answered": q.Answered, "lost": q.Lost, "late": q.Late} {
			o.ObserveInt64(b.requests, int64(n), m.sets.requests.get(requestKey{request, outcome}).observe...)
		}
	}
}
