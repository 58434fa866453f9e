package websockets

import (
	"context"
	"fmt"
	"iter"
	"net"
	"reflect"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/internal/injected"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// ServerOf is a parameter type for the [Server] of the gateway of type G. A constructor that
// injects it does not depend on the gateway, so that the gateway may inject what it returns:
//
//	func NewOrders(clients websockets.ServerOf[*Gateway]) *Orders { return &Orders{clients} }
//
//	func (o *Orders) Ship(ctx context.Context, id string) error {
//		return o.clients.To(id).Emit(ctx, "shipped", id)
//	}
//
// The gateway is the one that the module sees as G. If it sees none, it is the one that a module
// of the application exports as G, imported or not. None, and several, are start errors; an
// fx.In field may have a name, or be optional. G may be an interface under which module.As
// provides the gateway.
//
// Use it from AfterInit and OnModuleInit on. Before that, in constructors and hooks of fx, methods
// return an error that is [ErrNoServer]; selections made then can be used later. Unit tests
// pass ServerOf[*Gateway]{Server: fake.Server()} with a fake of apptest.NewFakeServer. It is
// safe for concurrent use.
type ServerOf[G any] struct{ *Server }

// Handle describes the type. The framework calls it.
func (ServerOf[G]) Handle(seal.Framework) injected.Handle {
	return injected.Handle{
		Type: reflect.TypeFor[G](),
		New: func() (any, func(any)) {
			late := &lateHub{gateway: reflect.TypeFor[G]()}
			return ServerOf[G]{&Server{late}}, func(v any) {
				if s, ok := v.(*Server); ok {
					late.bound.Store(s)
				}
			}
		},
	}
}

// lateHub is the hub of a [ServerOf]: that of the gateway as soon as that is bound.
type lateHub struct {
	gateway reflect.Type
	bound   atomic.Pointer[Server]
}

// notBoundError is the error of a [ServerOf] before its gateway is bound.
type notBoundError struct{ gateway reflect.Type }

func (e *notBoundError) Error() string {
	return fmt.Sprintf("websockets: the server of the gateway %v is not ready: use it from OnModuleInit on, not in constructors and hooks of fx", e.gateway)
}

// Is makes it an [ErrNoServer].
func (*notBoundError) Is(target error) bool { return target == ErrNoServer }

func (l *lateHub) get() (hub, error) {
	if s := l.bound.Load(); s != nil {
		return s.hub, nil
	}
	return nil, &notBoundError{l.gateway}
}

// server returns the bound server; nil before.
func (l *lateHub) server() *Server { return l.bound.Load() }

func (l *lateHub) Emit(ctx context.Context, sel core.Selection, event string, data any, opts []EmitOption) error {
	h, err := l.get()
	if err != nil {
		return err
	}
	return h.Emit(ctx, sel, event, data, opts)
}

func (l *lateHub) Call(ctx context.Context, sel core.Selection, event string, data any, opts []EmitOption) (Answers, error) {
	h, err := l.get()
	if err != nil {
		return Answers{}, err
	}
	return h.Call(ctx, sel, event, data, opts)
}

func (l *lateHub) Join(ctx context.Context, sel core.Selection, rooms []string) error {
	h, err := l.get()
	if err != nil {
		return err
	}
	return h.Join(ctx, sel, rooms)
}

func (l *lateHub) Leave(ctx context.Context, sel core.Selection, rooms []string) error {
	h, err := l.get()
	if err != nil {
		return err
	}
	return h.Leave(ctx, sel, rooms)
}

func (l *lateHub) Disconnect(ctx context.Context, sel core.Selection) error {
	h, err := l.get()
	if err != nil {
		return err
	}
	return h.Disconnect(ctx, sel)
}

func (l *lateHub) Fetch(ctx context.Context, sel core.Selection) (Fetched, error) {
	h, err := l.get()
	if err != nil {
		return Fetched{}, err
	}
	return h.Fetch(ctx, sel)
}

func (l *lateHub) Count(ctx context.Context, sel core.Selection) (int, error) {
	h, err := l.get()
	if err != nil {
		return 0, err
	}
	return h.Count(ctx, sel)
}

func (l *lateHub) EmitNodes(ctx context.Context, event string, data any) error {
	h, err := l.get()
	if err != nil {
		return err
	}
	return h.EmitNodes(ctx, event, data)
}

func (l *lateHub) Clients(sel core.Selection) []Client {
	h, err := l.get()
	if err != nil {
		return nil
	}
	return h.Clients(sel)
}

func (l *lateHub) Presence() roster.View  { return l.server().Presence(seal.Framework{}) }
func (l *lateHub) Nodes() []Node          { return l.server().Nodes() }
func (l *lateHub) Addr() net.Addr         { return l.server().Addr() }
func (l *lateHub) Natives() iter.Seq[any] { return l.server().Natives() }
