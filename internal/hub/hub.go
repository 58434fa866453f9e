// Package hub has the clients and rooms of namespaces, and selects those to which something
// is sent.
package hub

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/core"
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

// In reports whether the client is in a room, and whether it has left.
func (m *Membership) In(room string) (in, left bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, in = m.rooms[room]
	return in, m.left
}

// inAny reports whether the client is in one of rooms.
func (m *Membership) inAny(rooms core.Names) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range rooms.Len() {
		if _, in := m.rooms[rooms.At(i)]; in {
			return true
		}
	}
	return false
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

	mu    sync.RWMutex
	list  []M              // the clients, see set
	index map[string]int32 // where they are in it, by id

	seed   maphash.Seed
	shards [16]shard[M]
}

type shard[M Member] struct {
	mu    sync.RWMutex
	rooms map[string]*set[M] // nil until a client joins
}

// New returns an empty namespace.
func New[M Member]() *Namespace[M] {
	return &Namespace[M]{index: map[string]int32{}, seed: maphash.MakeSeed()}
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
	n.put(c)
}

// put adds a client, in place of one with its id; n.mu is held.
func (n *Namespace[M]) put(c M) {
	id := c.ID()
	if i, ok := n.index[id]; ok {
		n.list[i] = c
		return
	}
	n.index[id] = int32(len(n.list))
	n.list = append(n.list, c)
}

// forget removes a client, unless it was replaced; n.mu is held.
func (n *Namespace[M]) forget(c M) {
	id := c.ID()
	if i, ok := n.index[id]; ok && n.list[i] == c {
		delete(n.index, id)
		if n.list = removeAt(n.list, i); int(i) < len(n.list) {
			n.index[n.list[i].ID()] = i
		}
	}
}

// Join adds the client to rooms, to limit rooms in all. Errors: ErrClosed when it has left,
// ErrRoomName, ErrTooManyRooms; it has joined the rooms before the one that failed then.
// joined is the rooms that are new, if report is set.
func (n *Namespace[M]) Join(c M, limit int, rooms []string, report bool) (joined []string, err error) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.suspended {
		return nil, websockets.ErrClosed
	}
	for _, r := range rooms {
		if _, in := m.rooms[r]; in {
			continue
		}
		if len(r) > MaxRoomName {
			return joined, websockets.ErrRoomName
		}
		if len(m.rooms) >= limit {
			return joined, websockets.ErrTooManyRooms
		}
		if m.rooms == nil {
			m.rooms = map[string]struct{}{}
		}
		m.rooms[r] = struct{}{}
		n.shard(r).add(c, r)
		if report {
			joined = append(joined, r)
		}
	}
	return joined, nil
}

func (s *shard[M]) add(c M, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms == nil {
		s.rooms = map[string]*set[M]{}
	}
	in := s.rooms[room]
	if in == nil {
		in = new(set[M])
		s.rooms[room] = in
	}
	in.add(c)
}

func (s *shard[M]) remove(c M, room string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := s.rooms[room]; in != nil {
		if in.remove(c); len(in.list) == 0 {
			delete(s.rooms, room)
		}
	}
}

// Leave removes the client from rooms; a suspended one only withSuspended. left is the rooms
// it was in, if report is set and it is not suspended.
func (n *Namespace[M]) Leave(c M, rooms []string, withSuspended, report bool) (left []string) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.suspended && !withSuspended {
		return nil // HandleDisconnect reads the rooms
	}
	for _, r := range rooms {
		if _, in := m.rooms[r]; in {
			delete(m.rooms, r)
			n.shard(r).remove(c, r)
			if report && !m.suspended {
				left = append(left, r)
			}
		}
	}
	return left
}

// Remove removes the client, unless it is suspended, and reports whether it was there and
// whether the namespace is empty. Membership.Rooms still returns its rooms.
func (n *Namespace[M]) Remove(c M) (was, empty bool) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	if !c.Membership().suspended {
		was = n.remove(c)
	}
	return was, n.empty()
}

// Counts returns how many clients, suspended ones included, and rooms the namespace has.
func (n *Namespace[M]) Counts() (clients, rooms int) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	n.mu.RLock()
	clients = len(n.list)
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
	return len(n.list) == 0
}

// remove removes the client, and reports whether it was there; n.suspendMu is held.
func (n *Namespace[M]) remove(c M) bool {
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return false
	}
	m.left = true
	for r := range m.rooms {
		n.shard(r).remove(c, r)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forget(c)
	return true
}

// Select appends the selected clients to dst, suspended ones only withSuspended.
func (n *Namespace[M]) Select(dst []M, sel core.Selection, withSuspended bool) []M {
	if sel.Empty() {
		return dst
	}
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	found := len(dst)
	dst = n.chosen(dst, sel)
	if !withSuspended || sel.ExceptIDs.Len()+sel.ExceptRooms.Len() > 0 {
		dst = append(dst[:found], slices.DeleteFunc(dst[found:], func(c M) bool {
			m := c.Membership()
			return m.suspended && !withSuspended ||
				sel.ExceptIDs.Len() > 0 && sel.ExceptIDs.Contains(c.ID()) ||
				sel.ExceptRooms.Len() > 0 && m.inAny(sel.ExceptRooms)
		})...)
	}
	return dst
}

// chosen appends the clients in one of the rooms or with one of the ids, or all clients.
func (n *Namespace[M]) chosen(dst []M, sel core.Selection) []M {
	switch {
	case !sel.Narrowed:
		n.mu.RLock()
		defer n.mu.RUnlock()
		return append(dst, n.list...)
	case sel.Rooms.Len() == 1 && sel.IDs.Len() == 0:
		return n.shard(sel.Rooms.At(0)).appendTo(dst, sel.Rooms.At(0))
	case sel.Rooms.Len() == 0 && sel.IDs.Len() == 1:
		if c, ok := n.byID(sel.IDs.At(0)); ok {
			dst = append(dst, c)
		}
		return dst
	}
	// A client in two of them is selected once, also when it moves between them meanwhile.
	seen := map[M]struct{}{}
	add := func(c M) {
		if _, ok := seen[c]; !ok {
			seen[c] = struct{}{}
			dst = append(dst, c)
		}
	}
	for i := range sel.IDs.Len() {
		if c, ok := n.byID(sel.IDs.At(i)); ok {
			add(c)
		}
	}
	var in []M
	for i := range sel.Rooms.Len() {
		r := sel.Rooms.At(i)
		in = n.shard(r).appendTo(in[:0], r)
		for _, c := range in {
			add(c)
		}
	}
	return dst
}

func (n *Namespace[M]) byID(id string) (M, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i, ok := n.index[id]
	if !ok {
		var none M
		return none, false
	}
	return n.list[i], true
}

func (s *shard[M]) appendTo(dst []M, room string) []M {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if in := s.rooms[room]; in != nil {
		dst = append(dst, in.list...)
	}
	return dst
}
