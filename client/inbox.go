package client

import (
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// event is one of the server.
type event struct {
	name string
	data []byte
}

// inbox has the events that wait for the handlers. Conn.mu guards it.
type inbox struct {
	list  []event
	bytes int
	more  chan struct{} // receives when there are more
	room  chan struct{} // receives when the reader has to look again; only one link reads at a time
}

func (b *inbox) init() { b.more, b.room = make(chan struct{}, 1), make(chan struct{}, 1) }

// patience is how many times the limits of the inbox are allowed while requests are unanswered.
const patience = 8

// deliver has an event wait for the handlers. It waits for room; false if the connection is lost meanwhile, and the event with it.
func (l *link) deliver(e event) bool {
	for !l.put(e) {
		l.paused.Store(true)
		select {
		case <-l.inbox.room:
		case <-l.done:
			l.paused.Store(false)
			return false
		}
		l.noteReceived()
		l.paused.Store(false)
	}
	return true
}

// put adds an event to the inbox; false if it is full.
func (l *link) put(e event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == leaving || len(l.handlers[e.name]) == 0 && e.name != l.opts.ExceptionEvent {
		return true // dropped
	}
	b, limit, bytes := &l.inbox, l.opts.Limits.Events, l.opts.Limits.EventBytes
	if l.unanswered > 0 {
		limit, bytes = patience*limit, patience*bytes
	}
	if len(b.list) >= limit || len(b.list) > 0 && b.bytes+len(e.data) > bytes {
		return false
	}
	b.list = append(b.list, e)
	b.bytes += len(e.data)
	select {
	case b.more <- struct{}{}:
	default:
	}
	return true
}

// again has the reader look whether there is room.
func (b *inbox) again() {
	select {
	case b.room <- struct{}{}:
	default:
	}
}

// pop removes the first event.
func (b *inbox) pop() (e event, ok bool) {
	if len(b.list) == 0 {
		return e, false
	}
	e, b.list[0] = b.list[0], event{}
	if b.list = b.list[1:]; len(b.list) == 0 {
		b.list = nil
	}
	b.bytes -= len(e.data)
	b.again()
	return e, true
}

// dispatch calls the handlers, one at a time, until the Conn is closed: if the server has closed it, until
// all events are handled.
func (c *Conn) dispatch() {
	ended := false
	defer func() {
		if !ended { // a handler has ended the goroutine
			c.logError("client: handler failed", recovered.ErrExited)
			c.all.Go(c.dispatch)
		}
	}()
	for {
		c.mu.Lock()
		e, ok := c.inbox.pop()
		handlers := c.handlers[e.name] // which is copied when it changes
		done := c.state == Closed && (c.phase == leaving || !ok)
		c.mu.Unlock()
		switch {
		case done:
			ended = true
			c.cancel(ErrClosed)
			return
		case ok:
			c.handle(e, handlers)
			continue
		}
		select {
		case <-c.inbox.more:
		case <-c.closed:
		}
	}
}

// handle calls the handlers of an event.
func (c *Conn) handle(e event, handlers []*handler) {
	p := websockets.Payload{JSON: e.data}
	ctx := c.handlerContext(c.ctx)
	for _, h := range handlers {
		if err := h.call(ctx, p); err != nil {
			c.logError("client: handler failed", err, "event", e.name)
		}
	}
	if len(handlers) == 0 && e.name == c.opts.ExceptionEvent {
		c.log.Warn("client: the server reports an error that belongs to no request", "error", serverError(e.data))
	}
}
