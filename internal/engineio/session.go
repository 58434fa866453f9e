package engineio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Packet types of Engine.IO.
const (
	typeOpen    = '0'
	typeClose   = '1'
	typePing    = '2'
	typePong    = '3'
	typeMessage = '4'
	typeUpgrade = '5'
	typeNoop    = '6'
	typeBinary  = 'b' // a binary message in base64, as text
)

type state uint8

const (
	stateOpen    state = iota
	stateClosing       // the reason is final, what waits is still sent
	stateClosed
)

// closeNotice is how a polling client knows that its session is closed. It only increases.
type closeNotice uint8

const (
	noNotice     closeNotice = iota // the client does not know it yet
	noticeMoot                      // the transport failed: the next poll is refused, as the protocol's own tests expect
	noticeSent                      // a poll was answered with the close packet
	noticeClient                    // the client itself has closed the session
)

// Session is one client's connection, over any transport. Its methods are safe for
// concurrent use unless they say otherwise.
type Session struct {
	srv     *Server
	id      string // secret: a request needs nothing else to join
	handler Handler
	out     *outbox.Queue[wsconn.Item]

	base64  bool         // the client accepts binary messages as base64 only
	release func()       // ends the reservation of Config.Reserve
	holders atomic.Int32 // of the reservation, see addHolder

	// recv is held while the packets of one POST are passed to the handler, which polls.body
	// belongs to. See transport.awaitPost for the messages of a WebSocket.
	recv sync.Mutex

	nextPing atomic.Int64 // stamps of the server's clock
	pingedAt atomic.Int64 // when the ping was sent; 0 when none is unanswered

	// Of the sweeper.
	checkedAt  int64 // the last sweep
	pingSentAt int64 // when it last sent a ping

	polls atomic.Pointer[polls] // nil for a session that has opened as a WebSocket, see overHTTP

	mu     sync.Mutex
	state  state
	notice closeNotice
	reason *websockets.Reason // nil while it is open
	conn   *wsconn.Conn       // the transport; nil while it is polling
}

// newSession returns a session that is not registered yet. release is called when the
// last holder has released the session; the caller is the first holder.
func (s *Server) newSession(release func()) *Session {
	session := &Session{srv: s, id: rand.Text(), release: release}
	session.addHolder()
	session.out = outbox.New(s.cfg.Limits.SendQueue, s.cfg.Limits.SendQueueMax, &s.pool, nil)
	return session
}

// register adds the session to the server; false when the server is closing.
func (s *Session) register(r *http.Request) bool {
	s.handler = s.srv.cfg.Open(s, wsconn.HandshakeOf(r).Request)
	g := s.srv.group
	if !g.Enter() {
		return false
	}
	s.addHolder() // until end
	s.nextPing.Store(g.Clock.Now() + int64(s.srv.cfg.Limits.PingInterval))
	s.notePoll()
	s.srv.mu.Lock()
	closed := s.srv.closed
	s.srv.sessions[s.id] = s
	s.srv.mu.Unlock()
	if closed || !g.Add(s) {
		s.end(websockets.Reason{Cause: websockets.CauseShutdown})
		return false
	}
	return true
}

// name identifies the session in logs, with too little of the id to join it.
func (s *Session) name() string { return s.id[:6] }

// Transport returns "polling" or "websocket".
func (s *Session) Transport() string {
	if s.websocket() {
		return "websocket"
	}
	return "polling"
}

func (s *Session) websocket() bool { return s.current() != nil }

func (s *Session) current() *wsconn.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// Send queues an item whose text frames start with the packet type "4". charge is its
// [wsconn.Item.Charge]. The errors are those of [outbox.Queue.Push].
func (s *Session) Send(it wsconn.Item, charge int, p outbox.Policy) error {
	if s.base64 {
		it, charge = inBase64(it, charge)
	}
	return s.out.Push(it, charge, p)
}

// Queued returns how many bytes wait to be sent.
func (s *Session) Queued() int { return s.out.Bytes() }

// Writable blocks as [outbox.Queue.Writable] does.
func (s *Session) Writable(ctx context.Context) error { return s.out.Writable(ctx) }

// Close closes the session. It returns at once; later calls do nothing. On polling, a
// graceful close waits for the client's next poll.
func (s *Session) Close(r websockets.Reason, mode wsconn.CloseMode) {
	s.mu.Lock()
	if s.state != stateOpen {
		s.mu.Unlock()
		return
	}
	s.state, s.reason = stateClosing, &r
	conn := s.conn
	if conn == nil && mode == wsconn.CloseGraceful {
		s.overHTTP().closeTimer = time.AfterFunc(s.srv.cfg.Limits.CloseTimeout, func() { s.end(r) })
	}
	s.mu.Unlock()
	switch {
	case conn != nil:
		conn.Close(r, mode)
	case mode == wsconn.CloseGraceful:
		s.out.Close(false)
		s.wakePoll()
	default:
		s.out.Close(true)
		go s.end(r) // the caller may hold locks that Handler.Closed needs
	}
}

// endUnpolled ends a closing session that has no pending poll.
func (s *Session) endUnpolled() {
	p := s.polls.Load()
	if p == nil {
		return
	}
	s.mu.Lock()
	unpolled, r := s.state == stateClosing && s.conn == nil && !p.requests.polling, s.reason
	s.mu.Unlock()
	if unpolled {
		s.end(*r)
	}
}

// closeNow ends the session on this goroutine.
func (s *Session) closeNow(r websockets.Reason) {
	s.mu.Lock()
	conn := s.conn
	if s.state == stateOpen {
		s.state, s.reason = stateClosing, &r
	}
	s.mu.Unlock()
	if conn != nil {
		conn.Close(r, wsconn.CloseModeOf(r))
		return
	}
	s.end(r)
}

// fail closes a session whose transport has failed.
func (s *Session) fail(text string) {
	s.closeNow(websockets.Reason{Cause: websockets.CauseTransportError, Text: text})
}

// end ends the session: nothing is sent or received any more.
func (s *Session) end(r websockets.Reason) {
	s.mu.Lock()
	if s.state == stateClosed {
		s.mu.Unlock()
		return
	}
	if s.state == stateClosing {
		r = *s.reason
	}
	s.state, s.reason = stateClosed, &r
	if r.Cause == websockets.CauseTransportError || r.Cause == websockets.CausePingTimeout {
		s.notice = max(s.notice, noticeMoot)
	}
	s.leave()
	probing, timer := s.endPolls()
	s.mu.Unlock()
	if timer != nil {
		timer.Stop()
	}
	s.out.Close(true)
	s.wakePoll()
	if probing != nil {
		probing.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "the session has ended"}, wsconn.CloseAbort)
	}
	s.srv.group.Remove(s)
	s.handler.Closed(r)
	s.releaseHolder()
	s.srv.group.Exit()
}

// addHolder adds a holder of the reservation: the handshake, the session until its end,
// and each of its WebSockets.
func (s *Session) addHolder() { s.holders.Add(1) }

// releaseHolder removes a holder. The last one ends the reservation.
func (s *Session) releaseHolder() {
	if s.holders.Add(-1) == 0 {
		s.release()
	}
}

// transportEnded is called when a WebSocket of the session has ended.
func (s *Session) transportEnded() {
	s.releaseHolder()
	s.srv.group.Exit()
}

// Abort implements [wsconn.Member].
func (s *Session) Abort() {
	if conn := s.current(); conn != nil {
		conn.Abort()
		return
	}
	s.closeNow(websockets.Reason{Cause: websockets.CauseForcedClose})
}

// CheckTimeouts implements [wsconn.Member].
func (s *Session) CheckTimeouts(now int64) {
	s.mu.Lock()
	conn := s.conn
	var probing *wsconn.Conn
	late := false
	if p := s.polls.Load(); p != nil {
		probing, late = p.upgrading.conn, now >= p.upgrading.by
	}
	closing := s.state != stateOpen
	s.mu.Unlock()
	if conn != nil {
		conn.CheckTimeouts(now)
	}
	if probing != nil {
		probing.CheckTimeouts(now)
		if late {
			probing.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "the upgrade took too long"}, wsconn.CloseHandshake)
		}
	}
	if closing {
		return
	}
	if conn == nil {
		s.srv.closeUnpolled(now)
		if s.closeSlow(now) || s.checkPost(now) {
			return
		}
	}
	s.heartbeat(now, conn)
	s.handler.CheckTimeouts(now)
}

func (s *Session) heartbeat(now int64, conn *wsconn.Conn) {
	limits := &s.srv.cfg.Limits
	passed := now - s.checkedAt
	s.checkedAt = now
	if pinged := s.pingedAt.Load(); pinged != 0 {
		if conn != nil && (!conn.Reading() || conn.Receiving()) || conn == nil && (s.isPosting() || s.answerInTransit(now)) {
			// The answer may be behind messages that are being handled, or the ping behind
			// other data: this time does not count. The client, which waits for pings too,
			// still gets them.
			s.pingedAt.CompareAndSwap(pinged, min(now, pinged+passed))
			if time.Duration(now-s.pingSentAt) >= limits.PingInterval && (conn != nil || s.out.Bytes() == 0) {
				s.ping(now)
			}
			return
		}
		since := pinged
		if conn != nil {
			since = conn.UnansweredSince(pinged, now)
		}
		if time.Duration(now-since) >= limits.PingTimeout {
			s.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, wsconn.CloseAbort)
		}
		return
	}
	// Pings are sent up to two ticks early, and the timeout starts when the ping was due:
	// so pings are never late, and the client never has less time to answer.
	tick, due := int64(s.srv.group.Tick), s.nextPing.Load()
	if now+2*tick < due {
		return
	}
	s.pingedAt.Store(max(now, due-tick))
	s.ping(now)
}

func (s *Session) ping(now int64) {
	s.pingSentAt = now
	it := wsconn.Item{Frame: s.srv.ping, Plain: true}
	_ = s.out.Push(it, it.Charge(), outbox.Always) // one in a PingInterval
}

// closeSlow closes a session that was not polled for too long while its queue is over its
// limit, and reports whether it did.
func (s *Session) closeSlow(now int64) bool {
	if time.Duration(now-s.overHTTP().polledAt.Load()) <= s.srv.cfg.patience()+s.srv.group.Tick || !s.out.Pressed() {
		return false
	}
	s.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.CloseHandshake)
	return true
}

// checkPost checks a POST whose packets wait for a handler, as wsconn does for a
// WebSocket. It reports whether it has closed the session. For the sweeper only.
func (s *Session) checkPost(now int64) bool {
	stalled := s.handler.Stalled()
	p := s.overHTTP()
	gone := p.postGone.Load()
	switch {
	case !gone:
		p.goneAt = 0
	case p.goneAt == 0:
		p.goneAt = now
	}
	patience := s.srv.cfg.patience()
	switch {
	case gone && (stalled > wsconn.LeaveGrace || time.Duration(now-p.goneAt) > s.srv.cfg.Limits.CloseTimeout):
		s.Close(websockets.Reason{Cause: websockets.CauseTransportClose}, wsconn.CloseAbort)
	case stalled > patience && time.Duration(now-p.polledAt.Load()) > patience:
		s.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, wsconn.CloseAbort)
	default:
		return false
	}
	return true
}

// packetError is a breach of the Engine.IO protocol.
type packetError string

func (e packetError) Error() string { return string(e) }

const (
	errDirection packetError = "a packet that only servers send"
	errEmpty     packetError = "an empty packet"
	errType      packetError = "an unknown packet type"
	errUTF8      packetError = "the body is not UTF-8"
	errBase64    packetError = "binary data that is not base64"
)

// AfterBody calls f when all packets of the current POST have been passed on; on a
// WebSocket, where packets come one by one, at once. Only from Handler.Message.
func (s *Session) AfterBody(f func()) {
	if p := s.polls.Load(); p != nil && p.body.open {
		p.body.after = append(p.body.after, f)
	} else {
		f()
	}
}

// Hold calls f, which must be short. What f and others send meanwhile goes out when f has
// returned.
func (s *Session) Hold(f func()) {
	s.out.Hold()
	defer s.out.Release()
	f()
}

// HoldOutput lets nothing leave until ReleaseOutput has been called as often. Holds must be short, as those of [outbox.Queue.Hold].
func (s *Session) HoldOutput() { s.out.Hold() }

// ReleaseOutput ends a HoldOutput.
func (s *Session) ReleaseOutput() { s.out.Release() }

// Yield starts another reader when the reading goroutine runs a handler, see
// [wsconn.Conn.Yield].
func (s *Session) Yield() {
	if c := s.current(); c != nil {
		c.Yield()
	}
}

// packet handles one packet; it is not called concurrently. An error is the client's fault.
func (s *Session) packet(b []byte) (adapter.Work, error) {
	if len(b) == 0 {
		return nil, errEmpty
	}
	switch b[0] {
	case typeMessage:
		return s.handler.Message(true, b[1:])
	case typeBinary:
		msg, err := base64.StdEncoding.AppendDecode(nil, b[1:])
		if err != nil {
			return nil, errBase64
		}
		return s.handler.Message(false, msg)
	case typePong:
		now := s.srv.group.Clock.Now()
		if s.pingedAt.Swap(0) != 0 {
			s.nextPing.Store(now + int64(s.srv.cfg.Limits.PingInterval))
		}
		return nil, nil
	case typePing:
		return nil, errDirection
	case typeClose:
		return nil, errClientClosed
	case typeOpen, typeUpgrade, typeNoop:
		return nil, nil
	}
	return nil, errType
}

// TooBigError is an error of Handler.Message: several messages are together larger than
// one may be.
type TooBigError struct{ Text string }

func (e *TooBigError) Error() string { return e.Text }

// errClientClosed is the client's close packet.
var errClientClosed = errors.New("the client closed the session")

// reasonOf returns the reason for an error of packet.
func reasonOf(err error) websockets.Reason {
	switch {
	case errors.Is(err, errClientClosed):
		return websockets.Reason{Cause: websockets.CauseTransportClose, Clean: true}
	case errors.As(err, new(*TooBigError)):
		return websockets.Reason{Cause: websockets.CauseMessageTooBig, Text: err.Error()}
	case errors.Is(err, errDirection):
		return websockets.Reason{Cause: websockets.CauseTransportError, Text: err.Error()}
	}
	return websockets.Reason{Cause: websockets.CauseParseError, Text: err.Error()}
}
