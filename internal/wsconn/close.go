package wsconn

import (
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	shutdownText = "server shutting down"

	// farewellTime bounds the goodbye to a client that did something wrong, and
	// what is read from it afterwards.
	farewellTime = time.Second
	// answerTime is how long the client's close frame is waited for.
	answerTime = 2 * time.Second
	// cutTime bounds the attempt to tell a client that is probably gone.
	cutTime = 50 * time.Millisecond
)

// InternalReason is for faults of the server itself.
var InternalReason = websockets.Reason{
	Cause: websockets.CauseForcedClose,
	Code:  rfc6455.StatusInternalError,
	Text:  "internal error",
}

// Manner is how a connection ends.
type Manner uint8

// The manners of an end.
const (
	Drain    Manner = iota // what waits is sent, then the close frame
	Farewell               // the close frame alone
	Cut                    // the same, without waiting for an answer
)

// MannerOf gives the usual manner for a reason.
func MannerOf(r websockets.Reason) Manner {
	switch r.Cause {
	case websockets.CauseQueueOverflow, websockets.CauseMessageTooBig, websockets.CauseParseError:
		return Farewell
	case websockets.CausePingTimeout, websockets.CauseForcedClose, websockets.CauseTransportClose, websockets.CauseTransportError, "":
		return Cut
	}
	return Drain
}

// closeCode gives the close code and text of a reason, RFC 6455 §7.4.1.
func closeCode(r websockets.Reason) (int, string) {
	if rfc6455.Sendable(r.Code) {
		return r.Code, rfc6455.CloseText(r.Text)
	}
	code, text := rfc6455.StatusNormalClosure, ""
	switch r.Cause {
	case websockets.CauseShutdown:
		code, text = rfc6455.StatusGoingAway, shutdownText
	case websockets.CauseQueueOverflow:
		code, text = rfc6455.StatusPolicyViolation, string(r.Cause)
	case websockets.CauseClientErrors:
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

// sent completes a reason with the code that the client is told. A cut
// connection keeps what it has: the client is not expected to hear.
func sent(r websockets.Reason, how Manner) websockets.Reason {
	if how != Cut {
		code, text := closeCode(r)
		r.Code, r.Text = code, text
	}
	return r
}

// Leave begins the end of the connection from this side, for the first reason
// given. It returns at once.
func (c *Conn) Leave(r websockets.Reason, how Manner) {
	c.mu.Lock()
	if c.leaving {
		c.mu.Unlock()
		return
	}
	c.leaving = true
	c.reason = sent(r, how)
	c.goodbye = make(chan struct{})
	c.mu.Unlock()
	if q := c.out.Load(); q != nil {
		q.Close(how != Drain)
	}
	go c.sayGoodbye(how)
}

// sayGoodbye sends what is to be sent, waits for the client's answer, and ends
// the connection.
func (c *Conn) sayGoodbye(how Manner) {
	defer close(c.goodbye)
	limit := c.cfg.Limits.CloseTimeout
	switch how {
	case Farewell:
		limit = min(limit, farewellTime)
	case Cut:
		limit = min(limit, cutTime)
	}
	began := time.Now()
	guard := time.AfterFunc(limit, func() { _ = c.wire.Close() })
	defer guard.Stop()
	q := c.out.Load()
	if how == Drain && q != nil {
		<-q.Done()
	}
	code, text := closeCode(c.reason)
	if c.wire.writeClose(rfc6455.CloseFrame(code, text)) == nil && how != Cut {
		wait := time.NewTimer(min(limit-time.Since(began), answerTime))
		defer wait.Stop()
		select {
		case <-c.readerDone:
		case <-wait.C:
		}
		c.wire.endWrites()
	}
	_ = c.wire.Close()
	if q != nil {
		<-q.Done()
	}
	c.end()
}

// Abort cuts the connection however it was being closed.
func (c *Conn) Abort() {
	c.Leave(websockets.Reason{Cause: websockets.CauseForcedClose}, Cut)
	_ = c.wire.Close()
	c.end()
}

// end tells the handler, once. The reason stands by then.
func (c *Conn) end() {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	h, r := c.handler, c.reason
	c.mu.Unlock()
	if h != nil {
		h.Ended(r)
	}
}

// Serve reads until the connection ends, tells h, leaves nothing behind, and calls
// done. To be called once, on a goroutine of its own. It may return earlier, when
// another goroutine reads on.
func (c *Conn) Serve(h Handler, done func()) {
	c.mu.Lock()
	c.handler, c.done = h, done
	ended := c.ended
	c.mu.Unlock()
	if ended { // before anybody was there to be told
		h.Ended(c.reason)
	}
	c.wire.begin = func() {
		if job := h.Due(); job != nil {
			job.Begin()
		}
	}
	c.serve(h, done)
}

// serve reads on, and ends what Serve began unless another goroutine takes over.
func (c *Conn) serve(h Handler, done func()) {
	err := c.read(h)
	if errors.Is(err, errTakenOver) {
		return
	}
	defer done()
	c.wire.drained()
	c.dropPart()
	close(c.readerDone)
	r := c.endOf(err)

	c.mu.Lock()
	first := !c.leaving
	if first {
		c.leaving = true
		c.reason = r
	}
	bye := c.goodbye
	c.mu.Unlock()
	q := c.out.Load()
	if first {
		if q != nil {
			q.Close(true)
		}
		if r.Code != 0 {
			c.answer(r)
		}
	} else {
		<-bye
	}
	_ = c.wire.Close()
	c.end()
	if q != nil {
		<-q.Done()
	}
	c.closeLibrary()
	c.cfg.Logger.Debug("connection ended", "client", c.id, "reason", c.reason.String())
}

// GiveUp ends a connection that will have no Serve, because the server is being
// closed, or has panicked. The handler is not told.
func (c *Conn) GiveUp(v any) {
	if v != nil {
		c.logPanic(v)
	}
	c.turnAway(rfc6455.StatusGoingAway, shutdownText)
}

// Refuse ends a connection that will have no Serve, because of its client.
func (c *Conn) Refuse(text string) { c.turnAway(rfc6455.StatusPolicyViolation, text) }

func (c *Conn) turnAway(code int, text string) {
	close(c.readerDone)
	_ = c.wire.SetWriteDeadline(time.Now().Add(cutTime))
	_ = c.wire.writeClose(rfc6455.CloseFrame(code, text))
	_ = c.wire.Close()
	c.closeLibrary()
}

// answer says goodbye to a client that has said so, or has done wrong.
func (c *Conn) answer(r websockets.Reason) {
	limit := min(c.cfg.Limits.CloseTimeout, farewellTime)
	guard := time.AfterFunc(limit, func() { _ = c.wire.Close() })
	defer guard.Stop()
	if r.Cause == websockets.CauseClientDisconnect {
		// The code comes back, RFC 6455 §5.5.1; none comes back as none.
		_ = c.wire.writeClose(rfc6455.CloseFrame(r.Code, ""))
		if c.wire.now == nil { // TLS says goodbye too; a socket need not before it is closed
			c.wire.endWrites()
		}
		return
	}
	if c.wire.writeClose(rfc6455.CloseFrame(r.Code, r.Text)) == nil {
		c.wire.linger(limit)
	}
}
