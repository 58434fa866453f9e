package hub

import "maps"

// A suspended client stays in its namespace and its rooms: so suspending and resuming are
// one step each, between which no broadcast falls.

// Suspend suspends a client: it is selected only for what it misses.
func (n *Namespace[M]) Suspend(c M) {
	n.suspendMu.Lock()
	defer n.suspendMu.Unlock()
	c.Membership().suspended = true
}

// Resume replaces a suspended client by another, which gets its rooms, and reports whether
// it was suspended. replaced is called before any broadcast selects the other.
func (n *Namespace[M]) Resume(old, c M, replaced func()) bool {
	n.suspendMu.Lock()
	defer n.suspendMu.Unlock()
	from := old.Membership()
	if !from.suspended {
		return false
	}
	to := c.Membership()
	from.mu.Lock()
	to.rooms = maps.Clone(from.rooms) // the old one's are for its HandleDisconnect
	from.mu.Unlock()
	replaced()
	n.mu.Lock()
	n.put(c)
	n.mu.Unlock()
	for r := range to.rooms {
		n.shard(r).add(c, r)
	}
	n.remove(old)
	from.suspended = false
	return true
}

// Arrive adds a client that is suspended, in its rooms. It reports false when there is one with its id.
func (n *Namespace[M]) Arrive(c M, rooms []string) bool { return n.arrive(c, rooms, true) }

// Enter adds a client in its rooms. It reports false when there is one with its id.
func (n *Namespace[M]) Enter(c M, rooms []string) bool { return n.arrive(c, rooms, false) }

func (n *Namespace[M]) arrive(c M, rooms []string, suspended bool) bool {
	n.suspendMu.Lock()
	defer n.suspendMu.Unlock()
	id := c.ID()
	n.mu.Lock()
	_, taken := n.index[id]
	if !taken {
		n.put(c)
	}
	n.mu.Unlock()
	if taken {
		return false
	}
	m := c.Membership()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.suspended, m.rooms = suspended, make(map[string]struct{}, len(rooms))
	for _, r := range rooms {
		m.rooms[r] = struct{}{}
		n.shard(r).add(c, r)
	}
	return true
}

// Drop removes a suspended client, and reports whether it was suspended and whether the
// namespace is empty.
func (n *Namespace[M]) Drop(c M) (was, empty bool) {
	n.suspendMu.Lock()
	defer n.suspendMu.Unlock()
	m := c.Membership()
	if was = m.suspended; was {
		m.suspended = false
		n.remove(c)
	}
	return was, n.empty()
}

// Suspended returns all suspended clients.
func (n *Namespace[M]) Suspended() (all []M) {
	n.suspendMu.RLock()
	defer n.suspendMu.RUnlock()
	n.mu.RLock()
	defer n.mu.RUnlock()
	for _, c := range n.list {
		if c.Membership().suspended {
			all = append(all, c)
		}
	}
	return all
}
