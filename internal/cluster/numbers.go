package cluster

import (
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

const (
	// maxOrigins bounds the nodes whose numbers a worker keeps.
	maxOrigins = 4096
	// originIdle is how long the numbers of a silent node are kept.
	originIdle = 10 * time.Minute
)

// origin is the numbers of what another node has sent. A jump is a gap: messages were lost. A
// number that is not higher than the last is a message that has arrived already, or too late: it
// is dropped, so that clients get each once and in order.
type origin struct {
	nodes, events, presence, own sequence // of the channels
	// announced is the number of its last message for clients that it has announced, at heard.
	// It is held against it at a later announcement, since these come by another channel and may
	// be earlier than what they announce.
	announced uint64
	heard     time.Time
	whole     time.Time // when it announced last what is known to have arrived, or to be lost
	seen      time.Time
}

// sequence is the last number of a channel.
type sequence struct {
	known bool
	last  uint64
}

// origin returns the numbers of a node.
func (w *worker) origin(id string) *origin {
	if o := w.origins[id]; o != nil {
		return o
	}
	now := time.Now()
	if len(w.origins) >= maxOrigins/2 && now.Sub(w.searched) >= time.Minute {
		w.searched = now
		for other, o := range w.origins {
			if now.Sub(o.seen) > originIdle {
				delete(w.origins, other)
			}
		}
	}
	if len(w.origins) >= maxOrigins {
		w.forgetOrigin()
	}
	o := &origin{seen: now}
	w.origins[id] = o
	return o
}

// forgetOrigin removes the numbers of a node that is no member, if there is one: other software
// may name any number of nodes.
func (w *worker) forgetOrigin() {
	for id := range w.origins {
		if !w.c.members.has(id) {
			delete(w.origins, id)
			return
		}
	}
	for id := range w.origins {
		delete(w.origins, id)
		return
	}
}

// accept reports whether a message is to be delivered.
func (o *origin) accept(c *Cluster, m *backplane.Message, channel string) bool {
	var s *sequence
	switch channel {
	case backplane.ChannelEvents:
		s = &o.events
	case backplane.ChannelNodes:
		s = &o.nodes
		o.seen = time.Now()
	case backplane.ChannelPresence:
		s = &o.presence
	case c.own:
		s = &o.own
	default:
		return false
	}
	if m.Seq == 0 {
		return true // not numbered
	}
	if s.known && m.Seq <= s.last {
		c.counts.duplicates.Add(1)
		return false
	}
	if s.known && m.Seq > s.last+1 && s == &o.events {
		c.gap(Loss{m.Origin, s.last + 1, m.Seq - 1, o.whole})
	}
	s.known, s.last = true, m.Seq
	return true
}

// announce records the number of the last message that a node has sent to clients. Announcements
// that come together have waited somewhere, and what they announce may wait still: only one that
// comes half a beat after the one before is held against it, and none after a silence as that of
// a dead node, when this process may have been stopped.
func (o *origin) announce(c *Cluster, from string, sent uint64, now time.Time) {
	if c.entries != nil {
		return // the log has positions
	}
	since := now.Sub(o.heard)
	if since < c.cfg.Options.Beat/2 {
		return
	}
	again, before := !o.heard.IsZero(), o.heard
	o.heard = now
	if again && since > c.cfg.Options.Dead {
		return
	}
	s, due := &o.events, o.announced
	o.announced = sent
	switch {
	case !s.known && (due > 0 || sent == 0):
		s.known, s.last = true, due // what is later is counted
		c.passed(from, due)
	case s.known && s.last < due:
		o.lose(c, from, due)
	}
	o.whole = before
}

// left records that a node has left, with the number of its last message. It reports false while that may be on its way.
func (o *origin) left(c *Cluster, from string, sent uint64) bool {
	s := &o.events
	if s.known && s.last < sent {
		return false
	}
	if !s.known {
		s.known, s.last = true, sent // what it had sent before this node has connected
		c.passed(from, sent)
	}
	if c.cfg.Left != nil {
		c.cfg.Left(from)
	}
	return true
}

// lose counts messages up to a number as lost.
func (o *origin) lose(c *Cluster, from string, due uint64) {
	c.gap(Loss{from, o.events.last + 1, due, o.whole})
	o.events.last = due
	c.passed(from, due)
}

func (c *Cluster) passed(origin string, seq uint64) {
	if c.cfg.Passed != nil {
		c.cfg.Passed(origin, seq)
	}
}
