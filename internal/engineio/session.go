package engineio

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
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
	typeBinary  = 'b' // over polling: a message in base64
)

type state uint8

const (
	stateOpen    state = iota
	stateClosing       // the reason stands, what waits is still sent
	stateClosed
)

// Session is one client's connection, over whatever transport. Its methods are
// safe for concurrent use.
type Session struct {
	srv     *Server
	id      string // known to the client only: it is all that a request needs to join
	handler Handler
	out     *outbox.Queue[wsconn.Item]

	release func()       // gives the place of the connection back
	holders atomic.Int32 // of the place

	recv      sync.Mutex // held while a message is handed on
	deferring bool       // guarded by recv
	inBody    bool       // packets of one POST are being handed on; guarded by recv
	after     []func()   // see After; guarded by recv

	nextPing atomic.Int64 // stamps of the server's clock
	pingedAt atomic.Int64 // 0: nothing is to be answered
	polledAt atomic.Int64 // when the client last polled, or took a part of an answer
	postGone atomic.Bool  // the client of the POST under way has closed its connection

	// Of the sweeper.
	lastBeat int64
	goneAt   int64 // when it first saw postGone; 0 for not yet
	beatAt   int64 // when it last sent a ping

	// inTransit is when the answer to a poll was written that may take its time to
	// arrive; 0 when the client has polled since.
	inTransit atomic.Int64

	unpolled oldest.Node[*Session]

	mu         sync.Mutex
	state      state
	reason     websockets.Reason
	conn       *wsconn.Conn  // the transport; nil while it is polling
	probing    *wsconn.Conn  // what the transport may become
	probeBy    int64         // until then
	probed     bool          // it has been tried out
	noopAt     time.Time     // when a poll was last ended for the upgrade's sake
	noopDue    bool          // the pending poll is to be ended for it
	polling    bool          // a GET is pending
	posting    bool          // a POST is under way
	cutPost    func()        // ends its reading; called with mu held, so that it is still reading
	byClient   bool          // the client closed the session
	pollCame   chan struct{} // closed when a poll comes; nil when nobody waits for one
	closeTimer *time.Timer
	wakeup     chan struct{} // of the pending poll
}

// newSession makes a session that is not known yet. The handshake holds its place;
// release gives that back when nothing holds it any more.
func (s *Server) newSession(release func()) *Session {
	session := &Session{srv: s, id: rand.Text(), wakeup: make(chan struct{}, 1), release: release}
	session.hold()
	session.out = outbox.New(s.cfg.Limits.SendQueue, s.cfg.Limits.SendQueueMax, &s.pool, nil)
	return session
}

// begin makes the session one of the server; false when that is being closed.
func (s *Session) begin(r *http.Request) bool {
	s.handler = s.srv.cfg.Open(s, wsconn.HandshakeOf(r).Request)
	g := s.srv.group
	if !g.Enter() {
		return false
	}
	s.hold() // until end
	s.nextPing.Store(g.Clock.Now() + int64(s.srv.cfg.Limits.PingInterval))
	s.polledNow()
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

// name is the session in logs: too little of the id to join it.
func (s *Session) name() string { return s.id[:6] }

// Transport is "polling" or "websocket".
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

// Send queues messages, frames whose text begins with the packet type "4". charge
// is their [wsconn.Item.Charge]. The errors are those of the queue.
func (s *Session) Send(it wsconn.Item, charge int, p outbox.Policy) error {
	return s.out.Push(it, charge, p)
}

// Writable blocks as [outbox.Queue.Writable] does.
func (s *Session) Writable(ctx context.Context) error { return s.out.Writable(ctx) }

// Close ends the session in that manner. It returns at once; later calls do
// nothing. On polling the goodbye waits for the client's next poll.
func (s *Session) Close(r websockets.Reason, how wsconn.Manner) {
	s.mu.Lock()
	if s.state != stateOpen {
		s.mu.Unlock()
		return
	}
	s.state, s.reason = stateClosing, r
	conn := s.conn
	if conn == nil && how == wsconn.Drain {
		s.closeTimer = time.AfterFunc(s.srv.cfg.Limits.CloseTimeout, func() { s.end(r) })
	}
	s.mu.Unlock()
	switch {
	case conn != nil:
		conn.Leave(r, how)
	case how == wsconn.Drain:
		s.out.Close(false)
		s.wake()
	default:
		s.out.Close(true)
		go s.end(r) // the caller may hold locks that the handler needs
	}
}

// closeNow ends the session on this goroutine.
func (s *Session) closeNow(r websockets.Reason) {
	s.mu.Lock()
	conn := s.conn
	if s.state == stateOpen {
		s.state, s.reason = stateClosing, r
	}
	s.mu.Unlock()
	if conn != nil {
		conn.Leave(r, wsconn.MannerOf(r))
		return
	}
	s.end(r)
}

// fail ends a session whose transport has failed.
func (s *Session) fail(text string) {
	s.closeNow(websockets.Reason{Cause: websockets.CauseTransportError, Text: text})
}

// end is the last thing: nothing is sent or received any more.
func (s *Session) end(r websockets.Reason) {
	s.mu.Lock()
	if s.state == stateClosed {
		s.mu.Unlock()
		return
	}
	if s.state == stateClosing {
		r = s.reason
	}
	s.state, s.reason = stateClosed, r
	s.srv.unpolled.Remove(&s.unpolled)
	probing, timer := s.probing, s.closeTimer
	s.probing = nil
	if s.cutPost != nil {
		s.cutPost()
	}
	s.mu.Unlock()
	if timer != nil {
		timer.Stop()
	}
	s.out.Close(true)
	s.wake()
	if probing != nil {
		probing.Leave(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "the session has ended"}, wsconn.Cut)
	}
	s.srv.mu.Lock()
	delete(s.srv.sessions, s.id)
	s.srv.mu.Unlock()
	s.srv.group.Remove(s)
	s.handler.Closed(r)
	s.letGo()
	s.srv.group.Exit()
}

// hold keeps the session's place: the handshake, the session until its end, and each
// WebSocket of it hold it.
func (s *Session) hold() { s.holders.Add(1) }

// letGo ends what hold began.
func (s *Session) letGo() {
	if s.holders.Add(-1) == 0 {
		s.release()
	}
}

// served ends a WebSocket that was entered into the group.
func (s *Session) served() {
	s.letGo()
	s.srv.group.Exit()
}

// wake lets the pending poll look again.
func (s *Session) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// Abort implements [wsconn.Member].
func (s *Session) Abort() {
	r := websockets.Reason{Cause: websockets.CauseForcedClose}
	if conn := s.current(); conn != nil {
		conn.Abort()
		return
	}
	s.closeNow(r)
}

// Beat implements [wsconn.Member]: the heartbeat and what else has to be in time.
func (s *Session) Beat(now int64) {
	s.mu.Lock()
	conn, probing, late := s.conn, s.probing, s.probeBy != 0 && now >= s.probeBy
	closing := s.state != stateOpen
	s.mu.Unlock()
	if conn != nil {
		conn.Beat(now)
	}
	if probing != nil {
		probing.Beat(now)
		if late {
			probing.Leave(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "the upgrade took too long"}, wsconn.Farewell)
		}
	}
	if closing {
		return
	}
	if conn == nil {
		s.srv.closeUnpolled(now)
		if s.tooSlow(now) || s.watchPost(now) {
			return
		}
	}
	s.heartbeat(now, conn)
	s.handler.Beat(now)
}

func (s *Session) heartbeat(now int64, conn *wsconn.Conn) {
	limits := &s.srv.cfg.Limits
	passed := now - s.lastBeat
	s.lastBeat = now
	if pinged := s.pingedAt.Load(); pinged != 0 {
		if conn != nil && (!conn.Reading() || conn.Receiving()) || conn == nil && (s.delivering() || s.arriving(now)) {
			// The answer may be behind what is being handled, or the ping behind what
			// the client is being sent: this time does not count. The client, which waits
			// for pings too, still gets them.
			s.pingedAt.CompareAndSwap(pinged, min(now, pinged+passed))
			if time.Duration(now-s.beatAt) >= limits.PingInterval && (conn != nil || s.out.Bytes() == 0) {
				s.ping(now)
			}
			return
		}
		since := pinged
		if conn != nil {
			since = conn.UnansweredSince(pinged, now)
		}
		if time.Duration(now-since) >= limits.PingTimeout {
			s.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, wsconn.Cut)
		}
		return
	}
	// A little early, and counted from when it was due: so it is never late, and
	// the client never has less time than it should.
	tick, due := int64(s.srv.group.Tick), s.nextPing.Load()
	if now+2*tick < due {
		return
	}
	s.pingedAt.Store(max(now, due-tick))
	s.ping(now)
}

func (s *Session) ping(now int64) {
	s.beatAt = now
	it := wsconn.Item{Frame: s.srv.ping, Plain: true}
	_ = s.out.Push(it, it.Charge(), outbox.Always) // one in a PingInterval
}

// polledNow notes that the client takes what it is sent by polling.
func (s *Session) polledNow() {
	s.polledAt.Store(s.srv.group.Clock.Coarse())
	s.inTransit.Store(0)
}

// arriving reports whether the answer to a poll may still be on its way to the client.
func (s *Session) arriving(now int64) bool {
	at := s.inTransit.Load()
	return at != 0 && time.Duration(now-at) < s.srv.cfg.patience()
}

// tooSlow closes a client that has not polled for too long while its queue is pressed.
func (s *Session) tooSlow(now int64) bool {
	if time.Duration(now-s.polledAt.Load()) <= s.srv.cfg.patience()+s.srv.group.Tick || !s.out.Pressed() {
		return false
	}
	s.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.Farewell)
	return true
}

// watchPost looks after a POST whose packets wait for a handler, as wsconn does after a
// WebSocket. It reports whether it has closed the session. Of the sweeper.
func (s *Session) watchPost(now int64) bool {
	stalled := s.handler.Stalled()
	gone := s.postGone.Load()
	switch {
	case !gone:
		s.goneAt = 0
	case s.goneAt == 0:
		s.goneAt = now
	}
	patience := s.srv.cfg.patience()
	switch {
	case gone && (stalled > wsconn.LeaveGrace || time.Duration(now-s.goneAt) > s.srv.cfg.Limits.CloseTimeout):
		s.Close(websockets.Reason{Cause: websockets.CauseTransportClose}, wsconn.Cut)
	case stalled > patience && time.Duration(now-s.polledAt.Load()) > patience:
		s.Close(websockets.Reason{Cause: websockets.CausePingTimeout}, wsconn.Cut)
	default:
		return false
	}
	return true
}

func (s *Session) delivering() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posting
}

var (
	errDirection = errors.New("a packet that only servers send")
	errEmpty     = errors.New("an empty packet")
	errType      = errors.New("an unknown packet type")
)

// After calls f when the packets that came in one POST have been handed on, or at once
// where they come one by one. Of the handler's Message.
func (s *Session) After(f func()) {
	if s.inBody {
		s.after = append(s.after, f)
	} else {
		f()
	}
}

// Deferring tells, while Handler.Message runs, that Handler.Due follows.
func (s *Session) Deferring() bool { return s.deferring }

// Together keeps what f sends from going out before f has returned, where the
// session is on a WebSocket and nothing else is being sent.
func (s *Session) Together(f func()) {
	s.out.Cork()
	defer s.out.Uncork(false)
	f()
}

// Yield has another goroutine read on where the reading one works, see
// [wsconn.Conn.Yield].
func (s *Session) Yield() {
	if c := s.current(); c != nil {
		c.Yield()
	}
}

// packet takes one packet; s.recv is held. An error is the client's fault.
func (s *Session) packet(b []byte) error {
	if len(b) == 0 {
		return errEmpty
	}
	switch b[0] {
	case typeMessage:
		return s.handler.Message(true, b[1:])
	case typePong:
		now := s.srv.group.Clock.Now()
		if s.pingedAt.Swap(0) != 0 {
			s.nextPing.Store(now + int64(s.srv.cfg.Limits.PingInterval))
		}
		return nil
	case typePing:
		return errDirection
	case typeClose:
		return errGoodbye
	case typeOpen, typeUpgrade, typeNoop:
		return nil
	}
	return errType
}

// TooBigError is an error of Handler.Message: what has come is together larger than a
// message may be.
type TooBigError struct{ Text string }

func (e *TooBigError) Error() string { return e.Text }

// errGoodbye is the client's close packet.
var errGoodbye = errors.New("the client closed the session")

// reasonOf gives the reason for an error of packet.
func reasonOf(err error) websockets.Reason {
	switch {
	case errors.Is(err, errGoodbye):
		return websockets.Reason{Cause: websockets.CauseTransportClose, Clean: true}
	case errors.As(err, new(*TooBigError)):
		return websockets.Reason{Cause: websockets.CauseMessageTooBig, Text: err.Error()}
	case errors.Is(err, errDirection):
		return websockets.Reason{Cause: websockets.CauseTransportError, Text: err.Error()}
	}
	return websockets.Reason{Cause: websockets.CauseParseError, Text: err.Error()}
}
