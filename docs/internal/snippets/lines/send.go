package lines

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type conn struct {
	srv   *server
	nc    net.Conn
	id    string
	heard atomic.Int64 // when the client last sent something, in Unix nanoseconds

	mu      sync.Mutex
	queue   []item
	bytes   int                // of queue, and of what is being written
	moved   time.Time          // when the client last accepted bytes
	waiting int                // goroutines in Writable
	reason  *websockets.Reason // set when the connection closes; the first one counts
	changed chan struct{}      // closed and replaced with each change
	ended   chan struct{}      // closed by cut
}

type item struct {
	line      []byte
	droppable bool
}

func (i item) size() int { return len(i.line) + 64 } // with what the queue needs for it

// line is a message, in both directions.
type line struct {
	Event  string          `json:"event,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	ID     uint64          `json:"id,omitempty"`     // of a request, and of its answer
	Re     uint64          `json:"re,omitempty"`     // the request of a stream's item
	Cancel uint64          `json:"cancel,omitempty"` // the request whose stream ends
	Ctl    string          `json:"ctl,omitempty"`    // ping, pong or close
	Code   int             `json:"code,omitempty"`
	Text   string          `json:"text,omitempty"`
}

func (l line) encode() ([]byte, error) {
	b, err := json.Marshal(l) // there is no newline in it
	return append(b, '\n'), err
}

func (c *conn) ID() string  { return c.id }
func (c *conn) Native() any { return c.nc }

func (c *conn) State() adapter.ConnState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return adapter.ConnState{Transport: "lines", Queued: c.bytes}
}

// snippet:emit
func (c *conn) Emit(out *adapter.Outgoing, ack uint64) error {
	if ack == 0 && out.InReplyTo == nil { // the same bytes for all clients
		b, err := out.Frame(frameKey{}, false, func(event string, p websockets.Payload) (any, error) {
			return line{Event: event, Data: p.JSON}.encode()
		})
		if err != nil {
			return err
		}
		return c.push(b.([]byte), out.Options, out.Answer)
	}
	p, err := out.Payload(false)
	if err != nil {
		return err
	}
	l := line{Event: out.Event, Data: p.JSON, ID: ack}
	if out.InReplyTo != nil {
		l.Re, _ = out.InReplyTo.Ref.(uint64)
	}
	return c.pushLine(l, out.Options, out.Answer)
}

func (c *conn) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	p, err := out.Payload(false)
	if err != nil {
		return err
	}
	id, _ := m.Ref.(uint64)
	return c.pushLine(line{Event: out.Event, Data: p.JSON, ID: id}, adapter.EmitOptions{}, true)
}

// end

type frameKey struct{}

func (c *conn) pushLine(l line, o adapter.EmitOptions, answer bool) error {
	b, err := l.encode()
	if err != nil {
		return err
	}
	return c.push(b, o, answer)
}

// snippet:push
func (c *conn) push(b []byte, o adapter.EmitOptions, answer bool) error {
	limits, it := c.srv.cfg.Limits, item{b, o.Droppable()}
	c.mu.Lock()
	defer c.mu.Unlock()
	over := func(limit int) bool { return c.bytes > 0 && c.bytes+it.size() > limit }
	switch {
	case c.reason != nil:
		return websockets.ErrClosed
	case o.Volatile && c.bytes > 0:
		return websockets.ErrQueueFull
	case o.Overflow == websockets.OverflowDropOldest:
		for i := 0; i < len(c.queue) && over(limits.SendQueue); {
			if !c.queue[i].droppable {
				i++
				continue
			}
			c.bytes -= c.queue[i].size()
			c.queue = slices.Delete(c.queue, i, i+1)
		}
	}
	switch {
	case it.droppable && over(limits.SendQueue):
		return websockets.ErrQueueFull
	case !it.droppable && !answer && over(limits.SendQueueMax):
		c.end(websockets.Reason{Cause: websockets.CauseQueueOverflow})
		return websockets.ErrQueueFull
	}
	c.queue = append(c.queue, it)
	c.bytes += it.size()
	c.wake()
	return nil
}

func (c *conn) Writable(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
	defer func() { c.waiting-- }()
	for c.bytes > c.srv.cfg.Limits.SendQueue/2 && c.reason == nil && ctx.Err() == nil {
		c.wait(ctx)
	}
	switch {
	case c.reason != nil:
		return websockets.ErrClosed
	case c.bytes > c.srv.cfg.Limits.SendQueue/2:
		return ctx.Err()
	}
	return nil
}

// end

// wake reports a change; c.mu is held.
func (c *conn) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait waits for a change; c.mu is held, but not meanwhile.
func (c *conn) wait(ctx context.Context) {
	changed := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
	case <-c.ended:
	case <-ctx.Done():
	}
}

// write sends what waits, and the close line after it.
func (c *conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.queue) == 0 && c.reason == nil {
			c.wait(context.Background())
		}
		if len(c.queue) == 0 {
			code, text := closeCode(*c.reason)
			c.mu.Unlock()
			b, _ := line{Ctl: "close", Code: code, Text: text}.encode()
			_, _ = c.nc.Write(b) // the reader, or the timer of Close, ends the connection
			c.mu.Lock()
			return
		}
		it := c.queue[0]
		c.queue = c.queue[1:]
		for rest := it.line; len(rest) > 0; {
			c.mu.Unlock()
			n, err := c.nc.Write(rest[:min(len(rest), 16<<10)])
			c.mu.Lock()
			if err != nil {
				c.end(websockets.Reason{Cause: websockets.CauseTransportError, Text: err.Error()})
				return
			}
			rest, c.moved = rest[n:], time.Now()
		}
		c.bytes -= it.size()
		c.wake()
	}
}

// snippet:end
// Close may be called before Endpoint.Connect has returned: the watching goroutine, which
// calls Session.Closed, starts after it.
func (c *conn) Close(r websockets.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.reason = &r
		time.AfterFunc(c.srv.cfg.Limits.CloseTimeout, func() { c.cut(r) })
		c.wake()
	}
}

func (c *conn) CloseConnection(r websockets.Reason) { c.Close(r) }

// cut ends the connection at once; an earlier reason stays.
func (c *conn) cut(r websockets.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(r)
}

// end is cut; c.mu is held.
func (c *conn) end(r websockets.Reason) {
	if c.reason == nil {
		c.reason = &r
	}
	select {
	case <-c.ended:
	default:
		close(c.ended)
		_ = c.nc.Close()
		c.queue = nil
		c.wake()
	}
}

// end

func closeCode(r websockets.Reason) (code int, text string) {
	switch {
	case r.Code != 0:
		return r.Code, r.Text
	case r.Cause == websockets.CauseShutdown:
		return 1001, string(r.Cause)
	case r.Cause == websockets.CauseMessageTooBig:
		return 1009, string(r.Cause)
	}
	return 1000, r.Text
}
