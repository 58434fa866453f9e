package cluster

import (
	"errors"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// A log loses nothing between its positions. Messages are missing in it that a node has dropped before it has sent them, in whose place
// is one of the kind Lost, and those that the service has lost before a new base, as the numbers of the nodes that go on show.

var (
	errNotBack    = errors.New("the log does not respond")
	errNewBase    = errors.New("the log has lost its positions: its service was restarted, emptied or replaced")
	errLogEntries = errors.New("the log has lost events, or this node has read it too late")
)

// accept handles the number of a message of another node, and reports whether it is to be delivered.
func (r *logReader) accept(m *backplane.Message, at uint64) bool {
	if m.Seq == 0 {
		return true // of a program that is no node
	}
	last, known := r.numbers[m.Origin]
	if known && m.Seq <= last {
		r.c.counts.duplicates.Add(1)
		return false
	}
	if !known && len(r.numbers) >= maxOrigins {
		r.forgetNumbers()
	}
	r.numbers[m.Origin] = m.Seq
	l := Loss{Origin: m.Origin, First: last + 1, Last: m.Seq - 1, Since: r.rebased}
	if !known {
		l.First = m.Seq
	}
	if m.Kind == backplane.Lost {
		r.dropped(m, l, known, at)
		return false
	}
	if l.First <= l.Last {
		r.c.countGap(l)
		r.h.Lost(l, at-1)
	}
	return true
}

// dropped handles a message in the place of those that another node has dropped. Clients may miss volatile ones.
func (r *logReader) dropped(m *backplane.Message, l Loss, known bool, at uint64) {
	seq := m.Seq
	m, err := r.load()
	if err != nil {
		r.c.invalid(err)
		return
	}
	if l.Last, l.Since = seq, time.Now(); !known {
		l.First = seq - min(uint64(m.Count), seq) + 1
	}
	if l.First > l.Last {
		return
	}
	if r.c.countGap(l); m.Flags&backplane.Volatile == 0 || known && l.First+uint64(m.Count) <= l.Last {
		r.h.Lost(l, at)
	}
}

// forgetNumbers forgets the numbers of nodes that do not live any more; of all, where these are too many.
func (r *logReader) forgetNumbers() {
	for id := range r.numbers {
		if !r.c.members.has(id) {
			delete(r.numbers, id)
		}
	}
	if len(r.numbers) >= maxOrigins {
		clear(r.numbers)
	}
}

// lostEntries handles a jump of the positions: messages before one are lost.
func (r *logReader) lostEntries(before uint64) {
	r.c.counts.gaps.Add(before - r.last - 1)
	r.lost(errLogEntries, before-r.last-1)
	r.h.Lost(Loss{Since: time.Now()}, before-1)
	r.last = before - 1
	r.tail.reset()
	clear(r.numbers) // they have jumped, too
}

// lostBase handles a new base, before which messages may be lost: what this node has sent last, the others learn by its next number.
func (r *logReader) lostBase(base uint64) {
	r.rebased = time.Now()
	r.lost(errNewBase, 0)
	if r.c.cfg.Options.ResetOnGap {
		r.h.Lost(Loss{Since: r.rebased}, base)
	}
	r.c.SendMarker()
}

func (r *logReader) lost(err error, n uint64) {
	if k := r.c.gapLog.Count(); k > 0 {
		r.c.log.Error("events are lost", "error", err, "messages", n, "gaps", k)
	}
	r.c.link.lose(err)
}
