package ratelimit

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Messages limits the messages of each connection. It allows other calls. The bucket
// belongs to the connection: a Socket.IO client that leaves a namespace and enters it
// again keeps its bucket, and namespaces to which the same guard value is bound share
// it. A client that reconnects has a full bucket, so limit [Connections] too.
func Messages(limit rate.Limit, burst int) pipeline.Guard {
	return newPerConnection("messages", limit, burst, func(*pipeline.Call) int { return 1 })
}

// Bytes limits the bytes of the messages of each connection, see [pipeline.Call].Size. It
// allows other calls. A message larger than burst is always rejected, without a time to
// retry after. Buckets work as for [Messages].
//
// The message has been received by then; websockets.Limits bounds the size of one.
func Bytes(limit rate.Limit, burst int) pipeline.Guard {
	return newPerConnection("bytes", limit, burst, func(c *pipeline.Call) int { return c.Size })
}

// perConnection is a guard whose buckets are values of the connections.
type perConnection struct {
	rule   rule
	cost   func(*pipeline.Call) int
	bucket *pipeline.Value[*rate.Limiter]
}

func newPerConnection(name string, limit rate.Limit, burst int, cost func(*pipeline.Call) int) pipeline.Guard {
	return &perConnection{
		rule: newRule(limit, burst), cost: cost,
		bucket: pipeline.NewValue[*rate.Limiter]("ratelimit: " + name),
	}
}

// Check implements [pipeline.Guard].
func (g *perConnection) Check(_ context.Context, c *pipeline.Call) error {
	if c.Kind != pipeline.KindMessage || g.rule.unlimited() {
		return nil
	}
	if seconds, ok := g.rule.take(g.bucketOf(c), time.Now(), g.cost(c)); !ok {
		return limitError(seconds)
	}
	return nil
}

// Identifies implements [pipeline.IdentityGuard].
func (*perConnection) Identifies() bool { return false }

func (g *perConnection) bucketOf(c *pipeline.Call) *rate.Limiter {
	h := holder(c)
	if b, ok := g.bucket.Get(h); ok {
		return b
	}
	return g.bucket.GetOrSet(h, g.rule.bucket()) // concurrent first messages share one bucket
}

// holder returns the holder of a call's bucket: its connection, or the call itself.
func holder(c *pipeline.Call) pipeline.Holder {
	if c.Connection != nil {
		return c.Connection
	}
	return c
}
