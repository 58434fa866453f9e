package adminui

// Lose has the feed lack a change, because its queue is full.
func (a *Admin) Lose() {
	change := item{"room_joined", list("/", "lost", "no client", "")}
	for lost := false; !lost; { // the feed may have taken what is in the queue
		a.feed.mu.Lock()
		for len(a.feed.queue) < 2*maxQueue {
			a.feed.queue = append(a.feed.queue, change)
		}
		a.feed.mu.Unlock()
		a.feed.state(change.event, func() []byte { return change.args })
		a.feed.mu.Lock()
		lost = a.feed.stale
		a.feed.mu.Unlock()
	}
}

// Watched reports whether a page is open on any node.
func (a *Admin) Watched() bool { return a.feed.watched.Load() }

// MaxPages is how many pages may be open at each node.
const MaxPages = maxPages
