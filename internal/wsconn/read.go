package wsconn

import (
	"compress/flate"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A reader that always finds its next message there never parks: it lets others
// run after so many messages.
const fairness = 16

// read hands on what the client sends until that ends, and gives the error it
// ended with. When another goroutine has taken over it gives errTakenOver.
// Contexts without Done spare the library its timers.
func (c *Conn) read(h Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
			err = errInternal
		}
	}()
	for {
		typ, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		if err := c.message(h, typ, r); err != nil {
			return err
		}
		c.wire.due = true
		c.messages++
		often := c.messages%fairness == 0
		if often || c.wire.drainedUpTo(c.messages) {
			c.wire.due = false
			if job := h.Due(); job != nil && !c.work(job) {
				return errTakenOver
			}
		}
		if often {
			runtime.Gosched()
		}
	}
}

var errInternal = &ViolationError{
	InternalReason.Cause, websocket.StatusCode(InternalReason.Code), InternalReason.Text,
}

// message reads one message and hands it on. An error ends the connection.
func (c *Conn) message(h Handler, typ websocket.MessageType, r io.Reader) error {
	buf := getBuffer()
	defer putBuffer(buf)
	msg, err := readAll(r, *buf, c.cfg.Limits.MaxMessage)
	*buf = msg
	text := typ == websocket.MessageText
	if err == nil && text && !utf8.Valid(msg) {
		err = notUTF8("a text message")
	}
	if err != nil || c.wire.saidGoodbye() { // RFC 6455 §5.5.1: nothing counts after it
		return err
	}
	if err = h.Message(text, msg); err == nil {
		return nil
	}
	if _, ok := errors.AsType[*ViolationError](err); ok {
		return err
	}
	c.cfg.Logger.Error("a message could not be handled", "client", c.id, "error", err)
	return errInternal
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
func (c *Conn) endOf(err error) websockets.Reason {
	if _, own := errors.AsType[*ViolationError](err); !own && c.wire.err != nil {
		err = c.wire.err // what the library makes of it says less
	}
	if v, ok := errors.AsType[*ViolationError](err); ok {
		return websockets.Reason{Cause: v.Cause, Code: int(v.Code), Text: v.Text}
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
