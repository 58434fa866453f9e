package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Clients move between nodes with what they have missed: as events, not as packets, since the other node numbers them by a
// ring of its own. The position that the client has named stays valid there until it has received one of these.

// privateIDSize is the length of a private id without the prefix of its node: that of rand.Text.
const privateIDSize = 26

var _ adapter.Mover = (*server)(nil)

// Moves implements [adapter.Mover].
func (s *server) Moves() bool { return s.recovery != nil && s.recovery.handover != nil }

// Release implements [adapter.Mover].
func (s *server) Release(ctx context.Context, namespace, key, position string, same func(adapter.Session) bool) adapter.Departure {
	if !s.Moves() {
		return nil
	}
	r := s.recovery.findHere(key, position, namespace)
	if r == nil || !r.take(ctx, websockets.Reason{Cause: websockets.CauseMoved}, same) {
		return nil
	}
	return &departure{s, r}
}

// departure implements [adapter.Departure].
type departure struct {
	srv *server
	r   *resumption
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
	var missed []*message
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
			e, err := d.srv.eventOf(m)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		return events, nil
	}
}

func (d *departure) Keep() {
	j := d.r.j
	j.mu.Lock()
	from := j.address
	j.mu.Unlock()
	j.store.add(j, from, d.r.suspension)
}

func (d *departure) Moved() { d.r.j.close() }

var errNoEvent = errors.New("socketio: a saved packet is not an event with an offset")

// eventOf returns the event that a message was made of.
func (s *server) eventOf(m *message) (e adapter.Missed, err error) {
	defer func() {
		if v := recover(); v != nil { // of the parser
			err = fmt.Errorf("socketio: %w", recovered.New(v))
		}
	}()
	dec := s.opts.Parser.NewDecoder(s.limits)
	frame, text := m.item.Frame.Payload(), m.item.Frame.Text()
	var p *packet.Packet
	if text && len(frame) > 0 {
		p, err = dec.Text(bytes.Clone(frame[1:])) // without Engine.IO's "4"
	} else {
		p, err = dec.Binary(bytes.Clone(frame))
	}
	for _, a := range m.item.More {
		if err != nil {
			break
		}
		p, err = dec.Binary(bytes.Clone(a.Payload()))
	}
	switch {
	case err != nil:
		return e, err
	case p == nil || p.Type != packet.Event:
		return e, errNoEvent
	}
	e = adapter.Missed{Event: strings.Clone(p.Event), Payload: p.Payload, Uncompressed: m.item.Plain}
	return e, withoutOffset(&e.Payload, m.pos)
}

// withoutOffset removes the offset, which is the last argument.
func withoutOffset(p *websockets.Payload, pos uint64) error {
	last := `"` + offset(pos) + `"`
	if !p.Spread {
		if string(p.JSON) != last {
			return errNoEvent
		}
		*p = websockets.Payload{}
		return nil
	}
	rest, found := bytes.CutSuffix(p.JSON, []byte(","+last+"]"))
	if !found {
		return errNoEvent
	}
	p.JSON = p.JSON[:len(rest)+1]
	p.JSON[len(rest)] = ']'
	return nil
}

// acceptMoved answers the CONNECT of a client of another node, and sends what it has missed. It returns false when the client
// cannot resume here.
func (s *socket) acceptMoved(r *resumption, id string, missed []adapter.Missed) bool {
	c := s.conn
	srv := c.srv
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.join() {
		return false
	}
	s.id = id
	j := srv.recovery.newJournal(s)
	s.journal = j
	srv.recovery.setFormer(j, r.key)
	answer, err := srv.connected(s.namespace, id, j.pid)
	if err != nil {
		return false
	}
	_ = c.push(answer, outbox.Refuse)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.known = r.pos
	for _, e := range missed {
		pos := j.ring.next()
		m, err := srv.encode(&packet.Packet{Type: packet.Event, Namespace: s.namespace, Event: e.Event, Payload: e.Payload, Offset: offset(pos)})
		if err != nil {
			return false
		}
		m.pos, m.item.Plain = pos, e.Uncompressed
		if !j.append(m, false, false) {
			return false // it has missed more than this node keeps
		}
	}
	for pos := range j.kept.all {
		if c.push(j.ring.at(pos), outbox.Refuse) != nil {
			break // the connection has ended again
		}
		j.sent++
	}
	return true
}

// setFormer lets a client that has moved resume by its private id of the other node: it may lose the connection before it
// has seen the new one.
func (store *recoveryStore) setFormer(j *journal, pid string) {
	store.mu.Lock()
	defer store.mu.Unlock()
	if store.former[pid] == nil && store.journals[pid] == nil {
		j.former = pid
		store.former[pid] = j
	}
}
