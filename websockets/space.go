package websockets

import (
	"hash/maphash"
	"slices"
	"sync"
)

// space is one concrete namespace of an endpoint: its clients and rooms. Clients
// that join and leave different rooms, and broadcasts to them, do not wait for each
// other: rooms are in shards, each with a lock. Locks are taken in the order gate,
// session.roomsMu, mu, shard.mu.
type space struct {
	// gate is held for writing while a client is suspended, comes back or expires, so
	// that no broadcast falls between; for reading by all else.
	gate sync.RWMutex

	mu      sync.RWMutex
	members map[*session]struct{}

	seed   maphash.Seed
	shards [16]shard
}

type shard struct {
	mu    sync.RWMutex
	rooms map[string]map[*session]struct{} // nil until somebody joins
}

const maxRoomName = 1024

func newSpace() *space {
	return &space{members: map[*session]struct{}{}, seed: maphash.MakeSeed()}
}

func (sp *space) shard(room string) *shard {
	return &sp.shards[maphash.String(sp.seed, room)%uint64(len(sp.shards))]
}

func (sp *space) add(s *session) {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.members[s] = struct{}{}
}

func (sp *space) join(s *session, limit int, rooms []string) error {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.outside || s.suspended {
		return ErrClosed
	}
	for _, r := range rooms {
		if _, in := s.rooms[r]; in {
			continue
		}
		if len(r) > maxRoomName {
			return ErrRoomName
		}
		if len(s.rooms) >= limit {
			return ErrTooManyRooms
		}
		if s.rooms == nil {
			s.rooms = map[string]struct{}{}
		}
		s.rooms[r] = struct{}{}
		sp.shard(r).put(s, r)
	}
	return nil
}

func (sh *shard) put(s *session, room string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.rooms == nil {
		sh.rooms = map[string]map[*session]struct{}{}
	}
	set := sh.rooms[room]
	if set == nil {
		set = map[*session]struct{}{}
		sh.rooms[room] = set
	}
	set[s] = struct{}{}
}

func (sh *shard) drop(s *session, room string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	set := sh.rooms[room]
	delete(set, s)
	if len(set) == 0 {
		delete(sh.rooms, room)
	}
}

// leave takes s out of rooms, if it is suspended only with evenSuspended.
func (sp *space) leave(s *session, rooms []string, evenSuspended bool) {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.outside || s.suspended && !evenSuspended {
		return // s.rooms is a memory for HandleDisconnect now
	}
	for _, r := range rooms {
		if _, in := s.rooms[r]; in {
			delete(s.rooms, r)
			sp.shard(r).drop(s, r)
		}
	}
}

// remove takes s out of everything, unless it is suspended; s.rooms stays
// readable for HandleDisconnect. It reports whether the space is empty.
func (sp *space) remove(s *session) bool {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	if !s.suspended {
		sp.erase(s)
	}
	return sp.empty()
}

func (sp *space) empty() bool {
	sp.mu.RLock()
	defer sp.mu.RUnlock()
	return len(sp.members) == 0
}

// erase takes s out of everything; sp.gate is held.
func (sp *space) erase(s *session) {
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	if s.outside {
		return
	}
	s.outside = true
	for r := range s.rooms {
		sp.shard(r).drop(s, r)
	}
	sp.mu.Lock()
	defer sp.mu.Unlock()
	delete(sp.members, s)
}

func (s *session) roomNames() []string {
	s.roomsMu.Lock()
	out := make([]string, 0, len(s.rooms))
	for r := range s.rooms {
		out = append(out, r)
	}
	s.roomsMu.Unlock()
	slices.Sort(out)
	return out
}

// inAny reports whether the client is in one of rooms.
func (s *session) inAny(rooms []string) bool {
	s.roomsMu.Lock()
	defer s.roomsMu.Unlock()
	return slices.ContainsFunc(rooms, func(r string) bool {
		_, in := s.rooms[r]
		return in
	})
}

// selected appends the clients that b selects, and, with evenSuspended, those
// who may come back.
func (sp *space) selected(dst []*session, b *broadcast, evenSuspended bool) []*session {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	found := len(dst)
	dst = sp.candidates(dst, b.rooms)
	return append(dst[:found], slices.DeleteFunc(dst[found:], func(s *session) bool {
		return s.suspended && !evenSuspended || slices.Contains(b.except, s) ||
			s.recovered && b.excepts(s.ID()) || len(b.exceptRooms) > 0 && s.inAny(b.exceptRooms)
	})...)
}

// candidates appends who is in one of the rooms, or everybody where there are none.
func (sp *space) candidates(dst []*session, rooms []string) []*session {
	switch len(rooms) {
	case 0:
		sp.mu.RLock()
		defer sp.mu.RUnlock()
		dst = slices.Grow(dst, len(sp.members))
		for s := range sp.members {
			dst = append(dst, s)
		}
		return dst
	case 1:
		return sp.shard(rooms[0]).appendTo(dst, rooms[0])
	}
	// Who is in two of them gets it once, also when it moves between them meanwhile.
	seen := map[*session]struct{}{}
	var in []*session
	for _, r := range rooms {
		in = sp.shard(r).appendTo(in[:0], r)
		for _, s := range in {
			if _, ok := seen[s]; !ok {
				seen[s] = struct{}{}
				dst = append(dst, s)
			}
		}
	}
	return dst
}

func (sh *shard) appendTo(dst []*session, room string) []*session {
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	set := sh.rooms[room]
	dst = slices.Grow(dst, len(set))
	for s := range set {
		dst = append(dst, s)
	}
	return dst
}
