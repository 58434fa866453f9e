package logsample

import (
	"sync"
	"time"
)

// Minute limits the lines about one condition, which clients or the environment repeat, to one
// a minute. The zero value is ready to use. It is safe for concurrent use.
type Minute struct {
	mu   sync.Mutex
	last time.Time
	n    int
}

// Count counts an event. It returns 0, or, at most once a minute, how many events there were
// since it last did: then write the line, with the number.
func (m *Minute) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n++
	now := time.Now()
	if !m.last.IsZero() && now.Sub(m.last) < time.Minute {
		return 0
	}
	n := m.n
	m.last, m.n = now, 0
	return n
}
