package zishang

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// onClose is called by the library once the connection has ended, on either side.
func (l *link) onClose(args ...any) {
	defer l.srv.recovered("close")
	r := reasonFrom(args)
	if t, ok := l.Transport().(*wsTransport); ok && t.closed.Load() || l.leftByClient.Load() {
		r.Clean = r.Cause == websockets.CauseTransportClose
	}
	l.ended(r)
}

func (l *link) ended(r websockets.Reason) {
	unaware := l.unaware()
	switch r.Cause {
	case websockets.CauseTransportError, websockets.CausePingTimeout, websockets.CauseParseError: // see internal/engineio/ended.go
		unaware = false
	}
	l.mu.Lock()
	if l.phase == linkClosed {
		l.mu.Unlock()
		return
	}
	l.phase = linkClosed
	if l.lonely != nil {
		l.lonely.Stop()
	}
	l.srv.outside.Remove(&l.outside)
	l.srv.unpolled.Remove(&l.unpolled)
	own := l.reason != nil
	if own {
		r = *l.reason
	}
	conns := make([]*conn, 0, len(l.conns))
	for _, c := range l.conns {
		conns = append(conns, c)
	}
	poll, post := l.poll, l.post
	l.mu.Unlock()

	close(l.closedCh)
	l.cancel(websockets.ErrClosed)
	l.out.close()
	for _, c := range conns {
		if c.state.Load() < ending { // a close under way ends it with its own reason
			c.end(r, own)
		}
	}
	// the library leaves polls of a closed connection unanswered
	for _, x := range []*exchange{poll, post} {
		if x != nil {
			time.AfterFunc(pollGrace, x.flush)
		}
	}
	l.srv.forget(l, unaware && poll == nil)
	l.release()
	l.srv.tasks.done()
}

// unaware reports whether the client polls, and does not know of the end yet.
func (l *link) unaware() bool {
	return l.Transport().Name() == Polling && !l.leftByClient.Load() && !l.notified.Load()
}

// kill cuts the connection; r is the reason for its clients' sessions. It
// returns at once, so that a broadcast may call it.
func (l *link) kill(r websockets.Reason) {
	l.mu.Lock()
	if l.reason == nil {
		l.reason = &r
	}
	l.mu.Unlock()
	l.out.close()
	l.srv.tasks.start(l.cut)
}

// cut closes the Engine.IO socket at once.
func (l *link) cut() {
	l.Socket.Close(true)
	l.ended(websockets.Reason{Cause: websockets.CauseForcedClose}) // if the library has not reported it
}

// leave ends the connection when no namespace of it is in use. The client is
// given a moment to go first, or to enter another namespace.
func (l *link) leave(ctx context.Context, r websockets.Reason) {
	l.mu.Lock()
	if len(l.conns) > 0 || l.phase != linkOpen {
		l.mu.Unlock()
		return
	}
	shutdown := r.Cause == websockets.CauseShutdown
	if shutdown {
		l.phase = linkParting
		if l.reason == nil {
			l.reason = &r
		}
	}
	l.mu.Unlock()
	if !shutdown || l.sendCloseFrame(r) {
		t := time.NewTimer(linger)
		defer t.Stop()
		select {
		case <-l.closedCh:
			return
		case <-ctx.Done():
		case <-t.C:
		}
	}
	l.mu.Lock()
	stay := len(l.conns) > 0
	l.mu.Unlock()
	if !stay && !shutdown {
		l.sendCloseFrame(r)
	}
	if !stay || shutdown {
		l.cut()
	}
}

// end sends the close to every client of the connection and closes it.
func (l *link) end(r websockets.Reason) {
	l.mu.Lock()
	conns := make([]*conn, 0, len(l.conns))
	for _, c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		if s := c.state.Load(); s == open {
			c.Close(r)
		} else if s < open {
			c.end(r, true)
		}
	}
	l.srv.tasks.start(func() {
		ctx, cancel := context.WithTimeout(l.ctx, l.srv.cfg.Limits.CloseTimeout)
		defer cancel()
		l.drain(ctx)
		l.leave(ctx, r)
	})
}

// sendCloseFrame sends the close frame of a WebSocket, which the client answers; a
// polling client learns it by the answer to its poll: the result is false then.
func (l *link) sendCloseFrame(r websockets.Reason) bool {
	t, ok := l.Transport().(*wsTransport)
	if ok {
		t.writeCloseFrame(r)
	}
	return ok
}

// find returns the client in a namespace, or nil.
func (l *link) find(nsp string) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[nsp]
}

func (l *link) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[c.nsp] != c {
		return
	}
	delete(l.conns, c.nsp)
	if l.presence != inNamespace {
		return
	}
	for _, other := range l.conns {
		if s := other.state.Load(); s == open || s == ending {
			return
		}
	}
	l.leftLast()
}

// occupy waits until the library has let go of a former socket in the
// namespace: it would take a second one for a violation of the protocol.
func (l *link) occupy(nsp string) bool {
	for {
		l.mu.Lock()
		former := l.occupied[nsp]
		if former == nil {
			l.occupied[nsp] = make(chan struct{})
			l.mu.Unlock()
			return true
		}
		l.mu.Unlock()
		select {
		case <-former:
		case <-l.ctx.Done():
			return false
		}
	}
}

// vacate records that the library has released its socket in the namespace.
func (l *link) vacate(nsp string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if former := l.occupied[nsp]; former != nil {
		close(former)
		delete(l.occupied, nsp)
	}
}
