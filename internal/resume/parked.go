package resume

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// A node that stops parks its clients at others. What a client has received by then is unknown, since it may have been on its
// way: so all that the journal has moves, with the positions that the client may name. They are aliases in the journal of
// the keeper, whose ring has positions of its own.

// Parked implements [adapter.Departure].
func (d *departure) Parked() (read func() (adapter.Parked, error)) {
	j, store := d.r.j, d.r.store
	store.mu.Lock()
	p := adapter.Parked{ID: j.id, Namespace: j.namespace, Key: j.pid, Left: time.Until(j.until)}
	store.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.incomplete() {
		return nil
	}
	p.Address, p.Guessed = j.address.Addr, j.address.Guessed
	for _, pos := range []uint64{j.known, j.knownAlias} {
		if pos != 0 {
			p.Positions = append(p.Positions, Offset(pos))
		}
	}
	type kept struct {
		m    *Message // nil for a volatile event
		pos  uint64
		name uint64 // the position that the client may name; 0 for none
	}
	all := make([]kept, 0, j.kept.n)
	for pos := range j.kept.all {
		all = append(all, kept{m: j.ring.at(pos), pos: pos})
		if i := len(all) - 1; i < j.sent {
			all[i].name = pos
		}
	}
	i := 0
	for pos := range j.aliases.all {
		all[i].name = pos
		i++
	}
	return func() (adapter.Parked, error) {
		for _, k := range all {
			var e adapter.Missed
			if k.m != nil {
				var err error
				if e, err = d.event(k.m); err != nil {
					return p, err
				}
				e.Source = Offset(k.pos)
			}
			if k.name != 0 {
				e.Position = Offset(k.name)
			}
			p.Missed = append(p.Missed, e)
		}
		return p, nil
	}
}

// Encode returns the message of an event, with a position.
type Encode = func(namespace string, e adapter.Missed, pos uint64) (*Message, error)

// Keep keeps a client of a node that stops, as that of [adapter.Mover]: emit passes on what its connection is passed. It returns nil
// when the client has missed too much.
func (store *Store) Keep(p adapter.Parked, encode Encode, emit func(j *Journal, out *adapter.Outgoing) error) (_ adapter.Conn, suspended func(adapter.Session, adapter.Suspension), ok bool) {
	if !store.Moves() {
		return nil, nil, false
	}
	j := store.newParkedJournal(p)
	if j == nil {
		return nil, nil, false
	}
	if !j.fill(p, encode) {
		j.Close()
		return nil, nil, false
	}
	return &parkedConn{j, emit}, func(sess adapter.Session, susp adapter.Suspension) {
		j.SetSession(sess)
		store.add(j, j.address, susp, p.Left)
		store.enforceTotal()
	}, true
}

// MayPark reports whether the client may be parked at another node.
func (j *Journal) MayPark() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.closed && !j.incomplete() && j.store.Moves()
}

// fill fills the journal of a parked client. It returns false when that is too much.
func (j *Journal) fill(p adapter.Parked, encode Encode) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, name := range p.Positions {
		if pos := positionOf(name); i == 0 {
			j.known = pos
		} else {
			j.knownAlias = pos
		}
	}
	for _, e := range p.Missed {
		m, err := j.ring.parked(p, e, encode)
		if err != nil {
			return false
		}
		alias := positionOf(e.Position)
		if alias != 0 && j.aliases.n == j.kept.n {
			j.addAlias(alias)
		}
		if !j.append(m, e.Event == "", alias != 0) {
			return false
		}
		j.ring.share(m)
	}
	return true
}

// parked returns the message of an event of a parked client: that of another one if they share it.
func (r *Ring) parked(p adapter.Parked, e adapter.Missed, encode Encode) (m *Message, err error) {
	source := ""
	if e.Source != "" && e.Event != "" {
		source = p.From + " " + e.Source
		if shared := r.shared(source); shared != nil {
			return shared, nil
		}
	}
	pos := r.Next()
	if m = new(Message); e.Event != "" {
		if m, err = encode(p.Namespace, e, pos); err != nil {
			return nil, err
		}
	}
	m.Pos, m.source, m.Item.Plain = pos, source, e.Uncompressed
	return m, nil
}

// addAlias appends a position that the client may name; j.mu is held.
func (j *Journal) addAlias(pos uint64) {
	before := j.aliases.size()
	j.aliases.push(pos)
	j.store.total.Add(int64(j.aliases.size() - before))
}

// dropAliases drops the positions of the node that had parked the client: it is here now; j.mu is held.
func (j *Journal) dropAliases() {
	j.store.total.Add(-int64(j.aliases.size()))
	j.aliases = positions{}
}

// newParkedJournal returns the journal of a parked client; nil when there is one of its private id.
func (store *Store) newParkedJournal(p adapter.Parked) *Journal {
	j := &Journal{
		store: store, pid: p.Key, id: p.ID, namespace: p.Namespace, address: Address{p.Address, p.Guessed}, absent: make(chan struct{}), losses: store.losses.Load(),
	}
	store.mu.Lock()
	defer store.mu.Unlock()
	if store.closed || store.journals[j.pid] != nil {
		return nil
	}
	store.total.Add(int64(journalSize))
	if j.ring = store.rings[p.Namespace]; j.ring == nil {
		j.ring = newRing(&store.total)
		store.rings[p.Namespace] = j.ring
	}
	j.ring.journals++
	store.journals[j.pid] = j
	return j
}

// parkedConn is the connection of a parked client.
type parkedConn struct {
	j    *Journal
	emit func(j *Journal, out *adapter.Outgoing) error
}

var _ adapter.Conn = (*parkedConn)(nil)

func (c *parkedConn) ID() string { return c.j.id }

func (c *parkedConn) Emit(out *adapter.Outgoing, ack uint64) error {
	if ack != 0 {
		return websockets.ErrClosed
	}
	return c.emit(c.j, out)
}

func (*parkedConn) Reply(*adapter.Message, *adapter.Outgoing) error { return websockets.ErrClosed }
func (*parkedConn) Writable(context.Context) error                  { return websockets.ErrClosed }
func (c *parkedConn) Close(websockets.Reason)                       { c.j.Close() }
func (c *parkedConn) CloseConnection(websockets.Reason)             { c.j.Close() }
func (*parkedConn) State() adapter.ConnState                        { return adapter.ConnState{} }
func (*parkedConn) Native() any                                     { return nil }
