package resume

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Store has the journals of a server's clients, and keeps absent clients until
// they reconnect or time out. It is safe for concurrent use.
type Store struct {
	opts     adapter.Recovery
	handover adapter.Handover // nil when clients do not move between nodes
	prefix   string           // of private ids
	log      adapter.Log      // the handover, if clients are recovered by a log; otherwise nil

	total  atomic.Int64  // bytes held by all rings and journals
	losses atomic.Uint64 // how often Forget was called

	totalMu sync.Mutex   // held while enforceTotal selects what to drop
	remains atomic.Int64 // over MaxTotalBytes: what is left although all is dropped, and an eighth more; 0 otherwise

	mu       sync.Mutex
	rings    map[string]*Ring    // by namespace, while it has journals
	journals map[string]*Journal // by private id: of connected and of absent clients
	absent   holders
	closed   bool
}

// New returns the store of a server; opts are complete, see [Complete]. handover is nil when
// clients do not move between nodes.
func New(opts adapter.Recovery, handover adapter.Handover) *Store {
	store := &Store{opts: opts, rings: map[string]*Ring{}, journals: map[string]*Journal{}}
	if handover != nil && opts.SameClient == nil { // which needs the client and the handshake in one process
		store.handover, store.prefix = handover, handover.Prefix()
		store.log, _ = handover.(adapter.Log)
	}
	return store
}

// Moves reports whether clients move to other nodes and from them.
func (store *Store) Moves() bool { return store.handover != nil }

// Forget has the clients of all journals not be recovered: events were lost that may have been for them.
func (store *Store) Forget() { store.losses.Add(1) }

// NewJournal returns the journal of a new client, whose private id ends with suffix.
func (store *Store) NewJournal(live Live, id, namespace, suffix string, from Address) *Journal {
	return store.newJournal(live, store.prefix+rand.Text()+suffix, id, namespace, from)
}

func (store *Store) newJournal(live Live, pid, id, namespace string, from Address) *Journal {
	j := &Journal{
		store: store, pid: pid, id: id, namespace: namespace, live: live, last: live, address: from,
		absent: make(chan struct{}), losses: store.losses.Load(),
	}
	store.total.Add(int64(journalSize))
	store.mu.Lock()
	defer store.mu.Unlock()
	if j.ring = store.rings[namespace]; j.ring == nil {
		j.ring = newRing(&store.total)
		j.ring.logged = store.log != nil
		store.rings[namespace] = j.ring
	}
	j.ring.journals++
	if store.log != nil {
		j.known = store.log.Position()
	}
	store.journals[j.pid] = j
	return j
}

// remove removes a journal, unless its client has resumed since it left as number left. It
// returns the suspension; nil when the client is not absent.
func (store *Store) remove(j *Journal, left uint64) (_ adapter.Suspension, removed bool) {
	store.mu.Lock()
	defer store.mu.Unlock()
	if left != inAnyCase && j.place.left != left {
		return nil, false
	}
	if store.journals[j.pid] == j {
		delete(store.journals, j.pid)
		if j.ring.journals--; j.ring.journals == 0 {
			delete(store.rings, j.namespace)
		}
	}
	return store.take(j), true
}

// add keeps an absent client for some time, MaxDisconnection at most.
func (store *Store) add(j *Journal, from Address, suspension adapter.Suspension, left time.Duration) {
	store.mu.Lock()
	var evicted *Journal
	var dropped adapter.Suspension
	keep := suspension != nil && !store.closed && store.journals[j.pid] == j
	if keep {
		j.suspension = suspension
		h := store.absent.add(j, from)
		number := j.place.left
		left = max(0, min(left, store.opts.MaxDisconnection))
		j.until = time.Now().Add(left)
		j.timer = time.AfterFunc(left, func() { j.closeAbsent(number) })
		switch {
		case from.IsValid() && !from.Guessed && h.journals.Len() > store.opts.MaxClientsPerAddress:
			evicted = h.oldest()
		case store.absent.n > store.opts.MaxClients:
			evicted = store.absent.largest().oldest()
		}
		if evicted != nil {
			dropped = store.take(evicted) // now: otherwise others that leave would evict the same one
		}
	}
	store.mu.Unlock()
	j.mu.Lock()
	j.markAbsent()
	j.mu.Unlock()
	if keep && store.handover != nil {
		store.handover.Suspended(suspension, j.pid)
	}
	switch {
	case !keep:
		if suspension != nil {
			suspension.Drop()
		}
		j.Close()
	case evicted != nil:
		evicted.Close()
		dropped.Drop()
	}
}

// take removes an absent client and returns its suspension; nil when it is not absent.
// store.mu is held.
func (store *Store) take(j *Journal) adapter.Suspension {
	suspension := j.suspension
	if suspension == nil {
		return nil
	}
	j.suspension = nil
	j.timer.Stop()
	store.absent.remove(j)
	return suspension
}

// Close drops all absent clients.
func (store *Store) Close() {
	store.mu.Lock()
	store.closed = true
	absent := store.absent.all()
	store.mu.Unlock()
	for _, held := range absent {
		held.j.closeAbsent(held.left)
	}
}
