package gateway

import (
	"sync"
	"time"
)

// vector is the number of the last message for clients of each node that a node has delivered.
type vector map[string]uint64

const (
	// maxOrigins bounds the nodes whose numbers are kept.
	maxOrigins = 4096
	// originOnWay is how long a node that is no member any more counts: what it has sent may be on its way to others.
	originOnWay = 3 * time.Second
	// startOnWay is how long after the start of a node others may deliver what was sent before that.
	startOnWay = time.Second
)

// delivered is what this node has delivered of others. The zero value is empty.
type delivered struct {
	mu      sync.Mutex
	by      map[string]lastOf
	changed chan struct{} // closed at the next change; nil unless a caller waits
}

type lastOf struct {
	seq  uint64
	at   time.Time
	left bool // the node has left: nothing later comes
}

// set records a number of another node, which is not lower than the last.
func (d *delivered) set(origin string, seq uint64) {
	if seq == 0 {
		return
	}
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil {
		d.by = map[string]lastOf{}
	}
	if _, known := d.by[origin]; !known && len(d.by) >= maxOrigins {
		d.forget(now)
	}
	d.by[origin] = lastOf{seq: seq, at: now}
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// left records that a node has left, of which everything was delivered.
func (d *delivered) left(origin string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, known := d.by[origin]; known {
		l.left = true
		d.by[origin] = l
	}
}

// gone returns the nodes of v that have left.
func (d *delivered) gone(v vector) (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range v {
		if d.by[id].left {
			ids = append(ids, id)
		}
	}
	return ids
}

// knows reports whether something of each node was delivered, and otherwise returns what is closed at the next change.
func (d *delivered) knows(ids []string) (all bool, changed <-chan struct{}) {
	v := vector{}
	for _, id := range ids {
		v[id] = 1
	}
	return d.has(v, "", nil)
}

// forget removes the nodes that have sent nothing for long, or any other; d.mu is held.
func (d *delivered) forget(now time.Time) {
	var last string
	for id, l := range d.by {
		if last = id; now.Sub(l.at) > time.Minute {
			delete(d.by, id)
		}
	}
	if len(d.by) >= maxOrigins {
		delete(d.by, last)
	}
}

// vector returns the numbers of this node, of nodes that live, and of those that have sent something lately.
func (d *delivered) vector(self string, own uint64, lives func(string) bool) vector {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	v := make(vector, len(d.by)+1)
	for id, l := range d.by {
		if now.Sub(l.at) < originOnWay || lives(id) {
			v[id] = l.seq
		}
	}
	v[self] = own
	return v
}

// has reports whether everything of v was delivered, and otherwise returns what is closed at the next change.
func (d *delivered) has(v vector, self string, own func() uint64) (all bool, changed <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, seq := range v {
		last := d.by[id].seq
		if id == self {
			last = own()
		}
		if last < seq {
			if d.changed == nil {
				d.changed = make(chan struct{})
			}
			return false, d.changed
		}
	}
	return true, nil
}
