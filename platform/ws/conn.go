package ws

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// conn is one client. Its reading goroutine, serve, owns it; what is to be sent
// waits in out, whose goroutine exists only while something waits.
type conn struct {
	srv  *server
	id   string
	ws   *websocket.Conn
	wire *wire
	out  *outbox.Queue[item]

	readerDone chan struct{}
	pingQueued atomic.Bool
	writeError atomic.Bool

	mu         sync.Mutex
	sess       websockets.Session
	leaving    bool // the reason stands
	ended      bool // the session has been, or will be, told
	reason     websockets.Reason
	goodbye    chan struct{} // closed when sayGoodbye has ended; nil without one
	pong       []byte        // payload of the pong that is due
	pongQueued bool
}

var _ websockets.Conn = (*conn)(nil)

// item is one thing to send: a message, or a control frame that is made when
// its turn comes.
type item struct {
	frame *frame
	kind  kind
}

type kind uint8

const (
	kindMessage kind = iota
	kindPing
	kindPong
)

// Bytes that a waiting control frame counts for.
const controlSize = 8

func newConn(s *server, id string) *conn {
	c := &conn{srv: s, id: id, readerDone: make(chan struct{})}
	c.out = outbox.New(s.limits.SendQueue, c.write)
	return c
}

func (c *conn) ID() string { return c.id }

// Native is the *websocket.Conn, see [ConnOf].
func (c *conn) Native() any { return c.ws }

// frameKey is under which a broadcast's frame is kept for all connections that
// send the same bytes.
type frameKey struct {
	codec Codec
	op    byte
}

func (c *conn) Emit(out *websockets.Outgoing, ack uint64) error {
	if ack != 0 {
		p, err := out.Payload(false)
		if err != nil {
			return err
		}
		f, err := c.encode(Envelope{Event: out.Event, ID: strconv.AppendUint(nil, ack, 10), Data: p.JSON})
		if err != nil {
			return err
		}
		return c.push(f, out.Overflow)
	}
	v, err := out.Frame(frameKey{c.srv.opts.Codec, c.srv.op}, false, func(event string, p websockets.Payload) (any, error) {
		return c.encode(Envelope{Event: event, Data: p.JSON})
	})
	if err != nil {
		return err
	}
	return c.push(v.(*frame), out.Overflow)
}

func (c *conn) Reply(m *websockets.Message, out *websockets.Outgoing) error {
	in, ok := m.Ref.(*inbound)
	if !ok || len(in.id) == 0 {
		return errors.New("ws: reply to a message that asked for none")
	}
	p, err := out.Payload(false)
	if err != nil {
		return err
	}
	f, err := c.encode(Envelope{Event: out.Event, ID: in.id, Data: p.JSON})
	if err != nil {
		return err
	}
	return c.push(f, out.Overflow)
}

// encode makes the frame of an envelope. A codec that panics ends the connection.
func (c *conn) encode(e Envelope) (f *frame, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ws: codec %T panicked: %v", c.srv.opts.Codec, v)
			c.panicked(v)
		}
	}()
	buf := make([]byte, maxFrameHeader, maxFrameHeader+len(e.Event)+len(e.ID)+len(e.Data)+32)
	if buf, err = c.srv.opts.Codec.Append(buf, e); err != nil {
		return nil, fmt.Errorf("ws: encode %q: %w", e.Event, err)
	}
	if len(buf) < maxFrameHeader {
		return nil, fmt.Errorf("ws: codec %T does not append to what it is given", c.srv.opts.Codec)
	}
	return sealFrame(c.srv.op, buf), nil
}

func (c *conn) panicked(v any) {
	c.logPanic(v)
	c.leave(internalReason, farewell)
}

func (c *conn) push(f *frame, o websockets.Overflow) error {
	policy := outbox.Refuse
	switch o {
	case websockets.OverflowDropNewest:
		policy = outbox.DropNewest
	case websockets.OverflowDropOldest:
		policy = outbox.DropOldest
	}
	err := c.out.Push(item{frame: f}, len(f.bytes), policy)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, outbox.ErrFull):
		return websockets.ErrClosed
	case policy == outbox.Refuse:
		c.leave(websockets.Reason{Cause: websockets.CauseQueueOverflow}, farewell)
	}
	return websockets.ErrQueueFull
}

func (c *conn) Writable(ctx context.Context) error {
	if err := c.out.Writable(ctx); err != nil {
		if errors.Is(err, outbox.ErrClosed) {
			return websockets.ErrClosed
		}
		return err
	}
	return nil
}

// ping queues a ping unless one waits already. It does not block.
func (c *conn) ping() {
	if c.pingQueued.CompareAndSwap(false, true) && c.out.Push(item{kind: kindPing}, controlSize, outbox.Refuse) != nil {
		c.pingQueued.Store(false) // a full queue is watched by its writer
	}
}

// onPing queues the pong. Of several pings that come before it is sent, the
// last is answered, as RFC 6455 §5.5.3 allows, so a flood takes no memory.
func (c *conn) onPing(_ context.Context, payload []byte) bool {
	c.mu.Lock()
	c.pong = append(c.pong[:0], payload...)
	queued := c.pongQueued
	c.pongQueued = true
	c.mu.Unlock()
	if !queued && c.out.Push(item{kind: kindPong}, controlSize, outbox.Refuse) != nil {
		c.mu.Lock()
		c.pongQueued = false
		c.mu.Unlock()
	}
	return false // the library is not to answer
}

// write sends one item. It is the queue's writer.
func (c *conn) write(it item) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.panicked(v)
			err = fmt.Errorf("ws: write panicked: %v", v)
		}
		if err != nil {
			c.writeFailed()
		}
	}()
	switch it.kind {
	case kindPing:
		c.pingQueued.Store(false)
		// The answer may come before the write returns, and takes the stamp away.
		before := c.srv.clock.now()
		c.wire.pingedAt.Store(before)
		err = c.wire.writeFrame(controlFrame(opPing, nil))
		c.wire.pingedAt.CompareAndSwap(before, c.srv.clock.now())
		return err
	case kindPong:
		c.mu.Lock()
		b := controlFrame(opPong, c.pong)
		c.pongQueued = false
		c.mu.Unlock()
		return c.wire.writeFrame(b)
	}
	f := it.frame
	if c.wire.insp.deflate {
		return c.ws.Write(context.Background(), websocket.MessageType(f.op), f.bytes[f.payload:])
	}
	return c.wire.writeFrame(f.bytes)
}

// writeFailed lets the reader take what the client sent before it left, for a moment.
func (c *conn) writeFailed() {
	c.writeError.Store(true)
	_ = c.wire.SetReadDeadline(time.Now().Add(min(c.srv.limits.CloseTimeout, farewellTime)))
}
