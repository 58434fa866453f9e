package zishang

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/entries"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

// conn is a client in one namespace.
type conn struct {
	l   *link
	nsp string
	ep  adapter.Endpoint
	h   *adapter.Handshake
	in  inbox

	sock  *socket.Socket // set before open
	stay  entries.Stay   // set before open
	state atomic.Int32
}

// The life of a conn. It only goes forward.
const (
	asking  int32 = iota // Endpoint.Admit decides
	joining              // the library connects the socket
	open                 // sock is set, and the library's to close
	ending               // the close frame or packet is under way
	ended
)

var _ adapter.Conn = (*conn)(nil)

func newConn(l *link, nsp string, ep adapter.Endpoint, auth websockets.Payload) *conn {
	return &conn{
		l: l, nsp: nsp, ep: ep,
		h:  &adapter.Handshake{Handshake: websockets.Handshake{Request: l.request.Load(), Auth: auth, Namespace: nsp}, Connection: &l.conn},
		in: inbox{maxBytes: int(2 * l.srv.cfg.Limits.MaxMessage), start: l.srv.tasks.start, ended: l.srv.tasks.done},
	}
}

// advance moves to a later state and reports whether this call did it.
func (c *conn) advance(to int32) bool {
	for {
		now := c.state.Load()
		if now >= to {
			return false
		}
		if c.state.CompareAndSwap(now, to) {
			return true
		}
	}
}

// ID is the client's socket.id.
func (c *conn) ID() string { return string(c.sock.Id()) }

func (c *conn) State() adapter.ConnState {
	return adapter.ConnState{Transport: c.l.Transport().Name(), Queued: c.l.out.size()}
}

// Native is the *socket.Socket.
func (c *conn) Native() any { return c.sock }

func (c *conn) Emit(out *adapter.Outgoing, ack uint64) error {
	if c.state.Load() >= ending {
		return websockets.ErrClosed
	}
	m, err := eventMessage(out, c.nsp, ack)
	if err != nil {
		return err
	}
	if out.Volatile {
		return c.l.out.offer(m)
	}
	return c.l.send(m, out.Overflow, out.Answer)
}

func (c *conn) Reply(m *adapter.Message, out *adapter.Outgoing) error {
	id, ok := m.Ref.(uint64)
	if !ok || c.state.Load() >= ending {
		return websockets.ErrClosed
	}
	ack, err := ackMessage(out, c.nsp, id)
	if err != nil {
		return err
	}
	return c.l.send(ack, websockets.OverflowClose, true)
}

func (c *conn) Writable(ctx context.Context) error {
	if c.state.Load() >= ending {
		return websockets.ErrClosed
	}
	return c.l.out.wait(ctx, c.l.out.limit/2)
}

func (c *conn) Close(r websockets.Reason) {
	if !c.advance(ending) {
		return
	}
	c.l.srv.tasks.start(func() { c.disconnect(r) })
	if r.Cause == websockets.CauseServerDisconnect {
		c.l.disconnected(c)
	}
}

// CloseConnection implements [adapter.Conn].
func (c *conn) CloseConnection(r websockets.Reason) {
	l := c.l
	if r.Cause != websockets.CauseServerDisconnect {
		l.expel(r)
		return
	}
	l.mu.Lock()
	l.expelled = true
	l.mu.Unlock()
	l.end(r)
}

// disconnect sends what is queued and DISCONNECT, and ends the client with r.
func (c *conn) disconnect(r websockets.Reason) {
	l := c.l
	ctx, cancel := context.WithTimeout(l.ctx, l.srv.cfg.Limits.CloseTimeout)
	defer cancel()
	// A client that is disconnected from its namespace does not reconnect by
	// itself. One whose server stops should, so no DISCONNECT is sent.
	if r.Cause != websockets.CauseShutdown {
		c.sock.Disconnect(false)
	}
	l.drain(ctx)
	c.end(r, true)
	l.leave(ctx, r)
}

// end reports to the session that the client is gone, once, and returns the state
// before. With discard, what the client sent but no handler has taken is dropped.
func (c *conn) end(r websockets.Reason, discard bool) int32 {
	before := c.state.Swap(ended)
	if before != ended {
		c.l.remove(c)
		patience := c.l.srv.cfg.Limits.CloseTimeout
		if !r.Clean { // its context ends
			patience = min(patience, wsconn.LeaveGrace)
		}
		c.in.close(r, discard, patience)
	}
	return before
}

// enter asks the endpoint, then the library, to let the client in.
func (c *conn) enter(raw []byte) {
	l := c.l
	if err := c.ep.Admit(l.ctx, c.h); err != nil {
		l.remove(c)
		r := adapter.RefusalOf(err)
		l.refuse(c.nsp, r.Message, r.Data)
		if r.Status < http.StatusInternalServerError { // an outage must not end connections
			l.countRefusal()
		}
		return
	}
	if !l.occupy(c.nsp) || !c.advance(joining) {
		return
	}
	if l.srv.static[c.nsp] == nil {
		l.srv.dynamic.Lock()
		defer l.srv.dynamic.Unlock()
	}
	l.library(raw)
}

// joined is called by the library's namespace, on the queue of the socket,
// after the client has received its id.
func (s *server) joined(sock *socket.Socket) {
	l, ok := sock.Conn().(*link)
	if !ok {
		s.log.Error("socket does not belong to this server", "socket", sock.Id())
		sock.Disconnect(true)
		return
	}
	nsp := sock.Nsp().Name()
	c := l.find(nsp)
	if c != nil {
		if c.state.Load() == joining {
			c.sock = sock
		}
		s.tasks.add() // until the session has ended: the library may end it on a goroutine of its own
		if !c.state.CompareAndSwap(joining, open) {
			s.tasks.done()
			c = nil
		}
	}
	_ = sock.On("disconnect", func(args ...any) {
		defer s.recovered("disconnect")
		l.vacate(nsp)
		if c != nil && c.state.Load() < ending { // by native code, or with the connection
			c.end(reasonFrom(args), false)
		}
	})
	if c == nil { // the client left before the library knew that it was in
		l.library(append([]byte("1"), nsp...))
		return
	}
	var sess adapter.Session
	defer func() {
		if sess == nil { // or Connect has panicked
			s.tasks.done()
		}
	}()
	l.entered(c)
	sess = c.ep.Connect(c, c.h)
	kept, _ := keep.Request(l.request.Load(), l.srv.cfg.Limits.KeptHeaders)
	l.request.Store(kept)
	if sess != nil {
		c.in.open(sess)
	}
}
