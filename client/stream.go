package client

import (
	"context"
	"iter"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Stream requests a stream when the loop over it starts. Prefer [websockets.StreamEvent.Of], which checks types. Leaving the loop, and the
// end of ctx, cancel the handler of the server. An error ends the stream, after the items that have arrived before: those of
// Call, and [ErrTooSlow]. Without a deadline in ctx a stream may last; how long it waits for a connection is up to ctx too.
func (c *Conn) Stream(ctx context.Context, event string, data any, opts ...websockets.EmitOption) iter.Seq2[websockets.Payload, error] {
	return func(yield func(websockets.Payload, error) bool) {
		if err := c.stream(ctx, event, data, opts, yield); err != nil {
			yield(websockets.Payload{}, failed("stream", event, err))
		}
	}
}

// stream passes items to yield. The error is of the stream; nil after its end, and when yield has returned false.
func (c *Conn) stream(ctx context.Context, event string, data any, opts []websockets.EmitOption, yield func(websockets.Payload, error) bool) error {
	r := &request{items: newItems(c.opts.Limits)}
	m, o, err := c.message(ctx, event, data, r, opts)
	if err != nil {
		return err
	}
	if err := c.send(ctx, m, o.Volatile, &deadline{}); err != nil {
		return err
	}
	defer c.cancelStream(m)
	for {
		item, next, err := r.items.pop()
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case next == anItem:
			if !yield(websockets.Payload{JSON: item}, nil) {
				return nil
			}
			continue
		case next == theEnd:
			return err
		}
		select {
		case <-r.items.more:
		case <-ctx.Done():
		}
	}
}

// cancelStream ends a stream of which no more is read.
func (c *Conn) cancelStream(m *message) {
	c.mu.Lock()
	l := m.req.link
	if sent, _ := c.forget(m); sent {
		l.sendCancel(m.req.id)
	}
	c.mu.Unlock()
}

// withdraw cancels the stream of a request that was sent.
func (l *link) withdraw(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent[r.id] != r {
		return
	}
	delete(l.sent, r.id)
	l.unanswered--
	l.progress()
	l.sendCancel(r.id)
}

// sendCancel sends what ends the stream of a request. c.mu is held.
func (l *link) sendCancel(id uint64) {
	if l.stage == over {
		return
	}
	l.urgent.push(&message{text: appendCancel(nil, id)})
	l.wakeWriter()
}

// items are those of a stream that are not read.
type items struct {
	most, mostBytes int
	more            chan struct{} // receives when there are more, or the end

	mu    sync.Mutex
	list  [][]byte
	bytes int
	over  bool
	err   error
}

func newItems(l Limits) *items {
	return &items{most: l.Items, mostBytes: l.ItemBytes, more: make(chan struct{}, 1)}
}

// push adds an item; false if there are too many.
func (s *items) push(data []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return true
	}
	if len(s.list) >= s.most || len(s.list) > 0 && s.bytes+len(data) > s.mostBytes {
		return false
	}
	s.list = append(s.list, data)
	s.bytes += len(data)
	s.signal()
	return true
}

// end ends the stream once.
func (s *items) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over, s.err = true, err
		s.signal()
	}
}

// signal wakes the reader of the items. s.mu is held.
func (s *items) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// next is what comes next of a stream.
type next uint8

const (
	nothing next = iota // yet
	anItem
	theEnd
)

// pop removes what comes next. err is that of the end.
func (s *items) pop() (data []byte, what next, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.list) > 0:
		data, s.list[0] = s.list[0], nil
		s.list = s.list[1:]
		s.bytes -= len(data)
		return data, anItem, nil
	case s.over:
		return nil, theEnd, s.err
	}
	return nil, nothing, nil
}
