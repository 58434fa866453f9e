package client

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// request is a message that the server answers.
type request struct {
	id     uint64
	result chan result // of a call; receives once
	items  *items      // of a stream

	link *link // on which it was sent; Conn.mu guards it
}

// result is how a request ends.
type result struct {
	payload websockets.Payload
	err     error
}

// end ends the request, once: it is in no list of requests any more.
func (r *request) end(by result) {
	if r.items != nil {
		r.items.end(by.err)
		return
	}
	r.result <- by
}

// Emit sends an event. Prefer [websockets.Event.Emit], which checks the payload's type. It does not wait for the network, unless more
// messages wait than [Limits] allows while the connection is open; then the end of ctx ends it, or Timeout. That it returns nil does not
// mean that the server has received the event: with a connection that is lost then, it may be lost too. Errors: of encoding,
// [websockets.ErrNoEvent], [ErrClosed], [ErrQueueFull].
func (c *Conn) Emit(ctx context.Context, event string, data any, opts ...websockets.EmitOption) error {
	m, o, err := c.message(ctx, event, data, nil, opts)
	if err == nil {
		late := c.deadline(ctx)
		defer late.stop()
		err = c.send(ctx, m, o.Volatile, &late)
	}
	if err != nil {
		return failed("emit", event, err)
	}
	return nil
}

// Call sends an event and waits for the server's answer. Prefer [websockets.Request.Call], which checks types. Without a
// deadline in ctx it waits for Timeout. Errors: a *[websockets.Error] of the server, those of Emit, [ErrUnanswered] with
// [ErrDisconnected] or the cause of ctx, and the cause of ctx alone if the request was not sent.
func (c *Conn) Call(ctx context.Context, event string, data any, opts ...websockets.EmitOption) (websockets.Payload, error) {
	r := &request{result: make(chan result, 1)}
	m, o, err := c.message(ctx, event, data, r, opts)
	if err != nil {
		return websockets.Payload{}, failed("call", event, err)
	}
	late := c.deadline(ctx)
	defer late.stop()
	if err := c.send(ctx, m, o.Volatile, &late); err != nil {
		return websockets.Payload{}, failed("call", event, err)
	}
	var by result
	select {
	case by = <-r.result:
	case <-ctx.Done():
		by = c.overdue(m, context.Cause(ctx))
	case <-late.C():
		by = c.overdue(m, late.err())
	}
	if by.err != nil {
		return websockets.Payload{}, failed("call", event, by.err)
	}
	return by.payload, nil
}

// overdue ends a call by an error, unless it has ended.
func (c *Conn) overdue(m *message, why error) result {
	c.mu.Lock()
	sent, found := c.forget(m)
	c.mu.Unlock()
	switch {
	case !found:
		return <-m.req.result
	case sent:
		return result{err: fmt.Errorf("no answer: %w: %w", why, ErrUnanswered)}
	}
	return result{err: fmt.Errorf("not sent: %w", why)}
}

// forget takes a request out of where it is. found is false if it has ended. c.mu is held.
func (c *Conn) forget(m *message) (sent, found bool) {
	if m.remove() {
		c.unanswered--
		c.wakeIfLow(&c.queue)
		c.progress()
		return false, true
	}
	l := m.req.link
	if l == nil || l.sent[m.req.id] != m.req {
		return false, false
	}
	delete(l.sent, m.req.id)
	c.unanswered--
	c.progress()
	return true, true
}

// deadline is the default one of what waits.
type deadline struct {
	after time.Duration // 0 if the context has one
	start time.Time
	timer *time.Timer // made when it is needed
}

func (c *Conn) deadline(ctx context.Context) deadline {
	if _, has := ctx.Deadline(); has {
		return deadline{}
	}
	return deadline{after: c.opts.Timeout, start: time.Now()}
}

// C returns a channel that receives at the deadline; nil without one.
func (d *deadline) C() <-chan time.Time {
	if d.after == 0 {
		return nil
	}
	if d.timer == nil {
		d.timer = time.NewTimer(d.after - time.Since(d.start)) // not pooled: it belongs to its synctest bubble
	}
	return d.timer.C
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *deadline) err() error { return fmt.Errorf("%w after %v", context.DeadlineExceeded, d.after) }

// message encodes an event, or a request.
func (c *Conn) message(ctx context.Context, event string, data any, r *request, opts []websockets.EmitOption) (*message, emit.Options, error) {
	var o emit.Options
	for _, opt := range opts {
		opt.ApplyEmit(&o)
	}
	if event == "" {
		return nil, o, websockets.ErrNoEvent
	}
	out := adapter.NewOutgoing(event, data)
	defer out.Release(seal.Framework{})
	p, err := out.Payload(false)
	if err != nil {
		return nil, o, err
	}
	var id uint64
	if r != nil {
		c.mu.Lock()
		c.lastID++
		id = c.lastID
		c.mu.Unlock()
		r.id = id
	}
	const around = 48 // the keys, and an id
	parent, state, err := c.trace(ctx)
	if err != nil {
		return nil, o, err
	}
	text := make([]byte, 0, len(event)+len(p.JSON)+around+len(parent)+len(state))
	text = appendTrace(appendEvent(text, event, p.JSON, id), parent, state)
	return &message{text: text, req: r}, o, nil
}

// maxVolatile is how many bytes may wait when a volatile event is sent.
const maxVolatile = 64 << 10

// send has a message wait to be sent.
func (c *Conn) send(ctx context.Context, m *message, volatile bool, late *deadline) error {
	for {
		c.mu.Lock()
		room, err := c.enqueue(ctx, m, volatile)
		c.mu.Unlock()
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return fmt.Errorf("not sent: %w", context.Cause(ctx))
		case <-late.C():
			return fmt.Errorf("not sent: %w", late.err())
		}
	}
}

// enqueue has a message wait, or returns a channel that is closed when it should be tried again. c.mu is held.
func (c *Conn) enqueue(ctx context.Context, m *message, volatile bool) (room <-chan struct{}, err error) {
	l, q := c.link, &c.queue
	from, _ := ctx.Value(setup{}).(*link)
	if from != nil && from == l && l.stage == preparing {
		q = &l.urgent
	}
	open := l != nil && (l.stage == ready || q == &l.urgent)
	full := q.n >= c.opts.Limits.Queued || q.n > 0 && q.bytes+len(m.text) > c.opts.Limits.QueuedBytes
	switch {
	case c.state == Closed:
		return nil, c.closedError()
	case c.phase >= closing && !inHandler(ctx):
		return nil, ErrClosed
	case from != nil && from.stage == over:
		return nil, ErrDisconnected
	case m.req != nil && c.unanswered >= c.opts.Limits.Unanswered:
		return nil, ErrQueueFull
	case full && !open, volatile && (!open || q.bytes > maxVolatile):
		return nil, ErrQueueFull
	case full:
		if c.room == nil {
			c.room = make(chan struct{})
		}
		return c.room, nil
	}
	q.push(m)
	if m.req != nil {
		c.unanswered++
		c.inbox.again()
	}
	if l != nil {
		l.wakeWriter()
	}
	return nil, nil
}

// wakeIfLow has messages without room try again when half of the queue is free: all that wait do, so not for each
// message. c.mu is held.
func (c *Conn) wakeIfLow(q *queue) {
	if q.n <= c.opts.Limits.Queued/2 && q.bytes <= c.opts.Limits.QueuedBytes/2 {
		c.wake()
	}
}

// wake has messages without room try again. c.mu is held.
func (c *Conn) wake() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}
