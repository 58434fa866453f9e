package resume

import (
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// With a log (see [adapter.Log]) journals keep nothing: known is the position that the client was sent last.

// Logged reports whether positions are those of a log.
func (r *Ring) Logged() bool { return r.logged }

// PositionOf returns the position of an event that was not encoded yet. Without ok it has none, because it is not kept in the log.
func (r *Ring) PositionOf(out *adapter.Outgoing) (pos uint64, ok bool) {
	if r.logged {
		return out.Position()
	}
	return r.Next(), true
}

// emitLogged sends an event of the log; j.mu is held.
func (j *Journal) emitLogged(m *Message, out *adapter.Outgoing) error {
	if j.live == nil {
		return websockets.ErrClosed
	}
	err := j.live.Send(m, out)
	if err == nil {
		j.known = m.Pos
	}
	return err
}

// EmitUnlogged sends an event that is not kept in the log. encode returns it with the position that the client was sent last.
func (j *Journal) EmitUnlogged(out *adapter.Outgoing, encode func(pos uint64) (*Message, error)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.live == nil {
		return websockets.ErrClosed
	}
	m, err := encode(j.known)
	if err != nil {
		return err
	}
	return j.live.Send(m, out)
}

// LoggedID returns the private id of a client that is recovered by a log; "" for others.
func (j *Journal) LoggedID() string {
	if j == nil || !j.ring.logged {
		return ""
	}
	return j.pid
}

// arriveLogged is Arrive with a log.
func (j *Journal) arriveLogged(r *Resumption, missed []adapter.Missed, encode func(e adapter.Missed, pos uint64) (*Message, error), answer func()) bool {
	all, size := make([]*Message, 0, len(missed)), 0
	for _, e := range missed {
		pos := positionOf(e.Position)
		m, err := encode(e, pos)
		if err != nil {
			return false
		}
		m.Pos, m.Item.Plain = pos, e.Uncompressed
		if size += m.Held + positionSize; size > j.store.opts.MaxBytes {
			return false
		}
		all = append(all, m)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.known = r.pos
	answer()
	for _, m := range all {
		if j.live.Replay(m) != nil {
			break // the connection has ended again
		}
		j.known = m.Pos
	}
	return true
}
