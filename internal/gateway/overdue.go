package gateway

import (
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/await"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The handlers of a client that has left have CloseTimeout. After that their context has
// ended, and no further message is handled: a handler that ignores its context would keep
// the goroutine again, for each message that waits. The goroutines that remain, at most
// those of Concurrency and Background, hold the place of the connection, see place.

// watchLeft starts the timer of a client that has left while something of it runs, also while the
// application stops; s.mu is held.
func (s *session) watchLeft() {
	if s.busy() {
		s.ensureExtra().overdue = time.AfterFunc(s.ep.srv.limits.CloseTimeout, s.endOverdue)
	}
}

// busy reports whether messages wait or something of the user runs; s.mu is held.
func (s *session) busy() bool { return s.draining > 0 || s.inbox.len() > 0 || s.nTasks > 0 }

// endOverdue ends the handling of messages CloseTimeout after the client has left.
func (s *session) endOverdue() {
	live := s.ctx.Err() == nil
	s.cancel(websockets.ErrClosed)
	s.mu.Lock()
	dropped, last := s.inbox.len(), s.inbox.last
	s.discardInbox()
	if live && s.busy() { // handlers have only now been asked to return
		s.ensureExtra().overdue = time.AfterFunc(await.Late, s.reportOverdue)
	}
	s.maybeEnd()
	s.mu.Unlock()
	if dropped > 0 {
		if n := s.ep.dropsLeft.Count(); n > 0 {
			s.ep.log.Warn("messages of a client that has left are dropped: the handlers before them took longer than Limits.CloseTimeout",
				"client", s.ID(), "messages", dropped, "after", last, "timeout", s.ep.srv.limits.CloseTimeout, "clients", n)
		}
	}
	if !live {
		s.reportOverdue()
	}
}

// reportOverdue logs the functions that still run though their context has ended.
func (s *session) reportOverdue() {
	names := s.stuckIn()
	if len(names) == 0 {
		return
	}
	if n := s.ep.overdue.Count(); n > 0 {
		s.ep.log.Warn("handlers still run after their client has left: return when the context of the handler ends; until then the connection counts for app.MaxConnections",
			"client", s.ID(), "running", strings.Join(names, ", "), "timeout", s.ep.srv.limits.CloseTimeout, "clients", n)
	}
}

// takeNext takes the next message from the inbox; s.mu is held.
func (s *session) takeNext() *adapter.Message {
	m := s.inbox.take()
	if s.ep.concurrency > 1 {
		x := s.ensureExtra()
		if x.handling == nil {
			x.handling = map[string]int{}
		}
		x.handling[m.Event]++
	}
	return m
}

// handled is called when a message of takeNext has been handled.
func (s *session) handled(event string) {
	if s.ep.concurrency == 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	handling := s.ensureExtra().handling
	if handling[event]--; handling[event] == 0 {
		delete(handling, event)
	}
}
