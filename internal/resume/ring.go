package resume

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Ring keeps the events of one namespace that clients may still miss: each once, by its
// position, until no journal holds it. A position is also the offset that clients receive
// with the event. It is safe for concurrent use.
type Ring struct {
	total    *atomic.Int64 // of Store: bytes held by all rings and journals
	last     atomic.Uint64 // the newest position
	journals int           // guarded by Store.mu
	logged   bool          // positions are those of a log, which has the events

	mu     sync.RWMutex
	blocks map[uint64]*block // by position/blockLen
	// sources has the positions of events that nodes have parked, by their sources: clients of one node share them.
	sources map[string]uint64
}

// block has the events of positions that follow each other. A block without events is
// dropped, so that one old event does not hold the places of all later ones.
type block struct {
	events [blockLen]*Message
	used   int
}

const (
	blockLen  = 32
	blockSize = int(unsafe.Sizeof(block{})) + 56 // rounded up by the allocator, and its place in the map
)

// newRing returns a ring whose positions start anywhere: clients keep an old offset until they
// receive an event, and one of another ring must not be a position of this one.
func newRing(total *atomic.Int64) *Ring {
	r := &Ring{total: total, blocks: map[uint64]*block{}}
	r.last.Store(rand.Uint64N(1 << (positionBits - 2))) //nolint:gosec // it need not be secret
	return r
}

// Next returns the position of a new event.
func (r *Ring) Next() uint64 { return r.last.Add(1) }

// Offset returns a position as clients receive it.
func Offset(pos uint64) string { return strconv.FormatUint(pos, 36) }

// positionOf returns the position of a client's offset; 0 if it is none.
func positionOf(text string) uint64 {
	pos, err := strconv.ParseUint(text, 36, positionBits)
	if err != nil || Offset(pos) != text {
		return 0
	}
	return pos
}

// hold keeps an event for one more journal.
func (r *Ring) hold(m *Message) {
	for n := m.holders.Load(); n > 0; n = m.holders.Load() {
		if m.holders.CompareAndSwap(n, n+1) {
			return
		}
	}
	r.mu.Lock() // holders changes from and to 0 with the lock held only
	defer r.mu.Unlock()
	if m.holders.Add(1) > 1 {
		return
	}
	b := r.blocks[m.Pos/blockLen]
	size := m.Held
	if b == nil {
		b = &block{}
		r.blocks[m.Pos/blockLen] = b
		size += blockSize
	}
	b.events[m.Pos%blockLen] = m
	b.used++
	r.total.Add(int64(size))
}

// sourceSize is the memory of an entry of sources beside its text, about.
const sourceSize = 48

// share has m be found by its source while a journal holds it.
func (r *Ring) share(m *Message) {
	if m.source == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.sources[m.source]; known || m.holders.Load() == 0 {
		return
	}
	if r.sources == nil {
		r.sources = map[string]uint64{}
	}
	r.sources[m.source] = m.Pos
	r.total.Add(int64(len(m.source) + sourceSize))
}

// shared returns the event with a source; nil if no journal holds it.
func (r *Ring) shared(source string) *Message {
	r.mu.RLock()
	defer r.mu.RUnlock()
	pos, known := r.sources[source]
	if !known {
		return nil
	}
	return r.blocks[pos/blockLen].events[pos%blockLen]
}

// at returns the event at a position; nil if no journal holds one.
func (r *Ring) at(pos uint64) *Message {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if b := r.blocks[pos/blockLen]; b != nil {
		return b.events[pos%blockLen]
	}
	return nil
}

// release ends the hold of one journal on the event at a position, and returns the bytes
// that the event counted for; 0 without one.
func (r *Ring) release(pos uint64) int {
	m := r.at(pos)
	if m == nil {
		return 0
	}
	for n := m.holders.Load(); n > 1; n = m.holders.Load() {
		if m.holders.CompareAndSwap(n, n-1) {
			return m.Held
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.holders.Add(-1) > 0 {
		return m.Held
	}
	b := r.blocks[pos/blockLen]
	size := m.Held
	if m.source != "" && r.sources[m.source] == pos {
		delete(r.sources, m.source)
		size += len(m.source) + sourceSize
	}
	b.events[pos%blockLen] = nil
	if b.used--; b.used == 0 {
		delete(r.blocks, pos/blockLen)
		size += blockSize
	}
	r.total.Add(-int64(size))
	return m.Held
}
