package resume

import "github.com/gatehouse-go/gatehouse/websockets/adapter"

// What tests of platforms look at.

// Options returns the options, to be changed while no client uses them.
func (store *Store) Options() *adapter.Recovery { return &store.opts }

// Bytes returns how many bytes are counted.
func (store *Store) Bytes() int64 { return store.total.Load() }

// Sizes returns how many journals, absent clients and rings there are.
func (store *Store) Sizes() (journals, absent, rings int) {
	store.mu.Lock()
	defer store.mu.Unlock()
	return len(store.journals), store.absent.n, len(store.rings)
}

// Settled reports whether no client, or an absent one, has a private id.
func (store *Store) Settled(pid string) bool {
	store.mu.Lock()
	defer store.mu.Unlock()
	j := store.journals[pid]
	return j == nil || j.suspension != nil
}

// Kept returns how many events are kept, the bytes that they count for, and the offset before them.
func (j *Journal) Kept() (events, bytes int, known string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.kept.n, j.bytes, Offset(j.known)
}

// Last returns the offset of the newest event.
func (r *Ring) Last() string { return Offset(r.last.Load()) }

// PositionSize is how many bytes a volatile event counts for.
const PositionSize = positionSize
