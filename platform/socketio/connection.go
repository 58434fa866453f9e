package socketio

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
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
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// client is one connection, with the namespaces that it is in.
type client struct {
	srv     *server
	eng     *engineio.Session
	request atomic.Pointer[http.Request] // all of it until a namespace has been entered
	conn    websockets.Connection        // of all its namespaces
	dec     packet.Decoder
	pending atomic.Int64 // since when attachments are missing; 0 for none
	// Of the reading goroutine.
	due      websockets.Session // has a deferred message
	attached int64              // bytes of the attachments that have come
	skipping bool               // and that are dropped

	mu          sync.Mutex
	sockets     []*socket   // few: a search is faster than a map
	lonelySince int64       // since when it is in no namespace; 0 when it is in one
	asked       entries.Log // its CONNECT packets
	outside     oldest.Node[*client]
	expelled    bool // the server is ending it: what it sends is dropped
	closed      bool
}

var _ engineio.Handler = (*client)(nil)

// trimRequest lets go of what is not kept of the request that opened the connection;
// the namespaces that are entered later share the rest.
func (c *client) trimRequest() {
	kept, _ := keep.Request(c.request.Load(), c.srv.cfg.Limits.KeptHeaders)
	c.request.Store(kept)
}

// Message implements [engineio.Handler].
func (c *client) Message(text bool, msg []byte) error {
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
		return err
	}
	if p == nil {
		return c.announced(in)
	}
	err = c.packet(p, in)
	p.Payload = websockets.Payload{} // or the decoder would keep the message of an idle client
	return err
}

// announced takes the beginning of a packet whose attachments follow. What is not for
// a namespace that the client is in is not waited for.
func (c *client) announced(in *inbound) error {
	head := c.dec.Pending()
	if head == nil {
		return nil // the parser has its own ways
	}
	s, _, err := c.entered(head)
	if err != nil {
		return err
	}
	if c.skipping = s == nil; c.skipping { // the client cannot know yet that it has left
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

// attachment takes a message while attachments are missing.
func (c *client) attachment(text bool, msg []byte) error {
	if c.attached += int64(len(msg)); !text && c.attached > c.srv.cfg.Limits.MaxMessage {
		return errAttachments
	}
	var p *packet.Packet
	var err error
	switch {
	case text:
		p, err = c.dec.Text(bytes.Clone(msg)) // which is an error
	case c.skipping:
		p, err = c.dec.Binary(nil)
	default:
		p, err = c.dec.Binary(bytes.Clone(msg))
	}
	if err != nil || p == nil {
		return err
	}
	c.pending.Store(0)
	if !c.skipping {
		err = c.packet(p, newInbound(nil))
	}
	p.Payload = websockets.Payload{}
	return err
}

func (c *client) packet(p *packet.Packet, in *inbound) error {
	if p.Type == packet.Connect {
		return c.connect(p)
	}
	s, sess, err := c.entered(p)
	if err != nil || s == nil {
		return err
	}
	switch p.Type {
	case packet.Event:
		if len(p.Event) > websockets.MaxEventName { // it is refused, and its bytes need not wait for that
			in.Release()
			in, p.Payload = newInbound(nil), websockets.Payload{}
		}
		in.id = p.ID
		in.msg = websockets.Message{
			Event: p.Event, Payload: p.Payload, Reply: p.HasID, Deferred: c.deferTo(sess),
			Held: heldBytes(p, in), Wire: wireBytes(p, in), Ref: in,
		}
		in.msg.Check()
		sess.Receive(&in.msg)
	case packet.Ack:
		if p.HasID {
			sess.Ack(p.ID, p.Payload)
		}
	case packet.Disconnect:
		c.drop(s)
		if s.record != nil {
			s.record.forget()
		}
		sess.Closed(websockets.Reason{Cause: websockets.CauseClientDisconnect, Clean: true})
	default:
		return fmt.Errorf("a packet of type %d from a client", p.Type)
	}
	return nil
}

// deferTo reports whether the session will be told to work on its messages. One is.
func (c *client) deferTo(sess websockets.Session) bool {
	if !c.eng.Deferring() || c.due != nil && c.due != sess {
		return false
	}
	c.due = sess
	return true
}

// Due implements [engineio.Handler].
func (c *client) Due() wsconn.Job {
	if c.due == nil {
		return nil
	}
	sess := c.due
	c.due = nil
	return sess
}

// Stalled implements [engineio.Handler].
func (c *client) Stalled() (d time.Duration) {
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

// entered gives the socket that a packet is for, with its session. Both are nil
// for one that the server has just ended: the client cannot know yet.
func (c *client) entered(p *packet.Packet) (*socket, websockets.Session, error) {
	c.mu.Lock()
	s := c.find(p.Namespace)
	var sess websockets.Session
	var is status
	if s != nil {
		sess, is = s.sess, s.status
	}
	expelled := c.expelled
	c.mu.Unlock()
	switch {
	case expelled:
		return nil, nil, nil
	case s == nil || is == entering:
		return nil, nil, fmt.Errorf("a packet for namespace %.64q, which the client is not in", p.Namespace)
	case is == left:
		return nil, nil, nil
	case sess == nil: // the framework is being told of it
		s.binding.Lock()
		sess = s.sess
		s.binding.Unlock()
		if sess == nil {
			return nil, nil, nil
		}
	}
	return s, sess, nil
}

func (c *client) find(namespace string) *socket {
	for _, s := range c.sockets {
		if s.namespace == namespace {
			return s
		}
	}
	return nil
}

var errTwice = errors.New("a second CONNECT to a namespace")

// connect takes a client's wish to enter a namespace.
func (c *client) connect(p *packet.Packet) error {
	s := &socket{client: c, namespace: p.Namespace, status: entering, form: c.srv.root}
	if p.Namespace != "/" {
		s.form = c.srv.formOf(p.Namespace)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.expelled {
		return nil
	}
	if was := c.find(p.Namespace); was != nil {
		if was.status != left {
			return errTwice
		}
		c.remove(was)
	}
	if !c.asked.Ask(c.srv.engine.Clock().Now(), c.srv.opts.MaxNamespaces+entries.Spare) {
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
	// Packets that came with this one came too early, however fast the entry is.
	c.eng.After(func() { go s.enter(auth) })
	return nil
}

// drop forgets a socket. The connection does not end with its last one at once:
// the client may enter another namespace.
func (c *client) drop(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.status = left
	s.over.Store(true)
	c.remove(s)
}

// remove takes a socket out; c.mu is held.
func (c *client) remove(s *socket) {
	if i := slices.Index(c.sockets, s); i >= 0 {
		c.sockets = slices.Delete(c.sockets, i, i+1)
	}
	c.checkLonely()
}

// checkLonely notes when the last namespace has been left; c.mu is held.
func (c *client) checkLonely() {
	if c.lonelySince == 0 && !c.inside() {
		c.lonely()
	}
}

// lonely starts the time that the connection may be in no namespace. Only an entry that
// succeeds ends it. c.mu is held.
func (c *client) lonely() {
	if c.closed {
		return
	}
	c.lonelySince = c.srv.engine.Clock().Now()
	c.srv.outside.Add(&c.outside, c, c.lonelySince)
	for {
		old, ok := c.srv.outside.Over(c.srv.opts.MaxConnecting, c.lonelySince)
		if !ok {
			return
		}
		old.eng.Close(websockets.Reason{
			Cause: websockets.CauseForcedClose, Text: "too many connections are in no namespace",
		}, wsconn.Farewell)
	}
}

// inside reports whether the client is in a namespace.
func (c *client) inside() bool {
	return slices.ContainsFunc(c.sockets, func(s *socket) bool { return s.status == inside })
}

// refuse answers a CONNECT.
func (c *client) refuse(namespace, text string, data []byte) {
	m, err := c.srv.refusal(namespace, text, data)
	if err == nil {
		_ = c.push(m, outbox.Refuse)
	}
}

// refused counts a refusal that the client is to blame for; c.mu is held.
func (c *client) refused() {
	if c.asked.Refused() {
		c.expel(websockets.Reason{Cause: websockets.CauseClientErrors, Text: "too many refused CONNECT packets in a row"})
	}
}

// expel ends the connection when what waits has been sent. What the client sends
// meanwhile is dropped. c.mu is held.
func (c *client) expel(r websockets.Reason) {
	c.expelled = true
	c.eng.Close(r, wsconn.Drain)
}

// push queues a message.
func (c *client) push(m *message, p outbox.Policy) error {
	return c.pushItem(m.item, m.charge, p)
}

func (c *client) pushItem(it wsconn.Item, charge int, p outbox.Policy) error {
	err := c.eng.Send(it, charge, p)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, outbox.ErrFull):
		return websockets.ErrClosed
	case p == outbox.Refuse:
		c.eng.Close(websockets.Reason{Cause: websockets.CauseQueueOverflow}, wsconn.Farewell)
	}
	return websockets.ErrQueueFull
}

// Closed implements [engineio.Handler].
func (c *client) Closed(r websockets.Reason) {
	c.mu.Lock()
	c.closed = true
	c.srv.outside.Remove(&c.outside)
	sockets := slices.Clone(c.sockets)
	c.sockets = nil
	c.mu.Unlock()
	for _, s := range sockets {
		s.lost(r)
	}
}

// Beat implements [engineio.Handler].
func (c *client) Beat(now int64) {
	if since(now, c.pending.Load(), c.srv.opts.AttachmentTimeout) {
		c.eng.Close(websockets.Reason{
			Cause: websockets.CauseParseError, Text: "attachments are missing",
		}, wsconn.Farewell)
		return
	}
	c.mu.Lock()
	lonely := c.lonelySince
	c.mu.Unlock()
	if since(now, lonely, c.srv.opts.ConnectTimeout) {
		c.eng.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "in no namespace"}, wsconn.Farewell)
	}
	if c.srv.absence != nil {
		c.trim(now)
	}
}

// heldBytes returns the memory of an event beside its Message: the packet that it came in,
// or its copy where attachments followed, and those.
func heldBytes(p *packet.Packet, in *inbound) int {
	n := cap(in.buf) + min(len(p.Event), websockets.MaxEventName) + // of a longer name nothing is kept
		int(unsafe.Sizeof(*in)-unsafe.Sizeof(in.msg))
	if len(p.Payload.Attachments) > 0 {
		n += cap(p.Payload.JSON)
	}
	for _, a := range p.Payload.Attachments {
		n += cap(a) + int(unsafe.Sizeof(a))
	}
	return n
}

// wireBytes returns how much the client sent for an event.
func wireBytes(p *packet.Packet, in *inbound) int {
	if len(p.Payload.Attachments) == 0 {
		return len(in.buf)
	}
	return len(p.Event) + p.Payload.Size()
}
