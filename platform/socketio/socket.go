package socketio

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/sizeclass"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// socket is a connection in one namespace.
type socket struct {
	client    *client
	namespace string
	form      *form
	id        string
	record    *record // nil without recovery

	over    atomic.Bool // nothing is sent any more
	binding sync.Mutex  // held while the framework is told of it

	// Guarded by client.mu.
	status status
	cancel context.CancelFunc // of the checks before it is let in
	sess   adapter.Session
	stay   entries.Stay
	ended  *websockets.Reason // before sess was there to be told
}

type status uint8

const (
	entering status = iota
	inside
	left
)

// inbound is an event on its way to the framework, with what Reply needs and the
// memory that both are in.
type inbound struct {
	msg adapter.Message
	id  uint64
	buf []byte
}

var inboundPool sizeclass.Pool[inbound]

// newInbound owns a copy of a message.
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

var _ adapter.Conn = (*socket)(nil)

func (s *socket) ID() string { return s.id }

// Native is the socket itself, see [SocketOf].
func (s *socket) Native() any { return s }

func (s *socket) Emit(out *adapter.Outgoing, ack uint64) error {
	if s.record == nil && (ack != 0 || out.Single()) {
		return s.once(out, &packet.Packet{Type: packet.Event, Namespace: s.namespace, ID: ack, HasID: ack != 0, Event: out.Event}, wsconn.PolicyOf(out))
	}
	var m *message
	var err error
	if s.client.srv.absence == nil { // and no ack, as there is no record
		m, err = s.form.shared(out)
	} else {
		m, err = s.client.srv.event(out, s.namespace, ack)
	}
	if err != nil {
		return s.client.unsent(err)
	}
	if s.record != nil && ack == 0 {
		return s.record.emit(m, out)
	}
	if s.over.Load() {
		return websockets.ErrClosed
	}
	return s.client.send(m, out)
}

func (s *socket) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	in, ok := m.Ref.(*inbound)
	if !ok || !m.Reply {
		return errors.New("socketio: reply to a message that asked for none")
	}
	return s.once(out, &packet.Packet{Type: packet.Ack, Namespace: s.namespace, ID: in.id, HasID: true, Event: m.Event}, outbox.Always)
}

// once sends what nobody else gets; the payload of p is still missing.
func (s *socket) once(out *adapter.Outgoing, p *packet.Packet, policy outbox.Policy) (err error) {
	if p.Payload, err = out.Payload(true); err != nil {
		return err
	}
	if s.over.Load() {
		return websockets.ErrClosed
	}
	it, err := s.client.srv.encodeOnce(p)
	if err != nil {
		return s.client.unsent(err)
	}
	it.Plain = out.Uncompressed
	return s.client.pushItem(it, it.Charge(), policy)
}

// unsent ends the connection where the parser has panicked: the client may wait for
// what it was to encode.
func (c *client) unsent(err error) error {
	if errors.Is(err, errParser) {
		c.eng.Close(wsconn.InternalReason, wsconn.Farewell)
	}
	return err
}

// send queues a message as the Outgoing wants it.
func (c *client) send(m *message, out *adapter.Outgoing) error {
	if !out.Uncompressed {
		return c.push(m, wsconn.PolicyOf(out))
	}
	plain := *m
	plain.item.Plain = true
	return c.push(&plain, wsconn.PolicyOf(out))
}

func (s *socket) Writable(ctx context.Context) error {
	if s.over.Load() {
		return websockets.ErrClosed
	}
	err := s.client.eng.Writable(ctx)
	if errors.Is(err, outbox.ErrClosed) {
		return websockets.ErrClosed
	}
	return err
}

// Yield implements [adapter.Yielder].
func (s *socket) Yield() { s.client.eng.Yield() }

// Close implements [adapter.Conn]. Only what concerns the connection as a
// whole ends it for the client's other namespaces too.
func (s *socket) Close(r websockets.Reason) {
	c := s.client
	c.mu.Lock()
	if s.status == left {
		c.mu.Unlock()
		return
	}
	s.status = left
	s.over.Store(true)
	sess := s.sess
	if sess == nil {
		s.ended = &r
	}
	last := !c.inside()
	over := r.Cause == websockets.CauseServerDisconnect && c.asked.Disconnected(s.stay, c.srv.engine.Clock().Now())
	c.checkLonely()
	c.mu.Unlock()
	if s.record != nil {
		s.record.forget()
	}
	how := wsconn.MannerOf(r)
	switch {
	case how != wsconn.Drain:
		c.eng.Close(r, how)
	case r.Cause == websockets.CauseShutdown: // without a DISCONNECT, after which clients do not come back
		if last {
			c.eng.Close(r, how)
		}
	default:
		if m, err := c.srv.encode(&packet.Packet{Type: packet.Disconnect, Namespace: s.namespace}); err == nil {
			_ = c.push(m, outbox.Always) // one for each time that the client has entered
		}
	}
	if sess != nil {
		sess.Closed(r)
	}
	if over {
		c.mu.Lock()
		c.expel(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "disconnected too often in a row"})
		c.mu.Unlock()
	}
}

// CloseConnection implements [adapter.Conn].
func (s *socket) CloseConnection(r websockets.Reason) {
	c := s.client
	c.mu.Lock()
	c.expelled = true
	sockets := slices.DeleteFunc(slices.Clone(c.sockets), func(s *socket) bool { return s.status != inside })
	c.mu.Unlock()
	if r.Cause == websockets.CauseServerDisconnect {
		for _, s := range sockets {
			s.Close(r)
		}
	}
	c.eng.Close(r, wsconn.MannerOf(r))
}

// lost tells that the connection has ended.
func (s *socket) lost(r websockets.Reason) {
	c := s.client
	c.mu.Lock()
	was := s.status
	s.status = left
	s.over.Store(true)
	sess, cancel := s.sess, s.cancel
	if was == inside && sess == nil {
		s.ended = &r
	}
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if was == inside && sess != nil {
		s.tell(sess, r)
	}
}

// tell ends the session; the client may be free to come back.
func (s *socket) tell(sess adapter.Session, r websockets.Reason) {
	if s.record != nil && s.record.suspend(sess, r) {
		return
	}
	sess.Closed(r)
}

// enter lets the client in, or refuses it. On a goroutine of its own, because
// the application's checks may take their time.
func (s *socket) enter(auth websockets.Payload) {
	c := s.client
	srv := c.srv
	defer srv.engine.Exit()
	defer func() {
		if v := recover(); v != nil {
			srv.cfg.Logger.Error("a client's entry panicked", "namespace", s.namespace, "panic", v, "stack", string(debug.Stack()))
			c.eng.Close(wsconn.InternalReason, wsconn.Farewell)
		}
	}()
	ep := srv.endpoint(s.namespace)
	if ep == nil {
		s.refuse("Invalid namespace", nil, true)
		return
	}
	ctx, cancel := srv.timeout(context.Background())
	defer cancel()
	c.mu.Lock()
	s.cancel = cancel
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return
	}
	h, back, err := s.admit(ctx, ep, auth)
	if back != nil {
		defer back.done()
	}
	if err != nil {
		if e, ok := errors.AsType[*websockets.Error](err); ok && e.Code == websockets.CodeNotAccepting {
			// Clients do not try again after a refusal, but they do after a lost connection.
			c.eng.Close(websockets.Reason{Cause: websockets.CauseShutdown}, wsconn.Drain)
			return
		}
		r := adapter.RefusalOf(err)
		s.refuse(r.Message, r.Data, r.Status < http.StatusInternalServerError)
		return
	}
	s.bind(ep, h, back)
}

// admit asks the application whether the client may enter, and whether it is one that
// comes back.
func (s *socket) admit(ctx context.Context, ep adapter.Endpoint, auth websockets.Payload) (*adapter.Handshake, *comeback, error) {
	srv := s.client.srv
	var back *comeback
	if srv.absence != nil {
		back = srv.absence.find(auth, s.namespace)
	}
	if back != nil && srv.opts.Recovery.SkipAdmit {
		h := s.handshake(auth)
		h.SkipChecks = true
		if ep.Admit(ctx, h) == nil && back.claim(ctx, h) {
			return h, back, nil
		}
		back = nil // and it is one like any other
	}
	h := s.handshake(auth)
	if err := ep.Admit(ctx, h); err != nil {
		return nil, nil, err
	}
	if back != nil && !back.claim(ctx, h) {
		back = nil
	}
	return h, back, nil
}

func (s *socket) handshake(auth websockets.Payload) *adapter.Handshake {
	return &adapter.Handshake{Handshake: websockets.Handshake{Request: s.client.request.Load(), Auth: auth, Namespace: s.namespace}, Connection: &s.client.conn}
}

// refuse answers the client and forgets the socket. It counts unless the fault is the
// server's own: an outage must not end connections.
func (s *socket) refuse(text string, data []byte, counts bool) {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.status == entering && !c.closed && !c.expelled {
		s.status = left
		c.remove(s)
		c.refuse(s.namespace, text, data)
		if counts {
			c.refused()
		}
	}
}

// awaitBinding blocks while bind runs.
func (s *socket) awaitBinding() {
	s.binding.Lock()
	_ = s.id // nothing but the lock is of interest
	s.binding.Unlock()
}

// bind makes the socket a client of the framework.
func (s *socket) bind(ep adapter.Endpoint, h *adapter.Handshake, back *comeback) {
	c := s.client
	s.binding.Lock()
	defer s.binding.Unlock()
	var sess adapter.Session
	c.eng.Together(func() { // who knows that it is in shall hear what is sent to all
		if !s.accept(back) {
			return
		}
		if back != nil {
			sess = back.resume(s, h)
		}
		if sess == nil {
			sess = ep.Connect(s, h)
		}
	})
	if sess == nil {
		return
	}
	c.trimRequest()
	c.mu.Lock()
	s.sess = sess
	s.cancel = nil
	ended := s.ended
	c.mu.Unlock()
	if s.record != nil {
		s.record.bound(sess)
	}
	if ended != nil {
		s.tell(sess, *ended)
	}
}

// accept tells the client that it is in, before anything else is sent to it.
func (s *socket) accept(back *comeback) bool {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.expelled || s.status != entering {
		return false
	}
	s.status = inside
	c.lonelySince = 0
	c.srv.outside.Remove(&c.outside)
	s.stay = c.asked.Entered(c.srv.engine.Clock().Now())
	if back != nil && back.replay(s) {
		return true
	}
	s.id = rand.Text()
	var pid string
	if c.srv.absence != nil {
		s.record = c.srv.absence.newRecord(s)
		pid = s.record.pid
	}
	if m, err := c.srv.connected(s.namespace, s.id, pid); err == nil {
		_ = c.push(m, outbox.Refuse)
	}
	return true
}
