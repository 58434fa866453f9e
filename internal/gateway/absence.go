package gateway

import (
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// absence implements [adapter.Suspension] for a client with a record: its session has ended.
type absence struct{ r *sessionRecord }

// Resume implements [adapter.Suspension]: a client with a record resumes by it.
func (absence) Resume(adapter.Conn, *adapter.Handshake) adapter.Session { return nil }

// Drop implements [adapter.Suspension]. A stop keeps the records: the client resumes at another node.
func (a absence) Drop() {
	rt := a.r.h.rt
	rt.mu.Lock()
	stopping := rt.stopping
	rt.mu.Unlock()
	if stopping {
		return
	}
	a.r.mu.Lock()
	absent := a.r.state == recordAbsent
	a.r.state = recordOver
	a.r.mu.Unlock()
	a.r.disown()
	if absent {
		a.r.h.saver.end(a.r, false)
		a.r.s.ep.notRecovered.Add(1)
	}
}

// suspendLogged is Suspend for a client with a record: the session ends, and the record stays.
func (s *session) suspendLogged(r websockets.Reason) adapter.Suspension {
	keep := s.mayResume()
	s.mu.Lock()
	if s.state.cut {
		s.mu.Unlock()
		return nil
	}
	s.state.cut = true
	s.mu.Unlock()
	s.ep.hooks.Leaving(s, r)
	kept := s.record.depart(keep)
	s.closed(r)
	if !kept {
		return nil
	}
	return absence{s.record}
}

// mayResume reports whether a client with a record may resume after the end of its connection.
func (s *session) mayResume() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := s.readExtra().reason
	return s.state.accepted() && !s.disconnected.Load() && (reason == (websockets.Reason{}) || reason.Cause == websockets.CauseShutdown)
}

// awaits returns what is closed when HandleDisconnect of the client's former connection has returned; nil without one.
func (s *session) awaits() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readExtra().awaits
}

// stop stores what is not stored.
func (h *history) stop() {
	if h != nil {
		h.saver.stop()
	}
}
