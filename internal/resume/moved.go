package resume

import (
	"context"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Clients move between nodes with what they have missed: as events, not as messages, since the other node numbers them by a
// ring of its own. The position that the client has named stays valid there until it has received one of these.

// Release has a client leave for another node, as that of [adapter.Mover]. event returns the event that a message was made of.
func (store *Store) Release(
	ctx context.Context, namespace, key, position string, same func(adapter.Session) bool, event func(*Message) (adapter.Missed, error),
) adapter.Departure {
	if !store.Moves() {
		return nil
	}
	r := store.findHere(key, position, namespace)
	if r == nil || !r.take(ctx, websockets.Reason{Cause: websockets.CauseMoved}, same) {
		return nil
	}
	return &departure{r, event}
}

// departure implements [adapter.Departure].
type departure struct {
	r     *Resumption
	event func(*Message) (adapter.Missed, error)
}

func (d *departure) Suspension() adapter.Suspension { return d.r.suspension }

func (d *departure) Missed() (read func() ([]adapter.Missed, error)) {
	j := d.r.j
	j.mu.Lock()
	defer j.mu.Unlock()
	received := d.r.received()
	if received < 0 || j.closed {
		return nil
	}
	var missed []*Message
	for pos := range j.kept.all {
		if received--; received >= 0 {
			continue
		}
		if m := j.ring.at(pos); m != nil {
			missed = append(missed, m)
		}
	}
	return func() ([]adapter.Missed, error) {
		events := make([]adapter.Missed, 0, len(missed))
		for _, m := range missed {
			e, err := d.event(m)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		return events, nil
	}
}

func (d *departure) Keep() { d.r.j.keep(d.r.suspension) }

func (d *departure) Moved() { d.r.j.Close() }

// NewArrival returns the journal of a client that has come here. It keeps its private id.
func (store *Store) NewArrival(r *Resumption, live Live, id, namespace string, from Address) *Journal {
	store.mu.Lock()
	former := store.journals[r.key]
	if former != nil {
		_ = store.take(former) // the client is that of the new connection by now: two with one id are not in a namespace
	}
	store.mu.Unlock()
	if former != nil {
		former.Close()
	}
	return store.newJournal(live, r.key, id, namespace, from)
}

// Arrive sends what the client of another node has missed, after answer. encode returns the message of an event, with the
// position. It returns false when the client has missed more than this node keeps, or an event cannot be encoded; answer was
// not called then.
func (j *Journal) Arrive(r *Resumption, missed []adapter.Missed, encode func(e adapter.Missed, pos uint64) (*Message, error), answer func()) bool {
	if j.ring.logged {
		return j.arriveLogged(r, missed, encode, answer)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.known = r.pos
	for _, e := range missed {
		pos := j.ring.Next()
		m, err := encode(e, pos)
		if err != nil {
			return false
		}
		m.Pos, m.Item.Plain = pos, e.Uncompressed
		if !j.append(m, false, false) {
			return false
		}
	}
	answer()
	for pos := range j.kept.all {
		if j.live.Replay(j.ring.at(pos)) != nil {
			break // the connection has ended again
		}
		j.sent++
	}
	return true
}
