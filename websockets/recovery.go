package websockets

import "maps"

// A suspended client stays in its space and its rooms as the session that it
// was: that is what makes leaving and coming back one step each, between which
// no broadcast falls.

type suspension struct{ s *session }

var _ Suspension = suspension{}

func (s *session) Suspend(r Reason) Suspension {
	if !s.suspend() {
		s.Closed(r)
		return nil
	}
	s.left(r)
	return suspension{s}
}

// suspend reports whether the client may come back.
func (s *session) suspend() bool {
	rt := s.ep.rt
	rt.mu.Lock() // so that a stop finds every suspended client
	defer rt.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if rt.stopping || !s.open || s.cut || s.leaving || s.reason != (Reason{}) {
		return false
	}
	s.cut, s.mayReturn = true, true
	s.hooksDone = make(chan struct{})
	s.space.gate.Lock()
	s.suspended = true
	s.space.gate.Unlock()
	return true
}

func (p suspension) Drop() { p.s.ep.expire(p.s) }

func (p suspension) Resume(conn Conn, h *Handshake) Session {
	old := p.s
	rt := old.ep.rt
	s := newSession(old.ep, conn, h)
	s.recovered, s.former = true, old
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.stopping || h.Namespace != old.hs.Namespace || !old.space.replace(old, s) {
		s.cancel(ErrClosed)
		return nil
	}
	rt.sessions[s] = struct{}{}
	go s.start()
	return s
}

// replace puts s into the place of a suspended client, and reports whether
// there was one.
func (sp *space) replace(old, s *session) bool {
	sp.gate.Lock()
	defer sp.gate.Unlock()
	if !old.suspended {
		return false
	}
	old.roomsMu.Lock()
	s.space, s.rooms = sp, maps.Clone(old.rooms) // the old one's are for its HandleDisconnect
	old.roomsMu.Unlock()
	s.hs.values.Inherit(&old.hs.values)
	sp.members[s] = struct{}{}
	for r := range s.rooms {
		sp.shard(r).put(s, r)
	}
	sp.erase(old)
	old.suspended = false
	return true
}

// expire takes a suspended client out of everything, and reports whether it was
// there, and whether the space is empty.
func (sp *space) expire(s *session) (was, empty bool) {
	sp.gate.Lock()
	defer sp.gate.Unlock()
	if was = s.suspended; was {
		s.suspended = false
		sp.erase(s)
	}
	return was, sp.empty()
}

// dropSuspended forgets everybody who might have come back. No one is added
// once the stop has begun.
func (rt *Runtime) dropSuspended() {
	for _, srv := range rt.servers {
		for _, e := range srv.endpoints {
			for _, sp := range e.spacesOf("") {
				for _, s := range sp.suspendedOnes() {
					e.expire(s)
				}
			}
		}
	}
}

func (sp *space) suspendedOnes() (all []*session) {
	sp.gate.RLock()
	defer sp.gate.RUnlock()
	sp.mu.RLock()
	defer sp.mu.RUnlock()
	for s := range sp.members {
		if s.suspended {
			all = append(all, s)
		}
	}
	return all
}
