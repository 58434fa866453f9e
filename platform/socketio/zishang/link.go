package zishang

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	eio "github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// Bounds of one connection.
const (
	maxNamespaces = 100                   // entered, or asked for and not decided
	linger        = time.Second           // for the client to close first, so that nothing sent is lost
	pollGrace     = 20 * time.Millisecond // for the library to answer a poll of a closed connection
)

// link is one Engine.IO connection. It stands between the library's two halves:
// to the Socket.IO half it is the Engine.IO socket, whose incoming packets it
// decodes and takes for itself, and whose outgoing ones it queues.
type link struct {
	engine.Socket
	srv     *server
	request atomic.Pointer[http.Request] // the one that opened the connection; all of it until a namespace has been entered
	conn    adapter.Connection
	ctx     context.Context
	cancel  context.CancelCauseFunc
	out     sendQueue
	release func() // releases the place of the connection

	ondata  atomic.Pointer[types.EventListener] // the Socket.IO half
	buffer  atomic.Int64                        // packets in the library's write buffer
	pinged  atomic.Int64                        // when the unanswered ping was sent, Unix nanoseconds; 0 when none is
	inMu    sync.Mutex                          // one frame at a time, also across an upgrade
	decoder packet.Decoder
	awaited attachments // of inMu

	leftByClient atomic.Bool // by a close packet over polling
	notified     atomic.Bool // of the end, by the answer to a poll

	outside  oldest.Node[*link]
	unpolled oldest.Node[*link]

	gatherMu sync.Mutex
	gather   *message // of native code: a packet that lacks attachments
	lacks    int

	mu       sync.Mutex
	phase    linkPhase
	presence presence
	conns    map[string]*conn
	occupied map[string]chan struct{} // namespaces that the library has a socket in
	asked    entries.Log              // its CONNECT packets
	lonely   *time.Timer              // ends the connection while it is in no namespace
	expelled bool                     // the server is ending it: what it sends is dropped
	reason   *websockets.Reason       // why the server itself ends it
	poll     *exchange
	post     *exchange
	closedCh chan struct{}
}

// linkPhase is how far a link has ended.
type linkPhase uint8

const (
	linkOpen    linkPhase = iota
	linkParting           // the server stops, and leaves the client a moment to close first
	linkClosed
)

// presence is whether a client is in a namespace.
type presence uint8

const (
	neverAsked  presence = iota // for a namespace
	inNone                      // it has asked for one, and is not in it yet, or not any more
	inNamespace                 // in one at least
)

// attachments are the binary frames that the last packet announced.
type attachments struct {
	due      *time.Timer // ends the wait for them; nil without
	received int64       // bytes
	dropped  bool        // the packet is not for a namespace that the client is in
}

func newLink(s *server, sock engine.Socket) *link {
	r := sock.Request().Request()
	l := &link{Socket: sock, srv: s, conns: map[string]*conn{},
		occupied: map[string]chan struct{}{}, closedCh: make(chan struct{}), decoder: packet.JSON().NewDecoder(packet.Limits{})}
	full, release := placeOf(r).take()
	l.request.Store(full)
	l.release = release
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.out = sendQueue{limit: s.cfg.Limits.SendQueue, max: s.cfg.Limits.SendQueueMax, idle: l.idle, write: l.write, watch: l.watch}
	s.tasks.add()
	_ = sock.On("packetCreate", l.onPacketCreate)
	_ = sock.On("flush", l.onFlush)
	_ = sock.On("heartbeat", func(...any) { l.pinged.Store(0) })
	_ = sock.On("close", l.onClose)
	_ = sock.On("upgrade", func(...any) { l.onUpgrade() })
	_ = sock.Transport().On("ready", l.onReady)
	if x := exchangeOf(r); x != nil {
		x.own(l)
	}
	return l
}

// On lets the Socket.IO half listen. Its data listener gets only the packets
// that are its business.
func (l *link) On(event types.EventName, listeners ...types.EventListener) error {
	if event != "data" || len(listeners) != 1 {
		return l.Socket.On(event, listeners...)
	}
	l.ondata.Store(&listeners[0])
	return l.Socket.On(event, l.onData)
}

// RemoveListener forgets the Socket.IO half; it compares code pointers, so the
// library's own would find nothing.
func (l *link) RemoveListener(event types.EventName, listener types.EventListener) bool {
	if event == "data" {
		return l.ondata.Swap(nil) != nil
	}
	return l.Socket.RemoveListener(event, listener)
}

// Close is called by the Socket.IO half on a protocol error, or when no
// namespace was entered in time.
func (l *link) Close(bool) { l.kill(websockets.Reason{Cause: websockets.CauseForcedClose}) }

// library passes a packet to the Socket.IO half.
func (l *link) library(raw []byte) {
	if f := l.ondata.Load(); f != nil {
		(*f)(types.NewStringBuffer(raw))
	}
}

// onData takes one frame. It runs on the goroutine that reads the connection,
// and blocks it while an inbox is full.
func (l *link) onData(args ...any) {
	defer l.srv.recovered("data")
	l.inMu.Lock()
	defer l.inMu.Unlock()
	var p *packet.Packet
	var raw []byte
	var err error
	switch b := args[0].(type) {
	case *types.StringBuffer:
		raw = b.Bytes()
		p, err = l.decoder.Text(raw)
	case *types.BytesBuffer:
		p, err = l.attachment(b.Bytes())
	default:
		err = errors.New("unknown kind of frame")
	}
	if err != nil {
		l.broken(err)
		return
	}
	if head := l.decoder.Pending(); head != nil && l.awaited.due == nil && !l.announced(head) {
		return
	}
	l.awaitAttachments()
	if p != nil {
		if !l.awaited.dropped {
			l.dispatch(p, raw)
		}
		l.awaited.dropped = false
	}
}

// announced looks at a packet whose attachments follow. What is not for a namespace
// that the client is in is not waited for.
func (l *link) announced(head *packet.Packet) bool {
	c, ok := l.addressee(head)
	l.awaited.received, l.awaited.dropped = 0, ok && c == nil
	if l.awaited.dropped { // the client cannot know yet that it has left
		head.Payload.JSON = nil
	}
	return ok
}

// attachment takes a binary frame.
func (l *link) attachment(b []byte) (*packet.Packet, error) {
	if l.decoder.Pending() != nil {
		if l.awaited.received += int64(len(b)); l.awaited.received > l.srv.cfg.Limits.MaxMessage {
			l.kill(websockets.Reason{Cause: websockets.CauseMessageTooBig, Text: "the attachments of a packet are together larger than MaxMessage"})
			return nil, errors.New("attachments are too large")
		}
		if l.awaited.dropped {
			b = nil
		}
	}
	return l.decoder.Binary(b)
}

// addressee returns the client in the namespace of a packet; nil when it has just been
// sent out of it. Not ok, and the connection ends, when it never was in it.
func (l *link) addressee(p *packet.Packet) (c *conn, ok bool) {
	c = l.find(p.Namespace)
	if c != nil && c.state.Load() >= joining {
		return c, true
	}
	l.mu.Lock()
	known := l.presence != neverAsked && c == nil
	l.mu.Unlock()
	if !known { // otherwise it may have left the client before the server's sendCloseFrame arrived
		l.broken(errors.New("packet for a namespace that was not entered"))
	}
	return nil, known
}

// awaitAttachments bounds the time in which announced attachments must arrive.
func (l *link) awaitAttachments() {
	switch pending := l.decoder.Pending() != nil; {
	case pending && l.awaited.due == nil:
		l.awaited.due = time.AfterFunc(l.srv.cfg.Limits.PingTimeout, func() { l.broken(errors.New("attachments did not arrive")) })
	case !pending && l.awaited.due != nil:
		l.awaited.due.Stop()
		l.awaited.due = nil
	}
}

// broken ends a connection whose client broke the protocol.
func (l *link) broken(err error) {
	l.srv.log.Debug("socket.io protocol violated", "error", err, "remote", remote.Text(l.request.Load()))
	l.kill(websockets.Reason{Cause: websockets.CauseParseError, Text: err.Error()})
}

// dispatch takes a packet, and the text it came as.
func (l *link) dispatch(p *packet.Packet, raw []byte) {
	l.mu.Lock()
	expelled := l.expelled
	l.mu.Unlock()
	if expelled {
		return
	}
	if p.Type == packet.Connect {
		l.connect(p, raw)
		return
	}
	c, _ := l.addressee(p)
	if c == nil {
		return
	}
	if p.Type != packet.Disconnect && c.state.Load() >= ending {
		return // it had not heard the sendCloseFrame yet
	}
	switch p.Type {
	case packet.Event:
		if len(p.Event) > adapter.MaxEventName { // it is refused, and its bytes need not wait for that
			p.Payload, raw = websockets.Payload{}, nil
		}
		m := &adapter.Message{Event: p.Event, Payload: p.Payload, Held: heldBytes(p, raw), Wire: max(len(raw), len(p.Event)+p.Payload.Size())}
		if p.HasID {
			m.Reply, m.Ref = true, p.ID
		}
		m.Check()
		l.receive(c, m)
	case packet.Ack:
		c.in.ack(p.ID, p.Payload)
	case packet.Disconnect:
		if c.state.Load() < ending && c.end(websockets.Reason{Cause: websockets.CauseClientDisconnect, Clean: true}, false) == open {
			l.library(raw)
		}
	}
}

// heldBytes returns the memory of an event: the text that it came in, its name, and attachments.
func heldBytes(p *packet.Packet, raw []byte) int {
	n := cap(raw) + len(p.Event)
	if len(p.Payload.Attachments) > 0 {
		n += p.Payload.Size()
	}
	return n
}

func (l *link) connect(p *packet.Packet, raw []byte) {
	ep := l.srv.endpoint(p.Namespace)
	var refusal string
	var c *conn
	l.mu.Lock()
	former := l.conns[p.Namespace]
	switch {
	case l.phase == linkClosed || l.expelled:
		l.mu.Unlock()
		return
	case former != nil && former.state.Load() < ending: // one that was closed may return
		l.mu.Unlock()
		l.broken(errors.New("CONNECT twice to the same namespace"))
		return
	case !l.asked.Ask(l.srv.now(), maxNamespaces+entries.Spare):
		refusal = "Too many CONNECT packets"
	case ep == nil:
		refusal = "Invalid namespace"
		if n := l.srv.unknown.Count(); n > 0 {
			l.srv.log.Info("clients ask for a namespace without a gateway: see websockets.Namespace", "namespace", p.Namespace, "clients", n)
		}
	case len(l.conns) >= maxNamespaces:
		refusal = "Too many namespaces"
	default:
		c = newConn(l, p.Namespace, ep, p.Payload)
		l.conns[p.Namespace] = c
	}
	l.presence = max(l.presence, inNone)
	l.mu.Unlock()
	if c == nil {
		l.refuse(p.Namespace, refusal, nil)
		l.countRefusal()
		return
	}
	l.srv.tasks.start(func() { c.enter(raw) })
}

// receive hands a message on. While the client's inbox is full it blocks, so
// that nothing more is read, and answers the library's heartbeats in the name of
// the client, whose answers cannot be read meanwhile. It abandons a client
// whose messages no handler takes for as long as a silent client may stay, and on one
// that has closed its side a moment later.
func (l *link) receive(c *conn, m *adapter.Message) {
	ok, room, taken := c.in.put(m)
	if ok {
		return
	}
	limits := l.srv.cfg.Limits
	patience := limits.PingInterval + limits.PingTimeout
	tick := time.NewTicker(max(min(limits.PingTimeout/3, wsconn.LeaveGrace/2), time.Millisecond))
	defer tick.Stop()
	since := time.Now()
	for !ok {
		l.answerPing(limits.PingTimeout / 3)
		select {
		case <-room:
		case <-tick.C:
			if time.Since(since) > wsconn.LeaveGrace && l.gone() {
				l.kill(websockets.Reason{Cause: websockets.CauseTransportClose})
				return
			}
			if time.Since(since) > patience {
				l.kill(websockets.Reason{Cause: websockets.CauseQueueOverflow, Text: "messages arrive faster than they are handled"})
				return
			}
		case <-l.closedCh:
			return
		}
		before := taken
		if ok, room, taken = c.in.put(m); taken != before {
			since = time.Now()
		}
	}
}

// gone reports whether the client has closed its side of a WebSocket.
func (l *link) gone() bool {
	t, ok := l.Transport().(*wsTransport)
	return ok && wsconn.Gone(t.conn.NetConn())
}

func (l *link) answerPing(age time.Duration) {
	at := l.pinged.Load()
	if at != 0 && time.Since(time.Unix(0, at)) > age && l.pinged.CompareAndSwap(at, 0) {
		l.Transport().OnPacket(&eio.Packet{Type: eio.PONG, Data: types.NewStringBuffer(nil)})
	}
}
