package ratelimit

import (
	"context"
	"errors"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Connections limits how often the clients of one address ask to be connected.
// Other calls pass. An attempt counts even if another guard refuses it later.
//
// Each entry into a namespace of Socket.IO is an attempt, also on a connection that is
// there already. It is a [pipeline.HandshakeGuard]: bound to the application, it counts
// the requests that open connections, and refuses them with the status 429 before there
// is a session. The first entry of a connection whose request was counted is part of
// that attempt; each further one counts.
//
// The address is that of web.RemoteAddr, or of [Address]; of IPv6 it is the first 64
// bits. Behind a proxy that app.TrustedProxies does not name all clients have one
// address, and one bucket.
func Connections(limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	c := newConfig(opts)
	return &connections{
		guard:   shared(limit, burst, c, func(_ context.Context, call *pipeline.Call) (key, bool) { return c.client(call.Request), true }),
		counted: pipeline.NewValue[bool]("ratelimit: counted"),
		first:   pipeline.NewValue[*byte]("ratelimit: first entry"),
	}
}

// connections counts each attempt once.
type connections struct {
	guard   pipeline.Guard
	counted *pipeline.Value[bool]  // the attempt was, with the request that opened the connection
	first   *pipeline.Value[*byte] // which entry of the connection was part of that attempt
}

var _ pipeline.HandshakeGuard = (*connections)(nil)

// CheckHandshake implements [pipeline.HandshakeGuard].
func (g *connections) CheckHandshake(ctx context.Context, c *pipeline.Call) error {
	g.counted.Set(c, true)
	return g.guard.Check(ctx, c)
}

// Check implements [pipeline.Guard].
func (g *connections) Check(ctx context.Context, c *pipeline.Call) error {
	if c.Kind != pipeline.KindConnect || g.paid(c) {
		return nil
	}
	return g.guard.Check(ctx, c)
}

// Identifies implements [pipeline.IdentityGuard].
func (*connections) Identifies() bool { return false }

// paid reports whether the entry is part of an attempt that was counted. Several
// gateways may ask about one entry.
func (g *connections) paid(c *pipeline.Call) bool {
	if _, ok := g.counted.Get(c); !ok {
		return false
	}
	if c.Connection == nil {
		return true
	}
	mine := g.first.GetOrSet(c, new(byte))
	return g.first.GetOrSet(c.Connection, mine) == mine
}

// Requests limits how often the clients of one address send HTTP requests to
// controllers. Other calls pass. The address is that of [Connections].
func Requests(limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	c := newConfig(opts)
	return pipeline.Only(shared(limit, burst, c, func(_ context.Context, call *pipeline.Call) (key, bool) {
		return c.client(call.Request), true
	}), pipeline.KindHTTP)
}

// By limits how often calls of any kind come under one key, from all clients
// together. false lets the call pass uncounted. Of the options only [MaxKeys]
// matters.
//
//	perRoom := ratelimit.By(func(_ context.Context, c *pipeline.Call) (string, bool) {
//		room := c.Request.PathValue("room")
//		return room, c.Kind == pipeline.KindMessage && room != ""
//	}, 50, 100)
func By(key func(context.Context, *pipeline.Call) (string, bool), limit rate.Limit, burst int, opts ...Option) pipeline.Guard {
	if key == nil {
		return pipeline.GuardFunc(func(context.Context, *pipeline.Call) error { return errNoKey })
	}
	return shared(limit, burst, newConfig(opts), textKeys(key))
}

var errNoKey = errors.New("ratelimit: the key function of By is nil; give one that returns the key of a call")

func textKeys(f func(context.Context, *pipeline.Call) (string, bool)) func(context.Context, *pipeline.Call) (key, bool) {
	return func(ctx context.Context, call *pipeline.Call) (key, bool) {
		s, ok := f(ctx, call)
		if !ok {
			return key{}, false
		}
		return textKey(s), true
	}
}

// shared is a guard whose buckets clients share.
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
			return refusal(seconds)
		}
		return nil
	})
}

// limiter is a guard that treats all clients alike.
type limiter pipeline.GuardFunc

var _ pipeline.IdentityGuard = limiter(nil)

func (f limiter) Check(ctx context.Context, c *pipeline.Call) error { return f(ctx, c) }

// Identifies implements [pipeline.IdentityGuard].
func (limiter) Identifies() bool { return false }
