package roster

import (
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

const (
	// flushGap is the least time between two deltas, so that changes of a crowd go together.
	flushGap = 10 * time.Millisecond
	// repeatAfter is when the number of the last delta is repeated, should it have been lost.
	repeatAfter = 200 * time.Millisecond
	// busy is how many bytes may wait to be sent before a state waits.
	busy = 1 << 20
)

// outgoing is what other nodes have to learn of this one. Guarded by Table.mu, but for the fields of run.
type outgoing struct {
	started bool
	number  uint64          // of the last delta
	pending map[id]struct{} // changed since
	jobs    []*job          // states that others have asked for

	flushed time.Time // of run: when the last delta was sent
	repeat  time.Time // of run: when the number is sent again
}

// job is a state that is sent to a node. It is of run, but for to.
type job struct {
	to      string
	asked   uint64
	number  uint64
	entries []*Entry // left
	part    int
	started bool
}

// start starts run when something has to be sent or was received; t.mu is held.
func (t *Table) start() {
	if t.out.started || t.cfg.Link == nil || t.phase == stopped {
		return
	}
	t.out.started = true
	t.running.Go(t.run)
}

// run sends changes and states, and asks for those of other nodes, until Stop.
func (t *Table) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.wake:
		case <-timer.C:
		case <-t.stopped:
			return
		}
		timer.Reset(t.step(time.Now()))
	}
}

// step does what is due, and returns how long the next step may wait.
func (t *Table) step(now time.Time) time.Duration {
	t.logLeftOut()
	wait := t.reconcile(now)
	wait = min(wait, t.flush(now))
	wait = min(wait, t.answer())
	if !now.Before(t.out.repeat) {
		t.repeat("")
		t.out.repeat = now.Add(t.cfg.Beat)
	}
	return max(min(wait, t.out.repeat.Sub(now)), time.Millisecond)
}

// flush sends the changes, and returns when it has to be called again.
func (t *Table) flush(now time.Time) time.Duration {
	if left := flushGap - now.Sub(t.out.flushed); left > 0 {
		return t.whenPending(left)
	}
	for {
		d := t.nextDelta()
		if d == nil {
			return t.cfg.Beat
		}
		t.out.flushed, t.out.repeat = now, now.Add(repeatAfter)
		if t.cfg.Link.Send(message(backplane.PresenceDelta, "", d)) != nil {
			return t.cfg.Beat // the others miss its number, and ask for the state
		}
	}
}

// whenPending returns a time where changes wait to be sent.
func (t *Table) whenPending(d time.Duration) time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.out.pending) == 0 {
		return t.cfg.Beat
	}
	return d
}

// nextDelta returns the next changes; nil without any.
func (t *Table) nextDelta() *delta {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out.pending) == 0 {
		return nil
	}
	d := &delta{Base: t.out.number, Number: t.out.number + 1}
	size := 0
	for i := range t.out.pending {
		if e := t.own.entries[i]; e != nil {
			d.Put = append(d.Put, wireOf(e))
			size += wireMemory + e.texts()
		} else {
			d.Remove = append(d.Remove, wireOfID(i))
			size += wireMemory + len(i.Name) + len(i.Namespace) + len(i.Room) + len(i.key) + len(i.client)
		}
		delete(t.out.pending, i)
		if len(d.Put)+len(d.Remove) == perMessage || size > t.perMessage {
			break
		}
	}
	t.out.number++
	return d
}

// repeat sends the number of the last delta, to all nodes or to one.
func (t *Table) repeat(to string) {
	t.mu.RLock()
	n := t.out.number
	t.mu.RUnlock()
	if n > 0 {
		_ = t.cfg.Link.Send(message(backplane.PresenceDelta, to, delta{Base: n, Number: n})) // sent again later
	}
}

// answer sends a part of the states that were asked for, and returns when it has to be called
// again.
func (t *Table) answer() time.Duration {
	for {
		if t.cfg.Link.Queued() > busy {
			return t.whenJobs(flushGap)
		}
		s, to := t.nextPart()
		if s == nil {
			return t.cfg.Beat
		}
		_ = t.cfg.Link.Send(message(backplane.PresenceState, to, s)) // otherwise it is asked for again
	}
}

func (t *Table) whenJobs(d time.Duration) time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.out.jobs) == 0 {
		return t.cfg.Beat
	}
	return d
}

// nextPart returns the next part of a state, and the node that has asked for it; nil without any.
func (t *Table) nextPart() (*state, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out.jobs) == 0 {
		return nil, ""
	}
	j := t.out.jobs[0]
	if !j.started {
		// Changes that were not sent yet are in it, and may follow in a delta: twice is the same.
		j.started, j.number = true, t.out.number
		for _, e := range t.own.entries {
			j.entries = append(j.entries, e)
		}
	}
	s := &state{Number: j.number, Asked: j.asked, Part: j.part}
	size, n := 0, 0
	for n < len(j.entries) && n < perMessage && size <= t.perMessage {
		s.Entries = append(s.Entries, wireOf(j.entries[n]))
		size += wireMemory + j.entries[n].texts()
		n++
	}
	j.entries = j.entries[n:]
	j.part++
	if s.Last = len(j.entries) == 0; s.Last {
		t.out.jobs = t.out.jobs[1:]
	}
	return s, j.to
}

// asked queues the state for a node.
func (t *Table) asked(m *backplane.Message) error {
	var a ask
	if err := read(m, &a); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.others[m.Origin] == nil || t.phase == stopped {
		return nil // it asks again
	}
	for _, j := range t.out.jobs {
		if j.to == m.Origin {
			if !j.started {
				j.asked = a.Asked
			}
			return nil // what is being sent is progress enough
		}
	}
	t.out.jobs = append(t.out.jobs, &job{to: m.Origin, asked: a.Asked})
	t.start()
	t.signal()
	return nil
}
