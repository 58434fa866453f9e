package resume

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Resumption is the attempt of a client to resume an earlier session.
type Resumption struct {
	store      *Store
	j          *Journal           // nil for a client of another node
	key        string             // the private id
	offset     string             // as the client has sent it
	pos        uint64             // that of the last event that the client has received
	absent     chan struct{}      // of the journal when it was found: replaced once a client has resumed
	suspension adapter.Suspension // set by Claim
	resumed    bool
	arrival    adapter.Arrival // of a client of another node, set by Claim
}

// privateIDSize is the length of a private id without the prefix of the node that has made it: that of rand.Text.
const privateIDSize = 26

// Find returns the resumption that a client requests, by its private id and the offset of the last event that it has
// received; nil without such a journal here, and without a node that may have it. It does not change the journal, because the
// client may be another one. The private id must end with suffix.
func (store *Store) Find(pid, offset, namespace, suffix string) *Resumption {
	if !strings.HasSuffix(pid, suffix) {
		return nil
	}
	if r := store.findHere(pid, offset, namespace); r != nil && store.log == nil {
		return r
	}
	if pos := positionOf(offset); store.handover != nil && len(pid) == len(store.prefix)+privateIDSize+len(suffix) && pos != 0 {
		return &Resumption{store: store, key: pid, offset: offset, pos: pos}
	}
	return nil
}

// findHere returns the resumption of a client of this node; nil without one.
func (store *Store) findHere(pid, offset, namespace string) *Resumption {
	store.mu.Lock()
	j := store.journals[pid]
	store.mu.Unlock()
	if j == nil || j.namespace != namespace {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return &Resumption{store: store, j: j, key: pid, offset: offset, pos: positionOf(offset), absent: j.absent}
}

// Claim takes over the journal for a client that has passed the checks of ep. It reports whether
// the journal is the client's own and has all that it missed. Call it once.
func (r *Resumption) Claim(ctx context.Context, ep adapter.Endpoint, h *adapter.Handshake) bool {
	if r.j != nil && r.reconnect(ctx, h) {
		return true
	}
	if r.store.handover == nil {
		return false
	}
	if r.arrival = r.store.handover.Claim(ctx, ep, h, r.key, r.offset); r.arrival != nil {
		return true
	}
	if r.store.log != nil {
		return false
	}
	again := r.store.findHere(r.key, r.offset, h.Namespace) // it was on its way here, or has stayed here
	if again == nil {
		return false
	}
	*r = *again
	return r.reconnect(ctx, h)
}

// reconnect is Claim for a client of this node.
func (r *Resumption) reconnect(ctx context.Context, h *adapter.Handshake) bool {
	why := websockets.Reason{Cause: websockets.CauseTransportClose, Text: "the client reconnected"}
	return r.take(ctx, why, func(old adapter.Session) bool { return old.Same(h, r.store.opts.SameClient) })
}

// take is Claim for a client of this node, of whose session same reports whether it is the client's. An open connection is
// closed for the reason why.
func (r *Resumption) take(ctx context.Context, why websockets.Reason, same func(adapter.Session) bool) bool {
	j, store := r.j, r.store
	j.mu.Lock()
	live := j.live
	j.mu.Unlock()
	if live != nil { // the client sees CONNECT slightly before its session is set
		live.AwaitBinding()
	}
	j.mu.Lock()
	sess := j.sess
	if j.absent != r.absent {
		sess = nil
	}
	j.mu.Unlock()
	if sess == nil || !same(sess) || !j.closeLive(ctx, why) {
		return false
	}
	store.mu.Lock()
	r.suspension = store.take(j)
	store.mu.Unlock()
	if r.suspension == nil {
		return false
	}
	j.mu.Lock()
	known := r.received() >= 0 || r.offset == "" && !j.closed && !j.incomplete() // it is to be parked
	j.mu.Unlock()
	if !known { // dropped meanwhile
		r.Abandon()
	}
	return known
}

// closeLive ends the old connection of a client that reconnects before the server noticed
// its loss, and waits until the journal's client is absent.
func (j *Journal) closeLive(ctx context.Context, why websockets.Reason) bool {
	j.mu.Lock()
	live, absent := j.live, j.absent
	j.mu.Unlock()
	if live != nil {
		live.Abort(why)
	}
	select {
	case <-absent:
		return true
	case <-ctx.Done():
		return false
	}
}

// received returns how many of the kept events the client has; -1 if it may miss others.
// journal.mu is held.
func (r *Resumption) received() int {
	if r.pos == 0 || r.j.incomplete() {
		return -1
	}
	if r.pos == r.j.known || r.pos == r.j.knownAlias {
		return 0
	}
	if i := r.j.kept.index(r.pos); i >= 0 {
		return i + 1
	}
	if i := r.j.aliases.index(r.pos); i >= 0 {
		return i + 1
	}
	return -1
}

// Resumed reports whether Replay has returned true.
func (r *Resumption) Resumed() bool { return r.resumed }

// Suspension returns that of the client; nil before Claim, and for a client of another node.
func (r *Resumption) Suspension() adapter.Suspension { return r.suspension }

// Arrival returns the client of another node that Claim has found; nil without one.
func (r *Resumption) Arrival() adapter.Arrival { return r.arrival }

// Replay makes live the connection of the client, by answer, which sends the client its old ids, and sends what the client
// has missed. It returns false when the client cannot resume, or answer has returned false.
func (r *Resumption) Replay(live Live, from Address, answer func(*Journal) bool) bool {
	j := r.j
	j.mu.Lock()
	defer j.mu.Unlock()
	n := r.received()
	if n < 0 || j.closed { // it has missed too much by now
		return false
	}
	if !answer(j) {
		return false
	}
	j.absent = make(chan struct{})
	j.live, j.last, j.address = live, live, from
	for range n {
		j.dropOldest()
	}
	j.dropAliases()
	j.sent = 0
	j.marks.reset()
	for pos := range j.kept.all {
		if m := j.ring.at(pos); m != nil && live.Replay(m) != nil {
			break // the connection has ended again
		}
		j.sent++
	}
	r.resumed = true
	return true
}

// Keep has the client be absent as before Claim, because its new connection has ended before it was sent anything.
func (r *Resumption) Keep() {
	switch {
	case r.arrival != nil:
		r.arrival.Drop()
	case !r.resumed && r.suspension != nil:
		r.j.keep(r.suspension)
		r.suspension = nil
	}
}

// keep has a client that was not resumed after all be absent as before.
func (j *Journal) keep(suspension adapter.Suspension) {
	j.store.mu.Lock()
	left := time.Until(j.until)
	j.store.mu.Unlock()
	j.mu.Lock()
	from := j.address
	j.mu.Unlock()
	j.store.add(j, from, suspension, left)
}

// Abandon drops the journal when the client was not resumed after all.
func (r *Resumption) Abandon() {
	switch {
	case r.arrival != nil:
		r.arrival.Drop()
	case !r.resumed && r.suspension != nil:
		r.j.Close()
		r.suspension.Drop()
	}
}
