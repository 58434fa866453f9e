package engineio

// A polling client learns that the server has closed its session by the answer to a poll: to the one
// that waits, or to the next one. For that the server remembers the ids of the last closed sessions,
// see package tombstone. Both change under Server.mu, so that a request finds one of them. Where the
// transport has failed, or the client has broken Engine.IO, the next poll finds no session: the test
// suite of the protocol, https://socket.io/docs/v4/engine-io-protocol/#test-suite, expects that.

// leave removes an ended session from the server, which remembers the id of a polling client that
// does not know of the end yet. s.mu is held.
func (s *Session) leave() {
	s.srv.mu.Lock()
	defer s.srv.mu.Unlock()
	delete(s.srv.sessions, s.id)
	switch {
	case s.conn != nil || s.notice != noNotice:
		s.srv.ended.Take(s.id)
	case !s.overHTTP().requests.polling: // otherwise endPoll calls this again
		s.srv.ended.Add(s.id)
	}
}

// knows reports whether there is a session with the id, or was until a moment ago.
func (s *Server) knows(sid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[sid] != nil || s.ended.Has(sid)
}

// find returns the session with the id, or nil. ended is true for the first poll of a session
// that the server has just ended.
func (s *Server) find(sid string, poll bool) (_ *Session, ended bool) {
	if sid == "" {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sessions[sid]
	return session, session == nil && poll && s.ended.Take(sid)
}
