package otel

import (
	"cmp"
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The functions of this file are the hooks of [Metrics].

func (m *Metrics) admit(ctx context.Context, a observe.Attempt) (context.Context, func(error)) {
	start := time.Now()
	return ctx, func(err error) {
		k := failureKey{placeOfAttempt(a), m.errorType(err, nil, false)}
		m.instruments.handshakeDuration.Record(ctx, seconds(time.Since(start)), m.sets.handshakes.get(k).record...)
	}
}

func (m *Metrics) countRefusal(ctx context.Context, a observe.Attempt, r observe.Refusal) {
	k := refusalKey{failureKey: failureKey{placeOfAttempt(a), m.errorType(r.Err, r.Sent, false)}, stage: string(r.Stage)}
	if r.Sent != nil {
		k.status = r.Sent.Status
	}
	m.instruments.refusals.Add(ctx, 1, m.sets.refusals.get(k).add...)
}

func (m *Metrics) disconnected(c websockets.Client, r websockets.Reason, lasted time.Duration) {
	k := connectionKey{transportKey{placeOf(observe.EndpointOf(c)), c.Transport()}, string(cmp.Or(r.Cause, websockets.CauseTransportClose))}
	m.instruments.connectionDuration.Record(context.Background(), seconds(lasted), m.sets.connections.get(k).record...)
}

func (m *Metrics) receive(c websockets.Client, r observe.Received) {
	ctx := context.Background()
	m.instruments.io.Add(ctx, int64(r.Bytes), m.sets.receive.add...)
	switch p := placeOf(observe.EndpointOf(c)); {
	case r.Err != nil:
		m.instruments.malformed.Add(ctx, 1, m.sets.endpoints.get(p).add...)
	case !r.Answer:
		m.instruments.messagesReceived.Add(ctx, 1, m.sets.received.get(eventKey{p, m.event(r.Event)}).add...)
	}
}

func (m *Metrics) handle(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
	m.instruments.waitDuration.Record(ctx, seconds(h.Waited), m.sets.endpoints.get(placeOf(observe.EndpointOf(h.Client))).record...)
	gateway, event := h.Gateway, h.Event
	return ctx, func(o observe.Outcome) {
		m.instruments.callDuration.Record(ctx, seconds(o.Took), m.sets.handlers.get(callKey{gateway, event, m.errorType(o.Err, o.Sent, o.Panicked)}).record...)
		if o.Items > 0 {
			m.instruments.streamItems.Add(ctx, int64(o.Items), m.sets.streams.get(method(gateway, event)).add...)
		}
	}
}

func (m *Metrics) emit(ctx context.Context, e observe.Emission) (context.Context, func(observe.Delivery)) {
	event, selection, call := m.event(e.Event), e.Client == nil, e.Call
	return ctx, func(d observe.Delivery) {
		if selection {
			m.instruments.recipients.Record(ctx, int64(d.Recipients), m.sets.events.get(event).record...)
		}
		m.countDelivery(ctx, event, d)
		if call {
			k := errorKey{event, m.errorType(d.Err, nil, false)}
			m.instruments.clientCallDuration.Record(ctx, seconds(d.Took), m.sets.calls.get(k).record...)
		}
	}
}

func (m *Metrics) deliver(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
	if a.NodeEvent {
		return ctx, nil
	}
	event := m.event(a.Event)
	return ctx, func(d observe.Delivery) { m.countDelivery(ctx, event, d) }
}

func (m *Metrics) countDelivery(ctx context.Context, event string, d observe.Delivery) {
	if d.Recipients == 0 {
		return
	}
	m.instruments.messagesSent.Add(ctx, int64(d.Recipients), m.sets.events.get(event).add...)
	m.instruments.io.Add(ctx, int64(d.Bytes), m.sets.transmit.add...)
}

func (m *Metrics) drop(_ websockets.Client, event string, err error) {
	m.instruments.dropped.Add(context.Background(), 1, m.sets.dropped.get(dropKey{m.event(event), m.errorType(err, nil, false)}).add...)
}

// drain is a stop that runs.
type drain struct {
	started time.Time
	clients int // at the start
	late    int // that were cut
}

func (m *Metrics) drainStep(s observe.DrainStep) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch s.Phase {
	case observe.DrainStarted:
		m.drain = drain{started: time.Now(), clients: s.Clients}
	case observe.DrainLate:
		m.drain.late = s.Clients
	case observe.DrainDone:
		ctx := context.Background()
		m.instruments.drainClients.Add(ctx, int64(m.drain.clients-m.drain.late), m.sets.outcomes.get("closed").add...)
		m.instruments.drainClients.Add(ctx, int64(m.drain.late), m.sets.outcomes.get("cut").add...)
		m.instruments.drainDuration.Record(ctx, seconds(time.Since(m.drain.started)))
	case observe.DrainClosing:
	}
}

// seconds returns a duration in the unit of all histograms.
func seconds(d time.Duration) float64 { return d.Seconds() }
