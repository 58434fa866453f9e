package engineio

import (
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/oldest"
	"github.com/gatehouse-go/gatehouse/internal/wsconn"
)

// polls is what a session needs over HTTP.
type polls struct {
	body postBody // guarded by Session.recv

	polledAt atomic.Int64 // when the client last polled, or accepted a part of an answer
	postGone atomic.Bool  // the client of the POST under way has closed its connection
	goneAt   int64        // when the sweeper first saw postGone; 0 for not yet

	// inTransit is when an answer to a poll was written that may take long to arrive; 0
	// when the client has polled since.
	inTransit atomic.Int64

	unpolled oldest.Node[*Session]

	// Guarded by Session.mu.
	upgrading  upgrade
	requests   requests
	closeTimer *time.Timer

	wakeup chan struct{} // of the pending poll
}

// overHTTP returns polls. A session that has opened as a WebSocket gets it with the first other request
// of its client, which is answered with an error.
func (s *Session) overHTTP() *polls {
	if p := s.polls.Load(); p != nil {
		return p
	}
	s.polls.CompareAndSwap(nil, &polls{wakeup: make(chan struct{}, 1)})
	return s.polls.Load()
}

// endPolls ends what runs over HTTP, and returns what remains to be ended: s.mu is held.
func (s *Session) endPolls() (probing *wsconn.Conn, timer *time.Timer) {
	p := s.polls.Load()
	if p == nil {
		return nil, nil
	}
	s.srv.unpolled.Remove(&p.unpolled)
	probing, timer = p.upgrading.conn, p.closeTimer
	p.upgrading = upgrade{}
	if p.requests.abortPost != nil {
		p.requests.abortPost()
	}
	return probing, timer
}

// wakePoll makes the pending poll check whether there is an answer.
func (s *Session) wakePoll() {
	if p := s.polls.Load(); p != nil {
		select {
		case p.wakeup <- struct{}{}:
		default:
		}
	}
}

// notePoll records that the client polls, or accepts a part of an answer.
func (s *Session) notePoll() {
	if p := s.polls.Load(); p != nil {
		p.polledAt.Store(s.srv.group.Clock.Coarse())
		p.inTransit.Store(0)
	}
}

// answerInTransit reports whether the answer to a poll may still be on its way to the client.
func (s *Session) answerInTransit(now int64) bool {
	at := s.overHTTP().inTransit.Load()
	return at != 0 && time.Duration(now-at) < s.srv.cfg.patience()
}

func (s *Session) isPosting() bool {
	p := s.overHTTP()
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.requests.posting
}
