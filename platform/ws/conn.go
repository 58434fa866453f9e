package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/sizeclass"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// conn is one client: the codec between a WebSocket connection and its session.
type conn struct {
	*wsconn.Conn
	srv *server
	id  string
	out *outbox.Queue[wsconn.Item]

	sess adapter.Session
	due  bool // of the reading goroutine: sess has a deferred message
}

var (
	_ adapter.Conn   = (*conn)(nil)
	_ wsconn.Handler = (*conn)(nil)
)

// inbound is a message on its way to the framework, with what Reply needs and the
// memory that both are in.
type inbound struct {
	msg adapter.Message
	id  []byte
	buf []byte
}

var inboundPool sizeclass.Pool[inbound]

// Release implements [adapter.Releaser].
func (in *inbound) Release() {
	*in = inbound{buf: in.buf[:0]}
	inboundPool.Put(in, cap(in.buf))
}

// held is the memory of the message beside the Message itself.
func (in *inbound) held() int { return cap(in.buf) + int(unsafe.Sizeof(*in)-unsafe.Sizeof(in.msg)) }

func (c *conn) ID() string { return c.id }

// Native is the *websocket.Conn, see [ConnOf].
func (c *conn) Native() any {
	if ws := c.Conn.Native(); ws != nil {
		return ws
	}
	return nil
}

// frameKey is under which a broadcast's frame is kept for all connections that
// send the same bytes.
type frameKey struct {
	codec Codec
	text  bool
}

func (c *conn) Emit(out *adapter.Outgoing, ack uint64) error {
	switch {
	case ack != 0:
		return c.once(out, strconv.AppendUint(nil, ack, 10), wsconn.PolicyOf(out))
	case out.Single():
		return c.once(out, nil, wsconn.PolicyOf(out))
	}
	v, err := out.Frame(c.srv.key, false, c.srv.build)
	if err != nil {
		return err
	}
	return c.pushItem(wsconn.Item{Frame: v.(*wsconn.Frame), Plain: out.Uncompressed}, wsconn.PolicyOf(out))
}

func (c *conn) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	in, ok := m.Ref.(*inbound)
	if !ok || len(in.id) == 0 {
		return errors.New("ws: reply to a message that asked for none")
	}
	return c.once(out, in.id, outbox.Always)
}

// envelopeRoom is for what an envelope has besides event, id and data.
const envelopeRoom = 32

// once sends what nobody else gets.
func (c *conn) once(out *adapter.Outgoing, id []byte, policy outbox.Policy) error {
	p, err := out.Payload(false)
	if err != nil {
		return err
	}
	f, buf := wsconn.OnceFrame(0, len(p.JSON)+len(out.Event)+len(id)+envelopeRoom)
	buf, err = c.append(buf, Envelope{Event: out.Event, ID: id, Data: p.JSON})
	if err != nil {
		return err
	}
	f.SealOnce(c.srv.text, buf, 0)
	return c.pushItem(wsconn.Item{Frame: f, Plain: out.Uncompressed, Once: true}, policy)
}

// encode makes the frame that all clients of a broadcast get.
func (s *server) encode(event string, p websockets.Payload) (_ any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ws: codec %T panicked: %v", s.opts.Codec, v)
			s.cfg.Logger.Error("the codec panicked in a broadcast", "event", event, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	buf := make([]byte, wsconn.HeaderRoom, wsconn.HeaderRoom+len(event)+len(p.JSON)+32)
	if buf, err = s.append(buf, Envelope{Event: event, Data: p.JSON}); err != nil {
		return nil, err
	}
	return wsconn.Seal(s.text, buf), nil
}

// append encodes an envelope. A codec that panics ends the connection.
func (c *conn) append(dst []byte, e Envelope) (buf []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ws: codec %T panicked: %v", c.srv.opts.Codec, v)
			c.Fail(v)
		}
	}()
	return c.srv.append(dst, e)
}

func (s *server) append(dst []byte, e Envelope) ([]byte, error) {
	buf, err := s.opts.Codec.Append(dst, e)
	if err != nil {
		return nil, fmt.Errorf("ws: encode %q: %w", e.Event, err)
	}
	if len(buf) < len(dst) {
		return nil, fmt.Errorf("ws: codec %T does not append to what it is given", s.opts.Codec)
	}
	return buf, nil
}

func (c *conn) pushItem(it wsconn.Item, policy outbox.Policy) error {
	err := c.out.Push(it, it.Charge(), policy)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, outbox.ErrFull):
		return websockets.ErrClosed
	case policy == outbox.Refuse:
		c.Leave(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.Farewell)
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

func (c *conn) Close(r websockets.Reason) { c.Leave(r, wsconn.MannerOf(r)) }

// CloseConnection implements [adapter.Conn].
func (c *conn) CloseConnection(r websockets.Reason) { c.Close(r) }

// Due implements [wsconn.Handler].
func (c *conn) Due() wsconn.Job {
	if !c.due {
		return nil
	}
	c.due = false
	return c.sess
}

// Stalled implements [wsconn.Handler].
func (c *conn) Stalled() time.Duration { return c.sess.Stalled() }

// Ended implements [wsconn.Handler].
func (c *conn) Ended(r websockets.Reason) { c.sess.Closed(r) }

// Message implements [wsconn.Handler].
func (c *conn) Message(text bool, msg []byte) error {
	e, err := c.decode(text, msg)
	switch {
	case err != nil: // with an id it can still be answered
		in := newInbound(nil, e.ID)
		in.msg = adapter.Message{Err: err, Reply: len(e.ID) > 0, Held: in.held(), Wire: len(msg), Ref: in}
		c.sess.Receive(&in.msg)
	case e.Event != "":
		if len(e.Event) > adapter.MaxEventName {
			e.Data = nil // it is refused
		}
		in := newInbound(e.Data, e.ID)
		data := in.buf[:len(e.Data):len(e.Data)]
		in.msg = adapter.Message{
			Event:    e.Event,
			Payload:  websockets.Payload{JSON: data},
			Reply:    len(e.ID) > 0,
			Deferred: true,
			Held:     in.held() + min(len(e.Event), adapter.MaxEventName), // of a longer name nothing is kept
			Wire:     len(msg),
			Ref:      in,
		}
		c.due = true
		c.sess.Receive(&in.msg)
	default:
		// Calls have numbers from the framework: another id is nobody's.
		if n, err := strconv.ParseUint(string(e.ID), 10, 64); err == nil {
			c.sess.Ack(n, websockets.Payload{JSON: bytes.Clone(e.Data)})
		}
	}
	return nil
}

func (c *conn) decode(text bool, msg []byte) (Envelope, error) {
	codec := c.srv.opts.Codec
	if !text && codec.Text() && !utf8.Valid(msg) {
		return Envelope{}, bad("not UTF-8")
	}
	e, err := codec.Decode(msg)
	if err == nil && e.Event == "" && len(e.ID) == 0 {
		err = bad("the event is missing")
	}
	return e, err
}

// newInbound owns a copy of data, at the beginning of its buf, and of id.
func newInbound(data, id []byte) *inbound {
	in, size := inboundPool.Get(len(data) + len(id))
	if in == nil {
		in = &inbound{buf: make([]byte, 0, size)}
	}
	in.buf = append(append(in.buf[:0], data...), id...)
	in.id = in.buf[len(data):]
	return in
}
