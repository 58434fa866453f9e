package gateway

import (
	"context"
	"errors"
	"iter"
	"net"
	"slices"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// server is what a [websockets.Server] needs of a gateway: all its endpoints.
type server struct {
	rt        *Runtime
	endpoints []*endpoint
	keys      []uint32 // of the endpoints
}

// clients returns the selected clients of some endpoints, suspended ones only
// withSuspended.
func clients(endpoints []*endpoint, sel core.Selection, withSuspended bool) []*session {
	var out []*session
	for _, e := range endpoints {
		for _, ns := range e.matching(sel.Namespace) {
			out = ns.Select(out, sel, withSuspended)
		}
	}
	return out
}

func (s *server) Emit(ctx context.Context, sel core.Selection, event string, data any, opts []websockets.EmitOption) error {
	out := newOutgoing(event, data, opts)
	defer out.Release(framework)
	hooks := s.hooks()
	if hooks == nil {
		return s.emit(ctx, sel, out, nil)
	}
	return observeEmission(ctx, hooks, emissionOf(sel, out), func(ctx context.Context, d *delivery) error {
		return s.emit(ctx, sel, out, d)
	})
}

func (s *server) emit(ctx context.Context, sel core.Selection, out *adapter.Outgoing, d *delivery) error {
	return s.intercepted(ctx, sel, out, func(endpoints []*endpoint, out *adapter.Outgoing) error {
		if s.rt.history != nil {
			return s.emitLogged(ctx, endpoints, sel, out, d)
		}
		if s.rt.moves != nil {
			return s.emitNumbered(ctx, endpoints, sel, out, d)
		}
		to := clients(endpoints, sel, !out.Volatile)
		if err := encodeFor(to, out); err != nil {
			return err
		}
		var others *cluster.Event
		if s.rt.cluster != nil {
			var err error
			if others, err = s.event(ctx, endpoints, sel, out); err != nil {
				return err // first: what other nodes would refuse reaches no client here either
			}
		}
		hub.Each(to, func(c *session) { _ = c.queue(out, 0, d) }) // a client that has left or is slow is no error of the sender
		if others == nil {
			return nil
		}
		_, err := s.rt.cluster.SendEvent(others)
		return sendError(err)
	})
}

// hooks returns the observers of the gateway's endpoints.
func (s *server) hooks() *observers.Set {
	return hooksOf(s.endpoints)
}

func hooksOf(endpoints []*endpoint) *observers.Set {
	for _, e := range endpoints {
		if e.hooks != nil {
			return e.hooks
		}
	}
	return nil
}

// intercepted sends to all endpoints at once or, where endpoints have interceptors of emits,
// to one after the other.
func (s *server) intercepted(ctx context.Context, sel core.Selection, out *adapter.Outgoing, send func([]*endpoint, *adapter.Outgoing) error) error {
	out.SetCodec(framework, s.rt.codec)
	if !slices.ContainsFunc(s.endpoints, func(e *endpoint) bool { return len(e.emits) > 0 }) {
		return send(s.endpoints, out)
	}
	var errs []error
	for i, e := range s.endpoints {
		one := s.endpoints[i : i+1]
		errs = append(errs, e.intercept(ctx, out, nil, sel.Rooms.Slice(), func(out *adapter.Outgoing) error { return send(one, out) }))
	}
	return errors.Join(errs...)
}

// encodeFor encodes the message in the forms that the clients need, since an error is the
// same for all of them.
func encodeFor(to []*session, out *adapter.Outgoing) error {
	var last *endpoint
	for _, c := range to {
		if c.ep == last { // most clients are of one endpoint
			continue
		}
		last = c.ep
		if err := out.Prepare(framework, last.traits.Binary); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) Clients(sel core.Selection) []websockets.Client {
	found := clients(s.endpoints, sel, false)
	out := make([]websockets.Client, len(found))
	for i, c := range found {
		out[i] = c
	}
	return out
}

func (s *server) Count(ctx context.Context, sel core.Selection) (int, error) {
	n := len(clients(s.endpoints, sel, false))
	if !s.reaches(sel) {
		return n, nil
	}
	more, unreachable, err := s.countOthers(ctx, sel)
	if err == nil && len(unreachable) > 0 {
		err = partialError(unreachable)
	}
	return n + more, err
}

func (s *server) Fetch(ctx context.Context, sel core.Selection) (websockets.Fetched, error) {
	var f websockets.Fetched
	for _, c := range clients(s.endpoints, sel, false) {
		f.Clients = append(f.Clients, remoteOf(c))
	}
	if !s.reaches(sel) {
		return f, nil
	}
	more, unreachable, err := s.fetchOthers(ctx, sel)
	f.Clients, f.Unreachable = append(f.Clients, more...), unreachable
	return f, err
}

func (s *server) Join(_ context.Context, sel core.Selection, rooms []string) error {
	return s.change(backplane.Join, sel, rooms)
}

func (s *server) Leave(_ context.Context, sel core.Selection, rooms []string) error {
	return s.change(backplane.Leave, sel, rooms)
}

func (s *server) Disconnect(_ context.Context, sel core.Selection) error {
	return s.change(backplane.Disconnect, sel, nil)
}

// change changes the selected clients of this node and of the others.
func (s *server) change(kind backplane.Kind, sel core.Selection, rooms []string) error {
	m, err := s.message(kind, sel, rooms)
	if err != nil {
		return err
	}
	if s.rt.history != nil {
		return s.changeLogged(kind, sel, rooms, m)
	}
	if s.rt.moves != nil {
		return s.changeNumbered(kind, sel, rooms, m)
	}
	change(kind, clients(s.endpoints, sel, kind != backplane.Join), rooms)
	return s.rt.send(m)
}

// change adds clients to rooms, removes them or disconnects them.
func change(kind backplane.Kind, to []*session, rooms []string) {
	for _, c := range to {
		switch kind {
		case backplane.Join:
			_ = c.Join(rooms...)
		case backplane.Leave:
			c.leave(rooms, true)
		case backplane.Disconnect:
			c.Disconnect()
		}
	}
}

func (s *server) Nodes() []websockets.Node { return s.rt.Nodes() }

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
