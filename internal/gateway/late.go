package gateway

import (
	"context"
	"maps"
	"slices"
	"time"
)

// A client that comes to this node has got everything that the other one had delivered, also what has not arrived here yet, and
// perhaps never will, since a node that has started later does not receive what was sent before. That is not sent to it again, nor
// does a removal from a room that it had there count again.

// lateTime is for how long events may arrive that a client had at another node.
const lateTime = 10 * time.Second

// lateAt returns what a client has got of v that is not in now; nil for nothing. gate is held for writing.
func (mv *moves) lateAt(now, v vector) vector {
	late := maps.Clone(v)
	maps.DeleteFunc(late, func(origin string, seq uint64) bool { return seq <= now[origin] })
	if len(late) == 0 {
		return nil
	}
	mv.lateUntil.Store(time.Now().Add(lateTime).UnixNano())
	return late
}

// withoutLate returns those of the clients that have not got a message yet. gate is held.
func (mv *moves) withoutLate(to []*session, origin string, seq uint64) []*session {
	if until := mv.lateUntil.Load(); until == 0 || time.Now().UnixNano() > until {
		return to
	}
	had := func(s *session) bool { return seq > 0 && s.late[origin] >= seq }
	if !slices.ContainsFunc(to, had) {
		return to
	}
	return slices.DeleteFunc(slices.Clone(to), had)
}

// await waits until all of v is delivered here, or the client has got it, and reports whether that is so.
func (mv *moves) await(ctx context.Context, s *session, v vector) bool {
	v = maps.Clone(v)
	maps.DeleteFunc(v, func(origin string, seq uint64) bool { return seq <= s.late[origin] })
	for {
		all, changed := mv.delivered.has(v, mv.rt.node.ID, mv.rt.cluster.Numbered)
		if all {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// withLate returns v with what the client has got beyond it.
func (s *session) withLate(v vector) vector {
	if len(s.late) == 0 {
		return v
	}
	v = maps.Clone(v)
	for origin, seq := range s.late {
		v[origin] = max(v[origin], seq)
	}
	return v
}
