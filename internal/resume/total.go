package resume

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// share is what one address holds of the store.
type share struct {
	journals []held
	bytes    float64
}

// held is a journal with the time at which its client left; 0 while it is connected.
type held struct {
	j    *Journal
	left uint64
}

// enforceTotal drops what is over MaxTotalBytes, and an eighth more, so that it is rare. The
// address that holds most loses first: its absent clients in the order in which they left,
// and then what its connected clients were sent. An event of several clients counts for
// each with its part. No lock must be held.
func (store *Store) enforceTotal() {
	switch total := store.total.Load(); {
	case total <= store.opts.MaxTotalBytes:
		if store.remains.Load() > 0 {
			store.remains.Store(0)
		}
		return
	case total <= store.remains.Load():
		return
	}
	store.totalMu.Lock() // others that add events wait
	dropped := store.evict()
	store.totalMu.Unlock()
	for _, suspension := range dropped { // calls the framework
		suspension.Drop()
	}
}

// evict ends journals until the total is small enough. It returns suspensions that the
// caller must drop. store.totalMu is held.
func (store *Store) evict() (dropped []adapter.Suspension) {
	most := store.opts.MaxTotalBytes
	if total := store.total.Load(); total <= most || total <= store.remains.Load() {
		return nil // another one has done it
	}
	dropped = store.dropUntil(most-most/8, store.shares())
	if total := store.total.Load(); total > most { // connected clients without events: do not try for each event again
		store.remains.Store(total + most/8)
	}
	return dropped
}

// dropUntil drops what the shares hold, in their order, until the total is small enough.
func (store *Store) dropUntil(goal int64, shares []*share) (dropped []adapter.Suspension) {
	for _, s := range shares {
		for _, held := range s.journals {
			if store.total.Load() <= goal {
				return dropped
			}
			if held.left == 0 {
				held.j.dropSent()
			} else if suspension := held.j.end(held.left); suspension != nil {
				dropped = append(dropped, suspension)
			}
		}
	}
	return dropped
}

// shares returns what each address holds, the largest first.
func (store *Store) shares() []*share {
	store.mu.Lock()
	all := make([]held, 0, len(store.journals))
	for _, j := range store.journals {
		all = append(all, held{j, j.place.left})
	}
	store.mu.Unlock()
	slices.SortFunc(all, func(a, b held) int { return cmp.Compare(a.left-1, b.left-1) }) // connected ones last
	byAddress := map[netip.Addr]*share{}
	shares := make([]*share, 0, 16)
	for _, held := range all {
		from, bytes := held.j.share()
		s := byAddress[from.Addr]
		if s == nil {
			s = &share{}
			byAddress[from.Addr] = s
			shares = append(shares, s)
		}
		s.journals = append(s.journals, held)
		s.bytes += bytes
	}
	slices.SortFunc(shares, func(a, b *share) int { return cmp.Compare(b.bytes, a.bytes) })
	return shares
}

// share returns the address of a journal's client, and the bytes that it holds: its part of
// each event.
func (j *Journal) share() (Address, float64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	bytes := float64(journalSize + j.kept.size())
	for pos := range j.kept.all {
		if m := j.ring.at(pos); m != nil {
			bytes += float64(m.Held) / float64(max(1, m.holders.Load()))
		}
	}
	return j.address, bytes
}
