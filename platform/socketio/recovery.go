package socketio

import (
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// recoveryStore has the journals of a server's clients, and keeps absent clients until
// they reconnect or time out.
type recoveryStore struct {
	opts     Recovery
	handover adapter.Handover // nil when clients do not move between nodes
	prefix   string           // of private ids

	total atomic.Int64 // bytes held by all rings and journals

	totalMu sync.Mutex   // held while enforceTotal selects what to drop
	remains atomic.Int64 // over MaxTotalBytes: what is left although all is dropped, and an eighth more; 0 otherwise

	mu       sync.Mutex
	rings    map[string]*ring    // by namespace, while it has journals
	journals map[string]*journal // by private id: of connected and of absent clients
	former   map[string]*journal // by the private id that a client had at another node
	absent   holders
	closed   bool
}

func newRecoveryStore(opts Recovery, handover adapter.Handover) *recoveryStore {
	store := &recoveryStore{opts: opts, rings: map[string]*ring{}, journals: map[string]*journal{}, former: map[string]*journal{}}
	if handover != nil && opts.SameClient == nil { // which needs the client and the handshake in one process
		store.handover, store.prefix = handover, handover.Prefix()
	}
	return store
}

func (store *recoveryStore) newJournal(s *socket) *journal {
	j := &journal{
		store: store, pid: store.prefix + rand.Text(), id: s.id, namespace: s.namespace, live: s, address: s.conn.address(),
		absent: make(chan struct{}),
	}
	store.total.Add(int64(journalSize))
	store.mu.Lock()
	defer store.mu.Unlock()
	if j.ring = store.rings[s.namespace]; j.ring == nil {
		j.ring = newRing(&store.total)
		store.rings[s.namespace] = j.ring
	}
	j.ring.journals++
	store.journals[j.pid] = j
	return j
}

// remove removes a journal, unless its client has resumed since it left as number left. It
// returns the suspension; nil when the client is not absent.
func (store *recoveryStore) remove(j *journal, left uint64) (_ adapter.Suspension, removed bool) {
	store.mu.Lock()
	defer store.mu.Unlock()
	if left != inAnyCase && j.place.left != left {
		return nil, false
	}
	if store.journals[j.pid] == j {
		delete(store.journals, j.pid)
		if j.former != "" && store.former[j.former] == j {
			delete(store.former, j.former)
		}
		if j.ring.journals--; j.ring.journals == 0 {
			delete(store.rings, j.namespace)
		}
	}
	return store.take(j), true
}

// add keeps an absent client until MaxDisconnection has passed.
func (store *recoveryStore) add(j *journal, from address, suspension adapter.Suspension) {
	store.mu.Lock()
	var evicted *journal
	var dropped adapter.Suspension
	keep := suspension != nil && !store.closed && store.journals[j.pid] == j
	if keep {
		j.suspension = suspension
		h := store.absent.add(j, from)
		left := j.place.left
		j.timer = time.AfterFunc(store.opts.MaxDisconnection, func() { j.closeAbsent(left) })
		switch {
		case from.IsValid() && !from.guessed && h.journals.Len() > store.opts.MaxClientsPerAddress:
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
	store.absent.remove(j)
	return suspension
}

// close drops all absent clients.
func (store *recoveryStore) close() {
	store.mu.Lock()
	store.closed = true
	absent := store.absent.all()
	store.mu.Unlock()
	for _, held := range absent {
		held.j.closeAbsent(held.left)
	}
}
