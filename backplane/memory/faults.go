package memory

import (
	"math/rand/v2"
	"time"
)

// Faults are what a link does to the batches that one node sends to another. The zero value does
// nothing to them.
type Faults struct {
	// Drop and Repeat are how likely a frame, the messages of a batch that follow each other on
	// a channel, is lost or arrives twice: 0 to 1.
	Drop, Repeat float64
	// Delay is how long a frame takes at least, Jitter how much longer at most.
	Delay, Jitter time.Duration
	// Reorder is how many later frames of the link may arrive before a frame, within Jitter, or
	// 1 ms without. 0 keeps the order.
	Reorder int
	// Cut loses every frame, without either node noticing: a partition.
	Cut bool
}

// link is the state of the faults between two nodes, guarded by Bus.mu.
type link struct {
	own    *Faults // nil: those of the bus
	rnd    *rand.Rand
	latest time.Time   // when the last frame arrives
	recent []time.Time // when the last Reorder frames arrive at the earliest, oldest first
}

// arrivals returns when a frame that is sent now arrives: never, once or twice.
func (l *link) arrivals(f Faults, now time.Time) []time.Time {
	if l.own != nil {
		f = *l.own
	}
	// All numbers are drawn for each frame, so that a change of one fault leaves the others as
	// they were.
	drop, repeat, late, again := l.rnd.Float64(), l.rnd.Float64(), l.rnd.Float64(), l.rnd.Float64()
	if f.Cut || drop < f.Drop {
		return nil
	}
	jitter := f.Jitter
	if f.Reorder > 0 && jitter == 0 {
		jitter = time.Millisecond
	}
	at := l.inOrder(f, now.Add(f.Delay+time.Duration(late*float64(jitter))))
	if repeat >= f.Repeat {
		return []time.Time{at}
	}
	return []time.Time{at, at.Add(time.Duration(again * float64(jitter)))}
}

// inOrder returns when a frame arrives that would arrive at t, after those that it must not
// overtake.
func (l *link) inOrder(f Faults, t time.Time) time.Time {
	switch {
	case f.Reorder == 0:
		l.recent = l.recent[:0]
		if t.Before(l.latest) {
			t = l.latest
		}
	case len(l.recent) >= f.Reorder:
		if oldest := l.recent[len(l.recent)-f.Reorder]; t.Before(oldest) {
			t = oldest
		}
	}
	if t.After(l.latest) {
		l.latest = t
	}
	if f.Reorder > 0 {
		// The largest so far: a frame must not overtake any that is older than the last Reorder.
		most := t
		if n := len(l.recent); n > 0 && l.recent[n-1].After(most) {
			most = l.recent[n-1]
		}
		l.recent = append(l.recent, most)
		if len(l.recent) > f.Reorder {
			l.recent = l.recent[len(l.recent)-f.Reorder:]
		}
	}
	return t
}
