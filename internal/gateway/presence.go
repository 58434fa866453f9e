package gateway

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// present makes the table of presence, and what watches it.
func (rt *Runtime) present(cfg Config) {
	c := roster.Config{Node: rt.node.ID, Log: rt.log}
	if rt.cluster != nil {
		c.Link, c.Beat, c.MaxBytes = presenceLink{rt.cluster}, cfg.BackplaneOptions.Beat, cfg.Backplane.Traits().MaxBytes
	}
	rt.roster = roster.New(c)
	for _, g := range rt.gateways {
		for _, sub := range g.subs {
			if sub.Kind != handler.Presence || len(g.server.endpoints) == 0 {
				continue
			}
			rt.roster.Watch(&roster.Watcher{
				Name: sub.Event, Endpoints: g.server.keys, Linger: sub.Linger, Wait: g.server.endpoints[0].srv.limits.CallTimeout,
				What: fmt.Sprintf("presence %q of gateway %s", sub.Event, g.name),
				Call: func(ctx context.Context, c roster.Change) error {
					return sub.Invoke(ctx, presenceExchange{table: rt.roster, change: c})
				},
			})
		}
	}
}

// presenceLink connects the table with the other nodes.
type presenceLink struct{ *cluster.Cluster }

func (l presenceLink) Send(m *backplane.Message) error {
	if err := l.Check(m); err != nil {
		return err
	}
	return l.Cluster.Send(m)
}

func (l presenceLink) Queued() int { return l.Stats().QueuedBytes }

// presenceExchange is a change of presence.
type presenceExchange struct {
	handler.Exchange

	table  *roster.Table
	change roster.Change
}

func (x presenceExchange) PresenceChange() (roster.Change, func(*roster.Entry, error)) {
	return x.change, x.table.Undecodable
}

// scope returns the namespace of rooms of presence: those of endpoints with a fixed namespace have
// none, so that they are the same on all endpoints of a gateway.
func (s *session) scope() string {
	if p := s.ep.pattern; p.re == nil && p.fn == nil {
		return ""
	}
	return s.hs.Namespace
}

// Presence implements [websockets.Client].
func (s *session) Presence(seal.Framework) roster.Member { return presentSession{s} }

// presentSession is a client for package presence.
type presentSession struct{ s *session }

func (p presentSession) Track(d roster.Decl, room, key string, v any) error {
	s := p.s
	if err := s.mayTrack(room); err != nil {
		return err
	}
	out := adapter.NewOutgoing("", v)
	defer out.Release(framework)
	if _, v1 := s.ep.rt.codec.(codec.V1); !v1 { // entries are decoded by the framework's own
		out.SetCodec(framework, s.ep.rt.codec)
	}
	form, err := out.Payload(false)
	if err != nil {
		return err
	}
	e := &roster.Entry{
		Scope: roster.Scope{Name: d.Name, Namespace: s.scope(), Room: room}, Key: key, Client: s.ID(),
		Endpoint: s.ep.key[0], Value: bytes.Clone(form.JSON),
	}
	if len(e.Value) == 0 {
		e.Value = []byte("null")
	}
	if err := s.ep.rt.roster.Put(d, e); err != nil {
		return err
	}
	s.record.touch()
	if err := s.mayTrack(room); err != nil { // it has left meanwhile, perhaps before the entry was there
		s.ep.rt.roster.RemoveEntry(e) // another Track may have replaced it
		return err
	}
	return nil
}

// mayTrack returns why the client cannot be present in a room.
func (s *session) mayTrack(room string) error {
	switch in, left := s.membership.In(room); {
	case left:
		return websockets.ErrClosed
	case !in:
		return roster.ErrNotInRoom
	}
	return nil
}

func (p presentSession) Untrack(name, room, key string) {
	p.s.ep.rt.roster.Remove(roster.Scope{Name: name, Namespace: p.s.scope(), Room: room}, key, p.s.ID())
	p.s.record.touch()
}

// notPresent ends the presence of a client in the rooms that it has left.
func (s *session) notPresent(rooms []string) {
	t := s.ep.rt.roster
	if !t.Used() {
		return
	}
	left := slices.DeleteFunc(slices.Clone(rooms), func(room string) bool {
		in, _ := s.membership.In(room) // it is suspended, and keeps its rooms
		return in
	})
	t.Leave(s.ID(), s.scope(), left)
}

// Presence implements the hub of a [websockets.Server].
func (s *server) Presence() roster.View { return presentServer{s} }

// presentServer is a gateway for package presence.
type presentServer struct{ s *server }

func (p presentServer) List(scope roster.Scope) []roster.Keyed {
	return p.s.rt.roster.List(scope, p.s.keys)
}

func (p presentServer) Get(scope roster.Scope, key string) []*roster.Entry {
	return p.s.rt.roster.Get(scope, key, p.s.keys)
}

func (p presentServer) Undecodable(e *roster.Entry, err error) { p.s.rt.roster.Undecodable(e, err) }
