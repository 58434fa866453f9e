package websockets

import (
	"slices"
	"sync"
)

// space is one concrete namespace of an endpoint: its clients and rooms.
type space struct {
	mu      sync.RWMutex
	members map[*session]struct{}
	rooms   map[string]map[*session]struct{}
}

func newSpace() *space {
	return &space{members: map[*session]struct{}{}, rooms: map[string]map[*session]struct{}{}}
}

func (sp *space) join(s *session, limit int, rooms []string) error {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if _, ok := sp.members[s]; !ok || s.suspended {
		return ErrClosed
	}
	for _, r := range rooms {
		if _, in := s.rooms[r]; in {
			continue
		}
		if len(s.rooms) >= limit {
			return ErrTooManyRooms
		}
		if s.rooms == nil {
			s.rooms = map[string]struct{}{}
		}
		s.rooms[r] = struct{}{}
		set := sp.rooms[r]
		if set == nil {
			set = map[*session]struct{}{}
			sp.rooms[r] = set
		}
		set[s] = struct{}{}
	}
	return nil
}

// leave takes s out of rooms, if it is suspended only with evenSuspended.
func (sp *space) leave(s *session, rooms []string, evenSuspended bool) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if _, ok := sp.members[s]; !ok || s.suspended && !evenSuspended {
		return // s.rooms is a memory for HandleDisconnect now
	}
	for _, r := range rooms {
		if _, in := s.rooms[r]; in {
			delete(s.rooms, r)
			sp.drop(s, r)
		}
	}
}

func (sp *space) drop(s *session, room string) {
	set := sp.rooms[room]
	delete(set, s)
	if len(set) == 0 {
		delete(sp.rooms, room)
	}
}

// remove takes s out of everything, unless it is suspended; s.rooms stays
// readable for HandleDisconnect. It reports whether the space is empty.
func (sp *space) remove(s *session) bool {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if !s.suspended {
		sp.erase(s)
	}
	return len(sp.members) == 0
}

func (sp *space) erase(s *session) {
	if _, ok := sp.members[s]; ok {
		delete(sp.members, s)
		for r := range s.rooms {
			sp.drop(s, r)
		}
	}
}

func (sp *space) roomsOf(s *session) []string {
	sp.mu.RLock()
	out := make([]string, 0, len(s.rooms))
	for r := range s.rooms {
		out = append(out, r)
	}
	sp.mu.RUnlock()
	slices.Sort(out)
	return out
}

// selected appends the clients that b selects, and, with evenSuspended, those
// who may come back.
func (sp *space) selected(dst []*session, b *broadcast, evenSuspended bool) []*session {
	sp.mu.RLock()
	defer sp.mu.RUnlock()
	take := func(s *session) {
		if s.suspended && !evenSuspended {
			return
		}
		for _, r := range b.exceptRooms {
			if _, in := s.rooms[r]; in {
				return
			}
		}
		if slices.Contains(b.except, s) || s.recovered && b.excepts(s.ID()) {
			return
		}
		dst = append(dst, s)
	}
	if len(b.rooms) == 0 {
		for s := range sp.members {
			take(s)
		}
		return dst
	}
	for i, r := range b.rooms {
	next:
		for s := range sp.rooms[r] {
			for _, earlier := range b.rooms[:i] { // in two of the rooms: once
				if _, in := s.rooms[earlier]; in {
					continue next
				}
			}
			take(s)
		}
	}
	return dst
}
