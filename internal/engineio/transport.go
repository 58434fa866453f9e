package engineio

import (
	"errors"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// transport is a WebSocket that is the transport of a session, or may become it.
type transport struct {
	s     *Session
	c     *wsconn.Conn
	alone bool // see awaitPost; of the reading goroutine
}

var _ wsconn.Handler = (*transport)(nil)

// Message implements [wsconn.Handler].
func (t *transport) Message(text bool, msg []byte) (adapter.Work, error) {
	s := t.s
	if !t.alone {
		if s.current() != t.c {
			return nil, t.probe(text, msg)
		}
		t.awaitPost()
	}
	if text && len(msg) == 1 && msg[0] == typePong {
		t.c.Heartbeat()
	}
	var work adapter.Work
	var err error
	if text {
		work, err = s.packet(msg)
	} else {
		work, err = s.handler.Message(false, msg)
	}
	switch {
	case err == nil:
		return work, nil
	case errors.Is(err, errClientClosed):
		return work, &wsconn.ViolationError{Cause: websockets.CauseTransportClose, Code: rfc6455.StatusNormalClosure}
	}
	r := reasonOf(err)
	code := rfc6455.StatusProtocolError
	if r.Cause == websockets.CauseMessageTooBig {
		code = rfc6455.StatusMessageTooBig
	}
	return work, &wsconn.ViolationError{Cause: r.Cause, Code: code, Text: r.Text}
}

// awaitPost waits, before the first message, for the POST that was under way when the
// WebSocket became the transport. A POST that locks recv later finds that it has, and passes
// nothing on: so the later messages need no lock.
func (t *transport) awaitPost() {
	t.s.recv.Lock()
	t.alone = true
	t.s.recv.Unlock()
}

// Stalled implements [wsconn.Handler].
func (t *transport) Stalled() time.Duration {
	if t.s.current() != t.c {
		return 0
	}
	return t.s.handler.Stalled()
}

// upgrade is the change to a WebSocket that is not complete; the zero value is none.
// Guarded by Session.mu.
type upgrade struct {
	conn   *wsconn.Conn
	by     int64 // its deadline
	probed bool  // its probe has been answered
}

// Ended implements [wsconn.Handler].
func (t *transport) Ended(r websockets.Reason) {
	s := t.s
	s.mu.Lock()
	p := s.polls.Load()
	probing := p != nil && p.upgrading.conn == t.c
	if probing {
		p.upgrading = upgrade{}
	}
	current := s.conn == t.c
	s.mu.Unlock()
	if current {
		if r.Cause == websockets.CauseClientDisconnect { // the client has closed the transport, not the session
			r.Cause = websockets.CauseTransportClose
		}
		s.end(r)
	}
	if probing {
		s.trackPolls()
	}
}

var pongProbe = wsconn.SealCopy(true, []byte("3probe"))

// probe handles the messages before the upgrade is complete.
func (t *transport) probe(text bool, msg []byte) error {
	s := t.s
	p := s.overHTTP()
	switch {
	case text && string(msg) == "2probe":
		if err := t.c.WriteNow(pongProbe); err != nil {
			return &wsconn.ViolationError{Cause: websockets.CauseTransportError, Code: rfc6455.StatusInternalError}
		}
		s.mu.Lock()
		p.upgrading.probed = p.upgrading.conn == t.c
		p.requests.noopDue = p.requests.polling
		p.requests.noopAt = time.Now() // leaves the next poll the time to be the last
		s.mu.Unlock()
		s.wakePoll() // the pending poll ends, so that the client can send its last POST
		return nil
	case text && len(msg) > 0 && msg[0] == typeUpgrade && t.completeUpgrade():
		return nil
	}
	return &wsconn.ViolationError{
		Cause: websockets.CauseParseError, Code: rfc6455.StatusProtocolError, Text: "expected a probe or an upgrade packet",
	}
}

// completeUpgrade makes the WebSocket the transport of the session. It returns false when
// that is not possible any more.
func (t *transport) completeUpgrade() bool {
	s := t.s
	p := s.overHTTP()
	s.mu.Lock()
	if p.upgrading.conn != t.c || s.state == stateClosed || !t.c.Attach(s.out) {
		s.mu.Unlock()
		return false
	}
	if p.requests.polling && !p.upgrading.probed {
		p.requests.noopDue = true
	}
	s.conn, p.upgrading = t.c, upgrade{}
	closing, r := s.state == stateClosing, s.reason
	if p.requests.abortPost != nil {
		p.requests.abortPost()
	}
	if p.closeTimer != nil {
		p.closeTimer.Stop()
	}
	s.mu.Unlock()
	s.wakePoll()
	s.out.Start(t.c.Write)
	if closing {
		t.c.Close(*r, wsconn.CloseGraceful)
	} else {
		s.handler.Upgraded()
	}
	return true
}

// upgrade accepts the WebSocket of an upgrade.
func (s *Session) upgrade(w http.ResponseWriter, r *http.Request) {
	p := s.overHTTP()
	if err := wsconn.CheckUpgrade(w, r); err != nil {
		refusedUpgrade(err).write(w)
		return
	}
	g := s.srv.group
	c := s.srv.cfg.Accept(w, r, s.name(), time.Now().Add(s.srv.cfg.Limits.HandshakeTimeout))
	if c == nil {
		return
	}
	if !g.Enter() {
		c.GiveUp(nil)
		return
	}
	s.mu.Lock()
	free := s.state == stateOpen && s.conn == nil && p.upgrading.conn == nil
	if free {
		p.upgrading = upgrade{conn: c, by: g.Clock.Now() + int64(s.srv.cfg.UpgradeTimeout)}
		s.srv.unpolled.Remove(&p.unpolled)
	}
	s.mu.Unlock()
	if !free { // the protocol: only the first one counts
		c.Refuse("the session has a websocket already")
		g.Exit()
		return
	}
	s.addHolder()
	c.Serve(&transport{s: s, c: c}, s.transportEnded)
}
