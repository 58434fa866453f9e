// Package hub has the clients and rooms of namespaces, and selects those to which something
// is sent.
package hub

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Member is a client in a namespace. It has a [Membership] of its own.
type Member interface {
	comparable
	ID() string
	Membership() *Membership
}

// Membership is the state of a client in its namespace. The zero value is ready to use.
type Membership struct {
	mu        sync.Mutex
	rooms     map[string]struct{} // guarded by mu
	left      bool                // guarded by mu
	suspended bool                // guarded by Namespace.suspendMu
}

// Rooms returns the client's rooms, sorted. After it has left they are those it was in.
func (m *Membership) Rooms() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.rooms))
}

// inAny reports whether the client is in one of rooms.
func (m *Membership) inAny(rooms []string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(rooms, func(r string) bool {
		_, in := m.rooms[r]
		return in
	})
}

// Selection selects clients of a namespace.
type Selection struct {
	Rooms       []string // in any of these; empty: all clients
	ExceptIDs   []string // without these clients
	ExceptRooms []string // and without those in any of these
}

// MaxRoomName is the maximum length of a room's name, in bytes.
const MaxRoomName = 1024

// Namespace is the clients and rooms of one concrete namespace. Clients that join and leave
// different rooms, and broadcasts to them, do not wait for each other: rooms are in shards
// with a lock each. Locks are taken in the order suspendMu, Membership.mu, mu, shard.mu.
type Namespace[M Member] struct {
	// suspendMu is held for writing while a client is suspended, resumed or dropped, so that
	// no broadcast misses it; for reading by all else.
	suspendMu sync.RWMutex

	mu      sync.RWMutex
	members map[M]struct{}

	seed   maphash.Seed
	shards [16]shard[M]
}

type shard[M Member] struct {
	mu    sync.RWMutex
	rooms map[string]map[M]struct{} // nil until a client joins
}

// New returns an empty namespace.
func New[M Member]() *Namespace[M] {
	return &Namespace[M]{members: map[M]struct{}{}, seed: maphash.MakeSeed()}
}

func (n *Namespace[M]) shard(room string) *shard[M] {
	return &n.shards[maphash.String(n.seed, room)%uint64(len(n.shards))]
}

// Add adds a client.
func (n *Namespace[M]) Add(c M) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members[c] = struct{}{}
}

// Join adds the client to rooms, to limit rooms in all. Errors: ErrClosed when it has left,
// ErrRoomName, ErrTooManyRooms; it has joined the rooms before the one that failed then.
func (n *Namespace[M]) Join(c M, limit int, rooms []string) error {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.suspended {
		return websockets.ErrClosed
	}
	for _, r := range rooms {
		if _, in := m.rooms[r]; in {
			continue
		}
		if len(r) > MaxRoomName {
			return websockets.ErrRoomName
		}
		if len(m.rooms) >= limit {
			return websockets.ErrTooManyRooms
		}
		if m.rooms == nil {
			m.rooms = map[string]struct{}{}
		}
		m.rooms[r] = struct{}{}
		n.shard(r).add(c, r)
	}
	return nil
}

func (s *shard[M]) add(c M, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms == nil {
		s.rooms = map[string]map[M]struct{}{}
	}
	set := s.rooms[room]
	if set == nil {
		set = map[M]struct{}{}
		s.rooms[room] = set
	}
	set[c] = struct{}{}
}

func (s *shard[M]) remove(c M, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.rooms[room]
	delete(set, c)
	if len(set) == 0 {
		delete(s.rooms, room)
	}
}

// Leave removes the client from rooms; a suspended one only withSuspended.
func (n *Namespace[M]) Leave(c M, rooms []string, withSuspended bool) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.suspended && !withSuspended {
		return // HandleDisconnect reads the rooms
	}
	for _, r := range rooms {
		if _, in := m.rooms[r]; in {
			delete(m.rooms, r)
			n.shard(r).remove(c, r)
		}
	}
}

// Remove removes the client, unless it is suspended, and reports whether the namespace is
// empty. Membership.Rooms still returns its rooms.
func (n *Namespace[M]) Remove(c M) (empty bool) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	if !c.Membership().suspended {
		n.remove(c)
	}
	return n.empty()
}

// Counts returns how many clients, suspended ones included, and rooms the namespace has.
func (n *Namespace[M]) Counts() (clients, rooms int) {
	n.mu.RLock()
	clients = len(n.members)
	n.mu.RUnlock()
	for i := range n.shards {
		s := &n.shards[i]
		s.mu.RLock()
		rooms += len(s.rooms)
		s.mu.RUnlock()
	}
	return clients, rooms
}

func (n *Namespace[M]) empty() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.members) == 0
}

// remove removes the client; n.suspendMu is held.
func (n *Namespace[M]) remove(c M) {
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return
	}
	m.left = true
	for r := range m.rooms {
		n.shard(r).remove(c, r)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.members, c)
}

// Select appends the selected clients to dst, suspended ones only withSuspended.
func (n *Namespace[M]) Select(dst []M, sel Selection, withSuspended bool) []M {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	found := len(dst)
	dst = n.inRooms(dst, sel.Rooms)
	return append(dst[:found], slices.DeleteFunc(dst[found:], func(c M) bool {
		m := c.Membership()
		return m.suspended && !withSuspended ||
			len(sel.ExceptIDs) > 0 && slices.Contains(sel.ExceptIDs, c.ID()) ||
			len(sel.ExceptRooms) > 0 && m.inAny(sel.ExceptRooms)
	})...)
}

// inRooms appends the clients in one of the rooms, or all clients without rooms.
func (n *Namespace[M]) inRooms(dst []M, rooms []string) []M {
	switch len(rooms) {
	case 0:
		n.mu.RLock()
		defer n.mu.RUnlock()
		dst = slices.Grow(dst, len(n.members))
		for c := range n.members {
			dst = append(dst, c)
		}
		return dst
	case 1:
		return n.shard(rooms[0]).appendTo(dst, rooms[0])
	}
	// A client in two of them is selected once, also when it moves between them meanwhile.
	seen := map[M]struct{}{}
	var in []M
	for _, r := range rooms {
		in = n.shard(r).appendTo(in[:0], r)
		for _, c := range in {
			if _, ok := seen[c]; !ok {
				seen[c] = struct{}{}
				dst = append(dst, c)
			}
		}
	}
	return dst
}

func (s *shard[M]) appendTo(dst []M, room string) []M {
	s.mu.RLock()
	defer s.mu.RUnlock()
	set := s.rooms[room]
	dst = slices.Grow(dst, len(set))
	for c := range set {
		dst = append(dst, c)
	}
	return dst
}
