package websockets

import (
	"runtime/debug"
	"slices"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Same implements [Session].
func (s *session) Same(h *Handshake, same func(old Client, h *Handshake) bool) bool {
	if same != nil {
		return s.asked(h, same)
	}
	equal, known := pipeline.SameIdentity(s, h)
	if known {
		return equal
	}
	if !slices.ContainsFunc(s.ep.doors, door.discerns) {
		return true
	}
	s.ep.anonymous.Do(func() {
		s.ep.srv.log.Warn("clients are not recovered: the guards have not said who they are; set a pipeline.Identity in one, or Recovery.SameClient",
			"namespace", s.ep.pattern.name)
	})
	return false
}

// asked calls the application's function.
func (s *session) asked(h *Handshake, same func(old Client, h *Handshake) bool) (yes bool) {
	defer func() {
		if v := recover(); v != nil {
			_ = s.report(&panicError{v, debug.Stack()}, nil, "SameClient")
			yes = false
		}
	}()
	return same(s, h)
}
