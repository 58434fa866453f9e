package roster

import (
	"bytes"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

const (
	// askAgain is after how long without a part of a state it is asked for again, at first.
	askAgain = 250 * time.Millisecond
	// askSlowly is that after several times.
	askSlowly = 2 * time.Second
	// maxHeld bounds the deltas of a node that wait for its state, and maxHeldBytes the memory of those of all nodes.
	maxHeld, maxHeldBytes = 1024, 64 << 20
)

// replica is what a node has. Guarded by Table.mu.
type replica struct {
	number  uint64 // of the last delta that is in entries
	entries map[id]*Entry
	sync    *syncing // nil unless the state is awaited
	greeted bool     // the node was sent the number of this one
}

// syncing is a state that is awaited.
type syncing struct {
	asked uint64    // the number of the last ask; 0 before the first one
	tries int       // asks
	again time.Time // when it is asked for again

	number    uint64
	parts     map[int][]*Entry
	last      int     // the number of the last part; -1 while unknown
	arrived   memory  // of the parts; in Table.arrived too
	held      []delta // that came meanwhile
	heldBytes int     // in Table.heldBytes too
}

// memory is that of some entries.
type memory struct{ entries, bytes int }

func (m *memory) add(other memory, sign int) {
	m.entries += sign * other.entries
	m.bytes += sign * other.bytes
}

func memoryOf(all []*Entry) (m memory) {
	for _, e := range all {
		m.add(memory{1, e.size()}, 1)
	}
	return m
}

func newReplica() *replica { return &replica{entries: map[id]*Entry{}} }

// Receive handles a PresenceDelta, PresenceState or PresenceAsk of another node. The error refuses
// the message.
func (t *Table) Receive(m *backplane.Message) error {
	if t.cfg.Link == nil {
		return nil
	}
	if !t.knows(m.Origin) {
		return nil // dead, or not met yet: it repeats its number
	}
	switch m.Kind {
	case backplane.PresenceAsk:
		return t.asked(m)
	case backplane.PresenceState:
		return t.receiveState(m)
	}
	var d delta
	if err := read(m, &d); err != nil {
		return err
	}
	return t.receiveDelta(m.Origin, d, len(m.Body))
}

// knows reports whether a node is a member, and makes its replica.
func (t *Table) knows(node string) bool {
	t.mu.RLock()
	known := t.others[node] != nil
	t.mu.RUnlock()
	if known || !slices.ContainsFunc(t.cfg.Link.Others(), func(n backplane.Node) bool { return n.ID == node }) {
		return known
	}
	// Should it be gone meanwhile, the next reconcile removes it.
	t.Members()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.others[node] == nil && t.phase != stopped {
		t.others[node] = newReplica()
		t.start()
	}
	return t.others[node] != nil
}

// Members has the table look at who lives. It is called when a node has joined or left.
func (t *Table) Members() { t.signal() }

// reconcile makes the replicas those of the nodes that live, asks for states that are missing, and
// returns when it has to be called again.
func (t *Table) reconcile(now time.Time) (wait time.Duration) {
	living := map[string]bool{}
	for _, n := range t.cfg.Link.Others() {
		living[n.ID] = true
	}
	var joined, asks []string
	t.mu.Lock()
	for node, r := range t.others {
		if !living[node] {
			t.forget(node, r)
		}
	}
	for node := range living {
		if t.others[node] == nil {
			t.others[node] = newReplica()
		}
		if r := t.others[node]; !r.greeted {
			r.greeted = true
			joined = append(joined, node)
		}
	}
	t.out.jobs = slices.DeleteFunc(t.out.jobs, func(j *job) bool { return !living[j.to] })
	wait = t.cfg.Beat
	numbers := map[string]uint64{}
	for node, r := range t.others {
		if r.sync == nil {
			continue
		}
		if left := r.sync.again.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		t.asks++
		t.restart(r.sync, t.asks, now)
		numbers[node] = t.asks
		asks = append(asks, node)
		wait = min(wait, askAgain)
	}
	t.mu.Unlock()
	for _, node := range joined {
		t.repeat(node)
	}
	for _, node := range asks {
		_ = t.cfg.Link.Send(message(backplane.PresenceAsk, node, ask{numbers[node]})) // asked again
	}
	return wait
}

// forget removes what a node had; t.mu is held.
func (t *Table) forget(node string, r *replica) {
	delete(t.others, node)
	t.synced(r)
	for i := range r.entries {
		t.remove(r, i)
	}
}

// restart is called when the state is asked for; t.mu is held.
func (t *Table) restart(s *syncing, ask uint64, now time.Time) {
	t.arrived.add(s.arrived, -1)
	s.asked = ask
	s.parts, s.last, s.arrived = map[int][]*Entry{}, -1, memory{}
	s.again = now.Add(min(askAgain<<min(s.tries, 3), askSlowly))
	s.tries++
}

// synced returns what the state of a node was synced by, which is not awaited any more; t.mu is held.
func (t *Table) synced(r *replica) (s *syncing) {
	if s = r.sync; s != nil {
		t.arrived.add(s.arrived, -1)
		t.heldBytes -= s.heldBytes
		r.sync = nil
	}
	return s
}

// receiveDelta applies changes that follow what is known, and asks for the state otherwise.
func (t *Table) receiveDelta(node string, d delta, size int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.others[node]
	switch {
	case r == nil || t.phase == stopped || d.Number < d.Base:
		return nil
	case r.sync != nil:
		t.hold(r.sync, d, size)
		return nil
	case d.Base == d.Number && d.Number < r.number: // what is known is not of this node
		r.sync = &syncing{}
		t.signal()
		return nil
	case d.Number <= r.number:
		return nil // repeated
	case d.Base > r.number:
		r.sync = &syncing{}
		t.hold(r.sync, d, size)
		t.signal()
		return nil
	}
	return t.apply(node, r, d)
}

// hold keeps a delta until the state is there; t.mu is held. Where there are too many, the state will be
// asked for again.
func (t *Table) hold(s *syncing, d delta, size int) {
	if len(d.Put)+len(d.Remove) == 0 {
		return
	}
	size += wireFactor * size // what read allows
	if len(s.held) >= maxHeld || t.heldBytes+size > maxHeldBytes {
		t.heldBytes -= s.heldBytes
		s.held, s.heldBytes = nil, 0
	}
	if t.heldBytes+size <= maxHeldBytes {
		s.held, s.heldBytes, t.heldBytes = append(s.held, d), s.heldBytes+size, t.heldBytes+size
	}
}

// apply makes the changes of a delta; t.mu is held. What breaks a limit is left out.
func (t *Table) apply(node string, r *replica, d delta) (err error) {
	for n := range d.Remove {
		if i, e := d.Remove[n].id(); e != nil {
			err = e
		} else {
			t.remove(r, i)
		}
	}
	for n := range d.Put {
		e, bad := d.Put[n].entry(node)
		if bad != nil {
			err = bad
			continue
		}
		t.putOther(r, e)
	}
	r.number = d.Number
	return err
}

// putOther is put for another node's entry, within the bounds of the table; t.mu is held.
func (t *Table) putOther(r *replica, e *Entry) {
	if r.entries[e.id()] == nil && t.entries >= maxEntries || t.bytes+e.size() > maxBytes {
		t.leftOut++
		return
	}
	t.put(r, e)
}

// logLeftOut logs entries that were over the bounds.
func (t *Table) logLeftOut() {
	t.mu.Lock()
	n, entries, size := t.leftOut, t.entries, t.bytes
	t.leftOut = 0
	t.mu.Unlock()
	if n == 0 {
		return
	}
	if k := t.largeLog.Count(); k > 0 {
		t.cfg.Log.Error("presence: entries of other nodes are left out: there are too many", "entries", entries, "bytes", size, "left out", n)
	}
}

// receiveState takes a part of a state, and installs it with the last one.
func (t *Table) receiveState(m *backplane.Message) error {
	var body state
	if err := read(m, &body); err != nil {
		return err
	}
	part, err := entriesOf(m.Origin, body.Entries)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.others[m.Origin]
	if r == nil || r.sync == nil || r.sync.asked == 0 || r.sync.asked != body.Asked || body.Part < 0 || t.phase == stopped {
		return err // too late
	}
	s, size := r.sync, memoryOf(part)
	if s.parts[body.Part] != nil || len(body.Entries) == 0 && !body.Last {
		return err
	}
	if t.arrived.entries+size.entries > maxEntries || t.arrived.bytes+size.bytes > maxBytes {
		t.leftOut += len(part)
		return err
	}
	s.again = time.Now().Add(askSlowly)
	s.parts[body.Part], s.number = part, body.Number
	s.arrived.add(size, 1)
	t.arrived.add(size, 1)
	if body.Last {
		s.last = body.Part
	}
	if s.last >= 0 && len(s.parts) == s.last+1 {
		t.install(m.Origin, r)
	}
	return err
}

func entriesOf(node string, all []wireEntry) (part []*Entry, err error) {
	part = make([]*Entry, 0, len(all))
	for i := range all {
		if e, bad := all[i].entry(node); bad != nil {
			err = bad
		} else {
			part = append(part, e)
		}
	}
	return part, err
}

// install replaces what a node had by its state, and applies the deltas that follow; t.mu is held.
func (t *Table) install(node string, r *replica) {
	s := t.synced(r)
	now := map[id]bool{}
	for _, part := range s.parts {
		for _, e := range part {
			now[e.id()] = true
		}
	}
	for i := range r.entries {
		if !now[i] {
			t.remove(r, i)
		}
	}
	for _, part := range s.parts {
		for _, e := range part {
			if old := r.entries[e.id()]; old == nil || old.Endpoint != e.Endpoint || !bytes.Equal(old.Value, e.Value) {
				t.putOther(r, e)
			}
		}
	}
	r.number = s.number
	slices.SortFunc(s.held, func(a, b delta) int { return int(int64(a.Number - b.Number)) })
	for _, d := range s.held {
		if d.Base <= r.number && d.Number > r.number { // otherwise one before it was lost, which the next one shows
			_ = t.apply(node, r, d) // what breaks a limit is left out of the state too
		}
	}
}
