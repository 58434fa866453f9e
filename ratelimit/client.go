package ratelimit

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Messages limits how many messages each connection sends. Other calls pass. The
// bucket is the connection's: a Socket.IO client that leaves a namespace and enters it
// again finds it as it was, and namespaces in which the same guard value is bound
// share it. It goes when the connection goes: a client that connects anew has a full
// one, so limit [Connections] too.
func Messages(limit rate.Limit, burst int) pipeline.Guard {
	return perClient("messages", limit, burst, func(*pipeline.Call) int { return 1 })
}

// Bytes limits how many bytes of payload each connection sends, see
// [pipeline.Call].Size. Other calls pass. A message that is larger than burst is always
// refused, without a time after which to try again. Its buckets are like those of
// [Messages].
//
// The bytes have been received by then: what one message may have is a matter of the
// gateway's limits.
func Bytes(limit rate.Limit, burst int) pipeline.Guard {
	return perClient("bytes", limit, burst, func(c *pipeline.Call) int { return c.Size })
}

// clients is a guard with a bucket for each connection, kept by the connection itself.
type clients struct {
	rule   rule
	cost   func(*pipeline.Call) int
	bucket *pipeline.Value[*rate.Limiter]
}

func perClient(name string, limit rate.Limit, burst int, cost func(*pipeline.Call) int) pipeline.Guard {
	return &clients{
		rule: newRule(limit, burst), cost: cost,
		bucket: pipeline.NewValue[*rate.Limiter]("ratelimit: " + name),
	}
}

// Check implements [pipeline.Guard].
func (g *clients) Check(_ context.Context, c *pipeline.Call) error {
	if c.Kind != pipeline.KindMessage || g.rule.unlimited() {
		return nil
	}
	if seconds, ok := g.rule.take(g.of(c), time.Now(), g.cost(c)); !ok {
		return refusal(seconds)
	}
	return nil
}

// Identifies implements [pipeline.IdentityGuard].
func (*clients) Identifies() bool { return false }

func (g *clients) of(c *pipeline.Call) *rate.Limiter {
	h := holder(c)
	if b, ok := g.bucket.Get(h); ok {
		return b
	}
	return g.bucket.GetOrSet(h, g.rule.bucket()) // two first messages at once find one bucket
}

// holder is what a call's buckets belong to: its connection, where it has one.
func holder(c *pipeline.Call) pipeline.Holder {
	if c.Connection != nil {
		return c.Connection
	}
	return c
}
