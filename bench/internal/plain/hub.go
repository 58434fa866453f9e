package plain

import (
	"maps"
	"slices"
	"sync"
)

// Hub is the set of the connections of a server. It is safe for concurrent use.
type Hub[C comparable] struct {
	mu    sync.RWMutex
	conns map[C]struct{}
}

// NewHub makes an empty set.
func NewHub[C comparable]() *Hub[C] { return &Hub[C]{conns: map[C]struct{}{}} }

// Add puts a connection in.
func (h *Hub[C]) Add(c C) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns[c] = struct{}{}
}

// Remove takes a connection out.
func (h *Hub[C]) Remove(c C) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
}

// All lists the connections.
func (h *Hub[C]) All() []C {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.conns))
}
