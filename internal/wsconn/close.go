package wsconn

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	shutdownText = "server shutting down"

	// closeHandshakeTime bounds the close handshake with a client that did something
	// wrong, and the discarding of what it still sends.
	closeHandshakeTime = time.Second
	// closeAnswerTime is how long to wait for the client's close frame.
	closeAnswerTime = 2 * time.Second
	// closeAbortTime bounds the close frame to a client that is probably gone.
	closeAbortTime = 50 * time.Millisecond
)

// InternalReason is for faults of the server itself.
var InternalReason = websockets.Reason{
	Cause: websockets.CauseForcedClose,
	Code:  rfc6455.StatusInternalError,
	Text:  "internal error",
}

// CloseMode is how the server closes a connection.
type CloseMode uint8

// The modes, from the longest to the shortest.
const (
	CloseGraceful  CloseMode = iota // send what waits, then do the close handshake
	CloseHandshake                  // drop what waits, and do the close handshake
	CloseAbort                      // drop what waits, and do not wait for the client's close frame
)

// CloseModeOf returns the usual mode for a reason.
func CloseModeOf(r websockets.Reason) CloseMode {
	switch r.Cause {
	case websockets.CauseQueueOverflow, websockets.CauseMessageTooBig, websockets.CauseParseError:
		return CloseHandshake
	case websockets.CausePingTimeout, websockets.CauseForcedClose, websockets.CauseTransportClose, websockets.CauseTransportError, "":
		return CloseAbort
	}
	return CloseGraceful
}

// closeCode returns the close code and text of a reason, RFC 6455 §7.4.1.
func closeCode(r websockets.Reason) (int, string) {
	if rfc6455.Sendable(r.Code) {
		return r.Code, rfc6455.CloseText(r.Text)
	}
	code, text := rfc6455.StatusNormalClosure, ""
	switch r.Cause {
	case websockets.CauseShutdown:
		code, text = rfc6455.StatusGoingAway, shutdownText
	case websockets.CauseQueueOverflow, websockets.CauseClientErrors:
		code, text = rfc6455.StatusPolicyViolation, string(r.Cause)
	case websockets.CauseParseError:
		code = rfc6455.StatusProtocolError
	case websockets.CauseMessageTooBig:
		code, text = rfc6455.StatusMessageTooBig, string(r.Cause)
	case websockets.CausePingTimeout, websockets.CauseForcedClose, websockets.CauseTransportClose, websockets.CauseTransportError, "":
		code, text = rfc6455.StatusGoingAway, string(r.Cause)
	}
	if r.Text != "" {
		text = rfc6455.CloseText(r.Text)
	}
	return code, text
}

// withCode returns the reason with the code and text that are sent to the client. An
// aborted connection keeps what it has: the client is not expected to read it.
func withCode(r websockets.Reason, mode CloseMode) websockets.Reason {
	if mode != CloseAbort {
		r.Code, r.Text = closeCode(r)
	}
	return r
}

// Close starts to close the connection. Only the first reason counts. It returns at once.
func (c *Conn) Close(r websockets.Reason, mode CloseMode) {
	c.mu.Lock()
	if c.phase != phaseOpen {
		c.mu.Unlock()
		return
	}
	c.phase = phaseClosing
	r = withCode(r, mode)
	c.reason = &r
	c.closeDone = make(chan struct{})
	c.mu.Unlock()
	c.wake() // the reader waits for the client's close frame
	if q := c.out.Load(); q != nil {
		q.Close(mode != CloseGraceful)
	}
	go c.finishClose(mode)
}

// finishClose sends what is to be sent, waits for the client's close frame, and ends
// the connection.
func (c *Conn) finishClose(mode CloseMode) {
	defer close(c.closeDone)
	limit := c.cfg.Limits.CloseTimeout
	switch mode {
	case CloseHandshake:
		limit = min(limit, closeHandshakeTime)
	case CloseAbort:
		limit = min(limit, closeAbortTime)
	}
	start := time.Now()
	guard := time.AfterFunc(limit, func() { _ = c.framed.Close() })
	defer guard.Stop()
	q := c.out.Load()
	if mode == CloseGraceful && q != nil {
		<-q.Done()
	}
	code, text := closeCode(*c.reason)
	if c.framed.writeClose(rfc6455.CloseFrame(code, text)) == nil && mode != CloseAbort {
		await.Within(min(limit-time.Since(start), closeAnswerTime), c.readerEnd())
		c.framed.closeWrite()
	}
	_ = c.framed.Close()
	if q != nil {
		<-q.Done()
	}
	c.end()
}

// Abort implements [Member]: it ends the connection at once, even while it is being closed.
func (c *Conn) Abort() {
	c.Close(websockets.Reason{Cause: websockets.CauseForcedClose}, CloseAbort)
	_ = c.framed.Close()
	c.end()
}

// end calls Handler.Ended once. The reason does not change any more.
func (c *Conn) end() {
	c.mu.Lock()
	if c.phase == phaseEnded {
		c.mu.Unlock()
		return
	}
	c.phase = phaseEnded
	h, r := c.handler, c.reason
	c.mu.Unlock()
	if h != nil {
		h.Ended(*r)
	}
}

// endReader records that nothing is read any more.
func (c *Conn) endReader() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readerEnded = true
	if c.readerDone != nil {
		close(c.readerDone)
	}
}

// readerEnd returns a channel that is closed when nothing is read any more.
func (c *Conn) readerEnd() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readerDone == nil {
		c.readerDone = make(chan struct{})
		if c.readerEnded {
			close(c.readerDone)
		}
	}
	return c.readerDone
}

// Serve starts to read. When the connection has ended, it calls h, waits for the writer, and then calls done. Call it once. It
// returns at once: the reader has a goroutine of its own, or the connection is parked.
func (c *Conn) Serve(h Handler, done func()) {
	c.mu.Lock()
	c.handler, c.done = h, done
	c.park.quietSince.Store(c.cfg.Group.Clock.Now())
	ended := c.phase == phaseEnded
	c.mu.Unlock()
	if !ended && c.parkUnread() {
		return
	}
	go func() {
		defer c.readFirst()
		if ended { // before there was a handler
			h.Ended(*c.reason)
		}
		c.stackGrown = true
		growStack()
		c.serve(h, done)
	}()
}

// serve is the reader. It ends the connection, unless another goroutine becomes the reader or
// the connection is parked.
func (c *Conn) serve(h Handler, done func()) {
	err := c.read(h)
	if errors.Is(err, errTurnStolen) || errors.Is(err, errParked) {
		return
	}
	defer done()
	c.cfg.Group.watchdog.leave(c)
	if !c.libraryReads { // otherwise a Close of the user's may read on
		c.framed.freeAhead()
	}
	c.framed.part.free()
	c.endReader()
	r := c.reasonOf(err)

	c.mu.Lock()
	first := c.phase == phaseOpen
	if first {
		c.phase = phaseClosing
		c.reason = &r
	}
	closeDone := c.closeDone
	c.mu.Unlock()
	q := c.out.Load()
	if first {
		if q != nil {
			q.Close(true)
		}
		if r.Code != 0 {
			c.answerClose(r)
		}
	} else {
		<-closeDone
	}
	_ = c.framed.Close()
	c.end()
	if q != nil {
		<-q.Done()
	}
	c.closeLibrary()
	c.cfg.Logger.Debug("connection ended", "client", c.id, "reason", c.reason.String())
}

// GiveUp ends a connection that will not be served because the server is closing, or
// because of the panic v. There is no handler to call.
func (c *Conn) GiveUp(v any) {
	if v != nil {
		c.logPanic(v)
	}
	c.closeUnserved(rfc6455.StatusGoingAway, shutdownText)
}

// Refuse ends a connection that will not be served because of its client. The text is
// sent to the client.
func (c *Conn) Refuse(text string) { c.closeUnserved(rfc6455.StatusPolicyViolation, text) }

func (c *Conn) closeUnserved(code int, text string) {
	c.endReader()
	_ = c.framed.SetWriteDeadline(time.Now().Add(closeAbortTime))
	_ = c.framed.writeClose(rfc6455.CloseFrame(code, text))
	_ = c.framed.Close()
	c.closeLibrary()
}

// ExplainTime bounds [Conn.Explain].
const ExplainTime = closeHandshakeTime

// Explain sends why the client is refused, in a frame and with a close code, to a connection
// that will not be served, and ends it: once the client has closed it, after ExplainTime, or
// when ctx ends. It blocks meanwhile.
func (c *Conn) Explain(ctx context.Context, f *Frame, code int, text string) {
	c.endReader()
	defer c.closeLibrary()
	defer c.framed.Close()
	defer context.AfterFunc(ctx, func() { _ = c.framed.Close() })()
	guard := time.AfterFunc(ExplainTime, func() { _ = c.framed.Close() })
	defer guard.Stop()
	if c.framed.writeFrame(f.bytes) == nil && c.framed.writeClose(rfc6455.CloseFrame(code, rfc6455.CloseText(text))) == nil {
		c.framed.linger(ExplainTime)
	}
}

// answerClose sends a close frame to a client that has sent one, or has done something
// wrong. It runs on the reading goroutine.
func (c *Conn) answerClose(r websockets.Reason) {
	left := r.Cause == websockets.CauseClientDisconnect
	text := r.Text
	if left {
		text = "" // the answer has the code of the client's frame, or none, RFC 6455 §5.5.1
	}
	answer := rfc6455.CloseFrame(r.Code, text)
	ours := false
	if left {
		if answer, ours = c.framed.tryWriteClose(answer); len(answer) == 0 {
			return
		}
	}
	limit := min(c.cfg.Limits.CloseTimeout, closeHandshakeTime)
	guard := time.AfterFunc(limit, func() { _ = c.framed.Close() })
	defer guard.Stop()
	if ours {
		_, _ = c.framed.send(answer)
		c.framed.release()
		return
	}
	switch err := c.framed.writeClose(answer); {
	case left && c.framed.tryWriter == nil: // TLS has an end of its own; a socket needs none before it is closed
		c.framed.closeWrite()
	case !left && err == nil:
		c.framed.linger(limit)
	}
}
