package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/engineio"
	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// connection is one Engine.IO session with the namespaces that it has joined.
type connection struct {
	srv     *server
	eng     *engineio.Session
	request keep.Slot          // complete until the first namespace was joined
	shared  adapter.Connection // of all its namespaces
	dec     packet.Decoder     // of the reading goroutine; nil between packets if it is pooled then
	pending atomic.Int64       // since when attachments are missing; 0 for "none are"
	// Of the reading goroutine.
	attached int64 // bytes of attachments of the pending packet so far
	skipping bool  // they are dropped

	mu               sync.Mutex
	sockets          []*socket                 // few: searching is faster than a map
	noNamespaceSince int64                     // since when it has joined no namespace; 0 when it has
	connects         entries.Log               // counts its CONNECT packets
	noNamespaceNode  *oldest.Node[*connection] // nil when it has
	ending           bool                      // the server is closing it: what the client sends is dropped
	closed           bool
}

var _ engineio.Handler = (*connection)(nil)

// trimRequest drops what is not kept of the request that opened the connection.
// Namespaces that are joined later share the rest.
func (c *connection) trimRequest() {
	c.request.Trim(c.srv.cfg.Limits.KeptHeaders)
}

// Message implements [engineio.Handler].
func (c *connection) Message(text bool, msg []byte) (adapter.Work, error) {
	if c.dec == nil {
		c.dec = c.srv.decoder()
	}
	defer c.freeDecoder()
	if c.dec.Pending() != nil {
		return c.attachment(text, msg)
	}
	in := newInbound(msg)
	var p *packet.Packet
	var err error
	if text {
		p, err = c.dec.Text(in.buf)
	} else {
		p, err = c.dec.Binary(in.buf)
	}
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, c.announced(in)
	}
	work, err := c.packet(p, in)
	p.Payload = websockets.Payload{} // otherwise the decoder would keep the message of an idle client
	return work, err
}

// freeDecoder pools the decoder of a connection that is between two packets.
func (c *connection) freeDecoder() {
	if d, ok := c.dec.(idler); ok && d.Idle() {
		c.srv.decoders.Put(c.dec)
		c.dec = nil
	}
}

// idler is a decoder that connections may take turns to use.
type idler interface{ Idle() bool }

// announced handles the first message of a packet whose attachments follow. The
// attachments are dropped when the client is not in the packet's namespace.
func (c *connection) announced(in *inbound) error {
	head := c.dec.Pending()
	if head == nil {
		return nil // the parser does not use Pending
	}
	s, _, err := c.lookup(head)
	if err != nil {
		return err
	}
	if c.skipping = s == nil; c.skipping { // the client does not know yet that it has left
		head.Payload.JSON = nil
	} else {
		head.Payload.JSON = bytes.Clone(head.Payload.JSON) // in.buf may be much larger
	}
	in.Release()
	c.attached = 0
	c.pending.Store(c.srv.engine.Clock().Coarse())
	return nil
}

var errAttachments = &engineio.TooBigError{Text: "the attachments of a packet are together larger than MaxMessage"}

// attachment handles a message while attachments are missing.
func (c *connection) attachment(text bool, msg []byte) (adapter.Work, error) {
	if c.attached += int64(len(msg)); !text && c.attached > c.srv.cfg.Limits.MaxMessage {
		return nil, errAttachments
	}
	var p *packet.Packet
	var err error
	switch {
	case text:
		p, err = c.dec.Text(bytes.Clone(msg)) // the decoder returns an error
	case c.skipping:
		p, err = c.dec.Binary(nil)
	default:
		p, err = c.dec.Binary(bytes.Clone(msg))
	}
	if err != nil || p == nil {
		return nil, err
	}
	c.pending.Store(0)
	var work adapter.Work
	if !c.skipping {
		work, err = c.packet(p, newInbound(nil))
	}
	p.Payload = websockets.Payload{}
	return work, err
}

// packet handles a complete packet.
func (c *connection) packet(p *packet.Packet, in *inbound) (adapter.Work, error) {
	if p.Type == packet.Connect {
		return nil, c.connect(p)
	}
	s, sess, err := c.lookup(p)
	if err != nil || s == nil {
		return nil, err
	}
	switch p.Type {
	case packet.Event:
		if len(p.Event) > adapter.MaxEventName { // the framework refuses it: its bytes need not be kept
			in.Release()
			in, p.Payload = newInbound(nil), websockets.Payload{}
		}
		in.id = p.ID
		in.msg = adapter.Message{
			Event: p.Event, Payload: p.Payload, Reply: p.HasID,
			Held: heldBytes(p, in), Wire: wireBytes(p, in), Ref: in,
		}
		if c.srv.opts.TraceArgument == On {
			c.takeTrace(&in.msg)
		}
		in.msg.Check()
		return sess.Receive(&in.msg), nil
	case packet.Ack:
		if p.HasID {
			sess.Ack(p.ID, p.Payload)
		}
	case packet.Disconnect:
		c.leave(s)
		if s.journal != nil {
			s.journal.Close()
		}
		sess.Closed(websockets.Reason{Cause: websockets.CauseClientDisconnect, Clean: true})
	default:
		return nil, fmt.Errorf("a packet of type %d from a client", p.Type)
	}
	return nil, nil
}

// takeTrace moves the trace context from the arguments of an event to its place.
func (c *connection) takeTrace(m *adapter.Message) {
	if text := packet.CutTrace(&m.Payload); text != nil && c.srv.cfg.TraceContext {
		m.Traceparent = string(text)
	}
}

// Stalled implements [engineio.Handler].
func (c *connection) Stalled() (d time.Duration) {
	c.mu.Lock()
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		c.mu.Lock()
		sess := s.sess
		c.mu.Unlock()
		if sess != nil {
			d = max(d, sess.Stalled())
		}
	}
	return d
}

// lookup returns the socket of a packet, and its session. Both are nil for one that the
// server has just closed, because the client does not know yet.
func (c *connection) lookup(p *packet.Packet) (*socket, adapter.Session, error) {
	c.mu.Lock()
	s := c.find(p.Namespace)
	var sess adapter.Session
	var is status
	if s != nil {
		sess, is = s.sess, s.status
	}
	ending := c.ending
	c.mu.Unlock()
	switch {
	case ending:
		return nil, nil, nil
	case s == nil || is == joining:
		return nil, nil, fmt.Errorf("a packet for namespace %.64q, which the client is not in", p.Namespace)
	case is == left:
		return nil, nil, nil
	case sess == nil: // bind is running
		s.binding.Lock()
		sess = s.sess
		s.binding.Unlock()
		if sess == nil {
			return nil, nil, nil
		}
	}
	return s, sess, nil
}

func (c *connection) find(namespace string) *socket {
	for _, s := range c.sockets {
		if s.namespace == namespace {
			return s
		}
	}
	return nil
}

var errTwice = errors.New("a second CONNECT to a namespace")

// connect handles a CONNECT packet.
func (c *connection) connect(p *packet.Packet) error {
	s := &socket{conn: c, namespace: p.Namespace, status: joining, frames: c.srv.root}
	if p.Namespace != "/" {
		s.frames = c.srv.frameBuilderOf(p.Namespace)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.ending {
		return nil
	}
	if was := c.find(p.Namespace); was != nil {
		if was.status != left {
			return errTwice
		}
		c.remove(was)
	}
	if !c.connects.Ask(c.srv.engine.Clock().Now(), c.srv.opts.MaxNamespaces+entries.Spare) {
		c.refuse(p.Namespace, "Too many CONNECT packets", nil)
		c.refused()
		return nil
	}
	if len(c.sockets) >= c.srv.opts.MaxNamespaces {
		c.sockets = slices.DeleteFunc(c.sockets, func(s *socket) bool { return s.status == left })
	}
	if len(c.sockets) >= c.srv.opts.MaxNamespaces {
		c.refuse(p.Namespace, "Too many namespaces", nil)
		c.refused()
		return nil
	}
	if !c.srv.engine.Enter() {
		return nil
	}
	c.sockets = append(c.sockets, s)
	auth := p.Payload
	// Packets in the same POST as this one came too early, however fast the entry is.
	c.eng.AfterBody(func() { go s.enter(auth) })
	return nil
}

// leave removes a socket. The connection does not end with its last one at once, because
// the client may join another namespace.
func (c *connection) leave(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.status = left
	s.closed.Store(true)
	c.remove(s)
}

// remove removes a socket; c.mu is held.
func (c *connection) remove(s *socket) {
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
	c.checkNoNamespace()
}

// checkNoNamespace starts the timeout when the last namespace was left; c.mu is held.
func (c *connection) checkNoNamespace() {
	if c.noNamespaceSince == 0 && !c.hasNamespace() {
		c.startNoNamespace()
	}
}

// startNoNamespace starts the timeout for a connection in no namespace. Only joining one
// ends it. c.mu is held.
func (c *connection) startNoNamespace() {
	if c.closed {
		return
	}
	c.noNamespaceSince = c.srv.engine.Clock().Now()
	if c.noNamespaceNode == nil {
		c.noNamespaceNode = new(oldest.Node[*connection])
	}
	c.srv.noNamespace.Add(c.noNamespaceNode, c, c.noNamespaceSince)
	for {
		old, ok := c.srv.noNamespace.Over(c.srv.opts.MaxConnecting, c.noNamespaceSince)
		if !ok {
			return
		}
		old.eng.Close(websockets.Reason{
			Cause: websockets.CauseForcedClose, Text: "too many connections are in no namespace",
		}, wsconn.CloseHandshake)
	}
}

// hasJoined ends the timeout of startNoNamespace; c.mu is held.
func (c *connection) hasJoined() {
	if c.noNamespaceNode != nil {
		c.srv.noNamespace.Remove(c.noNamespaceNode)
		c.noNamespaceNode = nil
	}
}

// hasNamespace reports whether the client has joined a namespace.
func (c *connection) hasNamespace() bool {
	return slices.ContainsFunc(c.sockets, func(s *socket) bool { return s.status == joined })
}

// refuse answers a CONNECT.
func (c *connection) refuse(namespace, text string, data []byte) {
	m, err := c.srv.refusal(namespace, text, data)
	if err == nil {
		_ = c.push(m, outbox.Refuse)
	}
}

// refused counts a refusal that is the client's fault; c.mu is held.
func (c *connection) refused() {
	if c.connects.Refused() {
		c.endGracefully(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "too many refused CONNECT packets in a row"})
	}
}

// endGracefully closes the connection when what waits has been sent. What the client
// sends meanwhile is dropped. c.mu is held.
func (c *connection) endGracefully(r websockets.Reason) {
	c.ending = true
	c.eng.Close(r, wsconn.CloseGraceful)
}

// push queues a message.
func (c *connection) push(m *message, p outbox.Policy) error {
	return c.pushItem(m.Item, m.Charge, p)
}

func (c *connection) pushItem(it wsconn.Item, charge int, p outbox.Policy) error {
	err := c.eng.Send(it, charge, p)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, outbox.ErrFull):
		return websockets.ErrClosed
	case p == outbox.Refuse:
		c.eng.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.CloseHandshake)
	}
	return websockets.ErrQueueFull
}

// Upgraded implements [engineio.Handler].
func (c *connection) Upgraded() {
	c.mu.Lock()
	var sessions []adapter.Session
	for _, s := range c.sockets {
		switch {
		case s.status != joined:
		case s.sess == nil: // bind is running
			s.upgraded = true
		default:
			sessions = append(sessions, s.sess)
		}
	}
	c.mu.Unlock()
	for _, s := range sessions {
		s.Upgraded()
	}
}

// Closed implements [engineio.Handler].
func (c *connection) Closed(r websockets.Reason) {
	c.mu.Lock()
	c.closed = true
	c.hasJoined()
	sockets := slices.Clone(c.sockets)
	c.sockets = nil
	c.mu.Unlock()
	for _, s := range sockets {
		s.connectionEnded(r)
	}
}

// CheckTimeouts implements [engineio.Handler].
func (c *connection) CheckTimeouts(now int64) {
	if since(now, c.pending.Load(), c.srv.opts.AttachmentTimeout) {
		c.eng.Close(websockets.Reason{
			Cause: websockets.CauseParseError, Text: "attachments are missing",
		}, wsconn.CloseHandshake)
		return
	}
	c.mu.Lock()
	noNamespace := c.noNamespaceSince
	c.mu.Unlock()
	if since(now, noNamespace, c.srv.opts.ConnectTimeout) {
		c.eng.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "in no namespace"}, wsconn.CloseHandshake)
	}
	if c.srv.recovery != nil {
		c.trimJournals(now)
	}
}

// address returns that of the client.
func (c *connection) address() resume.Address { return resume.AddressOf(c.request.Load()) }

// trimJournals drops what a connected client must have received: it has answered a later
// heartbeat.
func (c *connection) trimJournals(now int64) {
	limits := &c.srv.cfg.Limits
	age := 2*limits.PingInterval + limits.PingTimeout
	c.mu.Lock()
	sockets := make([]*socket, 0, len(c.sockets))
	for _, s := range c.sockets {
		if s.journal != nil {
			sockets = append(sockets, s)
		}
	}
	c.mu.Unlock()
	for _, s := range sockets {
		s.journal.Trim(s, c.srv.engine.Clock(), now, age)
	}
}

// heldBytes returns how many bytes an event holds besides its Message: the packet, or its
// copy where attachments followed, and the attachments.
func heldBytes(p *packet.Packet, in *inbound) int {
	n := cap(in.buf) + min(len(p.Event), adapter.MaxEventName) + // a longer name is not kept
		int(unsafe.Sizeof(*in)-unsafe.Sizeof(in.msg))
	if len(p.Payload.Attachments) > 0 {
		n += cap(p.Payload.JSON)
	}
	for _, a := range p.Payload.Attachments {
		n += cap(a) + int(unsafe.Sizeof(a))
	}
	return n
}

// wireBytes returns how many bytes the client sent for an event.
func wireBytes(p *packet.Packet, in *inbound) int {
	if len(p.Payload.Attachments) == 0 {
		return len(in.buf)
	}
	return len(p.Event) + p.Payload.Size()
}
