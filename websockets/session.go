package websockets

import (
	"context"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const maxCalls = 1024

// session is one client: what the adapter feeds and what users see.
type session struct {
	ep   *endpoint
	conn Conn
	hs   *Handshake
	// request is that of hs until the connection hooks have returned, then what is
	// kept of it; others read it meanwhile.
	request atomic.Pointer[http.Request]
	space   *space

	roomsMu sync.Mutex
	rooms   map[string]struct{} // guarded by roomsMu
	outside bool                // it has left its space; guarded by roomsMu

	ctx    context.Context // ends when the connection does
	cancel context.CancelCauseFunc
	// streams ends earlier, when the application stops: a stream never ends by
	// itself. Made when the first one begins; guarded by mu.
	streams      context.Context
	cancelStream context.CancelCauseFunc

	mu         sync.Mutex
	inbox      inbox
	due        bool // a message was deferred, and nobody has begun with it
	lanes      int  // goroutines that handle messages, the connection hooks included
	tasks      map[*boundSub]int
	nTasks     int
	open       bool // HandleConnection of every gateway has returned nil
	hooked     int  // how many gateways' HandleConnection was called
	leaving    bool // no further message is begun, unless cut by the client itself
	discard    bool // and what waits is dropped
	cut        bool // the connection has ended
	reason     Reason
	ending     bool
	calls      map[uint64]waiter
	nextCall   uint64
	unanswered int         // calls that nobody waits for any more, and whose answers may come
	gone       bool        // no call is answered any more
	linger     *time.Timer // ends ctx after a clean leave; nil without one

	pressed context.Context // of awaitSendQueue; nil until it blocks; guarded by mu
	release context.CancelFunc

	expelled atomic.Bool // the server has sent the client away: no further message is handled

	retryAfter atomic.Int64 // nanoseconds that a stop gives the client before it should come back; 0: not said

	mayReturn bool          // suspended, and neither resumed nor expired; guarded by mu
	hooksOver bool          // HandleDisconnect has returned; guarded by mu
	suspended bool          // guarded by space.gate: only what it misses is of interest
	recovered bool          // took the place of a suspended one
	former    *session      // that one, until start
	hooksDone chan struct{} // of a suspended one: HandleDisconnect has returned
}

var (
	_ Session = (*session)(nil)
	_ Client  = (*session)(nil)
)

func newSession(e *endpoint, conn Conn, h *Handshake) *session {
	h.onConnection()
	s := &session{ep: e, conn: conn, hs: h, lanes: 1} // the first lane runs the hooks
	ctx, cancel := context.WithCancelCause(WithClient(context.Background(), s))
	s.ctx, s.cancel = ctx, cancel
	s.request.Store(h.Request)
	return s
}

// hasHooks reports whether start calls anything of the user's.
func (s *session) hasHooks() bool {
	return len(s.hs.connected) > 0 || slices.ContainsFunc(s.ep.gateways, func(g *boundGateway) bool { return g.onConnection != nil })
}

// start runs the connection hooks, then becomes the first lane.
func (s *session) start() {
	if s.former != nil { // two clients of one ID follow each other
		<-s.former.hooksDone
		s.hs.values.Inherit(&s.former.hs.values)
		s.former = nil
	}
	s.announce()
	for _, g := range s.ep.gateways {
		s.mu.Lock()
		stop := s.discard
		if !stop {
			s.hooked++
		}
		s.mu.Unlock()
		if stop {
			break
		}
		if g.onConnection == nil {
			continue
		}
		if err := s.connectHook(g); err != nil {
			s.refuse(g, err)
			break
		}
	}
	s.ready()
	s.lane()
}

// announce tells the checks of the handshake that the client is in.
func (s *session) announce() {
	connected := s.hs.connected
	s.hs.connected = nil
	for _, f := range connected {
		s.shielded(nil, "connected", func() { f(s) })
	}
}

// shielded runs a function of others; what it does wrong is logged.
func (s *session) shielded(g *boundGateway, event string, f func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			_ = s.report(&panicError{v, debug.Stack()}, g, event)
		} else if !returned {
			_ = s.report(errExited, g, event)
		}
	}()
	f()
	returned = true
}

// ready begins with the messages, unless the client was refused.
func (s *session) ready() {
	s.trimRequest()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = !s.discard && s.hooked == len(s.ep.gateways)
	if !s.open {
		s.dropInbox()
	}
	s.moreLanes()
}

func (s *session) connectHook(g *boundGateway) (err error) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		} else if !returned {
			s.refuse(g, errExited)
			s.ready()
			go s.lane()
		}
	}()
	err = g.onConnection.HandleConnection(s.ctx, s)
	probe(err)
	returned = true
	return err
}

// refuse ends a client that HandleConnection did not want.
func (s *session) refuse(g *boundGateway, err error) {
	e := s.told(err, g)
	_ = s.conn.Emit(s.exception(e, "handleConnection", nil), 0)
	r := Reason{Cause: CauseServerDisconnect, Code: 1008, Text: closeText(e.Message)}
	s.mu.Lock()
	s.discard, s.reason = true, r
	s.mu.Unlock()
	s.conn.Close(r)
}

// told is what a client that HandleConnection refused is told.
func (s *session) told(err error, g *boundGateway) *Error {
	for _, d := range s.ep.doors {
		if d.gateway == g && d.chain.Filtered() {
			if e := d.chain.Catch(s.ctx, s.ep.knock(s.hs, d), err, s.ep.srv.log); e != nil {
				return e
			}
		}
	}
	return s.report(err, g, "handleConnection")
}

// closeText cuts a reason to what a close frame holds (RFC 6455 §5.5.1).
func closeText(s string) string {
	if len(s) <= 123 {
		return s
	}
	n := 120
	for s[n]&0xC0 == 0x80 { // not inside a rune
		n--
	}
	return s[:n] + "..."
}

// Closed is the adapter's word that the connection is gone.
func (s *session) Closed(r Reason) {
	s.mu.Lock()
	if s.cut {
		s.mu.Unlock()
		return
	}
	s.cut = true
	s.mu.Unlock()
	if r.Cause == CauseServerDisconnect { // perhaps from another namespace of the connection
		s.expelled.Store(true)
	}
	// Before leaving is set: from then on a handler that returns starts the
	// end, and HandleDisconnect must not find the client in its rooms.
	s.ep.forget(s)
	s.left(r)
}

// left starts the end of a client that is out of its rooms. After a clean leave what it had
// sent is handled with a context that lives on, for CloseTimeout at most: to save and then
// to close the page is what applications do.
func (s *session) left(r Reason) {
	s.mu.Lock()
	if !s.leaving {
		s.reason = r
	}
	s.leaving = true
	if s.ep.dropAfterClose {
		s.dropInbox()
	}
	s.inbox.wake()
	s.releaseLanes()
	if r.Clean && (s.open && s.lanes > 0 || s.inbox.len() > 0 || s.nTasks > 0) {
		s.linger = time.AfterFunc(s.ep.srv.limits.CloseTimeout, func() { s.cancel(ErrClosed) })
	}
	lingers := s.linger != nil
	s.mu.Unlock()
	s.Begin() // what was deferred, the adapter may not come to
	if lingers {
		s.endCalls()
		s.stopStreams(ErrClosed)
	} else {
		s.hangUp(ErrClosed)
	}
	s.mu.Lock()
	s.maybeEnd()
	s.mu.Unlock()
}

// drain ends the session for the application's stop: no further message, but
// handlers finish and HandleDisconnect runs before the connection is closed.
func (s *session) drain() {
	s.mu.Lock()
	if !s.leaving {
		s.leaving = true
		if s.reason == (Reason{}) { // otherwise the client was refused or told to leave
			s.reason = Reason{Cause: CauseShutdown}
		}
	}
	s.discard = true
	s.dropInbox()
	s.releaseLanes()
	s.maybeEnd()
	s.mu.Unlock()
	s.stopStreams(errStopping)
}

// streamContext is the context of the client's streams.
func (s *session) streamContext() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams == nil {
		s.streams, s.cancelStream = context.WithCancelCause(s.ctx)
		switch {
		case s.discard:
			s.cancelStream(errStopping)
		case s.leaving:
			s.cancelStream(ErrClosed)
		}
	}
	return s.streams
}

func (s *session) stopStreams(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancelStream != nil {
		s.cancelStream(cause)
	}
}

// maybeEnd runs the end once nothing runs any more; s.mu is held.
func (s *session) maybeEnd() {
	if !s.leaving || s.lanes > 0 || s.inbox.len() > 0 || s.nTasks > 0 {
		return
	}
	if s.linger != nil && s.linger.Stop() {
		s.cancel(ErrClosed) // what it had sent is handled
	}
	if !s.ending {
		s.ending = true
		go s.end()
	}
}

func (s *session) end() {
	s.ep.forget(s) // at a stop too HandleDisconnect finds the client out of its rooms
	s.mu.Lock()
	r := s.reason
	s.mu.Unlock()
	s.disconnectHooks(s.ep.gateways[:s.hooked], r)
}

func (s *session) disconnectHooks(gs []*boundGateway, r Reason) {
	for i, g := range gs {
		if g.onDisconnect != nil {
			s.disconnectHook(g, r, gs[i+1:])
		}
	}
	s.mu.Lock()
	cut, hooksDone := s.cut, s.hooksDone
	s.mu.Unlock()
	if hooksDone != nil {
		close(hooksDone)
	}
	if !cut {
		s.sayWhen()
		s.conn.Close(r)
	}
	s.hangUp(ErrClosed)
	s.mu.Lock()
	s.hooksOver = true
	over := !s.mayReturn
	s.mu.Unlock()
	if over {
		s.endValues()
	}
	s.ep.rt.exit(s)
}

// endValues lets go of what belonged to the client.
func (s *session) endValues() {
	s.hs.values.End(func(v any) {
		if c, ok := v.(scopedValue); ok {
			s.shielded(nil, "scoped", c.end)
		}
	})
}

// expired tells a suspended client that it does not come back.
func (s *session) expired() {
	s.mu.Lock()
	s.mayReturn = false
	over := s.hooksOver
	s.mu.Unlock()
	if over {
		s.endValues()
	}
}

func (s *session) disconnectHook(g *boundGateway, r Reason, next []*boundGateway) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			_ = s.report(&panicError{v, debug.Stack()}, g, "handleDisconnect")
		} else if !returned {
			_ = s.report(errExited, g, "handleDisconnect")
			go s.disconnectHooks(next, r)
		}
	}()
	g.onDisconnect.HandleDisconnect(WithClient(s.ep.rt.ctx, s), s, r)
	returned = true
}

// What follows is the Client.

func (s *session) ID() string                 { return s.conn.ID() }
func (s *session) Namespace() string          { return s.hs.Namespace }
func (s *session) Platform() string           { return s.ep.srv.adapter.Name() }
func (s *session) Request() *http.Request     { return s.request.Load() }
func (s *session) Auth() Payload              { return s.hs.Auth }
func (s *session) Values() *Values            { return &s.hs.values }
func (s *session) Context() context.Context   { return s.ctx }
func (s *session) Native() any                { return s.conn.Native() }
func (s *session) Join(rooms ...string) error { return s.space.join(s, s.ep.maxRooms, rooms) }
func (s *session) Leave(rooms ...string)      { s.space.leave(s, rooms, false) }
func (s *session) Rooms() []string            { return s.roomNames() }
func (s *session) Recovered() bool            { return s.recovered }

func (s *session) Disconnect() { s.sendAway(Reason{Cause: CauseServerDisconnect}, s.conn.Close) }

func (s *session) DisconnectAll() {
	s.hs.Connection.over.Store(true) // for its other namespaces too
	s.sendAway(Reason{Cause: CauseServerDisconnect}, s.conn.CloseConnection)
}

func (s *session) Close(code int, text string) {
	r := Reason{Cause: CauseServerDisconnect}
	if code == 1000 || code == 1008 || code >= 3000 && code <= 4999 {
		r.Code, r.Text = code, closeText(text)
	}
	s.sendAway(r, s.conn.Close)
}

func (s *session) sendAway(r Reason, end func(Reason)) {
	s.expelled.Store(true)
	s.mu.Lock()
	if !s.leaving && s.reason == (Reason{}) {
		s.reason = r // should the application stop before the connection has ended
	}
	s.mu.Unlock()
	s.ep.expire(s) // nor does it come back
	end(r)
}

func (s *session) Emit(event string, data any, opts ...EmitOption) error {
	return s.emit(newOutgoing(event, data, opts))
}

// emit tells encoding errors from those of the connection before it is tried.
func (s *session) emit(out *Outgoing) error {
	defer out.release()
	out.codec = s.ep.rt.codec
	if len(s.ep.emits) == 0 { // as usual, and then nothing is allocated for it
		return s.send(out)
	}
	return s.ep.intercept(out, s, nil, s.send)
}

func (s *session) send(out *Outgoing) error {
	out.single = true
	if _, err := out.Payload(s.ep.traits.Binary); err != nil {
		return err
	}
	return s.conn.Emit(out, 0)
}
