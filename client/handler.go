package client

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type handler struct {
	f func(context.Context, websockets.Payload) error
}

// call calls the handler. It has no goroutine of its own, unlike by protect: there are many events.
func (h *handler) call(ctx context.Context, p websockets.Payload) (err error) {
	defer recovered.Into(&err)
	return h.f(ctx, p)
}

type answerer struct {
	f func(context.Context, websockets.Payload) (any, error)
}

// inside is the key that marks the contexts of handlers.
type inside struct{}

func (*Conn) handlerContext(ctx context.Context) context.Context {
	return context.WithValue(ctx, inside{}, true)
}

// inHandler reports whether a context is that of a handler, which may send while Close waits for it.
func inHandler(ctx context.Context) bool { return ctx.Value(inside{}) != nil }

// On calls h for each event of the server. Handlers are called one at a time, in the order of the events; several of one
// event in the order in which they were registered. A slow one delays the next events, see [Limits]. It may call the server. ctx
// ends when c is closed. An error, also of a payload that does not decode, and a panic are logged. Events without
// a handler are dropped. The returned function removes h.
func On[T any](c *Conn, e websockets.Event[T], h func(ctx context.Context, v T) error) (off func()) {
	own := &handler{func(ctx context.Context, p websockets.Payload) error {
		var v T
		if err := p.Decode(&v); err != nil {
			return err
		}
		return h(ctx, v)
	}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers[e.Name()] = append(slices.Clone(c.handlers[e.Name()]), own)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		rest := slices.DeleteFunc(slices.Clone(c.handlers[e.Name()]), func(other *handler) bool { return other == own })
		if c.handlers[e.Name()] = rest; len(rest) == 0 {
			delete(c.handlers, e.Name())
		}
	}
}

// Answer answers calls of the server by f, which replaces an earlier function for the event. Each call has a goroutine of its own,
// beside the handlers of [On]. ctx ends when the connection is lost and after Timeout, by default the time that the server
// waits. Answers have no form for errors: an error, a payload that does not decode and a panic are logged, and
// the server waits for its timeout. The returned function removes f.
func Answer[Req, Res any](c *Conn, e websockets.CallEvent[Req, Res], f func(ctx context.Context, req Req) (Res, error)) (off func()) {
	own := &answerer{func(ctx context.Context, p websockets.Payload) (any, error) {
		var req Req
		if err := p.Decode(&req); err != nil {
			return nil, err
		}
		return f(ctx, req)
	}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answerers[e.Name()] = own
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.answerers[e.Name()] == own {
			delete(c.answerers, e.Name())
		}
	}
}

// asked answers a call of the server.
func (l *link) asked(f frame) {
	l.mu.Lock()
	a := l.answerers[f.event]
	limits := &l.opts.Limits
	busy := l.answering >= limits.Answering
	unread := l.urgent.n >= limits.Queued || l.urgent.bytes >= limits.QueuedBytes // the server does not read
	if a != nil && !busy && !unread && l.stage != over {
		l.answering++
		id, p := clone(f.id), websockets.Payload{JSON: clone(f.data)}
		l.Conn.all.Go(func() { l.answer(f.event, a, id, p) })
	}
	l.mu.Unlock()
	switch {
	case a == nil:
		l.log.Warn("client: the server calls an event that nothing answers: use client.Answer", "event", f.event)
	case unread:
		l.log.Warn("client: a call of the server is not answered: Limits.Queued answers wait to be sent", "event", f.event)
	case busy:
		l.log.Warn("client: a call of the server is not answered: Limits.Answering are being answered", "event", f.event)
	}
}

// answer calls the function of an event and sends its result.
func (l *link) answer(event string, a *answerer, id []byte, p websockets.Payload) {
	ctx, cancel := context.WithTimeout(l.handlerContext(l.ctx), l.opts.Timeout)
	defer cancel()
	var text []byte
	err := protect(func() error {
		v, err := a.f(ctx, p)
		if err != nil {
			return err
		}
		out := adapter.NewOutgoing("", v)
		defer out.Release(seal.Framework{})
		encoded, err := out.Payload(false)
		text = appendAnswer(nil, id, encoded.JSON)
		return err
	})
	l.mu.Lock()
	l.answering--
	if err == nil && l.stage != over {
		l.urgent.push(&message{text: text})
		l.wakeWriter()
	}
	l.progress()
	lost := l.stage == over
	l.mu.Unlock()
	if err != nil && !(lost && errors.Is(err, context.Canceled)) {
		l.logError("client: a call of the server is not answered", err, "event", event)
	}
}
