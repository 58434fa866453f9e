// Package tombstone remembers for a moment which sessions a server has ended, so that the next poll
// of such a session learns that it is closed.
package tombstone

import "time"

const (
	// Moment is how long a session is remembered: an ordinary client polls again at once, and
	// a slow line takes a few seconds for that.
	Moment = 10 * time.Second
	// Most is how many sessions are remembered. Those that ended first are forgotten first.
	Most = 2000
)

// Set is the ids of sessions that have just ended. It keeps nothing else of them, about 160 bytes
// each; what is too old is dropped with the next Add. The zero value is empty. Its owner
// synchronizes the calls.
type Set struct {
	at    map[string]time.Time
	order []string // oldest first; also ids that were taken
}

// Add remembers an id.
func (s *Set) Add(id string) {
	if _, ok := s.at[id]; ok {
		return
	}
	now := time.Now()
	for len(s.order) > 0 {
		at, ok := s.at[s.order[0]]
		if ok && len(s.order) < Most && now.Sub(at) < Moment {
			break
		}
		delete(s.at, s.order[0])
		s.order = s.order[1:]
	}
	if s.at == nil || len(s.order) == 0 {
		s.at, s.order = map[string]time.Time{}, nil // without the memory of a burst
	}
	s.at[id] = now
	s.order = append(s.order, id)
}

// Take forgets an id, and reports whether it was remembered.
func (s *Set) Take(id string) bool {
	at, ok := s.at[id]
	delete(s.at, id)
	return ok && time.Since(at) < Moment
}

// Has reports whether an id is remembered.
func (s *Set) Has(id string) bool {
	at, ok := s.at[id]
	return ok && time.Since(at) < Moment
}
