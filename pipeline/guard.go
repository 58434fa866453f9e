package pipeline

import (
	"context"
	"slices"
)

// Guard decides whether a call may go on. The same one serves routes, connections
// and messages; Call.Kind tells which.
//
// nil lets it on. [ErrForbidden], [ErrUnauthorized] or any other [*Error] is told
// to the client; another error says "Internal server error", and is logged. A
// refused connection is answered before its handshake is accepted: with the HTTP
// status on plain WebSocket and on Socket.IO's transports, as connect_error on a
// Socket.IO namespace.
//
// A guard of a gateway is asked when a client connects and for each of its
// messages. What it learns it keeps in a [Value] of the call.
type Guard interface {
	Check(ctx context.Context, c *Call) error
}

// HandshakeGuard is a guard that is also asked about the HTTP request that opens a
// connection, before a byte of memory is spent on the client. It is for what a
// request alone can tell, such as its address or a cookie. On Socket.IO the request
// comes before namespace and auth are known; a refusal is an HTTP status with a
// JSON body there too, and socket.io-client reports it as a connect_error without
// data. Check follows, for each namespace that the client enters.
//
// It is asked once per connection: where it is bound to the application, or to a
// gateway whose server has no other namespace.
type HandshakeGuard interface {
	Guard
	CheckHandshake(ctx context.Context, c *Call) error
}

// GuardFunc is a function as a guard.
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

// Only asks g about calls of the kinds, and lets others on. It is an [IdentityGuard] as
// far as g is one.
func Only(g Guard, kinds ...Kind) Guard {
	f := GuardFunc(func(ctx context.Context, c *Call) error {
		if !slices.Contains(kinds, c.Kind) {
			return nil
		}
		return g.Check(ctx, c)
	})
	known, ok := g.(IdentityGuard)
	switch entries := slices.Contains(kinds, KindConnect); {
	case !entries: // it tells nobody apart who enters
		return identityGuard{f, false}
	case ok:
		return identityGuard{f, known.Identifies()}
	default:
		return f
	}
}

type identityGuard struct {
	Guard
	identifies bool
}

func (g identityGuard) Identifies() bool { return g.identifies }
