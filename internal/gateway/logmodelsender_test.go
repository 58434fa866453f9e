package gateway

import (
	"math"
	"slices"
)

// modelSender is what a node sends to the log: one frame at a time, again until it is there.
type modelSender struct {
	outbox  []*modelMsg
	taken   int         // the number up to which all was taken from outbox, or dropped
	dropped []*modelMsg // in their order
	frame   []*modelMsg // that is being sent
	doubt   int         // the base for which it may be in the log; 0: it is not
	known   int         // the base that the node knows
	asked   bool        // the frame is on its way
}

// take takes the next frame.
func (n *logNode) take(most int) (frame []*modelMsg) {
	for len(frame) < most && n.taken < n.seq {
		next := n.seq + 1
		if len(n.outbox) > 0 {
			next = n.outbox[0].seq
		}
		if next > n.taken+1 {
			lost := &modelMsg{origin: n.name, seq: next - 1, kind: modelLost}
			for _, msg := range n.dropped {
				if n.taken < msg.seq && msg.seq < next {
					lost.lost = append(lost.lost, msg)
				}
			}
			frame, n.taken = append(frame, lost), next-1
			continue
		}
		frame, n.outbox, n.taken = append(frame, n.outbox[0]), n.outbox[1:], next
	}
	return frame
}

// flush sends what is queued.
func (n *logNode) flush() {
	if n.asked {
		return
	}
	if n.frame == nil {
		if n.frame, n.doubt = n.take(1+n.m.r.IntN(3)), 0; n.frame == nil {
			return
		}
	}
	again := n.doubt != 0
	if !again {
		n.doubt = max(n.known, n.base)
	}
	frame, known, conn := n.frame, n.doubt, n.conn
	n.asked = true
	n.ask(func(l *modelLog) func() {
		there, base := l.append(frame, n.applied, known)
		return func() {
			if n.conn != conn {
				return
			}
			n.asked = false
			switch {
			case there:
				n.frame = nil
			case again:
				n.frame = nil
				n.uncertain(frame)
			default:
				n.doubt, n.known = 0, base
			}
		}
	})
}

// uncertain drops a frame that the log has refused.
func (n *logNode) uncertain(frame []*modelMsg) {
	n.taken = frame[0].seq - max(len(frame[0].lost), 1)
	for _, msg := range frame {
		if msg.kind != modelLost {
			n.dropped = append(n.dropped, msg)
		}
	}
	slices.SortFunc(n.dropped, func(a, b *modelMsg) int { return a.seq - b.seq })
}

// unsent reports whether something is not in the log yet.
func (n *logNode) unsent() bool { return n.frame != nil || n.taken < n.seq }

// returned handles an own message: those before it never will.
func (n *logNode) returned(msg *modelMsg) {
	for len(n.pending) > 0 && n.pending[0].seq <= msg.seq {
		p := n.pending[0]
		n.pending = n.pending[1:]
		if p == msg || p.seq <= n.local || p.kind == modelMarker {
			continue
		}
		for _, s := range n.sessions {
			s.apply(p, 0)
		}
	}
}

// accept handles the number of a message of another node, and reports whether it is to be delivered.
func (n *logNode) accept(msg *modelMsg) bool {
	last, known := n.numbers[msg.origin]
	if known && msg.seq <= last {
		return false
	}
	n.numbers[msg.origin] = msg.seq
	if msg.kind == modelLost || known && msg.seq > last+1 {
		for _, s := range n.sessions {
			for _, l := range msg.lost {
				if l.seq > last {
					s.lacks(l)
				}
			}
			s.forget()
		}
	}
	return msg.kind != modelLost
}

// forget has the client not be recovered any more.
func (s *logSession) forget() {
	if s.node.m.lacks != lacksForget {
		s.floor = math.MaxInt
		s.changed()
	}
}

// lacks notes that the client may not be recovered any more, if a message that was dropped was for it.
func (s *logSession) lacks(msg *modelMsg) {
	if s.client.session == s && msg.kind == logEvent && msg.selects(s.id, s.in) && !s.client.got[msg] {
		s.truth.lacks = true
	}
}
