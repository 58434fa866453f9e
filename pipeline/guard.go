package pipeline

import (
	"context"
	"slices"
)

// Guard decides whether a call is allowed. The same guard serves routes, connections
// and messages; Call.Kind is the kind.
//
// Return nil to allow the call. [ErrForbidden], [ErrUnauthorized] or any other [*Error]
// is sent to the client; for other errors the client gets "Internal server error", and
// the error is logged. A rejected connection is answered before its handshake is
// accepted: with the HTTP status on plain WebSocket and on Socket.IO's transports, as
// connect_error on a Socket.IO namespace.
//
// A guard of a gateway runs when a client connects and for each of its messages. It
// can store results in a [Value] of the call.
type Guard interface {
	Check(ctx context.Context, c *Call) error
}

// HandshakeGuard is a guard that also checks the HTTP request that opens a connection,
// before any memory is allocated for the client. Use it for checks of the request
// alone, such as its address or a cookie. On Socket.IO the request precedes namespace
// and auth; a rejection is an HTTP status with a JSON body, which socket.io-client
// reports as a connect_error without data. Check runs later, for each namespace that
// the client enters.
//
// CheckHandshake runs once per connection, if the guard is bound to the application or
// to a gateway whose server has no other namespace.
type HandshakeGuard interface {
	Guard
	CheckHandshake(ctx context.Context, c *Call) error
}

// GuardFunc is a function that implements [Guard].
//
//	adminsOnly := pipeline.GuardFunc(func(_ context.Context, c *pipeline.Call) error {
//		if u, ok := User.Get(c); !ok || !u.Admin {
//			return pipeline.ErrForbidden
//		}
//		return nil
//	})
type GuardFunc func(ctx context.Context, c *Call) error

// Check implements [Guard].
func (f GuardFunc) Check(ctx context.Context, c *Call) error { return f(ctx, c) }

// Only returns a guard that runs g for calls of the given kinds and allows all others.
// It is an [IdentityGuard] if g is one, or if the kinds do not include KindConnect.
func Only(g Guard, kinds ...Kind) Guard {
	o := limitedGuard{g, kinds}
	if !slices.Contains(kinds, KindConnect) {
		return identityGuard{o, false}
	}
	if ig, ok := g.(IdentityGuard); ok {
		return identityGuard{o, ig.Identifies()}
	}
	return o
}

// limitedGuard is the guard of [Only].
type limitedGuard struct {
	guard Guard
	kinds []Kind
}

func (g limitedGuard) Check(ctx context.Context, c *Call) error {
	if !slices.Contains(g.kinds, c.Kind) {
		return nil
	}
	return g.guard.Check(ctx, c)
}

// Limited returns the guard, and the kinds of calls for which it runs. Package pipe of the framework reads it.
func (g limitedGuard) Limited() (Guard, []Kind) { return g.guard, g.kinds }

type identityGuard struct {
	limitedGuard

	identifies bool
}

func (g identityGuard) Identifies() bool { return g.identifies }
