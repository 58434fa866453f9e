package gateway

import (
	"errors"
	"iter"
	"net"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// broadcast is an immutable selection of clients over endpoints.
type broadcast struct {
	endpoints []*endpoint
	namespace string // "" is all of them
	sel       hub.Selection
}

var _ websockets.Broadcast = (*broadcast)(nil)

func (b *broadcast) with(change func(*hub.Selection)) *broadcast {
	c := *b
	c.sel = hub.Selection{Rooms: slices.Clip(c.sel.Rooms), ExceptIDs: slices.Clip(c.sel.ExceptIDs), ExceptRooms: slices.Clip(c.sel.ExceptRooms)}
	change(&c.sel)
	return &c
}

func (b *broadcast) To(rooms ...string) websockets.Broadcast {
	return b.with(func(s *hub.Selection) { s.Rooms = append(s.Rooms, rooms...) })
}

func (b *broadcast) In(rooms ...string) websockets.Broadcast { return b.To(rooms...) }

func (b *broadcast) Except(clients ...websockets.Client) websockets.Broadcast {
	return b.with(func(s *hub.Selection) {
		for _, c := range clients {
			if c != nil {
				s.ExceptIDs = append(s.ExceptIDs, c.ID())
			}
		}
	})
}

func (b *broadcast) ExceptRooms(rooms ...string) websockets.Broadcast {
	return b.with(func(s *hub.Selection) { s.ExceptRooms = append(s.ExceptRooms, rooms...) })
}

// clients returns the selected clients, suspended ones only withSuspended.
func (b *broadcast) clients(withSuspended bool) []*session {
	var out []*session
	for _, e := range b.endpoints {
		for _, ns := range e.matching(b.namespace) {
			out = ns.Select(out, b.sel, withSuspended)
		}
	}
	return out
}

func (b *broadcast) Emit(event string, data any, opts ...websockets.EmitOption) error {
	out := newOutgoing(event, data, opts)
	defer out.Release(framework)
	return b.intercepted(out, func(one *broadcast, out *adapter.Outgoing) error {
		clients := one.clients(!out.Volatile)
		if err := encodeFor(clients, out); err != nil {
			return err
		}
		hub.Each(clients, func(s *session) { _ = s.conn.Emit(out, 0) }) // a client that has left or is slow is no error of the sender
		return nil
	})
}

// intercepted sends to all endpoints at once or, where endpoints have interceptors of emits,
// to one after the other.
func (b *broadcast) intercepted(out *adapter.Outgoing, send func(*broadcast, *adapter.Outgoing) error) error {
	if len(b.endpoints) > 0 {
		out.SetCodec(framework, b.endpoints[0].rt.codec)
	}
	if !slices.ContainsFunc(b.endpoints, func(e *endpoint) bool { return len(e.emits) > 0 }) {
		return send(b, out)
	}
	var errs []error
	for _, e := range b.endpoints {
		one := *b
		one.endpoints = []*endpoint{e}
		errs = append(errs, e.intercept(out, nil, b.sel.Rooms, func(out *adapter.Outgoing) error { return send(&one, out) }))
	}
	return errors.Join(errs...)
}

// encodeFor encodes the message in the forms that the clients need, since an error is the
// same for all of them.
func encodeFor(clients []*session, out *adapter.Outgoing) error {
	for _, s := range clients {
		if _, err := out.Payload(s.ep.traits.Binary); err != nil {
			return err
		}
	}
	return nil
}

func (b *broadcast) Clients() iter.Seq[websockets.Client] {
	return func(yield func(websockets.Client) bool) {
		for _, s := range b.clients(false) {
			if !yield(s) {
				return
			}
		}
	}
}

func (b *broadcast) Count() int { return len(b.clients(false)) }

func (b *broadcast) Join(rooms ...string) {
	for _, s := range b.clients(false) {
		_ = s.Join(rooms...)
	}
}

func (b *broadcast) Leave(rooms ...string) {
	for _, s := range b.clients(true) {
		s.namespace.Leave(s, rooms, true)
	}
}

func (b *broadcast) Disconnect() {
	for _, s := range b.clients(true) {
		s.Disconnect()
	}
}

// server is all endpoints of one gateway.
type server struct{ broadcast }

var _ websockets.Server = (*server)(nil)

func (s *server) Of(namespace string) websockets.Broadcast {
	b := s.broadcast
	b.namespace = "/" + strings.TrimPrefix(namespace, "/")
	return &b
}

func (s *server) Addr() net.Addr {
	if len(s.endpoints) == 0 {
		return nil
	}
	return s.endpoints[0].srv.addr()
}

func (s *server) Natives() iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, e := range s.endpoints {
			if n := e.srv.adapterServer.Native(e.pattern.name); n != nil && !yield(n) {
				return
			}
		}
	}
}
