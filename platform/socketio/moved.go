package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/resume"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var (
	_ adapter.Mover     = (*server)(nil)
	_ adapter.Forgetter = (*server)(nil)
)

// Forget implements [adapter.Forgetter].
func (s *server) Forget() {
	if s.recovery != nil {
		s.recovery.Forget()
	}
}

// Moves implements [adapter.Mover].
func (s *server) Moves() bool { return s.recovery != nil && s.recovery.Moves() }

// Release implements [adapter.Mover].
func (s *server) Release(ctx context.Context, namespace, key, position string, same func(adapter.Session) bool) adapter.Departure {
	if s.recovery == nil {
		return nil
	}
	return s.recovery.Release(ctx, namespace, key, position, same, s.eventOf)
}

var errNoEvent = errors.New("socketio: a saved packet is not an event with an offset")

// eventOf returns the event that a message was made of.
func (s *server) eventOf(m *message) (e adapter.Missed, err error) {
	defer func() {
		if v := recover(); v != nil { // of the parser
			err = fmt.Errorf("socketio: %w", recovered.New(v))
		}
	}()
	dec := s.opts.Parser.NewDecoder(s.limits)
	frame, text := m.Item.Frame.Payload(), m.Item.Frame.Text()
	var p *packet.Packet
	if text && len(frame) > 0 {
		p, err = dec.Text(bytes.Clone(frame[1:])) // without Engine.IO's "4"
	} else {
		p, err = dec.Binary(bytes.Clone(frame))
	}
	for _, a := range m.Item.More {
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
	e = adapter.Missed{Event: strings.Clone(p.Event), Payload: p.Payload, Uncompressed: m.Item.Plain}
	return e, withoutOffset(&e.Payload, m.Pos)
}

// withoutOffset removes the offset, which is the last argument.
func withoutOffset(p *websockets.Payload, pos uint64) error {
	last := `"` + resume.Offset(pos) + `"`
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

// Keep implements [adapter.Mover].
func (s *server) Keep(p adapter.Parked) (_ adapter.Conn, suspended func(adapter.Session, adapter.Suspension), ok bool) {
	if !s.Moves() {
		return nil, nil, false
	}
	return s.recovery.Keep(p, s.encodeMissed, func(j *resume.Journal, out *adapter.Outgoing) error {
		m, err := s.event(out, p.Namespace, 0, j.Ring())
		if err != nil {
			return err
		}
		return j.Emit(m, out)
	})
}

// encodeMissed returns the message of an event that a client has missed.
func (s *server) encodeMissed(namespace string, e adapter.Missed, pos uint64) (*message, error) {
	return s.encode(&packet.Packet{Type: packet.Event, Namespace: namespace, Event: e.Event, Payload: e.Payload, Offset: resume.Offset(pos)})
}

// acceptMoved answers the CONNECT of a client of another node, and sends what it has missed. It returns false when the client
// cannot resume here.
func (s *socket) acceptMoved(r *resume.Resumption, id string, missed []adapter.Missed) bool {
	c := s.conn
	srv := c.srv
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.join() {
		return false
	}
	s.id = id
	s.journal = srv.recovery.NewArrival(r, s, id, s.namespace, c.address())
	answer, err := srv.connected(s.namespace, id, s.journal.PrivateID())
	if err != nil {
		return false
	}
	encode := func(e adapter.Missed, pos uint64) (*message, error) { return srv.encodeMissed(s.namespace, e, pos) }
	return s.journal.Arrive(r, missed, encode, func() { _ = c.push(answer, outbox.Refuse) })
}
