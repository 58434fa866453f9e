package inspect

import (
	"cmp"
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// newHooks returns hooks that record what happens while a page is open.
func newHooks(i *inspector) observe.Hooks {
	f := i.feed
	return observe.Hooks{
		Refused: i.refused,
		Connected: func(c websockets.Client) {
			if f.active() {
				f.add(f.of(c, kindConnect), nil)
			}
		},
		Disconnected: func(c websockets.Client, r websockets.Reason, lasted time.Duration) {
			if f.active() {
				e := f.of(c, kindDisconnect)
				e.Event, e.Took = cut(r.String(), maxText), lasted.Microseconds()
				f.add(e, nil)
			}
		},
		Received: i.received,
		Handle:   i.handle,
		Answered: func(c websockets.Client, a observe.Answer) {
			if f.active() {
				i.payload(c, entry{Kind: kindAnswer, Event: a.Event}, a.Payload)
			}
		},
		Sent: func(c websockets.Client, s observe.Sent) {
			if f.active() {
				i.payload(c, entry{Kind: kindOut, Event: s.Event}, s.Payload)
				i.sent(c, s.Event)
			}
		},
		Dropped: func(c websockets.Client, event string, err error) {
			if f.active() {
				e := f.of(c, kindDrop)
				e.Event, e.Error = event, cut(err.Error(), maxText)
				f.add(e, nil)
			}
		},
		Joined: func(c websockets.Client, room string) { f.room(c, kindJoin, room) },
		Left:   func(c websockets.Client, room string) { f.room(c, kindLeave, room) },
	}
}

// of returns an entry about a client.
func (f *feed) of(c websockets.Client, kind string) entry {
	return entry{Kind: kind, Client: c.ID(), Endpoint: f.names.of(observe.EndpointOf(c))}
}

func nameOf(at observe.Endpoint) string { return endpointName(at.Platform, at.Path, at.Namespace) }

func (f *feed) room(c websockets.Client, kind, room string) {
	if f.active() {
		e := f.of(c, kind)
		e.Room = room
		f.add(e, nil)
	}
}

// payload records an entry with a payload.
func (i *inspector) payload(c websockets.Client, e entry, p websockets.Payload) {
	at := observe.EndpointOf(c)
	e.Client, e.Endpoint = c.ID(), i.feed.names.of(at)
	e.Bytes = cmp.Or(e.Bytes, len(e.Event)+p.Size())
	text, note := payloadOf(at, p)
	e.Note = note
	i.feed.add(e, text)
}

func (i *inspector) refused(_ context.Context, a observe.Attempt, r observe.Refusal) {
	if !i.feed.active() {
		return
	}
	e := entry{Kind: kindRefused, Event: string(r.Stage), Endpoint: endpointName(cmp.Or(a.Platform, "no gateway"), cut(a.Path, maxText), a.Endpoint)}
	setError(&e, r.Err, r.Sent)
	i.feed.add(e, nil)
}

func (i *inspector) received(c websockets.Client, m observe.Received) {
	if !i.feed.active() {
		return
	}
	e := entry{Kind: kindIn, Event: m.Event, Bytes: m.Bytes}
	if m.Answer {
		e.Event = "answer of a call"
	}
	if m.Err != nil {
		e.Error = cut(m.Err.Error(), maxText)
	}
	i.payload(c, e, m.Payload)
}

func (i *inspector) handle(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
	if !i.feed.active() {
		return ctx, nil
	}
	return ctx, func(o observe.Outcome) {
		e := i.feed.of(h.Client, kindDone)
		e.Event, e.Took = h.Event, o.Took.Microseconds()
		setError(&e, o.Err, o.Sent)
		i.feed.add(e, nil)
	}
}

// setError sets what is shown of an error: that which the client was sent, and what it does not see.
func setError(e *entry, err error, sent *websockets.Error) {
	if sent != nil {
		e.Code, e.Error = sent.Code, sent.Message
	}
	if err != nil && (sent == nil || err.Error() != sent.Message) {
		if e.Error != "" {
			e.Error += ": "
		}
		e.Error += err.Error()
	}
	e.Error = cut(e.Error, maxText)
}

// sent notes an event that no gateway of the endpoint declares.
func (i *inspector) sent(c websockets.Client, event string) {
	select {
	case <-i.ready:
	default:
		return
	}
	at := sentEvent{i.feed.names.of(observe.EndpointOf(c)), event}
	if !i.declared[at] {
		i.feed.undeclared(at)
	}
}
