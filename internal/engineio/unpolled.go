package engineio

import (
	"cmp"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	defaultUnpolled = 1000
	// betweenPolls is how long a client that behaves may be between two polls.
	betweenPolls = 5 * time.Second
)

// watchPolls notes whether the session is one that nobody polls. Sessions that are on
// a WebSocket, or change to one, need no poll.
func (s *Session) watchPolls() {
	now := s.srv.group.Clock.Now()
	s.mu.Lock()
	unpolled := s.state == stateOpen && !s.polling && s.conn == nil && s.probing == nil
	if unpolled {
		s.srv.unpolled.Add(&s.unpolled, s, now)
	} else {
		s.srv.unpolled.Remove(&s.unpolled)
	}
	s.mu.Unlock()
	if unpolled {
		s.srv.closeUnpolled(now)
	}
}

// closeUnpolled closes the sessions that nobody has polled for longest, where there are
// too many. Those that may be between two polls stay: after a broadcast that is
// everybody.
func (s *Server) closeUnpolled(now int64) {
	by := now - int64(min(betweenPolls, s.cfg.Limits.PingTimeout))
	for {
		old, ok := s.unpolled.Over(cmp.Or(s.cfg.MaxUnpolled, defaultUnpolled), by)
		if !ok {
			return
		}
		old.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "too many sessions that nobody polls"}, wsconn.Farewell)
	}
}
