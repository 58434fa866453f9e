package gateway

import (
	"context"
	"errors"
	"iter"
	"net"
	"os"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// server is what a [websockets.Server] needs of a gateway: all its endpoints.
type server struct {
	rt        *Runtime
	endpoints []*endpoint
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
	return s.intercepted(ctx, sel, out, func(endpoints []*endpoint, out *adapter.Outgoing) error {
		to := clients(endpoints, sel, !out.Volatile)
		if err := encodeFor(to, out); err != nil {
			return err
		}
		hub.Each(to, func(c *session) { _ = c.conn.Emit(out, 0) }) // a client that has left or is slow is no error of the sender
		return nil
	})
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
	for _, c := range to {
		if _, err := out.Payload(c.ep.traits.Binary); err != nil {
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

func (s *server) Count(_ context.Context, sel core.Selection) (int, error) {
	return len(clients(s.endpoints, sel, false)), nil
}

func (s *server) Fetch(_ context.Context, sel core.Selection) (websockets.Fetched, error) {
	var f websockets.Fetched
	for _, c := range clients(s.endpoints, sel, false) {
		f.Clients = append(f.Clients, websockets.Remote{
			ID: c.ID(), Node: s.rt.node.ID, Platform: c.Platform(), Namespace: c.Namespace(), Rooms: c.Rooms(),
		})
	}
	return f, nil
}

func (s *server) Join(_ context.Context, sel core.Selection, rooms []string) error {
	for _, c := range clients(s.endpoints, sel, false) {
		_ = c.Join(rooms...)
	}
	return nil
}

func (s *server) Leave(_ context.Context, sel core.Selection, rooms []string) error {
	for _, c := range clients(s.endpoints, sel, true) {
		c.namespace.Leave(c, rooms, true)
	}
	return nil
}

func (s *server) Disconnect(_ context.Context, sel core.Selection) error {
	for _, c := range clients(s.endpoints, sel, true) {
		c.Disconnect()
	}
	return nil
}

func (s *server) Nodes() []websockets.Node { return []websockets.Node{s.rt.self()} }

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

// newNode describes this process.
func newNode(id string) websockets.Node {
	name, _ := os.Hostname()
	return websockets.Node{ID: id, Name: name, Started: time.Now()}
}

// self returns this node as it is now.
func (rt *Runtime) self() websockets.Node {
	n := rt.node
	rt.mu.Lock()
	defer rt.mu.Unlock()
	n.Clients, n.Draining = len(rt.sessions), rt.stopping
	return n
}
