package cluster

import (
	"sync/atomic"
	"time"
)

// counts are since the start, in messages.
type counts struct {
	sent, received, dropped, overrun, gaps, duplicates, unknown, invalid, reconnects atomic.Uint64

	batches, sentBytes, receivedBytes atomic.Uint64
	sendTime                          atomic.Int64 // nanoseconds
}

// Stats is a snapshot of a node's side of its backplane.
type Stats struct {
	Health
	Nodes int
	// Queued is how many messages wait to be sent.
	Queued, QueuedBytes int

	Sent, Received, Dropped, Overrun, Gaps, Duplicates, Unknown, Invalid, Reconnects uint64
	Batches, SentBytes, ReceivedBytes                                                uint64
	SendTime                                                                         time.Duration
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
	return s
}
