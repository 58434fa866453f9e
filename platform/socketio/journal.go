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
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/go-json-experiment/json"
)

// recoveryStore has the journals of a server's clients, and keeps absent clients until
// they reconnect or time out.
type recoveryStore struct {
	opts   Recovery
	offset atomic.Uint64

	mu       sync.Mutex
	journals map[string]*journal // by private id: of connected and of absent clients
	absent   []*journal          // in the order in which they left
	closed   bool
}

func newRecoveryStore(opts Recovery) *recoveryStore {
	return &recoveryStore{opts: opts, journals: map[string]*journal{}}
}

// nextOffset returns the offset of the next event. A client that reconnects sends the
// last offset that it has received.
func (store *recoveryStore) nextOffset() string { return strconv.FormatUint(store.offset.Add(1), 36) }

// journal is what one client was sent lately. Its successive sockets share it. Lock order:
// connection.mu first; of journal.mu and recoveryStore.mu only one is held at a time.
type journal struct {
	store     *recoveryStore
	pid       string // secret: only the client has it
	id        string
	namespace string

	mu      sync.Mutex
	live    *socket         // nil while the client is absent
	sess    adapter.Session // of its last socket; nil until bind has it
	entries []entry
	bytes   int
	closed  bool          // the client cannot resume
	absent  chan struct{} // closed when the client is absent, or cannot resume

	// Guarded by recoveryStore.mu.
	suspension adapter.Suspension // while the client is absent
	timer      *time.Timer
}

// entry is an event, in the order of sending. Without a message, only its offset counts.
type entry struct {
	offset string
	m      *message
	at     int64 // stamp of the engine's clock when it was sent; 0 when it was missed
}

func (store *recoveryStore) newJournal(s *socket) *journal {
	j := &journal{store: store, pid: rand.Text(), id: s.id, namespace: s.namespace, live: s, absent: make(chan struct{})}
	store.mu.Lock()
	defer store.mu.Unlock()
	store.journals[j.pid] = j
	return j
}

// emit sends an event if the client is connected, and keeps it.
func (j *journal) emit(m *message, out *adapter.Outgoing) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return websockets.ErrClosed
	}
	connected := j.live != nil
	var err error
	switch {
	case connected:
		if err = j.live.conn.send(m, out); errors.Is(err, websockets.ErrClosed) && !out.Volatile {
			err, connected = nil, false // the connection is ending: the client counts as absent
		}
	case out.Volatile:
		err = websockets.ErrQueueFull
	}
	full := err == nil && !out.Volatile && !j.append(m, connected)
	j.mu.Unlock()
	if full {
		j.close()
	}
	return err
}

// append keeps an event; false when the client is absent and has missed too much. j.mu is
// held.
func (j *journal) append(m *message, connected bool) bool {
	e := entry{offset: m.offset, m: m}
	if connected {
		e.at = j.live.conn.srv.engine.Clock().Coarse()
	}
	j.bytes += m.size
	j.entries = append(j.entries, e)
	for j.bytes > j.store.opts.MaxBytes {
		// What was sent while the client was connected (at is set) makes room for what it
		// misses, except for one entry: its offset may be the last that the client has.
		first := &j.entries[0]
		switch {
		case len(j.entries) > 1 && (connected || j.entries[1].at != 0):
			j.dropOldest(1)
		case first.m != nil && (connected || first.at != 0):
			j.bytes -= first.m.size
			first.m = nil
		default:
			return false
		}
	}
	return true
}

// dropOldest drops the oldest n events; j.mu is held.
func (j *journal) dropOldest(n int) {
	for _, e := range j.entries[:n] {
		if e.m != nil {
			j.bytes -= e.m.size
		}
	}
	j.entries = slices.Delete(j.entries, 0, n)
}

// trimJournals drops what a connected client must have received: it has answered a later
// heartbeat.
func (c *connection) trimJournals(now int64) {
	limits := &c.srv.cfg.Limits
	old := now - int64(2*limits.PingInterval+limits.PingTimeout)
	c.mu.Lock()
	journals := make([]*journal, 0, len(c.sockets))
	for _, s := range c.sockets {
		if s.journal != nil {
			journals = append(journals, s.journal)
		}
	}
	c.mu.Unlock()
	for _, j := range journals {
		j.mu.Lock()
		n := 0
		for n < len(j.entries) && j.live != nil && j.entries[n].at < old {
			n++
		}
		if n > 1 { // keep the last one: its offset may be the last that the client has
			j.dropOldest(n - 1)
		}
		j.mu.Unlock()
	}
}

// suspend keeps a client that has lost its connection. It returns false when the client
// cannot resume; then the caller must close the session.
func (j *journal) suspend(sess adapter.Session, why websockets.Reason) bool {
	switch why.Cause {
	case websockets.CauseTransportClose, websockets.CauseTransportError, websockets.CausePingTimeout:
	default:
		j.close()
		return false
	}
	j.mu.Lock()
	j.live = nil
	j.mu.Unlock()
	suspension := sess.Suspend(why)
	j.store.add(j, suspension)
	return true
}

// add keeps an absent client until MaxDisconnection has passed.
func (store *recoveryStore) add(j *journal, suspension adapter.Suspension) {
	store.mu.Lock()
	var evicted *journal
	var dropped adapter.Suspension
	keep := suspension != nil && !store.closed && store.journals[j.pid] == j
	if keep {
		j.suspension = suspension
		j.timer = time.AfterFunc(store.opts.MaxDisconnection, j.close)
		store.absent = append(store.absent, j)
		if len(store.absent) > store.opts.MaxClients {
			evicted = store.absent[0]
			dropped = store.take(evicted) // now: otherwise others that leave would evict the same one
		}
	}
	store.mu.Unlock()
	j.mu.Lock()
	j.markAbsent()
	j.mu.Unlock()
	switch {
	case !keep:
		if suspension != nil {
			suspension.Drop()
		}
		j.close()
	case evicted != nil:
		evicted.close()
		dropped.Drop()
	}
}

// take removes an absent client and returns its suspension; nil when it is not absent.
// store.mu is held.
func (store *recoveryStore) take(j *journal) adapter.Suspension {
	suspension := j.suspension
	if suspension == nil {
		return nil
	}
	j.suspension = nil
	j.timer.Stop()
	if i := slices.Index(store.absent, j); i >= 0 {
		store.absent = slices.Delete(store.absent, i, i+1)
	}
	return suspension
}

// close ends the journal: the client cannot resume.
func (j *journal) close() {
	store := j.store
	store.mu.Lock()
	if store.journals[j.pid] == j {
		delete(store.journals, j.pid)
	}
	suspension := store.take(j)
	store.mu.Unlock()
	j.mu.Lock()
	j.closed = true
	j.entries, j.bytes, j.live = nil, 0, nil
	j.markAbsent()
	j.mu.Unlock()
	if suspension != nil {
		suspension.Drop()
	}
}

// markAbsent closes j.absent, once; j.mu is held.
func (j *journal) markAbsent() {
	select {
	case <-j.absent:
	default:
		close(j.absent)
	}
}

// close drops all absent clients.
func (store *recoveryStore) close() {
	store.mu.Lock()
	store.closed = true
	absent := slices.Clone(store.absent)
	store.mu.Unlock()
	for _, j := range absent {
		j.close()
	}
}

// resumption is the attempt of a client to resume an earlier session.
type resumption struct {
	j          *journal
	offset     string
	absent     chan struct{}      // of the journal when it was found: replaced once a client has resumed
	suspension adapter.Suspension // set by claim
	resumed    bool
}

// find returns the resumption that a client's auth requests; nil without such a journal. It
// does not change the journal, because the client may be another one.
func (store *recoveryStore) find(auth websockets.Payload, namespace string) *resumption {
	var ask struct {
		PID    string `json:"pid"`
		Offset string `json:"offset"`
	}
	if json.Unmarshal(auth.JSON, &ask) != nil || ask.PID == "" || ask.Offset == "" {
		return nil
	}
	store.mu.Lock()
	j := store.journals[ask.PID]
	store.mu.Unlock()
	if j == nil || j.namespace != namespace {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return &resumption{j: j, offset: ask.Offset, absent: j.absent}
}

// claim takes over the journal for a client that has passed the checks. It reports whether
// the journal is the client's own and has all that it missed. Call it once.
func (r *resumption) claim(ctx context.Context, h *adapter.Handshake) bool {
	j, store := r.j, r.j.store
	j.mu.Lock()
	live := j.live
	j.mu.Unlock()
	if live != nil { // the client sees CONNECT slightly before its session is set
		live.awaitBinding()
	}
	j.mu.Lock()
	sess := j.sess
	if j.absent != r.absent {
		sess = nil
	}
	j.mu.Unlock()
	if sess == nil || !sess.Same(h, store.opts.SameClient) || !j.closeLive(ctx) {
		return false
	}
	store.mu.Lock()
	r.suspension = store.take(j)
	store.mu.Unlock()
	if r.suspension == nil {
		return false
	}
	j.mu.Lock()
	known := j.index(r.offset) >= 0
	j.mu.Unlock()
	if !known { // dropped meanwhile
		r.abandon()
	}
	return known
}

// closeLive ends the old connection of a client that reconnects before the server noticed
// its loss, and waits until the journal's client is absent.
func (j *journal) closeLive(ctx context.Context) bool {
	j.mu.Lock()
	live, absent := j.live, j.absent
	j.mu.Unlock()
	if live != nil {
		live.conn.eng.Close(websockets.Reason{Cause: websockets.CauseTransportClose, Text: "the client reconnected"}, wsconn.CloseAbort)
	}
	select {
	case <-absent:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *journal) index(offset string) int {
	return slices.IndexFunc(j.entries, func(e entry) bool { return e.offset == offset })
}

// replay answers the CONNECT with the old ids and sends what the client missed. It returns
// false when the client cannot resume. connection.mu is held.
func (r *resumption) replay(s *socket) bool {
	j := r.j
	j.mu.Lock()
	defer j.mu.Unlock()
	i := j.index(r.offset)
	if i < 0 || j.closed { // it has missed too much by now
		return false
	}
	m, err := s.conn.srv.connected(s.namespace, j.id, j.pid)
	if err != nil {
		return false
	}
	s.id, s.journal = j.id, j
	j.absent = make(chan struct{})
	j.live = s
	_ = s.conn.push(m, outbox.Refuse)
	j.dropOldest(i)
	now := s.conn.srv.engine.Clock().Coarse()
	for i := range j.entries {
		e := &j.entries[i]
		e.at = now
		if i > 0 && e.m != nil && s.conn.push(e.m, outbox.Refuse) != nil {
			break // the connection has ended again
		}
	}
	r.resumed = true
	return true
}

// resume resumes the session on the socket; nil when the client must be a new one.
func (r *resumption) resume(s *socket, h *adapter.Handshake) adapter.Session {
	if !r.resumed {
		return nil
	}
	return r.suspension.Resume(s, h)
}

// setSession sets the session of the journal's socket.
func (j *journal) setSession(sess adapter.Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sess = sess
}

// abandon drops the journal when the client was not resumed after all.
func (r *resumption) abandon() {
	if !r.resumed {
		r.j.close()
		r.suspension.Drop()
	}
}
