package engineio

import (
	"cmp"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/wsconn"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const (
	defaultUnpolled = 1000
	// betweenPolls is how long an ordinary client may take from one poll to the next.
	betweenPolls = 5 * time.Second
)

// trackPolls adds the session to the unpolled ones, or removes it. Sessions that are on
// a WebSocket, or change to one, need no poll.
func (s *Session) trackPolls() {
	p := s.overHTTP()
	now := s.srv.group.Clock.Now()
	s.mu.Lock()
	unpolled := s.state == stateOpen && !p.requests.polling && s.conn == nil && p.upgrading.conn == nil
	if unpolled {
		s.srv.unpolled.Add(&p.unpolled, s, now)
	} else {
		s.srv.unpolled.Remove(&p.unpolled)
	}
	s.mu.Unlock()
	if unpolled {
		s.srv.closeUnpolled(now)
	}
}

// closeUnpolled closes the sessions without a poll for the longest time, when there are
// too many. Sessions between two polls stay: after a broadcast that may be all of them.
func (s *Server) closeUnpolled(now int64) {
	by := now - int64(min(betweenPolls, s.cfg.Limits.PingTimeout))
	for {
		old, ok := s.unpolled.Over(cmp.Or(s.cfg.MaxUnpolled, defaultUnpolled), by)
		if !ok {
			return
		}
		old.Close(websockets.Reason{Cause: websockets.CauseForcedClose, Text: "too many sessions without a poll"}, wsconn.CloseHandshake)
	}
}
