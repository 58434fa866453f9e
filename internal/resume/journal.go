package resume

import (
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Journal is what one client was sent lately, and what it misses while it is absent. Its
// successive connections share it. It is safe for concurrent use. docs/architecture.md has the
// order of the locks.
type Journal struct {
	store     *Store
	ring      *Ring  // of the namespace
	pid       string // secret: only the client has it
	id        string
	namespace string
	losses    uint64 // those of store when it was made

	mu      sync.Mutex
	live    Live            // nil while the client is absent
	last    Live            // the last one
	sess    adapter.Session // of its last connection; nil until SetSession
	address Address         // of its last connection
	known   uint64          // the position before those of kept; 0 for none
	// aliases are the positions that the first of kept had at the node that has parked the client, which may name them;
	// knownAlias is another one for known; 0 for none.
	aliases    positions
	knownAlias uint64
	kept       positions // in the order on the wire; those of volatile events have no event
	sent       int       // how many of kept were sent; the client misses the rest
	bytes      int       // memory of kept and its events, also of those that others hold too
	marks      marks
	closed     bool          // the client cannot resume
	absent     chan struct{} // closed when the client is absent, or cannot resume

	// Guarded by Store.mu.
	suspension adapter.Suspension // while the client is absent
	timer      *time.Timer
	until      time.Time // when it can no longer be resumed, while the client is absent
	place      place
}

// journalSize is the memory of a journal without its events: with ids, maps and timer.
const journalSize = int(unsafe.Sizeof(Journal{})) + 450

// ID returns the client's public id.
func (j *Journal) ID() string { return j.id }

// PrivateID returns the id by which the client resumes: a secret of the client's.
func (j *Journal) PrivateID() string { return j.pid }

// incomplete reports whether events were lost that may have been for the client, see [Store.Forget].
func (j *Journal) incomplete() bool { return j.losses != j.store.losses.Load() }

// Start returns a position from which a client can resume that has not received any event yet. It
// is called before the first one is sent.
func (j *Journal) Start() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.ring.logged {
		j.known = j.ring.Next()
	}
	return Offset(j.known)
}

// Ring returns the ring of the client's namespace.
func (j *Journal) Ring() *Ring { return j.ring }

// Address is the client address by which absent clients are counted.
type Address struct {
	netip.Addr // the zero value for all that are unknown

	Guessed bool // it may be a proxy's
}

// AddressOf returns the address of the client that has sent a request.
func AddressOf(r *http.Request) Address {
	client := remote.Of(r)
	return Address{remote.Group(client.Addr), client.Guessed}
}

// Emit sends an event if the client is connected, and keeps it unless it is volatile.
func (j *Journal) Emit(m *Message, out *adapter.Outgoing) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return websockets.ErrClosed
	}
	if j.ring.logged {
		defer j.mu.Unlock()
		return j.emitLogged(m, out)
	}
	connected := j.live != nil
	var err error
	switch {
	case connected:
		if err = j.live.Send(m, out); errors.Is(err, websockets.ErrClosed) && !out.Volatile {
			err, connected = nil, false // the connection is ending: the client counts as absent
		}
	case out.Volatile:
		err = websockets.ErrQueueFull
	}
	full := err == nil && !j.append(m, out.Volatile, connected)
	if full {
		j.finish() // before others may resume it
	}
	j.mu.Unlock()
	if full {
		j.Close()
	}
	j.store.enforceTotal()
	return err
}

// append appends an event, of a volatile one only the position: the client may resume from
// it. It returns false when the client is absent and has missed too much. j.mu is held.
func (j *Journal) append(m *Message, volatile, connected bool) bool {
	size := j.kept.size()
	j.kept.push(m.Pos)
	j.count(size)
	j.bytes += positionSize
	if !volatile {
		j.ring.hold(m)
		j.bytes += m.Held
	}
	if connected && j.sent == j.kept.n-1 {
		j.sent++
	}
	for j.bytes > j.store.opts.MaxBytes {
		if j.sent == 0 { // only what was sent makes room
			return false
		}
		j.dropOldest()
	}
	return true
}

// dropOldest drops the oldest event, except for its position: the client may have received
// nothing later. j.mu is held.
func (j *Journal) dropOldest() {
	size := j.kept.size()
	j.known, j.knownAlias = j.kept.pop(), 0
	j.count(size)
	if j.aliases.n > 0 {
		size = j.aliases.size()
		j.knownAlias = j.aliases.pop()
		j.store.total.Add(int64(j.aliases.size() - size))
	}
	j.bytes -= positionSize + j.ring.release(j.known)
	j.sent--
	j.marks.dropped++
}

// dropSent drops all that was sent.
func (j *Journal) dropSent() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.sent > 0 {
		j.dropOldest()
	}
}

// count counts what has changed since kept had the size before. j.mu is held.
func (j *Journal) count(before int) {
	if d := j.kept.size() - before; d != 0 {
		j.store.total.Add(int64(d))
	}
}

// Trim drops what the client must have received on its connection live: it was sent before
// age, after which a heartbeat is answered. now is a stamp of the clock.
func (j *Journal) Trim(live Live, clock *wsconn.Clock, now int64, age time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live != live {
		return
	}
	for n := j.marks.before(now - int64(age)); n > 0 && j.sent > 0; n-- {
		j.dropOldest()
	}
	if j.sent > 0 && j.marks.due(clock.Coarse(), age) {
		j.marks.add(clock.Now(), j.sent)
	}
}

// Suspend keeps a client that has lost its connection. It returns false when the client
// cannot resume; then the caller must close the session.
func (j *Journal) Suspend(sess adapter.Session, why websockets.Reason) bool {
	switch why.Cause {
	case websockets.CauseTransportClose, websockets.CauseTransportError, websockets.CausePingTimeout, websockets.CauseMoved:
	case websockets.CauseShutdown: // it is parked at another node
		if j.store.handover == nil {
			j.Close()
			return false
		}
	default:
		j.Close()
		return false
	}
	j.mu.Lock()
	j.live = nil
	from := j.address
	j.mu.Unlock()
	suspension := sess.Suspend(why)
	j.store.add(j, from, suspension, j.store.opts.MaxDisconnection)
	j.store.enforceTotal()
	return true
}

// Close ends the journal: the client cannot resume.
func (j *Journal) Close() { j.closeAbsent(inAnyCase) }

// CloseFor ends the journal, unless its client has resumed on another connection than live.
func (j *Journal) CloseFor(live Live) {
	j.mu.Lock()
	own := j.last == live
	if own {
		j.finish() // from now on it cannot resume
	}
	j.mu.Unlock()
	if own {
		j.Close()
	}
}

// closeAbsent ends the journal if its client has been absent since it left as number left.
func (j *Journal) closeAbsent(left uint64) {
	if suspension := j.end(left); suspension != nil {
		suspension.Drop()
	}
}

// inAnyCase, as the number of a client that left, stands for every client.
const inAnyCase = 0

// end ends the journal as closeAbsent, and returns the suspension that the caller must drop;
// nil without one.
func (j *Journal) end(left uint64) adapter.Suspension {
	suspension, removed := j.store.remove(j, left)
	if removed {
		j.mu.Lock()
		j.finish()
		j.mu.Unlock()
	}
	return suspension
}

// finish drops what is kept, and the client cannot resume any more. j.mu is held.
func (j *Journal) finish() {
	if j.closed {
		return
	}
	j.closed = true
	for j.kept.n > 0 {
		j.dropOldest()
	}
	size := j.kept.size()
	j.dropAliases()
	j.kept, j.sent, j.live, j.last = positions{}, 0, nil, nil
	j.count(size)
	j.store.total.Add(-int64(journalSize))
	j.markAbsent()
}

// markAbsent closes j.absent, once; j.mu is held.
func (j *Journal) markAbsent() {
	select {
	case <-j.absent:
	default:
		close(j.absent)
	}
}

// SetSession sets the session of the journal's connection.
func (j *Journal) SetSession(sess adapter.Session) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sess = sess
}
