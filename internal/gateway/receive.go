package gateway

import (
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Receive puts messages into the inbox; drainInbox handles them, on a goroutine of the worker
// pool or on the one that reads from the connection.

func (s *session) Receive(m *adapter.Message) adapter.Work {
	m.Check()
	s.observeReceived(m)
	if m.Event == websockets.EventCancel && m.Err == nil {
		s.cancelEvent(m)
		return nil
	}
	s.mu.Lock()
	for {
		if s.state.leaving() || s.state.discards() {
			s.mu.Unlock()
			return nil
		}
		var freed <-chan struct{}
		if !s.inbox.full(m) {
			if freed = s.hs.Connection.Held().Reserve(m.Memory(), s.inboxLimit()); freed == nil {
				break
			}
		}
		room := s.inbox.wait()
		s.mu.Unlock()
		s.Start() // this goroutine would run the handlers, and waits for them here
		select {
		case <-room:
			s.mu.Lock()
		case <-freed: // by a handler of any of the connection's namespaces
			s.mu.Lock()
			s.inbox.movedAt = time.Since(started)
		}
	}
	s.inbox.add(m)
	start := s.state.accepted() && s.draining < s.ep.concurrency
	if start && s.draining == 0 {
		s.inbox.returned = true
		s.mu.Unlock()
		return s
	}
	if start {
		s.draining++
	}
	s.mu.Unlock()
	if start {
		s.ep.rt.workers.run(s)
	}
	return nil
}

// connectionInbox is how much memory the messages of one connection may hold, in all its
// namespaces together, waiting or being handled: so many messages of the largest size, and
// at least so many times inboxBytes.
const connectionInbox = 4

// inboxLimit is how much the messages of the client's connection may hold.
func (s *session) inboxLimit() int {
	return connectionInbox * max(inboxBytes, int(s.ep.srv.limits.MaxMessage))
}

func (s *session) Stalled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.stalled()
}

// Run implements [adapter.Work].
func (s *session) Run() {
	writable := s.conn.Writable(expired) == nil
	s.mu.Lock()
	took := s.takeWork()
	var m *adapter.Message
	if took && writable {
		m = s.takeNext()
	}
	s.mu.Unlock()
	switch {
	case m != nil:
		s.handleFrom(m)
	case took: // the first message waits for the send queue
		s.drainInbox()
	}
}

// Start implements [adapter.Work].
func (s *session) Start() {
	s.mu.Lock()
	took := s.takeWork()
	s.mu.Unlock()
	if took {
		s.ep.rt.workers.run(s)
	}
}

// takeWork reports whether the caller must drain the inbox, which is not empty then; s.mu is
// held.
func (s *session) takeWork() bool {
	if !s.inbox.returned {
		return false
	}
	s.inbox.returned = false
	if s.inbox.len() == 0 || !s.state.accepted() || s.draining >= s.ep.concurrency {
		return false
	}
	s.draining++
	s.startMore()
	return true
}

// startMore starts goroutines for the messages beside the one that the caller handles; s.mu
// is held.
func (s *session) startMore() {
	for range min(s.ep.concurrency-s.draining, s.inbox.len()-1) {
		s.draining++
		s.ep.rt.workers.run(s)
	}
}

// discardInbox drops the messages that wait; s.mu is held.
func (s *session) discardInbox() { s.hs.Connection.Held().Release(s.inbox.drop()) }

// drainInbox handles messages until none waits.
func (s *session) drainInbox() {
	if m := s.next(); m != nil {
		s.handleFrom(m)
	}
}

// handleFrom handles m, and then messages until none waits.
func (s *session) handleFrom(m *adapter.Message) {
	held, event := 0, ""
	defer func() {
		s.hs.Connection.Held().Release(held)
		if m != nil { // a handler has ended the goroutine
			s.handled(event)
			go s.drainInbox()
		}
	}()
	for ; m != nil; m = s.next() {
		held, event = m.Memory(), m.Event // now: the message may be reused when it has been handled
		s.dispatch(m)
		s.hs.Connection.Held().Release(held)
		held = 0
		s.handled(event)
	}
}

// next takes the next message. When it returns nil, the caller has drained the inbox.
func (s *session) next() *adapter.Message {
	s.awaitSendQueue()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.discards() {
		s.discardInbox()
	}
	if s.inbox.len() > 0 && s.state.accepted() {
		return s.takeNext()
	}
	if s.inbox.len() == 0 {
		s.inbox.shrink()
	}
	s.draining--
	s.maybeEnd()
	return nil
}
