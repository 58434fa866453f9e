package socketio

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
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
	sess   websockets.Session
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
	msg websockets.Message
	id  uint64
	buf []byte
}

var inboundPool = sync.Pool{New: func() any { return new(inbound) }}

// maxPooled is the largest message whose memory is kept.
const maxPooled = 64 << 10

// Release implements [websockets.Releaser].
func (in *inbound) Release() {
	if cap(in.buf) > maxPooled {
		return
	}
	*in = inbound{buf: in.buf[:0]}
	inboundPool.Put(in)
}

var _ websockets.Conn = (*socket)(nil)

func (s *socket) ID() string { return s.id }

// Native is the socket itself, see [SocketOf].
func (s *socket) Native() any { return s }

func (s *socket) Emit(out *websockets.Outgoing, ack uint64) error {
	if s.record == nil && (ack != 0 || out.Single()) {
		return s.once(out, &packet.Packet{Type: packet.Event, Namespace: s.namespace, ID: ack, HasID: ack != 0, Event: out.Event})
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

func (s *socket) Reply(m *websockets.Message, out *websockets.Outgoing) error {
	in, ok := m.Ref.(*inbound)
	if !ok || !m.Reply {
		return errors.New("socketio: reply to a message that asked for none")
	}
	return s.once(out, &packet.Packet{Type: packet.Ack, Namespace: s.namespace, ID: in.id, HasID: true, Event: m.Event})
}

// once sends what nobody else gets; the payload of p is still missing.
func (s *socket) once(out *websockets.Outgoing, p *packet.Packet) (err error) {
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
	return s.client.pushItem(it, it.Size(), wsconn.PolicyOf(out))
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
func (c *client) send(m *message, out *websockets.Outgoing) error {
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

// Close implements [websockets.Conn]. Only what concerns the connection as a
// whole ends it for the client's other namespaces too.
// Yield implements [websockets.Yielder].
func (s *socket) Yield() { s.client.eng.Yield() }

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
			_ = c.push(m, outbox.Refuse)
		}
	}
	if sess != nil {
		sess.Closed(r)
	}
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
func (s *socket) tell(sess websockets.Session, r websockets.Reason) {
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
		s.refuse("Invalid namespace", nil)
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
	h := &websockets.Handshake{Request: c.request.Load(), Auth: auth, Namespace: s.namespace}
	var back *comeback
	if srv.absence != nil {
		if back = srv.absence.claim(ctx, auth, s.namespace); back != nil {
			defer back.done()
			h.SkipChecks = srv.opts.Recovery.SkipAdmit
		}
	}
	if err := ep.Admit(ctx, h); err != nil {
		if e, ok := errors.AsType[*websockets.Error](err); ok && e.Code == websockets.CodeNotAccepting {
			// Clients do not try again after a refusal, but they do after a lost connection.
			c.eng.Close(websockets.Reason{Cause: websockets.CauseShutdown}, wsconn.Drain)
			return
		}
		r := websockets.RefusalOf(err)
		s.refuse(r.Message, r.Data)
		return
	}
	s.bind(ep, h, back)
}

// refuse answers the client and forgets the socket.
func (s *socket) refuse(text string, data []byte) {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.status == entering && !c.closed {
		s.status = left
		c.remove(s)
		c.refuse(s.namespace, text, data)
	}
}

// bind makes the socket a client of the framework.
func (s *socket) bind(ep websockets.Endpoint, h *websockets.Handshake, back *comeback) {
	c := s.client
	s.binding.Lock()
	defer s.binding.Unlock()
	var sess websockets.Session
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
	if ended != nil {
		s.tell(sess, *ended)
	}
}

// accept tells the client that it is in, before anything else is sent to it.
func (s *socket) accept(back *comeback) bool {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || s.status != entering {
		return false
	}
	s.status = inside
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
