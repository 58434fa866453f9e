package ws

import (
	"compress/flate"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A reader that always finds its next message there never parks: it lets others
// run after so many messages.
const fairness = 16

// inbound is a message on its way to the framework, with what Reply needs.
type inbound struct {
	msg websockets.Message
	id  []byte
}

// read hands on what the client sends until that ends, and gives the error it
// ended with. Contexts without Done spare the library its timers.
func (c *conn) read() (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
			err = &violation{internalReason.Cause, websocket.StatusCode(internalReason.Code), internalReason.Text}
		}
	}()
	for n := 1; ; n++ {
		typ, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		if err := c.message(typ, r); err != nil {
			return err
		}
		if n%fairness == 0 {
			runtime.Gosched()
		}
	}
}

// message reads one message and hands it to the session. An error ends the connection.
func (c *conn) message(typ websocket.MessageType, r io.Reader) error {
	buf := getBuffer()
	msg, err := readAll(r, *buf, c.srv.limits.MaxMessage)
	*buf = msg
	if err == nil && typ == websocket.MessageText && !utf8.Valid(msg) {
		err = notUTF8("a text message")
	}
	if err != nil || c.wire.saidGoodbye() { // RFC 6455 §5.5.1: nothing counts after it
		putBuffer(buf)
		return err
	}
	e, err := c.decode(typ, msg)
	putBuffer(buf)
	switch {
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
func (c *conn) decode(typ websocket.MessageType, msg []byte) (Envelope, error) {
	codec := c.srv.opts.Codec
	if typ == websocket.MessageBinary && codec.Text() && !utf8.Valid(msg) {
		return Envelope{}, bad("not UTF-8")
	}
	e, err := codec.Decode(msg)
	if err != nil {
		return Envelope{}, err
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

// readAll reads a message into buf, which may be replaced by a larger one, and
// never takes more than one byte over the limit.
func readAll(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	buf = buf[:0]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):min(int64(cap(buf)), limit+1)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf, tooBig()
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// endOf tells why reading has ended.
func (c *conn) endOf(err error) websockets.Reason {
	if _, own := errors.AsType[*violation](err); !own && c.wire.err != nil {
		err = c.wire.err // what the library makes of it says less
	}
	if v, ok := errors.AsType[*violation](err); ok {
		return websockets.Reason{Cause: v.cause, Code: int(v.code), Text: v.text}
	}
	if g, ok := errors.AsType[*goodbye](err); ok {
		return websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: int(g.code), Text: g.text}
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return websockets.Reason{
			Cause: websockets.CauseParseError, Code: int(websocket.StatusInvalidFramePayloadData), Text: "bad compression",
		}
	}
	r := websockets.Reason{Cause: websockets.CauseTransportError}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.Cause = websockets.CauseTransportClose
	case errors.Is(err, net.ErrClosed): // through the native connection
		r.Cause = websockets.CauseForcedClose
	case c.writeError.Load():
		r.Text = "write failed"
	default:
		if no, ok := errors.AsType[syscall.Errno](err); ok { // the rest would name addresses
			r.Text = no.Error()
		}
	}
	return r
}

// bufferPool has *[]byte for messages being read.
var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxPooled is the largest buffer kept: rare large messages should not stay.
const maxPooled = 64 << 10

func getBuffer() *[]byte { return bufferPool.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		bufferPool.Put(b)
	}
}
