package adminui

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxSessions is how many sessions may be open; a further one ends the one that would end first.
const maxSessions = 1000

// sessions are those of pages, by the hash of their id. The zero value is ready.
type sessions struct {
	mu  sync.Mutex
	end map[[sha256.Size]byte]time.Time
}

func (s *sessions) has(id [sha256.Size]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	end, ok := s.end[id]
	return ok && now.Before(end)
}

func (s *sessions) add(id [sha256.Size]byte, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		s.end = map[[sha256.Size]byte]time.Time{}
	}
	if len(s.end) >= maxSessions {
		var first [sha256.Size]byte
		at := time.Time{}
		for id, end := range s.end {
			if at.IsZero() || end.Before(at) {
				first, at = id, end
			}
		}
		delete(s.end, first)
	}
	s.end[id] = end
}
