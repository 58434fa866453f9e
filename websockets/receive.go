package websockets

import "time"

// How messages come in and are handled: Receive puts them into the inbox, lanes take them
// out, on a goroutine of the worker pool or on the one that reads from the connection.

func (s *session) Receive(m *Message) {
	m.Check()
	s.mu.Lock()
	for {
		if s.leaving || s.discard {
			s.mu.Unlock()
			return
		}
		var freed <-chan struct{}
		if !s.inbox.full(m) {
			if freed = s.hs.Connection.held.reserve(m.held(), s.inboxLimit()); freed == nil {
				break
			}
		}
		room := s.inbox.wait()
		s.mu.Unlock()
		s.Begin() // what was deferred waits for the goroutine that waits here
		select {
		case <-room:
			s.mu.Lock()
		case <-freed: // by a handler of any of the connection's namespaces
			s.mu.Lock()
			s.inbox.movedAt = time.Now()
		}
	}
	s.inbox.add(m)
	start := s.open && s.lanes < s.ep.concurrency
	switch {
	case start && m.Deferred && s.lanes == 0:
		s.due, start = true, false
	case start:
		s.lanes++
	}
	s.mu.Unlock()
	if start {
		s.ep.rt.crew.run(s)
	}
}

// inboxLimit is how much the messages of the client's connection may hold.
func (s *session) inboxLimit() int {
	return connectionInbox * max(inboxBytes, int(s.ep.srv.limits.MaxMessage))
}

func (s *session) Stalled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inbox.stalled()
}

func (s *session) Work() {
	if s.takeUp() {
		s.lane()
	}
}

func (s *session) Begin() {
	if s.takeUp() {
		s.ep.rt.crew.run(s)
	}
}

// takeUp begins a lane for what was deferred, unless another has taken it.
func (s *session) takeUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.due {
		return false
	}
	s.due = false
	if s.inbox.len() == 0 || !s.open || s.lanes >= s.ep.concurrency {
		return false
	}
	s.lanes++
	s.moreLanes()
	return true
}

// moreLanes begins lanes for what waits beside what the caller takes; s.mu is held.
func (s *session) moreLanes() {
	for range min(s.ep.concurrency-s.lanes, s.inbox.len()-1) {
		s.lanes++
		s.ep.rt.crew.run(s)
	}
}

// dropInbox drops what waits; s.mu is held.
func (s *session) dropInbox() { s.hs.Connection.held.release(s.inbox.drop()) }

// lane handles messages until none waits.
func (s *session) lane() {
	idle, held := false, 0
	defer func() {
		s.hs.Connection.held.release(held)
		if !idle { // a handler has ended the goroutine
			go s.lane()
		}
	}()
	for {
		s.awaitSendQueue()
		s.mu.Lock()
		if s.discard {
			s.dropInbox()
		}
		if s.inbox.len() == 0 || !s.open {
			if s.inbox.len() == 0 {
				s.inbox.shrink()
			}
			s.lanes--
			s.maybeEnd()
			idle = true
			s.mu.Unlock()
			return
		}
		m := s.inbox.take()
		s.mu.Unlock()
		held = m.held() // now: the message may be used again when it has been handled
		s.dispatch(m)
		s.hs.Connection.held.release(held)
		held = 0
	}
}
