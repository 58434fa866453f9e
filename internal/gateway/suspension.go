package gateway

import (
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// suspended is the state of a client that may be recovered. Guarded by session.mu.
type suspended struct {
	mayReturn bool          // neither resumed nor dropped
	hooksOver bool          // HandleDisconnect has returned
	hooksDone chan struct{} // closed when it has
}

// suspension implements [adapter.Suspension].
type suspension struct{ s *session }

// Suspend implements [adapter.Session].
func (s *session) Suspend(r websockets.Reason) adapter.Suspension {
	if s.suspendParked() {
		return suspension{s}
	}
	if s.record != nil {
		return s.suspendLogged(r)
	}
	if !s.suspend() {
		s.Closed(r)
		return nil
	}
	s.ep.hooks.Leaving(s, r)
	if s.ep.hooks.WantsRooms() {
		s.ep.hooks.Left(s, s.Rooms()) // it joins them again when it is recovered
	}
	s.closed(r)
	return suspension{s}
}

// suspend reports whether the client may reconnect.
func (s *session) suspend() bool {
	rt := s.ep.rt
	rt.mu.Lock() // so that a stop finds every suspended client
	defer rt.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if rt.stopping && (rt.moves == nil || !rt.moves.parking.active()) || !s.state.accepted() || s.state.cut || s.state.leaving() || s.readExtra().reason != (websockets.Reason{}) {
		return false
	}
	s.state.cut = true
	s.suspended = suspended{mayReturn: true, hooksDone: make(chan struct{})}
	s.namespace.Suspend(s)
	return true
}

// Drop implements [adapter.Suspension].
func (p suspension) Drop() { p.s.ep.drop(p.s) }

// Resume implements [adapter.Suspension].
func (p suspension) Resume(conn adapter.Conn, h *adapter.Handshake) adapter.Session {
	old := p.s
	s := newSession(old.ep, conn, h)
	s.recovered, s.extra = true, &extraState{former: old}
	s.namespace = old.namespace
	held := s.place.hold()
	if !held || !s.replace(old) {
		if held {
			s.place.drop()
		}
		s.cancel(websockets.ErrClosed)
		return nil
	}
	s.ep.recovered.Add(1)
	s.ep.hooks.Connected(s)
	if s.ep.hooks.WantsRooms() {
		s.ep.hooks.Joined(s, s.Rooms())
	}
	s.run()
	return s
}

// replace puts s in the place of a suspended client, and reports whether it could.
func (s *session) replace(old *session) bool {
	rt := s.ep.rt
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if s.late == nil {
		s.late = old.late
	}
	replaced := func() { s.hs.Values().Inherit(old.hs.Values()) }
	if rt.stopping || s.hs.Namespace != old.hs.Namespace || !old.namespace.Resume(old, s, replaced) {
		return false
	}
	rt.sessions[s] = struct{}{}
	return true
}

// parkSuspended starts to park the suspended clients at other nodes, and drops those that cannot be.
func (rt *Runtime) parkSuspended() {
	mv := rt.moves
	if mv == nil || !mv.parking.start(mv) {
		rt.dropSuspended()
		return
	}
	for _, e := range rt.endpoints {
		for _, ns := range e.matching("") {
			for _, s := range ns.Suspended() {
				if e.mover() == nil {
					e.drop(s)
				} else {
					mv.parking.add(mv, s)
				}
			}
		}
	}
}

// dropSuspended drops all suspended clients. No client is suspended once the stop has
// started.
func (rt *Runtime) dropSuspended() {
	for _, e := range rt.endpoints {
		for _, ns := range e.matching("") {
			for _, s := range ns.Suspended() {
				e.drop(s)
			}
		}
	}
}

// Same implements [adapter.Session].
func (s *session) Same(h *adapter.Handshake, same func(old websockets.Client, h *websockets.Handshake) bool) bool {
	if same != nil {
		return s.callSame(&h.Handshake, same)
	}
	if p := s.parkedAs; p != nil {
		digests, known := pipeline.IdentityDigests(&h.Handshake, p.key)
		return known && s.sameElsewhere(p.key, digests)
	}
	equal, known := pipeline.SameIdentity(s, &h.Handshake)
	if known {
		return equal
	}
	return !slices.ContainsFunc(s.ep.admissions, admission.mayIdentify) || s.warnAnonymous()
}

// warnAnonymous logs once that clients are not recovered, and returns false.
func (s *session) warnAnonymous() bool {
	s.ep.anonymous.Do(func() {
		s.ep.log.WarnContext(s.ctx, "clients are not recovered: no guard has identified them; set a pipeline.Identity in one, or Recovery.SameClient",
			"namespace", s.ep.pattern.name)
	})
	return false
}

// callSame calls the application's function; a panic is a no, and so is an end of its goroutine.
func (s *session) callSame(h *websockets.Handshake, same func(old websockets.Client, h *websockets.Handshake) bool) (yes bool) {
	s.recoverUser("SameClient", func() { yes = same(s, h) })
	return yes
}

// formerSession returns the session that a recovered one has replaced, until start.
func (s *session) formerSession() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readExtra().former
}
