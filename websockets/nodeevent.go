package websockets

import (
	"context"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// NodeEvent is an event that a node of the application sends to the other nodes themselves, not
// to clients. Declare one per event, in a package variable. It is immutable.
//
//	var Purge = websockets.NewNodeEvent[CacheKey]("purge")
//
//	func (g *Gateway) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{Purge.On(g.purge)}
//	}
//
//	func (g *Gateway) purge(ctx context.Context, k CacheKey) error // on all other nodes
//
//	err := Purge.Emit(ctx, g.Server, k)
type NodeEvent[T any] struct {
	name string
	at   callSite
}

// NewNodeEvent returns an event called name whose payload is a T.
//
//go:noinline // a call in a package variable has no line when it is inlined
func NewNodeEvent[T any](name string) NodeEvent[T] { return NodeEvent[T]{name, caller()} }

// Name is the event's name on the wire.
func (e NodeEvent[T]) Name() string { return e.name }

// EventInfo returns the name and the payload type.
func (e NodeEvent[T]) EventInfo() (name string, payload reflect.Type) {
	return e.name, reflect.TypeFor[T]()
}

// EventPlace returns where the event was made. The framework calls it.
func (e NodeEvent[T]) EventPlace(seal.Framework) string { return e.at.place() }

// Emit sends the event to all other nodes: to the handlers there of the gateway, and of those
// that share an endpoint with it. The own node is left out; without a backplane there are no
// others. It does not wait for them, and its errors are those of [Selection.Emit]. A node that is
// not connected at this moment does not receive the event.
func (e NodeEvent[T]) Emit(ctx context.Context, s *Server, v T) error {
	if s == nil || s.hub == nil {
		return ErrNoServer
	}
	if e.name == "" {
		return ErrNoEvent
	}
	return s.hub.EmitNodes(ctx, e.name, v)
}

// On subscribes a handler. It is called from the time when the application accepts clients until
// its stop, with one event at a time, in the order in which they arrive: those of one node in
// the order in which they were sent. Up to 1,024 events and 8 MiB wait for it; more are dropped
// and logged.
//
// The handler has no client: no guards, interceptors, pipes and filters run, and ctx ends after
// [Limits].CallTimeout, or with the stop timeout. An error and a panic are logged.
func (e NodeEvent[T]) On(h func(ctx context.Context, v T) error) Subscription {
	s := handler.Spec{Event: e.name, Kind: handler.Node, In: reflect.TypeFor[T](), Func: identity.FuncName(h)}
	s.Invoke = listener(h, nil)
	return newSubscription(s, h == nil, nil)
}
