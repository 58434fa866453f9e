package socketio

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/go-json-experiment/json"
)

// absence keeps the clients of a server that may come back.
type absence struct {
	opts   Recovery
	offset atomic.Uint64

	mu      sync.Mutex
	records map[string]*record // by private id: of clients that are here, and of those that are away
	away    []*record          // in the order in which they left
	closed  bool
}

func newAbsence(opts Recovery) *absence {
	return &absence{opts: opts, records: map[string]*record{}}
}

// nextOffset names an event, so that a client can tell which it had last.
func (a *absence) nextOffset() string { return strconv.FormatUint(a.offset.Add(1), 36) }

// record is what one client has been sent lately. The sockets that it has one
// after another share it. Lock order: client.mu first; of record.mu and
// absence.mu only one is held at a time.
type record struct {
	a         *absence
	pid       string // known to the client only
	id        string
	namespace string

	mu      sync.Mutex
	live    *socket            // nil while the client is away
	sess    websockets.Session // of its last socket; nil before it is there
	entries []entry
	bytes   int
	gone    bool          // it cannot come back
	left    chan struct{} // closed when it is away, or cannot come back

	// Guarded by absence.mu.
	suspension websockets.Suspension // while the client is away
	timer      *time.Timer
}

// entry is an event in the order in which it was sent; without a message, only
// its place.
type entry struct {
	offset string
	m      *message
	at     int64 // stamp of the engine's clock
}

func (a *absence) newRecord(s *socket) *record {
	r := &record{a: a, pid: rand.Text(), id: s.id, namespace: s.namespace, live: s, left: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records[r.pid] = r
	return r
}

// emit sends an event, if the client is here, and records it.
func (r *record) emit(m *message, out *websockets.Outgoing) error {
	r.mu.Lock()
	if r.gone {
		r.mu.Unlock()
		return websockets.ErrClosed
	}
	here := r.live != nil
	var err error
	switch {
	case here:
		if err = r.live.client.send(m, out); errors.Is(err, websockets.ErrClosed) && !out.Volatile {
			err, here = nil, false // the connection is ending: the client is away already
		}
	case out.Volatile:
		err = websockets.ErrQueueFull
	}
	full := err == nil && !out.Volatile && !r.keep(m, here)
	r.mu.Unlock()
	if full {
		r.forget()
	}
	return err
}

// keep appends an event; false when the client is away and has missed too much.
// r.mu is held.
func (r *record) keep(m *message, here bool) bool {
	e := entry{offset: m.offset, m: m}
	if here {
		e.at = r.live.client.srv.engine.Clock().Coarse()
	}
	r.bytes += m.size
	r.entries = append(r.entries, e)
	for r.bytes > r.a.opts.MaxBytes {
		// What was sent while the client was here (at is set) makes room for what it
		// misses, but for one place: the offset that it may have had last.
		first := &r.entries[0]
		switch {
		case len(r.entries) > 1 && (here || r.entries[1].at != 0):
			r.shift(1)
		case first.m != nil && (here || first.at != 0):
			r.bytes -= first.m.size
			first.m = nil
		default:
			return false
		}
	}
	return true
}

// shift forgets the oldest n events; r.mu is held.
func (r *record) shift(n int) {
	for _, e := range r.entries[:n] {
		if e.m != nil {
			r.bytes -= e.m.size
		}
	}
	r.entries = slices.Delete(r.entries, 0, n)
}

// trim forgets what a connected client must have had: a heartbeat sent after it
// has been answered since.
func (c *client) trim(now int64) {
	limits := &c.srv.cfg.Limits
	old := now - int64(2*limits.PingInterval+limits.PingTimeout)
	c.mu.Lock()
	records := make([]*record, 0, len(c.sockets))
	for _, s := range c.sockets {
		if s.record != nil {
			records = append(records, s.record)
		}
	}
	c.mu.Unlock()
	for _, r := range records {
		r.mu.Lock()
		n := 0
		for n < len(r.entries) && r.live != nil && r.entries[n].at < old {
			n++
		}
		if n > 1 { // the last of them is what the client names if it had no other
			r.shift(n - 1)
		}
		r.mu.Unlock()
	}
}

// suspend keeps a client that has lost its connection. False when it cannot
// come back; the session has to be closed then.
func (r *record) suspend(sess websockets.Session, why websockets.Reason) bool {
	switch why.Cause {
	case websockets.CauseTransportClose, websockets.CauseTransportError, websockets.CausePingTimeout:
	default:
		r.forget()
		return false
	}
	r.mu.Lock()
	r.live = nil
	r.mu.Unlock()
	suspension := sess.Suspend(why)
	r.a.keep(r, suspension)
	return true
}

// keep has a client for as long as it may be away.
func (a *absence) keep(r *record, suspension websockets.Suspension) {
	a.mu.Lock()
	var evicted *record
	var dropped websockets.Suspension
	keep := suspension != nil && !a.closed && a.records[r.pid] == r
	if keep {
		r.suspension = suspension
		r.timer = time.AfterFunc(a.opts.MaxDisconnection, r.forget)
		a.away = append(a.away, r)
		if len(a.away) > a.opts.MaxClients {
			evicted = a.away[0]
			dropped = a.take(evicted) // now, or others who leave would choose the same
		}
	}
	a.mu.Unlock()
	r.mu.Lock()
	r.away()
	r.mu.Unlock()
	switch {
	case !keep:
		if suspension != nil {
			suspension.Drop()
		}
		r.forget()
	case evicted != nil:
		evicted.forget()
		dropped.Drop()
	}
}

// take removes a record from those away, with its suspension; a.mu is held.
func (a *absence) take(r *record) websockets.Suspension {
	suspension := r.suspension
	if suspension == nil {
		return nil
	}
	r.suspension = nil
	r.timer.Stop()
	if i := slices.Index(a.away, r); i >= 0 {
		a.away = slices.Delete(a.away, i, i+1)
	}
	return suspension
}

// forget ends the record: the client cannot come back.
func (r *record) forget() {
	a := r.a
	a.mu.Lock()
	if a.records[r.pid] == r {
		delete(a.records, r.pid)
	}
	suspension := a.take(r)
	a.mu.Unlock()
	r.mu.Lock()
	r.gone = true
	r.entries, r.bytes, r.live = nil, 0, nil
	r.away()
	r.mu.Unlock()
	if suspension != nil {
		suspension.Drop()
	}
}

// away tells who waits for it; r.mu is held.
func (r *record) away() {
	select {
	case <-r.left:
	default:
		close(r.left)
	}
}

// close forgets everybody.
func (a *absence) close() {
	a.mu.Lock()
	a.closed = true
	away := slices.Clone(a.away)
	a.mu.Unlock()
	for _, r := range away {
		r.forget()
	}
}

// comeback is a client that says it comes back.
type comeback struct {
	r          *record
	offset     string
	left       chan struct{}         // the record's when it was found: another once somebody has come back
	suspension websockets.Suspension // once it is the client's
	resumed    bool
}

// find returns what a client's auth asks for; nil when there is no such record. Nothing
// is done to the record: who asks may be somebody else.
func (a *absence) find(auth websockets.Payload, namespace string) *comeback {
	var ask struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	if json.Unmarshal(auth.JSON, &ask) != nil || ask.PID == "" || ask.Offset == "" {
		return nil
	}
	a.mu.Lock()
	r := a.records[ask.PID]
	a.mu.Unlock()
	if r == nil || r.namespace != namespace {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &comeback{r: r, offset: ask.Offset, left: r.left}
}

// claim takes the record for a client that has been let in, and reports whether it is
// the client's own and has what it missed. It is for one caller only.
func (b *comeback) claim(ctx context.Context, h *websockets.Handshake) bool {
	r, a := b.r, b.r.a
	r.mu.Lock()
	live := r.live
	r.mu.Unlock()
	if live != nil { // the client knows that it is in a moment before its session does
		live.awaitBinding()
	}
	r.mu.Lock()
	sess := r.sess
	if r.left != b.left {
		sess = nil
	}
	r.mu.Unlock()
	if sess == nil || !sess.Same(h, a.opts.SameClient) || !r.leave(ctx) {
		return false
	}
	a.mu.Lock()
	b.suspension = a.take(r)
	a.mu.Unlock()
	if b.suspension == nil {
		return false
	}
	r.mu.Lock()
	known := r.index(b.offset) >= 0
	r.mu.Unlock()
	if !known { // too long ago
		b.done()
	}
	return known
}

// leave ends the connection of a client that comes back before its loss was noticed.
func (r *record) leave(ctx context.Context) bool {
	r.mu.Lock()
	live, left := r.live, r.left
	r.mu.Unlock()
	if live != nil {
		live.client.eng.Close(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "the client came back"}, wsconn.Cut)
	}
	select {
	case <-left:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *record) index(offset string) int {
	return slices.IndexFunc(r.entries, func(e entry) bool { return e.offset == offset })
}

// replay lets the client in again and sends what it missed. client.mu is held.
func (b *comeback) replay(s *socket) bool {
	r := b.r
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.index(b.offset)
	if i < 0 || r.gone { // it missed too much in the meantime
		return false
	}
	m, err := s.client.srv.connected(s.namespace, r.id, r.pid)
	if err != nil {
		return false
	}
	s.id, s.record = r.id, r
	r.left = make(chan struct{})
	r.live = s
	_ = s.client.push(m, outbox.Refuse)
	r.shift(i)
	now := s.client.srv.engine.Clock().Coarse()
	for i := range r.entries {
		e := &r.entries[i]
		e.at = now
		if i > 0 && e.m != nil && s.client.push(e.m, outbox.Refuse) != nil {
			break // the connection has ended again
		}
	}
	b.resumed = true
	return true
}

// resume makes the socket the framework's client again; nil when it has to be a new one.
func (b *comeback) resume(s *socket, h *websockets.Handshake) websockets.Session {
	if !b.resumed {
		return nil
	}
	return b.suspension.Resume(s, h)
}

// bound notes the session of the record's socket.
func (r *record) bound(sess websockets.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sess = sess
}

// done forgets a client that could not come back after all.
func (b *comeback) done() {
	if !b.resumed {
		b.r.forget()
		b.suspension.Drop()
	}
}
