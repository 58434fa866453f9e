package ws

import (
	"runtime/debug"
	"time"

	"github.com/coder/websocket"
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

var internalReason = websockets.Reason{
	Cause: websockets.CauseForcedClose,
	Code:  int(websocket.StatusInternalError),
	Text:  "internal error",
}

// manner is how a connection ends.
type manner uint8

const (
	drain    manner = iota // what waits is sent, then the close frame
	farewell               // the close frame alone
	cut                    // the same, without waiting for an answer
)

// Close implements [websockets.Conn].
func (c *conn) Close(r websockets.Reason) {
	how := drain
	switch r.Cause {
	case websockets.CauseQueueOverflow, websockets.CauseMessageTooBig, websockets.CauseParseError:
		how = farewell
	case websockets.CausePingTimeout, websockets.CauseForcedClose, websockets.CauseTransportClose, websockets.CauseTransportError, "":
		how = cut
	}
	c.leave(r, how)
}

// closeCode gives the close code and text of a reason, RFC 6455 §7.4.1.
func closeCode(r websockets.Reason) (websocket.StatusCode, string) {
	if code := websocket.StatusCode(r.Code); sendable(code) {
		return code, clip(r.Text)
	}
	code, text := websocket.StatusNormalClosure, ""
	switch r.Cause {
	case websockets.CauseShutdown:
		code, text = websocket.StatusGoingAway, shutdownText
	case websockets.CauseQueueOverflow:
		code, text = websocket.StatusPolicyViolation, string(r.Cause)
	case websockets.CauseParseError:
		code = websocket.StatusProtocolError
	case websockets.CauseMessageTooBig:
		code, text = websocket.StatusMessageTooBig, string(r.Cause)
	case websockets.CausePingTimeout, websockets.CauseForcedClose, websockets.CauseTransportClose, websockets.CauseTransportError, "":
		code, text = websocket.StatusGoingAway, string(r.Cause)
	}
	if r.Text != "" {
		text = clip(r.Text)
	}
	return code, text
}

// sent completes a reason with the code that the client is told. A cut
// connection keeps what it has: the client is not expected to hear.
func sent(r websockets.Reason, how manner) websockets.Reason {
	if how != cut {
		code, text := closeCode(r)
		r.Code, r.Text = int(code), text
	}
	return r
}

// leave begins the end of the connection from this side, for the first reason
// given. It returns at once.
func (c *conn) leave(r websockets.Reason, how manner) {
	c.mu.Lock()
	if c.leaving {
		c.mu.Unlock()
		return
	}
	c.leaving = true
	c.reason = sent(r, how)
	c.goodbye = make(chan struct{})
	c.mu.Unlock()
	c.out.Close(how != drain)
	go c.sayGoodbye(how)
}

// sayGoodbye sends what is to be sent, waits for the client's answer, and ends
// the connection.
func (c *conn) sayGoodbye(how manner) {
	defer close(c.goodbye)
	limit := c.srv.limits.CloseTimeout
	switch how {
	case farewell:
		limit = min(limit, farewellTime)
	case cut:
		limit = min(limit, cutTime)
	}
	began := time.Now()
	guard := time.AfterFunc(limit, func() { _ = c.wire.Close() })
	defer guard.Stop()
	if how == drain {
		<-c.out.Done()
	}
	code, text := closeCode(c.reason)
	if c.wire.writeClose(closeFrame(code, text)) == nil && how != cut {
		wait := time.NewTimer(min(limit-time.Since(began), answerTime))
		defer wait.Stop()
		select {
		case <-c.readerDone:
		case <-wait.C:
		}
		c.wire.endWrites()
	}
	_ = c.wire.Close()
	<-c.out.Done()
	c.end()
}

// abort cuts the connection however it was being closed.
func (c *conn) abort() {
	c.leave(websockets.Reason{Cause: websockets.CauseForcedClose}, cut)
	_ = c.wire.Close()
	c.end()
}

// bind gives the connection its session.
func (c *conn) bind(s websockets.Session) {
	c.mu.Lock()
	c.sess = s
	ended := c.ended
	c.mu.Unlock()
	if ended {
		s.Closed(c.reason)
	}
}

// end tells the session, once. The reason stands by then.
func (c *conn) end() {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	c.ended = true
	s, r := c.sess, c.reason
	c.mu.Unlock()
	if s != nil {
		s.Closed(r)
	}
}

// serve is the connection's goroutine: it reads until the end, and leaves
// nothing behind.
func (c *conn) serve() {
	defer c.srv.exit()
	defer c.srv.remove(c)
	err := c.read()
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
	if first {
		c.out.Close(true)
		if r.Code != 0 {
			c.answer(r)
		}
	} else {
		<-bye
	}
	_ = c.wire.Close()
	c.end()
	<-c.out.Done()
	_ = c.ws.CloseNow()
	c.srv.log.Debug("connection ended", "client", c.id, "reason", c.reason.String())
}

// answer says goodbye to a client that has said so, or has done wrong.
func (c *conn) answer(r websockets.Reason) {
	limit := min(c.srv.limits.CloseTimeout, farewellTime)
	guard := time.AfterFunc(limit, func() { _ = c.wire.Close() })
	defer guard.Stop()
	if r.Cause == websockets.CauseClientDisconnect {
		// The code comes back, RFC 6455 §5.5.1; none comes back as none.
		_ = c.wire.writeClose(closeFrame(websocket.StatusCode(r.Code), ""))
		c.wire.endWrites()
		return
	}
	if c.wire.writeClose(closeFrame(websocket.StatusCode(r.Code), r.Text)) == nil {
		c.wire.linger(limit)
	}
}

func (c *conn) logPanic(v any) {
	c.srv.log.Error("a connection panicked", "client", c.id, "panic", v, "stack", string(debug.Stack()))
}
