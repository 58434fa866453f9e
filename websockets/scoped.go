package websockets

import (
	"context"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/seal"
)

// Scoped makes one T for each client, when it is first asked for, and closes it
// when the client is gone: after HandleDisconnect, and for a client that may reconnect
// (see [Client.Recovered]) when its time to do so has passed. A module provides it like
// any other value, so the dependencies of T can be injected:
//
//	func NewCarts(db *sql.DB) *websockets.Scoped[*Cart] {
//		return websockets.NewScoped(func(ctx context.Context, c websockets.Client) (*Cart, error) {
//			return openCart(ctx, db, c.ID())
//		}, (*Cart).Close)
//	}
//
//	func (g *Gateway) Add(ctx context.Context, it Item) error {
//		cart, err := g.carts.Of(ctx)
//		…
//	}
//
// It is safe for concurrent use.
type Scoped[T any] struct {
	key  *Key[*scoped[T]]
	open func(context.Context, Client) (T, error)
	shut func(T)
}

// NewScoped makes a Scoped. shut may be nil. Both may be called by several
// goroutines at once, for different clients.
func NewScoped[T any](open func(ctx context.Context, c Client) (T, error), shut func(T)) *Scoped[T] {
	return &Scoped[T]{NewKey[*scoped[T]]("scoped"), open, shut}
}

// Of returns the T of the client whose message or hook is being handled. Errors: those
// of open, which the next Of calls again, and [ErrClosed] outside of a handler or hook
// and when the client is gone.
func (s *Scoped[T]) Of(ctx context.Context) (T, error) { return s.For(ctx, ClientFrom(ctx)) }

// For returns the T of a client; see [Scoped.Of].
func (s *Scoped[T]) For(ctx context.Context, c Client) (v T, err error) {
	if c == nil {
		return v, ErrClosed
	}
	return s.key.GetOrSet(c, &scoped[T]{of: s}).get(ctx, c)
}

// scoped is the T of one client.
type scoped[T any] struct {
	of *Scoped[T]

	mu         sync.Mutex
	made, over bool
	v          T
}

func (x *scoped[T]) get(ctx context.Context, c Client) (v T, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, stored := x.of.key.Get(c); x.over || !stored {
		err = ErrClosed
	} else if !x.made {
		if x.v, err = x.of.open(ctx, c); err == nil {
			x.made = true
		}
	}
	if err != nil {
		return v, err
	}
	return x.v, nil
}

// End closes the T when its client is gone. The framework calls it.
func (x *scoped[T]) End(seal.Framework) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.made && !x.over && x.of.shut != nil {
		x.of.shut(x.v)
	}
	x.over = true
}
