package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/sizeclass"
	"github.com/gatehouse-go/gatehouse/internal/tracecontext"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// conn is one client. It connects a WebSocket connection with its session through the
// codec.
type conn struct {
	ws  *wsconn.Conn
	srv *server
	id  string
	rec *recovering // nil when the client cannot be recovered
	out *outbox.Queue[wsconn.Item]

	sess adapter.Session
}

var (
	_ adapter.Conn    = (*conn)(nil)
	_ adapter.Yielder = (*conn)(nil)
	_ adapter.Refuser = (*conn)(nil)
	_ wsconn.Handler  = (*conn)(nil)
)

// inbound is a message on its way to the framework, with the id for Reply and the buffer
// that holds both.
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

// held returns how many bytes the message holds besides the Message itself.
func (in *inbound) held() int { return cap(in.buf) + int(unsafe.Sizeof(*in)-unsafe.Sizeof(in.msg)) }

func (c *conn) ID() string { return c.id }

func (c *conn) State() adapter.ConnState {
	return adapter.ConnState{Transport: "websocket", Queued: c.out.Bytes()}
}

// Native returns the *websocket.Conn, see [ConnOf].
func (c *conn) Native() any {
	if ws := c.ws.Native(); ws != nil {
		return ws
	}
	return nil
}

// frameKey identifies the frame of a broadcast: connections with equal keys send the same
// bytes.
type frameKey struct {
	codec Codec
	text  bool
}

func (c *conn) Emit(out *adapter.Outgoing, ack uint64) error {
	if j := c.journal(); j != nil && kept(out, ack, j.Ring()) {
		m, err := c.srv.keptMessageOf(c.rec.frames, out)
		if err != nil {
			return err
		}
		return j.Emit(m, out)
	}
	switch {
	case ack != 0:
		return c.sendOnce(out, strconv.AppendUint(nil, ack, 10), wsconn.PolicyOf(out))
	case out.Single():
		return c.sendOnce(out, nil, wsconn.PolicyOf(out))
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
		return errors.New("ws: reply to a message that requested none")
	}
	return c.sendOnce(out, in.id, outbox.Always)
}

// envelopeRoom is how many bytes an envelope has besides event, id and data.
const envelopeRoom = 32

// sendOnce sends a message to this client only.
func (c *conn) sendOnce(out *adapter.Outgoing, id []byte, policy outbox.Policy) error {
	if _, own := c.srv.opts.Codec.(jsonCodec); own && out.Appends() {
		return c.sendInPlace(out, id, policy)
	}
	p, err := out.Payload(false)
	if err != nil {
		return err
	}
	re := idOf(out.InReplyTo)
	f, buf := wsconn.OnceFrame(0, len(p.JSON)+len(out.Event)+len(id)+len(re)+envelopeRoom)
	buf, err = c.append(buf, Envelope{Event: out.Event, ID: id, Data: p.JSON, Re: re})
	if err != nil {
		return err
	}
	f.SealOnce(c.srv.text, buf, 0)
	return c.pushItem(wsconn.Item{Frame: f, Plain: out.Uncompressed, Once: true}, policy)
}

// sendInPlace is sendOnce with the payload encoded into the frame.
func (c *conn) sendInPlace(out *adapter.Outgoing, id []byte, policy outbox.Policy) error {
	re := idOf(out.InReplyTo)
	f, buf := wsconn.OnceFrame(0, out.ExpectedSize()+len(out.Event)+len(id)+len(re)+envelopeRoom)
	buf, err := out.AppendJSON(appendHead(buf, out.Event, id, true))
	if err != nil {
		f.Free()
		return err
	}
	f.SealOnce(c.srv.text, appendTail(buf, re), 0)
	return c.pushItem(wsconn.Item{Frame: f, Plain: out.Uncompressed, Once: true}, policy)
}

// idOf returns the id of a request; nil without one.
func idOf(m *adapter.Message) []byte {
	if m != nil {
		if in, ok := m.Ref.(*inbound); ok {
			return in.id
		}
	}
	return nil
}

// encode builds the frame for all clients of a broadcast.
func (s *server) encode(event string, p websockets.Payload) (_ any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ws: codec %T panicked: %v", s.opts.Codec, v)
			s.cfg.Logger.Error("the codec panicked in a broadcast", append([]any{"event", event}, recovered.New(v).Attrs()...)...)
		}
	}()
	buf := make([]byte, wsconn.HeaderRoom, wsconn.HeaderRoom+len(event)+len(p.JSON)+envelopeRoom)
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
			c.ws.Fail(v)
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
		return nil, fmt.Errorf("ws: codec %T does not append to its buffer: return the extended dst", s.opts.Codec)
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
		c.ws.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.CloseHandshake)
	}
	return websockets.ErrQueueFull
}

func (c *conn) Writable(ctx context.Context) error {
	err := c.out.Writable(ctx)
	if errors.Is(err, outbox.ErrClosed) {
		return websockets.ErrClosed
	}
	return err
}

func (c *conn) Close(r websockets.Reason) {
	if r.Cause == websockets.CauseShutdown && c.MayPark() {
		c.rec.end(*c.rec.session.Load(), r)
	} else if j := c.journal(); j != nil {
		j.CloseFor(c)
	}
	c.ws.Close(r, wsconn.CloseModeOf(r))
}

// Yield implements [adapter.Yielder].
func (c *conn) Yield() { c.ws.Yield() }

// CloseConnection implements [adapter.Conn].
func (c *conn) CloseConnection(r websockets.Reason) { c.Close(r) }

// Stalled implements [wsconn.Handler].
func (c *conn) Stalled() time.Duration { return c.sess.Stalled() }

// Ended implements [wsconn.Handler].
func (c *conn) Ended(r websockets.Reason) {
	if c.rec != nil {
		c.rec.end(c.sess, r)
		return
	}
	c.sess.Closed(r)
}

// Message implements [wsconn.Handler].
func (c *conn) Message(text bool, msg []byte) (adapter.Work, error) {
	e, err := c.decode(text, msg)
	switch {
	case err != nil: // it can be answered if it has an id
		in := newInbound(nil, e.ID)
		in.msg = adapter.Message{Err: err, Reply: len(e.ID) > 0, Held: in.held(), Wire: len(msg), Ref: in}
		return c.sess.Receive(&in.msg), nil //nolint:nilerr // the session answers with it
	case e.Event != "":
		if len(e.Event) > adapter.MaxEventName {
			e.Data = nil // the framework refuses it
		}
		in := newInbound(e.Data, e.ID)
		data := in.buf[:len(e.Data):len(e.Data)]
		in.msg = adapter.Message{
			Event:   e.Event,
			Payload: websockets.Payload{JSON: data},
			Reply:   len(e.ID) > 0,
			Held:    in.held() + min(len(e.Event), adapter.MaxEventName), // a longer name is not kept
			Wire:    len(msg),
			Ref:     in,
		}
		if len(e.Traceparent) == tracecontext.Size && c.srv.cfg.TraceContext {
			in.msg.Traceparent = string(e.Traceparent)
			in.msg.Tracestate = string(e.Tracestate[:min(len(e.Tracestate), tracecontext.MaxState+1)]) // longer ones are dropped
		}
		return c.sess.Receive(&in.msg), nil
	case len(e.Cancel) > 0 && len(e.ID) == 0:
		c.sess.Cancel(func(m *adapter.Message) bool { return bytes.Equal(idOf(m), e.Cancel) })
	default:
		// The framework numbers its calls: any other id belongs to none.
		if n, err := strconv.ParseUint(string(e.ID), 10, 64); err == nil {
			c.sess.Ack(n, websockets.Payload{JSON: bytes.Clone(e.Data)})
		}
	}
	return nil, nil
}

func (c *conn) decode(text bool, msg []byte) (Envelope, error) {
	codec := c.srv.opts.Codec
	if !text && codec.Text() && !utf8.Valid(msg) {
		return Envelope{}, badMessage("not UTF-8")
	}
	var e Envelope
	var err error
	if own, ok := codec.(jsonCodec); ok {
		e, err = own.decode(msg, &c.srv.names)
	} else {
		e, err = codec.Decode(msg)
	}
	if err == nil && e.Event == "" && len(e.ID) == 0 && len(e.Cancel) == 0 {
		err = badMessage("the event is missing")
	}
	return e, err
}

// newInbound returns an inbound with copies of data and id; the data is at the start of
// its buf.
func newInbound(data, id []byte) *inbound {
	in, size := inboundPool.Get(len(data) + len(id))
	if in == nil {
		in = &inbound{buf: make([]byte, 0, size)}
	}
	in.buf = append(append(in.buf[:0], data...), id...)
	in.id = in.buf[len(data):]
	return in
}
