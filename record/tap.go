package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// tap makes lines of what the hooks of an application see. A [Recorder] writes them, a [Player] compares them.
type tap struct {
	o    tapOptions
	emit func(*Line) // with mu held
	over atomic.Bool

	mu      sync.Mutex
	clients map[websockets.Client]*client
	ids     map[string]string // names of clients by their ids
	names   int
	omitted bool // more clients than o.maxClients
	secrets secrets
}

type tapOptions struct {
	redact                 func(*Line)
	match                  func(websockets.Client) bool
	ignore                 []string
	maxPayload, maxClients int
}

// client is one that is recorded.
type client struct {
	name     string
	hidden   bool // its payloads are left out
	messages int
	pending  map[uint64]*message // by the number of the hooks, until they are handled
	running  int                 // of pending
	calls    map[uint64]string   // their events
}

// message is one that is being handled.
type message struct {
	number            int
	running, parallel bool
	answered          bool
}

func newTap(o tapOptions, emit func(*Line)) tap {
	return tap{o: o, emit: emit, clients: map[websockets.Client]*client{}, ids: map[string]string{}}
}

// stop ends the recording; mu is held.
func (t *tap) stop() {
	t.over.Store(true)
	t.clients = map[websockets.Client]*client{}
}

func (t *tap) hooks() observe.Hooks {
	return observe.Hooks{
		Connected: t.connected, Ready: t.ready, Refused: t.refused, Leaving: t.leaving, Disconnected: t.disconnected,
		Received: t.received, Handle: t.handle, Answered: t.answered, Sent: t.sent, Drain: t.drain,
	}
}

// of calls f with a client that is recorded.
func (t *tap) of(c websockets.Client, f func(x *client)) {
	if t.over.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.clients[c]; x != nil {
		f(x)
	}
}

// line passes a line on; mu is held.
func (t *tap) line(l *Line) {
	t.secrets.removeFrom(l)
	if t.o.redact != nil {
		t.o.redact(l)
	}
	t.emit(l)
}

// payload sets the payload of a line, unless it is left out.
func (t *tap) payload(l *Line, x *client, p websockets.Payload) *Line {
	switch size := p.Size(); {
	case x.hidden && size > 0:
		l.Missing = "payload: the gateway hides what clients send"
	case size > t.o.maxPayload:
		l.Missing = fmt.Sprintf("payload: MaxPayload is %d", t.o.maxPayload)
	default:
		l.setPayload(p)
	}
	return l
}

func (t *tap) connected(c websockets.Client) {
	if t.over.Load() || t.o.match != nil && !t.o.match(c) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.room() {
		return
	}
	x := &client{name: t.name(), hidden: observe.EndpointOf(c).HidesPayloads, pending: map[uint64]*message{}, calls: map[uint64]string{}}
	t.clients[c] = x
	l := &Line{Kind: KindConnect, Client: x.name, Platform: c.Platform(), Namespace: c.Namespace(), id: c.ID()}
	if former, ok := t.ids[c.ID()]; ok && c.Recovered() {
		l.Recovers = former
	}
	t.ids[c.ID()] = x.name
	r := c.Request()
	if !t.secrets.add(r, c.Auth()) {
		x.hidden = true
	}
	l.setRequest(r)
	if !c.Auth().IsZero() {
		l.Missing = "auth"
	}
	t.line(l)
}

// room reports whether one more client is recorded.
func (t *tap) room() bool {
	if t.names < t.o.maxClients {
		return true
	}
	if !t.omitted {
		t.omitted = true
		t.emit(&Line{Kind: KindOmitted, Missing: fmt.Sprintf("further clients: MaxClients is %d", t.o.maxClients)})
	}
	return false
}

func (t *tap) name() string {
	t.names++
	return fmt.Sprintf("c%d", t.names)
}

func (t *tap) ready(c websockets.Client) {
	t.of(c, func(x *client) { t.line(&Line{Kind: KindReady, Client: x.name}) })
}

func (t *tap) refused(_ context.Context, a observe.Attempt, r observe.Refusal) {
	if t.over.Load() || r.Client != nil || a.Platform == "" || r.Sent == nil || errors.Is(r.Err, context.Canceled) { // the client has left
		return
	}
	if t.o.match != nil { // it decides by clients
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.room() {
		return
	}
	l := &Line{Kind: KindRefused, Client: t.name(), Platform: a.Platform, Namespace: a.Namespace, Code: r.Sent.Status, Text: r.Sent.Code}
	hidden := !t.secrets.add(a.Request, websockets.Payload{})
	l.setRequest(a.Request)
	var err error
	if l.Payload, err = json.Marshal(r.Sent.Message); hidden || err != nil {
		l.Payload, l.Missing = nil, "message"
	}
	t.line(l)
}

func (t *tap) leaving(c websockets.Client, r websockets.Reason) {
	t.of(c, func(x *client) {
		t.line(&Line{Kind: KindLeave, Client: x.name, Cause: string(r.Cause), Code: r.Code, Text: r.Text, Clean: r.Clean})
	})
}

func (t *tap) disconnected(c websockets.Client, _ websockets.Reason, _ time.Duration) {
	t.of(c, func(x *client) {
		t.line(&Line{Kind: KindLeft, Client: x.name})
		delete(t.clients, c)
	})
}

func (t *tap) received(c websockets.Client, m observe.Received) {
	t.of(c, func(x *client) {
		switch {
		case m.Err != nil:
			t.line(&Line{Kind: KindOmitted, Client: x.name, Missing: "a frame that is no message"})
			x.messages++
			x.pending[m.Number] = &message{number: x.messages}
		case m.Answer:
			l := &Line{Kind: KindReply, Client: x.name, Number: int(m.Number), Event: x.calls[m.Number]} // which may come before the call
			t.line(t.payload(l, x, m.Payload))
		default:
			x.messages++
			l := &Line{Kind: KindSend, Client: x.name, Number: x.messages, Event: strings.Clone(m.Event)}
			if m.WantsAnswer {
				l.Kind = KindAsk
			}
			if m.Event != websockets.EventCancel {
				x.pending[m.Number] = &message{number: x.messages}
			}
			t.line(t.payload(l, x, m.Payload))
		}
	})
}

func (t *tap) handle(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
	t.of(h.Client, func(x *client) { x.started(h.Number) })
	return ctx, func(observe.Outcome) {
		t.of(h.Client, func(x *client) {
			m := x.pending[h.Number]
			if m == nil {
				return
			}
			delete(x.pending, h.Number)
			if m.running {
				x.running--
			}
			if !m.answered {
				t.line(&Line{Kind: KindDone, Client: x.name, Number: m.number, Parallel: m.parallel})
			}
		})
	}
}

func (x *client) started(number uint64) {
	m := x.pending[number]
	if m == nil {
		return
	}
	m.running = true
	if x.running++; x.running > 1 {
		for _, other := range x.pending {
			other.parallel = other.parallel || other.running
		}
	}
}

func (t *tap) answered(c websockets.Client, a observe.Answer) {
	t.of(c, func(x *client) {
		m := x.pending[a.Number]
		if m == nil {
			return
		}
		m.answered = true
		l := &Line{Kind: KindAnswer, Client: x.name, Number: m.number, Event: strings.Clone(a.Event), Parallel: m.parallel}
		if a.Failed {
			l.Kind = KindFail
		}
		t.line(t.payload(l, x, a.Payload))
	})
}

func (t *tap) sent(c websockets.Client, s observe.Sent) {
	t.of(c, func(x *client) {
		if slices.Contains(t.o.ignore, s.Event) {
			return
		}
		l := &Line{Kind: KindEvent, Client: x.name, Event: strings.Clone(s.Event)}
		if s.Call {
			l.Kind, l.Number = KindCall, int(s.Number)
			x.calls[s.Number] = l.Event
		}
		t.line(t.payload(l, x, s.Payload))
	})
}

func (t *tap) drain(s observe.DrainStep) {
	if s.Phase != observe.DrainStarted || t.over.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.emit(&Line{Kind: KindEnd})
}
