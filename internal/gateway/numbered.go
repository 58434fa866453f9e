package gateway

import (
	"context"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// With handover, what is sent to clients is numbered and delivered in one step, see [moves]. Functions of the user run
// before or after it: encoding before, observers after.

// queued is a client to which an event was sent.
type queued struct {
	s   *session
	err error
}

// queueAll sends an event to clients. seen has those with observers, for observeAll.
func queueAll(to []*session, out *adapter.Outgoing) (seen []queued) {
	observed := false
	for _, c := range to {
		if c.ep.hooks != nil {
			observed = true
			break
		}
	}
	if !observed {
		hub.Each(to, func(c *session) { _ = c.queueUnseen(out, 0) })
		return nil
	}
	for _, c := range to {
		err := c.queueUnseen(out, 0)
		if c.ep.hooks != nil {
			seen = append(seen, queued{c, err})
		}
	}
	return seen
}

func observeAll(seen []queued, out *adapter.Outgoing, d *delivery) {
	for _, q := range seen {
		q.s.observeQueued(out, 0, d, q.err)
	}
}

// emitNumbered is the end of server.emit.
func (s *server) emitNumbered(ctx context.Context, endpoints []*endpoint, sel core.Selection, out *adapter.Outgoing, d *delivery) error {
	for _, e := range endpoints {
		if err := out.Prepare(framework, e.traits.Binary); err != nil {
			return err
		}
	}
	others, err := s.event(ctx, endpoints, sel, out)
	if err != nil {
		return err
	}
	seen, err := s.deliverNumbered(endpoints, sel, out, others)
	observeAll(seen, out, d)
	return sendError(err)
}

func (s *server) deliverNumbered(endpoints []*endpoint, sel core.Selection, out *adapter.Outgoing, others *cluster.Event) (seen []queued, err error) {
	mv := s.rt.moves
	mv.gate.RLock()
	defer mv.gate.RUnlock()
	to := clients(endpoints, sel, !out.Volatile)
	seen = queueAll(to, out)
	var seq uint64
	if others != nil {
		seq, err = s.rt.cluster.SendEvent(others)
	}
	mv.record(to, out, s.rt.node.ID, seq)
	return seen, err
}

// changeNumbered is the end of server.change.
func (s *server) changeNumbered(kind backplane.Kind, sel core.Selection, rooms []string, m *backplane.Message) error {
	finish, err := func() (func(), error) {
		mv := s.rt.moves
		mv.gate.RLock()
		defer mv.gate.RUnlock()
		finish := startChange(kind, clients(s.endpoints, sel, kind != backplane.Join), rooms)
		return finish, s.rt.send(m)
	}()
	finish()
	return err
}

// startChange is change without what calls functions of the user, which finish does.
func startChange(kind backplane.Kind, to []*session, rooms []string) (finish func()) {
	changed := make([][]string, len(to))
	for i, c := range to {
		report := c.ep.hooks.WantsRooms()
		switch {
		case kind == backplane.Join && c.record != nil:
			changed[i], _ = c.record.joinNow(rooms)
		case kind == backplane.Join:
			changed[i], _ = c.namespace.Join(c, c.ep.maxRooms, rooms, report)
		case kind == backplane.Leave && c.record != nil:
			changed[i] = c.record.leaveNow(rooms, true)
		case kind == backplane.Leave:
			changed[i] = c.namespace.Leave(c, rooms, true, report)
		case kind == backplane.Disconnect:
			c.disconnected.Store(true) // it does not move any more
		}
	}
	return func() {
		for i, c := range to {
			switch kind {
			case backplane.Join:
				c.ep.hooks.Joined(c, c.reported(changed[i]))
			case backplane.Leave:
				c.ep.hooks.Left(c, c.reported(changed[i]))
				c.notPresent(rooms)
			case backplane.Disconnect:
				c.disconnectNow(websockets.Reason{Cause: websockets.CauseServerDisconnect}, c.conn.Close)
			}
		}
	}
}

// handleNumbered is the end of Runtime.handle.
func (rt *Runtime) handleNumbered(endpoints []*endpoint, sel core.Selection, m *backplane.Message, load cluster.Load) error {
	deliver := func(_ context.Context, d *delivery) error {
		finish, err := rt.applyNumbered(endpoints, sel, m, load)
		if finish != nil {
			finish(d)
		}
		return err
	}
	hooks := hooksOf(endpoints)
	if hooks == nil || m.Kind != backplane.Event || len(clients(endpoints, sel, true)) == 0 {
		return deliver(context.Background(), nil)
	}
	m, err := load()
	if err != nil {
		return err
	}
	return observeArrival(context.Background(), hooks, arrivalOf(m), deliver)
}

// applyNumbered delivers a message of another node. finish does what calls functions of the user; nil for nothing.
func (rt *Runtime) applyNumbered(endpoints []*endpoint, sel core.Selection, m *backplane.Message, load cluster.Load) (finish func(*delivery), err error) {
	mv := rt.moves
	mv.gate.RLock()
	defer mv.gate.RUnlock()
	seq := uint64(0)
	if m.Channel == backplane.ChannelEvents {
		seq = m.Seq
	}
	defer mv.delivered.set(m.Origin, seq)
	to := clients(endpoints, sel, m.Kind != backplane.Join)
	to = mv.withoutLate(to, m.Origin, seq)
	if len(to) == 0 {
		return nil, nil
	}
	if m, err = load(); err != nil {
		return nil, err
	}
	if m.Kind != backplane.Event {
		change := startChange(m.Kind, to, m.Rooms)
		return func(*delivery) { change() }, nil
	}
	if m.Flags&backplane.Volatile != 0 {
		to = mv.withoutLate(clients(endpoints, sel, false), m.Origin, seq)
	}
	out, err := arrived(m, to)
	if err != nil {
		return nil, err
	}
	seen := queueAll(to, out)
	mv.record(to, out, m.Origin, seq)
	return func(d *delivery) {
		observeAll(seen, out, d)
		out.Release(framework)
	}, nil
}
