package websockets

import (
	"context"
	"errors"
	"iter"
	"net"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// ErrNoServer means that the Server field of a gateway is nil: it is set before
// AfterInit, in fields with the tag `websockets:"server"`.
var ErrNoServer = errors.New("websockets: the server is not set: tag the field with `websockets:\"server\"`, and use it from AfterInit on")

// Node is one process of the application.
type Node = backplane.Node

// Server is all clients of a gateway, on all its endpoints and nodes. The framework sets it
// in the gateway's field before AfterInit:
//
//	type Gateway struct {
//		Server *websockets.Server `websockets:"server"`
//	}
//
// Any provider may use it by way of the gateway. All methods are safe for concurrent use; of
// a nil Server they select no clients and return [ErrNoServer].
type Server struct{ hub hub }

// hub is the framework's side of a [Server].
type hub interface {
	Emit(ctx context.Context, sel core.Selection, event string, data any, opts []EmitOption) error
	Call(ctx context.Context, sel core.Selection, event string, data any, opts []EmitOption) (Answers, error)
	Join(ctx context.Context, sel core.Selection, rooms []string) error
	Leave(ctx context.Context, sel core.Selection, rooms []string) error
	Disconnect(ctx context.Context, sel core.Selection) error
	Fetch(ctx context.Context, sel core.Selection) (Fetched, error)
	Count(ctx context.Context, sel core.Selection) (int, error)
	Clients(sel core.Selection) []Client
	EmitNodes(ctx context.Context, event string, data any) error
	Presence() roster.View
	Nodes() []Node
	Addr() net.Addr
	Natives() iter.Seq[any]
}

// NewServer returns a Server. The framework calls it; tests get one from package apptest.
func NewServer(_ seal.Framework, h hub) *Server { return &Server{h} }

// All selects all clients.
func (s *Server) All() Selection {
	if s == nil {
		return Selection{}
	}
	return Selection{hub: s.hub}
}

// Of selects the clients of one concrete namespace, such as "/orgs/7" of the pattern
// "/orgs/{org}".
func (s *Server) Of(namespace string) Selection { return s.All().of(namespace) }

// Presence returns what package presence needs; nil of a nil Server. The framework calls it.
func (s *Server) Presence(seal.Framework) roster.View {
	if s == nil || s.hub == nil {
		return nil
	}
	return s.hub.Presence()
}

// Nodes returns the processes of the application; one without a backplane.
func (s *Server) Nodes() []Node {
	if s == nil || s.hub == nil {
		return nil
	}
	return s.hub.Nodes()
}

// Addr returns where the gateway's first endpoint listens; nil before the application has
// started, and for one without listeners.
func (s *Server) Addr() net.Addr {
	if s == nil || s.hub == nil {
		return nil
	}
	return s.hub.Addr()
}

// Natives yields the platform's own server object of each endpoint that has one. Prefer the
// typed function of the platform's package.
func (s *Server) Natives() iter.Seq[any] {
	if s == nil || s.hub == nil {
		return func(func(any) bool) {}
	}
	return s.hub.Natives()
}

// To is All().To.
func (s *Server) To(rooms ...string) Selection { return s.All().To(rooms...) }

// ToID is All().ToID.
func (s *Server) ToID(ids ...string) Selection { return s.All().ToID(ids...) }

// Except is All().Except.
func (s *Server) Except(clients ...Client) Selection { return s.All().Except(clients...) }

// ExceptID is All().ExceptID.
func (s *Server) ExceptID(ids ...string) Selection { return s.All().ExceptID(ids...) }

// ExceptRooms is All().ExceptRooms.
func (s *Server) ExceptRooms(rooms ...string) Selection { return s.All().ExceptRooms(rooms...) }

// Emit is All().Emit.
func (s *Server) Emit(ctx context.Context, event string, data any, opts ...EmitOption) error {
	return s.All().Emit(ctx, event, data, opts...)
}

// Call is All().Call.
func (s *Server) Call(ctx context.Context, event string, data any, opts ...EmitOption) (Answers, error) {
	return s.All().Call(ctx, event, data, opts...)
}

// Join is All().Join.
func (s *Server) Join(ctx context.Context, rooms ...string) error { return s.All().Join(ctx, rooms...) }

// Leave is All().Leave.
func (s *Server) Leave(ctx context.Context, rooms ...string) error {
	return s.All().Leave(ctx, rooms...)
}

// Disconnect is All().Disconnect.
func (s *Server) Disconnect(ctx context.Context) error { return s.All().Disconnect(ctx) }

// Fetch is All().Fetch.
func (s *Server) Fetch(ctx context.Context) (Fetched, error) { return s.All().Fetch(ctx) }

// Count is All().Count.
func (s *Server) Count(ctx context.Context) (int, error) { return s.All().Count(ctx) }

// Local is All().Local.
func (s *Server) Local() Local { return s.All().Local() }
