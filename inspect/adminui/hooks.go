package adminui

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Hooks are those of app.Observe. While no page is open on any node, they keep which clients are connected, and do nothing else.
func (a *Admin) Hooks() observe.Hooks {
	h := observe.Hooks{
		Connected:    a.connected,
		Disconnected: a.disconnected,
		Received:     a.received,
		Answered:     a.answered,
	}
	if a.opts.Mode == Development {
		h.Upgraded, h.Joined, h.Left, h.Sent = a.upgraded, a.joined, a.left, a.sent
		return h
	}
	h.Emit = func(ctx context.Context, _ observe.Emission) (context.Context, func(observe.Delivery)) {
		return ctx, a.delivered()
	}
	h.Deliver = func(ctx context.Context, e observe.Arrival) (context.Context, func(observe.Delivery)) {
		if e.NodeEvent {
			return ctx, nil
		}
		return ctx, a.delivered()
	}
	return h
}

// delivered returns what counts a delivery; nil while no page is open.
func (a *Admin) delivered() func(observe.Delivery) {
	if !a.feed.watched.Load() {
		return nil
	}
	return func(d observe.Delivery) { a.counts.sent(d.Recipients, d.Bytes) }
}

func (a *Admin) connected(c websockets.Client) {
	e, first := a.clients.add(c)
	if !a.feed.watched.Load() {
		return
	}
	if first {
		a.counts.connections.Add(1)
	}
	if a.opts.Mode == Development {
		now := stamp(time.Now())
		a.feed.state("room_joined", func() []byte { return list(nspOf(c), c.ID(), c.ID(), now) })
		a.feed.state("socket_connected", func() []byte { return list(serialize(e), now) })
	}
}

func (a *Admin) disconnected(c websockets.Client, r websockets.Reason, _ time.Duration) {
	found, last := a.clients.remove(c)
	if !found || !a.feed.watched.Load() {
		return
	}
	if last {
		a.counts.ended(string(r.Cause))
	}
	if a.opts.Mode == Development {
		now := stamp(time.Now())
		a.feed.state("socket_disconnected", func() []byte { return list(nspOf(c), c.ID(), r.Cause, now) })
		a.feed.state("room_left", func() []byte { return list(nspOf(c), c.ID(), c.ID(), now) })
	}
}

func (a *Admin) upgraded(c websockets.Client) {
	if a.feed.watched.Load() {
		a.feed.state("socket_updated", func() []byte { return list(transportUpdate{c.ID(), nspOf(c), c.Transport()}) })
	}
}

// transportUpdate is the payload of socket_updated.
type transportUpdate struct {
	ID        string `json:"id"`
	Nsp       string `json:"nsp"`
	Transport string `json:"transport"`
}

func (a *Admin) joined(c websockets.Client, room string) { a.room("room_joined", c, room) }

func (a *Admin) left(c websockets.Client, room string) { a.room("room_left", c, room) }

func (a *Admin) room(event string, c websockets.Client, room string) {
	if a.feed.watched.Load() {
		a.feed.state(event, func() []byte { return list(nspOf(c), room, c.ID(), stamp(time.Now())) })
	}
}

func (a *Admin) received(c websockets.Client, m observe.Received) {
	if !a.feed.watched.Load() {
		return
	}
	a.counts.received(m.Bytes)
	if a.opts.Mode == Development && !m.Answer && m.Err == nil {
		a.feed.message("event_received", c, m.Event, m.Payload)
	}
}

func (a *Admin) answered(_ websockets.Client, m observe.Answer) {
	if a.feed.watched.Load() {
		a.counts.sent(1, m.Payload.Size())
	}
}

func (a *Admin) sent(c websockets.Client, m observe.Sent) {
	if !a.feed.watched.Load() {
		return
	}
	a.counts.sent(1, len(m.Event)+m.Payload.Size())
	a.feed.message("event_sent", c, m.Event, m.Payload)
}
