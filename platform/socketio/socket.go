package socketio

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/sizeclass"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// socket is a connection in one namespace.
type socket struct {
	conn      *connection
	namespace string
	frames    *frameBuilder
	id        string
	journal   *resume.Journal // nil without recovery

	closed  atomic.Bool // nothing is sent any more
	binding sync.Mutex  // held while bind runs

	// Guarded by connection.mu.
	status   status
	cancel   context.CancelFunc // of the checks before it has joined
	sess     adapter.Session
	stay     entries.Stay
	ended    *websockets.Reason // set when it was closed before sess was
	upgraded bool               // the transport has changed before sess was set
}

// status is where a socket is on its way through a namespace.
type status uint8

const (
	joining status = iota
	joined
	left
)

// inbound is an event on its way to the framework, with the id for Reply and the buffer
// that holds its packet.
type inbound struct {
	msg adapter.Message
	id  uint64
	buf []byte
}

var inboundPool sizeclass.Pool[inbound]

// newInbound returns an inbound with a copy of msg.
func newInbound(msg []byte) *inbound {
	in, size := inboundPool.Get(len(msg))
	if in == nil {
		in = &inbound{buf: make([]byte, 0, size)}
	}
	in.buf = append(in.buf, msg...)
	return in
}

// Release implements [adapter.Releaser].
func (in *inbound) Release() {
	*in = inbound{buf: in.buf[:0]}
	inboundPool.Put(in, cap(in.buf))
}

var (
	_ adapter.Conn     = (*socket)(nil)
	_ adapter.Resetter = (*socket)(nil)
	_ adapter.Parker   = (*socket)(nil)
)

func (s *socket) ID() string { return s.id }

func (s *socket) State() adapter.ConnState {
	return adapter.ConnState{Transport: s.conn.eng.Transport(), Queued: s.conn.eng.Queued()}
}

// Native returns the socket itself, see [SocketOf].
func (s *socket) Native() any { return s }

func (s *socket) Emit(out *adapter.Outgoing, ack uint64) error {
	if s.journal == nil && (ack != 0 || out.Single()) {
		return s.sendOnce(out, packet.Packet{Type: packet.Event, Namespace: s.namespace, ID: ack, HasID: ack != 0, Event: out.Event}, wsconn.PolicyOf(out))
	}
	var m *message
	var err error
	switch {
	case s.journal == nil: // then ack is 0: the case above has the others
		m, err = s.frames.message(out)
	case ack == 0 && s.unlogged(out):
		return s.emitUnlogged(out)
	default:
		m, err = s.conn.srv.event(out, s.namespace, ack, s.journal.Ring())
	}
	if err != nil {
		return s.conn.encodeFailed(err)
	}
	if s.journal != nil && ack == 0 {
		return s.journal.Emit(m, out)
	}
	if s.closed.Load() {
		return websockets.ErrClosed
	}
	return s.conn.send(m, out)
}

func (s *socket) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	in, ok := m.Ref.(*inbound)
	if !ok || !m.Reply {
		return errors.New("socketio: reply to a message that requested none")
	}
	return s.sendOnce(out, packet.Packet{Type: packet.Ack, Namespace: s.namespace, ID: in.id, HasID: true, Event: m.Event}, outbox.Always)
}

// packets has the packets of sendOnce: a parser may be one of the application, so each would be on the heap.
var packets = sync.Pool{New: func() any { return new(packet.Packet) }}

// sendOnce sends a packet with the payload of out to this client only.
func (s *socket) sendOnce(out *adapter.Outgoing, of packet.Packet, policy outbox.Policy) (err error) {
	srv := s.conn.srv
	inPlace := srv.opts.Parser == packet.JSON() && out.Appends()
	if !inPlace {
		if of.Payload, err = out.Payload(true); err != nil {
			return err
		}
	}
	if s.closed.Load() {
		return websockets.ErrClosed
	}
	p := packets.Get().(*packet.Packet)
	*p = of
	var it wsconn.Item
	if inPlace {
		it, err = srv.encodeInPlace(p, out)
	} else {
		it, err = srv.encodeOnce(p)
	}
	*p = packet.Packet{}
	packets.Put(p)
	if err != nil {
		return s.conn.encodeFailed(err)
	}
	it.Plain = out.Uncompressed
	return s.conn.pushItem(it, it.Charge(), policy)
}

// encodeFailed closes the connection when the parser has panicked, because the client may
// wait for the packet. It returns err.
func (c *connection) encodeFailed(err error) error {
	if errors.Is(err, errParser) {
		c.eng.Close(wsconn.InternalReason, wsconn.CloseHandshake)
	}
	return err
}

// send queues a message with the policy of out.
func (c *connection) send(m *message, out *adapter.Outgoing) error {
	it := m.Item
	it.Plain = out.Uncompressed
	return c.pushItem(it, m.Charge, wsconn.PolicyOf(out))
}

func (s *socket) Writable(ctx context.Context) error {
	if s.closed.Load() {
		return websockets.ErrClosed
	}
	err := s.conn.eng.Writable(ctx)
	if errors.Is(err, outbox.ErrClosed) {
		return websockets.ErrClosed
	}
	return err
}

// Yield implements [adapter.Yielder].
func (s *socket) Yield() { s.conn.eng.Yield() }

// Close implements [adapter.Conn]. It ends the whole connection, with the client's
// other namespaces, only for reasons that concern all of it.
func (s *socket) Close(r websockets.Reason) {
	c := s.conn
	c.mu.Lock()
	if s.status == left {
		c.mu.Unlock()
		if s.journal != nil && !(r.Cause == websockets.CauseShutdown && s.MayPark()) {
			s.journal.CloseFor(s)
		}
		return
	}
	s.status = left
	s.closed.Store(true)
	sess := s.sess
	if sess == nil {
		s.ended = &r
	}
	lastOne := !c.hasNamespace()
	tooOften := r.Cause == websockets.CauseServerDisconnect && c.connects.Disconnected(s.stay, c.srv.engine.Clock().Now())
	if tooOften {
		c.ending = true // before DISCONNECT is sent: the next CONNECT may come at once
	}
	c.checkNoNamespace()
	c.mu.Unlock()
	parks := r.Cause == websockets.CauseShutdown && sess != nil && s.MayPark()
	if s.journal != nil && !parks {
		s.journal.Close()
	}
	mode := wsconn.CloseModeOf(r)
	switch {
	case mode != wsconn.CloseGraceful:
		c.eng.Close(r, mode)
	case r.Cause == websockets.CauseShutdown: // without a DISCONNECT, after which clients do not reconnect
		if lastOne {
			c.eng.Close(r, mode)
		}
	default:
		if m, err := c.srv.encode(&packet.Packet{Type: packet.Disconnect, Namespace: s.namespace}); err == nil {
			_ = c.push(m, outbox.Always) // one for each CONNECT of the client
		}
	}
	switch {
	case parks:
		s.endSession(sess, r)
	case sess != nil:
		sess.Closed(r)
	}
	if tooOften {
		c.mu.Lock()
		c.endGracefully(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "disconnected too often in a row"})
		c.mu.Unlock()
	}
}

// MayPark implements [adapter.Parker].
func (s *socket) MayPark() bool { return s.journal != nil && s.journal.MayPark() }

// Reset implements [adapter.Resetter].
func (s *socket) Reset() bool {
	if s.journal == nil {
		return false
	}
	s.journal.CloseFor(s)
	s.conn.eng.Close(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "events were lost"}, wsconn.CloseAbort)
	return true
}

// CloseConnection implements [adapter.Conn].
func (s *socket) CloseConnection(r websockets.Reason) {
	c := s.conn
	c.mu.Lock()
	c.ending = true
	sockets := slices.DeleteFunc(slices.Clone(c.sockets), func(s *socket) bool { return s.status != joined })
	c.mu.Unlock()
	if r.Cause == websockets.CauseServerDisconnect {
		for _, s := range sockets {
			s.Close(r)
		}
	}
	c.eng.Close(r, wsconn.CloseModeOf(r))
}

// connectionEnded ends the socket after its connection.
func (s *socket) connectionEnded(r websockets.Reason) {
	c := s.conn
	c.mu.Lock()
	was := s.status
	s.status = left
	s.closed.Store(true)
	sess, cancel := s.sess, s.cancel
	if was == joined && sess == nil {
		s.ended = &r
	}
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if was == joined && sess != nil {
		s.endSession(sess, r)
	}
}

// endSession suspends the session if the client may resume it, and closes it otherwise.
func (s *socket) endSession(sess adapter.Session, r websockets.Reason) {
	if s.journal != nil && s.journal.Suspend(sess, r) {
		return
	}
	sess.Closed(r)
}

// enter runs the checks of a CONNECT and answers it. It runs on a goroutine of its own,
// because the application's checks may take long.
func (s *socket) enter(auth websockets.Payload) {
	c := s.conn
	srv := c.srv
	defer srv.engine.Exit()
	defer func() {
		if v := recover(); v != nil {
			srv.cfg.Logger.Error("a CONNECT panicked", append([]any{"namespace", s.namespace}, recovered.New(v).Attrs()...)...)
			c.eng.Close(wsconn.InternalReason, wsconn.CloseHandshake)
		}
	}()
	ep := srv.endpoint(s.namespace)
	if ep == nil {
		if n := srv.unknown.Count(); n > 0 {
			srv.cfg.Logger.Info("clients ask for a namespace without a gateway: see websockets.Namespace", "namespace", s.namespace, "clients", n)
		}
		s.refuse("Invalid namespace", nil, true)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), srv.cfg.Limits.HandshakeTimeout)
	defer cancel()
	c.mu.Lock()
	s.cancel = cancel
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return
	}
	h, res, err := s.admit(ctx, ep, auth)
	if res != nil {
		defer res.Abandon()
	}
	if err != nil {
		if e, ok := errors.AsType[*websockets.Error](err); ok && e.Code == websockets.CodeNotAccepting {
			// Clients do not retry after a refusal, but they reconnect after a lost connection.
			c.eng.Close(websockets.Reason{Cause: websockets.CauseShutdown}, wsconn.CloseGraceful)
			return
		}
		r := adapter.RefusalOf(err)
		s.refuse(r.Message, r.Data, r.Status < http.StatusInternalServerError)
		return
	}
	s.bind(ep, h, res)
}

// admit runs the application's checks, and finds out whether the client resumes an
// earlier session.
func (s *socket) admit(ctx context.Context, ep adapter.Endpoint, auth websockets.Payload) (*adapter.Handshake, *resume.Resumption, error) {
	srv := s.conn.srv
	var res *resume.Resumption
	if srv.recovery != nil {
		res = srv.find(auth, s.namespace)
	}
	if res != nil && srv.opts.Recovery.SkipAdmit {
		h := s.handshake(auth)
		h.SkipChecks = true
		if ep.Admit(ctx, h) == nil && res.Claim(ctx, ep, h) {
			return h, res, nil
		}
		res = nil // continue as for a new client
	}
	h := s.handshake(auth)
	if err := ep.Admit(ctx, h); err != nil {
		return nil, nil, err
	}
	if res != nil && !res.Claim(ctx, ep, h) {
		res = nil
	}
	return h, res, nil
}

func (s *socket) handshake(auth websockets.Payload) *adapter.Handshake {
	return &adapter.Handshake{Handshake: websockets.Handshake{Request: s.conn.request.Load(), Auth: auth, Namespace: s.namespace}, Connection: &s.conn.shared}
}

// refuse answers the CONNECT and removes the socket. counts is false when the fault is
// the server's own: an outage must not end connections.
func (s *socket) refuse(text string, data []byte, counts bool) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.status == joining && !c.closed && !c.ending {
		s.status = left
		c.remove(s)
		c.refuse(s.namespace, text, data)
		if counts {
			c.refused()
		}
	}
}

// AwaitBinding implements [resume.Live]: it blocks while bind runs.
func (s *socket) AwaitBinding() {
	s.binding.Lock()
	_ = s.id // only the lock matters
	s.binding.Unlock()
}

// bind makes the socket a client of the framework.
func (s *socket) bind(ep adapter.Endpoint, h *adapter.Handshake, res *resume.Resumption) {
	c := s.conn
	s.binding.Lock()
	defer s.binding.Unlock()
	var sess adapter.Session
	gone := false
	transport := c.eng.Transport()
	c.eng.Hold(func() { // a client must receive broadcasts as soon as it has seen CONNECT
		if res != nil && res.Arrival() != nil {
			sess = res.Arrival().Resume(s, h, func(id string, missed []adapter.Missed) bool { return s.acceptMoved(res, id, missed) })
			gone = sess == nil
			return
		}
		if !s.accept(h, res) {
			gone = h.SkipChecks
			return
		}
		if res != nil && res.Resumed() {
			sess = res.Suspension().Resume(s, h)
			gone = sess == nil
		} else {
			sess = ep.Connect(s, h)
		}
	})
	if gone { // it takes itself for recovered, or was not checked: it must reconnect, as a new client
		if s.journal != nil {
			s.journal.Close()
		}
		c.eng.Close(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "the client was dropped while it resumed"}, wsconn.CloseAbort)
	}
	if sess == nil {
		return
	}
	c.trimRequest()
	c.mu.Lock()
	s.sess = sess
	s.cancel = nil
	ended, upgraded := s.ended, s.upgraded && transport == Polling
	if s.journal != nil { // with c.mu held: the client may leave, resume or be closed as soon as s.sess is set
		s.journal.SetSession(sess)
	}
	c.mu.Unlock()
	if upgraded {
		sess.Upgraded()
	}
	if ended != nil {
		s.endSession(sess, *ended)
	}
}

// join has the socket be in its namespace. It returns false when the connection or the socket is closing. connection.mu is held.
func (s *socket) join() bool {
	c := s.conn
	if c.closed || c.ending || s.status != joining {
		return false
	}
	s.status = joined
	c.noNamespaceSince = 0
	c.hasJoined()
	s.stay = c.connects.Entered(c.srv.engine.Clock().Now())
	return true
}

// accept answers the CONNECT, before anything else is sent in the namespace. It returns
// false when the connection or the socket is closing, and for a client whose checks were skipped
// because it was to resume, and which cannot.
func (s *socket) accept(h *adapter.Handshake, res *resume.Resumption) bool {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.join() {
		return false
	}
	if res != nil && res.Replay(s, c.address(), s.resumed) {
		return true
	}
	if h.SkipChecks {
		return false
	}
	s.id = rand.Text()
	var pid string
	if c.srv.recovery != nil {
		s.journal = c.srv.recovery.NewJournal(s, s.id, s.namespace, "", c.address())
		pid = s.journal.PrivateID()
	}
	if m, err := c.srv.connected(s.namespace, s.id, pid); err == nil {
		_ = c.push(m, outbox.Refuse)
	}
	return true
}
