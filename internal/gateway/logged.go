package gateway

import (
	"context"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type selection = core.Selection

// emitLogged is the end of server.emit with a log.
func (s *server) emitLogged(ctx context.Context, endpoints []*endpoint, sel selection, out *adapter.Outgoing, d *delivery) error {
	if !s.reaches(sel) {
		to := clients(endpoints, sel, !out.Volatile)
		if err := encodeFor(to, out); err != nil {
			return err
		}
		hub.Each(to, func(c *session) { _ = c.queue(out, 0, d) })
		return nil
	}
	for _, e := range endpoints {
		if err := out.Prepare(framework, e.traits.Binary); err != nil {
			return err
		}
	}
	m, err := s.event(ctx, endpoints, sel, out)
	if err != nil {
		return err
	}
	_, err = s.rt.cluster.SendEvent(m)
	return sendError(err)
}

// changeLogged is the end of server.change with a log; m is nil for clients of this node only.
func (s *server) changeLogged(kind backplane.Kind, sel selection, rooms []string, m *backplane.Message) error {
	if m != nil {
		return s.rt.send(m)
	}
	finish := func() func() {
		h := s.rt.history
		h.gate.Lock()
		defer h.gate.Unlock()
		return startChange(kind, clients(s.endpoints, sel, kind != backplane.Join), rooms)
	}()
	finish()
	return nil
}

// logs reports whether an event for the client alone goes through the log.
func (s *session) logs(out *adapter.Outgoing) bool {
	return s.record != nil && !out.Volatile && !out.Answer && out.InReplyTo == nil
}

// emitLogged sends an event for the client alone by the log, so that it is kept, and in order with the others.
func (s *session) emitLogged(ctx context.Context, out *adapter.Outgoing) error {
	if s.record.over() {
		return websockets.ErrClosed
	}
	one := &server{rt: s.ep.rt, endpoints: []*endpoint{s.ep}, keys: s.ep.key[:]}
	sel := selection{Namespace: s.hs.Namespace, IDs: core.Names{}.With([]string{s.ID()}), Narrowed: true}
	return one.emitLogged(ctx, one.endpoints, sel, out, nil)
}

// afterOwn calls f when what this node has emitted so far was delivered here.
func (rt *Runtime) afterOwn(f func()) {
	if rt.history == nil || rt.cluster == nil {
		f()
		return
	}
	rt.cluster.AfterOwn(f)
}
