package gateway

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/keep"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// session is one client: the adapter's [adapter.Session] and the user's [websockets.Client].
type session struct {
	ep   *endpoint
	conn adapter.Conn
	hs   *adapter.Handshake
	// request is that of hs until the connection hooks have returned, then what is kept of
	// it; others read it meanwhile.
	request    keep.Slot
	place      *place // of the connection
	namespace  *hub.Namespace[*session]
	membership hub.Membership

	ctx  context.Context // the session itself, as a clientContext
	life atomic.Pointer[lifetime]

	mu        sync.Mutex
	inbox     inbox
	draining  int // goroutines in drainInbox, that of the connection hooks included
	nTasks    int // Background handlers that run
	state     state
	hooked    int32 // how many gateways' HandleConnection was called
	calls     pendingCalls
	suspended suspended
	extra     *extraState

	disconnected atomic.Bool     // the server has disconnected the client: no further message is handled
	recovered    bool            // has replaced a suspended one
	late         vector          // what it has got already of messages that arrive late; set before it is in its namespace, or with moves.gate held
	record       *sessionRecord  // nil unless it may be recovered by a log
	parkedAs     *parkedIdentity // of a client that is parked here; nil for others
	connectedAt  time.Time
}

// extraState is state that few sessions have, or only those that end, so that the others are small. Guarded by session.mu.
type extraState struct {
	// streams ends before the context of the client, when the application stops: a stream never ends by itself.
	// Made when the first one starts.
	streams      context.Context
	cancelStream context.CancelCauseFunc
	running      []runningStream // streams

	tasks    map[*boundSub]int // Background handlers that run
	handling map[string]int    // events whose handlers run, with Concurrency
	waitCtx  context.Context   // of awaitSendQueue; nil until it blocks
	endWait  context.CancelFunc

	awaits        <-chan struct{} // closed when HandleDisconnect of its former connection has returned; nil without
	former        *session        // that a recovered one has replaced, until start
	reason        websockets.Reason
	retryAfter    time.Duration  // after which the client should reconnect after a stop; 0: unset
	overdue       *time.Timer    // runs endOverdue; nil without one
	key           string         // its private id, once it is suspended
	parked        bool           // it is to be parked at another node
	disconnecting *disconnecting // the HandleDisconnect that runs; nil without one
}

var noExtra extraState // never changed

// readExtra returns the extra state of the client, to read; s.mu is held.
func (s *session) readExtra() *extraState {
	if s.extra == nil {
		return &noExtra
	}
	return s.extra
}

// ensureExtra returns the extra state of the client, to change; s.mu is held.
func (s *session) ensureExtra() *extraState {
	if s.extra == nil {
		s.extra = new(extraState)
	}
	return s.extra
}

var (
	_ adapter.Session   = (*session)(nil)
	_ websockets.Client = (*session)(nil)
)

func newSession(e *endpoint, conn adapter.Conn, h *adapter.Handshake) *session {
	if h.Connection == nil {
		h.Connection = new(adapter.Connection)
	}
	s := &session{ep: e, conn: conn, hs: h, place: placeOf(h.Request), draining: 1, connectedAt: time.Now()} // start drains the inbox after the hooks
	s.ctx = (*clientContext)(s)
	s.request.Set(h.Request)
	return s
}

// Membership implements [hub.Member].
func (s *session) Membership() *hub.Membership { return &s.membership }

func (s *session) ID() string                 { return s.conn.ID() }
func (s *session) Namespace() string          { return s.hs.Namespace }
func (s *session) Platform() string           { return s.ep.srv.adapter.Name() }
func (s *session) Request() *http.Request     { return s.request.Load() }
func (s *session) Auth() websockets.Payload   { return s.hs.Auth }
func (s *session) Values() *websockets.Values { return s.hs.Values() }
func (s *session) Context() context.Context   { return s.ctx }
func (s *session) Native() any                { return s.conn.Native() }
func (s *session) Rooms() []string            { return s.membership.Rooms() }
func (s *session) Recovered() bool            { return s.recovered }

func (s *session) ConnectedAt() time.Time { return s.connectedAt }
func (s *session) Transport() string      { return s.conn.State().Transport }

func (s *session) Join(rooms ...string) error {
	if s.record != nil {
		return s.record.join(rooms)
	}
	joined, err := s.namespace.Join(s, s.ep.maxRooms, rooms, s.ep.hooks.WantsRooms())
	s.ep.hooks.Joined(s, joined)
	return err
}

func (s *session) Leave(rooms ...string) { s.leave(rooms, false) }

func (s *session) leave(rooms []string, withSuspended bool) {
	if s.record != nil {
		s.ep.hooks.Left(s, s.reported(s.record.leave(rooms, withSuspended)))
	} else {
		s.ep.hooks.Left(s, s.namespace.Leave(s, rooms, withSuspended, s.ep.hooks.WantsRooms()))
	}
	s.notPresent(rooms)
}

func (s *session) Disconnect() {
	s.disconnect(websockets.Reason{Cause: websockets.CauseServerDisconnect}, s.conn.Close)
}

func (s *session) DisconnectAll() {
	s.hs.Connection.StartClosing() // for its other namespaces too
	s.disconnect(websockets.Reason{Cause: websockets.CauseServerDisconnect}, s.conn.CloseConnection)
}

func (s *session) Close(code int, text string) {
	r := websockets.Reason{Cause: websockets.CauseServerDisconnect}
	if code == 1000 || code == 1008 || code >= 3000 && code <= 4999 {
		r.Code, r.Text = code, closeText(text)
	}
	s.disconnect(r, s.conn.Close)
}

func (s *session) disconnect(r websockets.Reason, end func(websockets.Reason)) {
	s.disconnected.Store(true)
	s.ep.rt.afterOwn(func() { s.disconnectNow(r, end) })
}

// disconnectNow is disconnect without waiting for what was emitted before it; disconnected is set.
func (s *session) disconnectNow(r websockets.Reason, end func(websockets.Reason)) {
	s.mu.Lock()
	if !s.state.leaving() && s.readExtra().reason == (websockets.Reason{}) {
		s.ensureExtra().reason = r // should the application stop before the connection has ended
	}
	s.mu.Unlock()
	s.ep.drop(s) // it cannot be recovered
	end(r)
}

// closeText truncates a reason to what a close frame holds (RFC 6455 §5.5.1).
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

func (s *session) Emit(ctx context.Context, event string, data any, opts ...websockets.EmitOption) error {
	if event == "" {
		return websockets.ErrNoEvent
	}
	out := s.outgoing(event, data, opts...)
	defer release(out)
	return s.emit(ctx, out)
}

// emit sends a message through the interceptors of emits.
func (s *session) emit(ctx context.Context, out *adapter.Outgoing) error {
	defer out.Release(framework)
	out.SetCodec(framework, s.ep.rt.codec)
	if len(s.ep.emits) == 0 && s.ep.hooks == nil { // the usual case allocates nothing more
		return s.send(ctx, out, nil)
	}
	return observeEmission(ctx, s.ep.hooks, s.emission(out), func(ctx context.Context, d *delivery) error {
		return s.ep.intercept(ctx, out, s, nil, func(out *adapter.Outgoing) error { return s.send(ctx, out, d) })
	})
}

// send encodes a message first: an error of encoding is not one of the connection.
func (s *session) send(ctx context.Context, out *adapter.Outgoing, d *delivery) error {
	if s.logs(out) {
		return s.emitLogged(ctx, out)
	}
	out.SetSingle(framework)
	if err := out.Prepare(framework, s.ep.traits.Binary); err != nil {
		return err
	}
	return s.queue(out, 0, d)
}

// Sealed implements [websockets.Client].
func (s *session) Sealed(seal.Framework) {}
