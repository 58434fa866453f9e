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
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// A reader whose next message has always arrived already never parks, so it yields the
// processor after this many messages.
const fairness = 16

// read passes messages to h and returns the error that ended the reading; errTurnStolen
// when another goroutine has become the reader, errParked when the connection has none now.
func (c *Conn) read(h Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(v)
			err = errInternal
		}
	}()
	for {
		if err := c.next(h); err != nil {
			return err
		}
		c.framed.messages++
		often := c.framed.messages%fairness == 0
		if often || !c.more() {
			if work := c.framed.takeWork(); work != nil && !c.runTurn(work) {
				return errTurnStolen
			}
		}
		if often {
			runtime.Gosched()
		}
	}
}

var errInternal = &ViolationError{
	InternalReason.Cause, InternalReason.Code, InternalReason.Text,
}

// more reports whether the next message has completely arrived.
func (c *Conn) more() bool {
	if c.libraryReads {
		return !c.framed.consumedAll(c.framed.messages)
	}
	_, n := c.framed.nextWhole()
	return n > 0
}

// next waits for one message and passes it to h.
func (c *Conn) next(h Handler) error {
	w := c.framed
	for {
		if c.libraryReads {
			return c.nextOfLibrary(c.lib.Load(), h)
		}
		if w.validator.AtRest() {
			if c.lib.Load() != nil {
				c.libraryReads = true
				continue
			}
			if text, msg, size := w.wholeMessage(); size > 0 {
				err := c.deliver(h, text, msg)
				w.advance(size)
				return err
			}
		}
		if len(w.ahead) == 0 {
			if c.park.isQuiet(c) && c.parkReader() {
				return errParked
			}
			err := w.fill()
			c.readFirst()
			if err != nil && !c.interrupted(err) {
				return err
			}
			continue
		}
		if got, err := c.piece(h); got || err != nil {
			return err
		}
	}
}

// piece consumes a piece of a frame that is not, or not yet, a whole message, and reports
// whether it has completed a message and passed it to h.
func (c *Conn) piece(h Handler) (got bool, err error) {
	w, v := c.framed, &c.framed.validator
	st, err := v.Step(w.ahead)
	if err == nil && st.Payload {
		if p := w.ahead[:st.N]; v.Header().Control() {
			v.AddControl(p)
		} else {
			v.Unmask(p)
			w.part.add(p)
		}
	}
	op := v.Header().Opcode()
	if err == nil && st.End && op == rfc6455.OpClose {
		err = v.ParseClose()
	}
	if err != nil {
		w.err = err
		return false, err
	}
	w.advance(st.N)
	if !st.End {
		w.stampPartial()
		return false, nil
	}
	payload := v.Control()
	v.EndFrame()
	w.stampPartial()
	if op == rfc6455.OpPing {
		c.onPing(payload)
	}
	if v.Messages() == w.messages {
		return false, nil
	}
	defer w.part.free()
	return true, c.deliver(h, v.Text(), w.part.bytes())
}

// nextOfLibrary reads one message with the library. A context without Done spares it
// its timers.
func (c *Conn) nextOfLibrary(ws *websocket.Conn, h Handler) error {
	typ, r, err := ws.Reader(context.Background())
	if err != nil {
		return err
	}
	buf := getBuffer()
	defer putBuffer(buf)
	msg, err := readAll(r, *buf, c.cfg.Limits.MaxMessage)
	*buf = msg
	if err != nil {
		return err
	}
	return c.deliver(h, typ == websocket.MessageText, msg)
}

// deliver passes a message to h. An error ends the connection.
func (c *Conn) deliver(h Handler, text bool, msg []byte) error {
	if text && !utf8.Valid(msg) {
		return rfc6455.NotUTF8("a text message")
	}
	if c.framed.closeSent.Load() { // data after our close frame is ignored, RFC 6455 §1.4
		return nil
	}
	if !c.stackGrown {
		c.stackGrown = true
		growStack()
	}
	was := c.park.active
	c.park.active = true
	work, err := h.Message(text, msg)
	if c.park.heartbeat {
		c.park.heartbeat, c.park.active = false, was
	}
	c.framed.addWork(work)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*ViolationError](err); ok {
		return err
	}
	c.cfg.Logger.Error("a message could not be handled", "client", c.id, "error", err)
	return errInternal
}

// readAll reads a message into buf, which may be replaced by a larger one. It never
// reads more than one byte over the limit.
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
			return buf, rfc6455.TooBig()
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		}
	}
}

// reasonOf returns the reason for an error that ended the reading.
func (c *Conn) reasonOf(err error) websockets.Reason {
	v, ok := violationOf(err)
	if !ok && c.framed.err != nil { // the library's error is less precise
		err = c.framed.err
		v, ok = violationOf(err)
	}
	if ok {
		return websockets.Reason{
			Cause: v.Cause, Code: v.Code, Text: v.Text, Clean: v.Code == rfc6455.StatusNormalClosure,
		}
	}
	if e, ok := errors.AsType[*rfc6455.CloseError](err); ok {
		return websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: e.Code, Text: e.Text, Clean: true}
	}
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return websockets.Reason{
			Cause: websockets.CauseParseError, Code: rfc6455.StatusInvalidPayload, Text: "bad compression",
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
		if no, ok := errors.AsType[syscall.Errno](err); ok { // the whole error would contain addresses
			r.Text = no.Error()
		}
	}
	return r
}

// bufferPool has *[]byte for messages that are read or written.
var bufferPool = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxPooled is the largest buffer that is pooled: those of rare large messages are freed.
const maxPooled = 64 << 10

func getBuffer() *[]byte { return bufferPool.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		bufferPool.Put(b)
	}
}
