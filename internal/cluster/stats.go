package cluster

import (
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// counts are since the start, in messages.
type counts struct {
	sent, received, dropped, overrun, gaps, duplicates, unknown, invalid, reconnects atomic.Uint64

	batches, sentBytes, receivedBytes atomic.Uint64
	sendTime                          atomic.Int64 // nanoseconds

	calls, fetches, counts outcomes
}

// outcomes are how questions have ended.
type outcomes struct{ answered, lost, late atomic.Uint64 }

// of returns the counts of a kind of question: a Fetch with a Count asks for the number of clients.
func (n *counts) of(m *backplane.Message) *outcomes {
	switch {
	case m.Kind == backplane.Call:
		return &n.calls
	case m.Count > 0:
		return &n.counts
	}
	return &n.fetches
}

// end counts a question.
func (o *outcomes) end(lost, late int) {
	switch {
	case late > 0:
		o.late.Add(1)
	case lost > 0:
		o.lost.Add(1)
	default:
		o.answered.Add(1)
	}
}

func (o *outcomes) load() Questions {
	return Questions{o.answered.Load(), o.lost.Load(), o.late.Load()}
}

// Questions counts questions by how they have ended, see observe.Questions.
type Questions struct{ Answered, Lost, Late uint64 }

// Stats is a snapshot of a node's side of its backplane.
type Stats struct {
	Health
	Nodes int
	// Queued is how many messages wait to be sent.
	Queued, QueuedBytes int

	Sent, Received, Dropped, Overrun, Gaps, Duplicates, Unknown, Invalid, Reconnects uint64
	Batches, SentBytes, ReceivedBytes                                                uint64
	SendTime                                                                         time.Duration
	QueueAge                                                                         time.Duration
	Calls, Fetches, Counts                                                           Questions
}

// Stats returns a snapshot.
func (c *Cluster) Stats() Stats {
	n := &c.counts
	s := Stats{
		Health: c.Health(),
		Nodes:  len(c.members.others()) + 1,
		Sent:   n.sent.Load(), Received: n.received.Load(), Dropped: n.dropped.Load(), Overrun: n.overrun.Load(), Gaps: n.gaps.Load(),
		Duplicates: n.duplicates.Load(), Unknown: n.unknown.Load(), Invalid: n.invalid.Load(), Reconnects: n.reconnects.Load(),
		Batches: n.batches.Load(), SentBytes: n.sentBytes.Load(), ReceivedBytes: n.receivedBytes.Load(), SendTime: time.Duration(n.sendTime.Load()),
	}
	s.Queued, s.QueuedBytes = c.out.waiting()
	s.QueueAge = c.out.age()
	s.Calls, s.Fetches, s.Counts = n.calls.load(), n.fetches.load(), n.counts.load()
	return s
}
