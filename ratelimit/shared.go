package ratelimit

import (
	"context"
	"errors"
	"strings"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Connections limits the connection attempts of each address. It allows other calls. An
// attempt counts even if another guard rejects it later.
//
// Each connect to a Socket.IO namespace is an attempt, also on an open connection. The
// guard is a [pipeline.HandshakeGuard]: bound to the application, it counts handshake
// requests and rejects them with the status 429 before a session exists. The first
// namespace of a counted connection does not count again; each further one does.
//
// The address is that of web.RemoteAddr or [Address]; an IPv6 address counts by its
// first 64 bits. Behind a proxy that app.TrustedProxies does not name, all clients
// share one address and one bucket.
func Connections(limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	c := newConfig(opts)
	return &connections{
		guard:   shared(limit, burst, c, func(_ context.Context, call *pipeline.Call) (key, bool) { return c.addressOf(call.Request), true }),
		counted: pipeline.NewValue[bool]("ratelimit: counted"),
		first:   pipeline.NewValue[*byte]("ratelimit: first entry"),
	}
}

// connections counts each attempt once.
type connections struct {
	guard   pipeline.Guard
	counted *pipeline.Value[bool]  // set if the handshake request was counted
	first   *pipeline.Value[*byte] // identifies the first namespace of the connection
}

var _ pipeline.HandshakeGuard = (*connections)(nil)

// CheckHandshake implements [pipeline.HandshakeGuard].
func (g *connections) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	g.counted.Set(c, true)
	return g.guard.Check(ctx, c)
}

// Check implements [pipeline.Guard].
func (g *connections) Check(ctx context.Context, c *pipeline.Call) error {
	if c.Kind != pipeline.KindConnect || g.isCounted(c) {
		return nil
	}
	return g.guard.Check(ctx, c)
}

// Identifies implements [pipeline.IdentityGuard].
func (*connections) Identifies() bool { return false }

// isCounted reports whether the handshake request already counted for this connect.
// Several gateways may check one connect.
func (g *connections) isCounted(c *pipeline.Call) bool {
	if _, ok := g.counted.Get(c); !ok {
		return false
	}
	if c.Connection == nil {
		return true
	}
	mine := g.first.GetOrSet(c, new(byte))
	return g.first.GetOrSet(c.Connection, mine) == mine
}

// Requests limits the HTTP requests to controllers of each address. It allows other
// calls. The address is that of [Connections].
func Requests(limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	c := newConfig(opts)
	return pipeline.Only(shared(limit, burst, c, func(_ context.Context, call *pipeline.Call) (key, bool) {
		return c.addressOf(call.Request), true
	}), pipeline.KindHTTP)
}

// By limits the calls of any kind for each key, of all clients together. If key returns
// false, the call is allowed and not counted. [MaxKeys] and [WithoutIdentity] are the options that apply.
//
// A key that is the user needs the guard that identifies clients before it: bind By after that guard, not to the
// application when the other is bound to a controller. By is a [pipeline.IdentityReader], so a start warns of the
// wrong order.
//
//	perRoom := ratelimit.By(func(_ context.Context, c *pipeline.Call) (string, bool) {
//		room := c.Request.PathValue("room")
//		return room, c.Kind == pipeline.KindMessage && room != ""
//	}, 50, 100)
func By(key func(context.Context, *pipeline.Call) (string, bool), limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	if key == nil {
		return pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return errNoKey })
	}
	c := newConfig(opts)
	return &keyed{shared(limit, burst, c, textKeys(key)), "ratelimit.By(" + nameOf(key) + ")", !c.withoutIdentity}
}

// keyed is the guard of By.
type keyed struct {
	pipeline.Guard

	name     string
	identity bool // the key may depend on it
}

var (
	_ pipeline.IdentityGuard  = (*keyed)(nil)
	_ pipeline.IdentityReader = (*keyed)(nil)
)

// Identifies implements [pipeline.IdentityGuard].
func (*keyed) Identifies() bool { return false }

// ReadsIdentity implements [pipeline.IdentityReader].
func (g *keyed) ReadsIdentity() bool { return g.identity }

// String returns the name with that of the key function, for messages.
func (g *keyed) String() string { return g.name }

// nameOf returns the name of a function with that of its package.
func nameOf(f any) string {
	name := identity.FuncName(f)
	return name[strings.LastIndexByte(name, '/')+1:]
}

var errNoKey = errors.New("ratelimit: the key function of By is nil: pass one that returns the key of a call")

func textKeys(f func(context.Context, *pipeline.Call) (string, bool)) func(context.Context, *pipeline.Call) (key, bool) {
	return func(ctx context.Context, call *pipeline.Call) (key, bool) {
		s, ok := f(ctx, call)
		return textKey(s), ok
	}
}

// shared returns a guard with one bucket for each key.
func shared(limit rate.Limit, burst int, c *config, keyOf func(context.Context, *pipeline.Call) (key, bool)) pipeline.Guard {
	r := newRule(limit, burst)
	t := newTable(r, c.maxKeys)
	return limiter(func(ctx context.Context, call *pipeline.Call) error {
		if r.unlimited() {
			return nil
		}
		k, limited := keyOf(ctx, call)
		if !limited {
			return nil
		}
		if seconds, ok := t.take(k); !ok {
			return limitError(seconds)
		}
		return nil
	})
}

// limiter is a guard that does not identify clients.
type limiter pipeline.GuardFunc

var _ pipeline.IdentityGuard = limiter(nil)

func (f limiter) Check(ctx context.Context, c *pipeline.Call) error { return f(ctx, c) }

// Identifies implements [pipeline.IdentityGuard].
func (limiter) Identifies() bool { return false }
