package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"unicode/utf8"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// conn is one client: the codec between a WebSocket connection and its session.
type conn struct {
	*wsconn.Conn
	srv *server
	id  string
	out *outbox.Queue[wsconn.Item]

	sess websockets.Session
}

var (
	_ websockets.Conn = (*conn)(nil)
	_ wsconn.Handler  = (*conn)(nil)
)

// inbound is a message on its way to the framework, with what Reply needs.
type inbound struct {
	msg websockets.Message
	id  []byte
}

func (c *conn) ID() string { return c.id }

// Native is the *websocket.Conn, see [ConnOf].
func (c *conn) Native() any { return c.Conn.Native() }

// frameKey is under which a broadcast's frame is kept for all connections that
// send the same bytes.
type frameKey struct {
	codec Codec
	text  bool
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
		return c.push(f, out)
	}
	v, err := out.Frame(frameKey{c.srv.opts.Codec, c.srv.text}, false, func(event string, p websockets.Payload) (any, error) {
		return c.encode(Envelope{Event: event, Data: p.JSON})
	})
	if err != nil {
		return err
	}
	return c.push(v.(*wsconn.Frame), out)
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
	return c.push(f, out)
}

// encode makes the frame of an envelope. A codec that panics ends the connection.
func (c *conn) encode(e Envelope) (f *wsconn.Frame, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("ws: codec %T panicked: %v", c.srv.opts.Codec, v)
			c.Fail(v)
		}
	}()
	buf := make([]byte, wsconn.HeaderRoom, wsconn.HeaderRoom+len(e.Event)+len(e.ID)+len(e.Data)+32)
	if buf, err = c.srv.opts.Codec.Append(buf, e); err != nil {
		return nil, fmt.Errorf("ws: encode %q: %w", e.Event, err)
	}
	if len(buf) < wsconn.HeaderRoom {
		return nil, fmt.Errorf("ws: codec %T does not append to what it is given", c.srv.opts.Codec)
	}
	return wsconn.Seal(c.srv.text, buf), nil
}

func (c *conn) push(f *wsconn.Frame, out *websockets.Outgoing) error {
	err := c.out.Push(wsconn.Item{Frame: f, Plain: out.Uncompressed}, f.Size(), wsconn.PolicyOf(out))
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, outbox.ErrFull):
		return websockets.ErrClosed
	case wsconn.PolicyOf(out) == outbox.Refuse:
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

// Ended implements [wsconn.Handler].
func (c *conn) Ended(r websockets.Reason) { c.sess.Closed(r) }

// Message implements [wsconn.Handler].
func (c *conn) Message(text bool, msg []byte) error {
	e, err := c.decode(text, msg)
	switch {
	case err != nil && len(e.ID) > 0: // enough to be answered
		in := &inbound{id: bytes.Clone(e.ID)}
		in.msg = websockets.Message{Err: err, Reply: true, Ref: in}
		c.sess.Receive(&in.msg)
	case err != nil:
		c.sess.Malformed(err)
	case e.Event != "":
		in := &inbound{id: e.ID}
		in.msg = websockets.Message{
			Event:   e.Event,
			Payload: websockets.Payload{JSON: e.Data},
			Reply:   len(e.ID) > 0,
			Ref:     in,
		}
		c.sess.Receive(&in.msg)
	default:
		// Calls have numbers from the framework: another id is nobody's.
		if n, err := strconv.ParseUint(string(e.ID), 10, 64); err == nil {
			c.sess.Ack(n, websockets.Payload{JSON: e.Data})
		}
	}
	return nil
}

// decode takes a message apart; the envelope owns its bytes.
func (c *conn) decode(text bool, msg []byte) (Envelope, error) {
	codec := c.srv.opts.Codec
	if !text && codec.Text() && !utf8.Valid(msg) {
		return Envelope{}, bad("not UTF-8")
	}
	e, err := codec.Decode(msg)
	if err != nil {
		return e, err
	}
	if e.Event == "" && len(e.ID) == 0 {
		return Envelope{}, bad("the event is missing")
	}
	own := make([]byte, 0, len(e.Data)+len(e.ID))
	own = append(own, e.Data...)
	own = append(own, e.ID...)
	n := len(e.Data)
	e.Data, e.ID = own[:n:n], own[n:]
	return e, nil
}
