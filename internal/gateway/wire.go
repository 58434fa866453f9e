package gateway

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// reaches reports whether a selection is for other nodes too.
func (s *server) reaches(sel core.Selection) bool {
	return s.rt.cluster != nil && !sel.Local && !sel.Empty() && len(s.endpoints) > 0
}

// message returns a message about the selected clients of all endpoints. Without other nodes it is
// nil. An error means that other nodes would not accept it.
func (s *server) message(kind backplane.Kind, sel core.Selection, rooms []string) (*backplane.Message, error) {
	if !s.reaches(sel) {
		return nil, nil
	}
	m := &backplane.Message{Rooms: slices.Clone(rooms)}
	s.address(m, kind, s.endpoints, sel)
	return m, s.check(m)
}

// address sets what a message is about.
func (s *server) address(m *backplane.Message, kind backplane.Kind, endpoints []*endpoint, sel core.Selection) {
	m.Kind, m.Channel = kind, backplane.ChannelEvents
	to := &m.Select
	if to.Endpoints = s.keys; len(endpoints) == 1 {
		to.Endpoints = endpoints[0].key[:]
	}
	to.Namespace, to.Rooms, to.IDs = sel.Namespace, sel.Rooms.AppendTo(to.Rooms), sel.IDs.AppendTo(to.IDs)
	to.ExceptRooms, to.ExceptIDs = sel.ExceptRooms.AppendTo(to.ExceptRooms), sel.ExceptIDs.AppendTo(to.ExceptIDs)
}

func (s *server) check(m *backplane.Message) error {
	if err := s.rt.cluster.Check(m); err != nil {
		return fmt.Errorf("websockets: %s for other nodes: %w", m.Kind, err)
	}
	return nil
}

// event returns the message of an event, with a payload of its own. It is nil without other nodes.
func (s *server) event(ctx context.Context, endpoints []*endpoint, sel core.Selection, out *adapter.Outgoing) (*cluster.Event, error) {
	if !s.reaches(sel) {
		return nil, nil
	}
	binary := slices.ContainsFunc(endpoints, func(e *endpoint) bool { return e.traits.Binary })
	p, err := out.Payload(binary)
	if err != nil {
		return nil, err
	}
	m := cluster.NewEvent()
	s.address(&m.Message, backplane.Event, endpoints, sel)
	m.Event, m.Flags, m.Traceparent = out.Event, flagsOf(out.Options), s.trace(ctx)
	m.Payload.JSON, m.Payload.Spread = append(m.Payload.JSON, p.JSON...), p.Spread
	for _, a := range p.Attachments {
		m.Payload.Attachments = append(m.Payload.Attachments, bytes.Clone(a))
	}
	if err := s.check(&m.Message); err != nil {
		m.Release()
		return nil, err
	}
	return m, nil
}

func flagsOf(o emit.Options) (f backplane.Flags) {
	if o.Volatile {
		f |= backplane.Volatile
	}
	if o.Uncompressed {
		f |= backplane.Uncompressed
	}
	return f.WithOverflow(uint8(o.Overflow))
}

func optionsOf(m *backplane.Message) emit.Options {
	return emit.Options{
		Overflow: emit.Overflow(m.Flags.Overflow()), Volatile: m.Flags&backplane.Volatile != 0,
		Uncompressed: m.Flags&backplane.Uncompressed != 0, Spread: m.Payload.Spread,
	}
}

// deliver handles a message of another node: what server does with the clients of this one.
func (rt *Runtime) deliver(m *backplane.Message, load cluster.Load) error {
	switch m.Kind {
	case backplane.PresenceDelta, backplane.PresenceState, backplane.PresenceAsk:
		return rt.roster.Receive(m)
	case backplane.Claim, backplane.Claimed, backplane.ClaimMore, backplane.ClaimDone, backplane.Park:
		if rt.moves == nil {
			return nil // the other node has other options
		}
		return rt.moves.receive(m)
	case backplane.Taken:
		if rt.history != nil {
			rt.history.taken(string(m.Body))
		}
		return nil
	}
	if rt.moves == nil {
		return rt.handle(m, load)
	}
	err := rt.handle(m, load)
	if m.Channel == backplane.ChannelEvents { // it was delivered, or reaches no client
		rt.moves.delivered.set(m.Origin, m.Seq)
	}
	return err
}

// handle handles a message about clients, or nodes.
func (rt *Runtime) handle(m *backplane.Message, load cluster.Load) error {
	sel := selectionOf(m)
	endpoints := rt.keyed(m.Select)
	if m.Kind == backplane.NodeEvent {
		return rt.nodeEvent(endpoints, load)
	}
	if m.Kind == backplane.Call || m.Kind == backplane.Fetch {
		return rt.answer(endpoints, sel, load)
	}
	if rt.moves != nil {
		return rt.handleNumbered(endpoints, sel, m, load)
	}
	to := clients(endpoints, sel, m.Kind != backplane.Join)
	if len(to) == 0 {
		return nil // the rest is not even read
	}
	m, err := load()
	if err != nil {
		return err
	}
	if m.Kind != backplane.Event {
		change(m.Kind, to, m.Rooms)
		return nil
	}
	if m.Flags&backplane.Volatile != 0 {
		to = clients(endpoints, sel, false)
	}
	hooks := hooksOf(endpoints)
	if hooks == nil {
		return rt.emit(m, to, nil)
	}
	return observeArrival(context.Background(), hooks, arrivalOf(m), func(_ context.Context, d *delivery) error {
		return rt.emit(m, to, d)
	})
}

// selectionOf returns the clients that a message is about.
func selectionOf(m *backplane.Message) core.Selection {
	return core.Selection{
		Namespace: m.Select.Namespace, Rooms: core.Names{}.With(m.Select.Rooms), IDs: core.Names{}.With(m.Select.IDs),
		ExceptIDs: core.Names{}.With(m.Select.ExceptIDs), ExceptRooms: core.Names{}.With(m.Select.ExceptRooms),
		Narrowed: len(m.Select.Rooms)+len(m.Select.IDs) > 0,
	}
}

// keyed returns the endpoints that a message is for.
func (rt *Runtime) keyed(sel backplane.Selection) (found []*endpoint) {
	if sel.Endpoints == nil {
		return slices.Collect(maps.Values(rt.byKey))
	}
	for _, key := range sel.Endpoints {
		switch e := rt.byKey[key]; {
		case e == nil:
			rt.cluster.UnknownEndpoint()
		case !slices.Contains(found, e): // the same key again would be the same clients again
			found = append(found, e)
		}
	}
	return found
}

// emit sends an event of another node, which has run the interceptors.
func (rt *Runtime) emit(m *backplane.Message, to []*session, d *delivery) error {
	out, err := arrived(m, to)
	if err != nil {
		return err
	}
	defer out.Release(framework)
	hub.Each(to, func(c *session) { _ = c.queue(out, 0, d) })
	return nil
}

// arrived returns an event of another node, encoded for the clients.
func arrived(m *backplane.Message, to []*session) (*adapter.Outgoing, error) {
	if m.Event == "" { // no frame of a platform
		return nil, fmt.Errorf("an event without a name: %w", envelope.ErrInvalid)
	}
	out := adapter.NewOutgoing(m.Event, websockets.Payload(m.Payload))
	out.Options = optionsOf(m)
	if err := encodeFor(to, out); err != nil {
		out.Release(framework)
		return nil, fmt.Errorf("event %q: %w", m.Event, err)
	}
	return out, nil
}
