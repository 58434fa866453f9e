package ratelimit

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// rule is the size of buckets, and how fast they refill.
type rule struct {
	limit rate.Limit
	burst int
}

func newRule(limit rate.Limit, burst int) rule {
	switch {
	case limit >= rate.Inf:
		limit = rate.Inf
	case !(limit > 0): // also NaN
		limit = 0
	}
	if burst < 1 {
		burst = 1
		if perSecond := math.Ceil(float64(limit)); perSecond > 1 {
			burst = int(min(perSecond, math.MaxInt32))
		}
	}
	return rule{limit, burst}
}

func (r rule) unlimited() bool { return r.limit == rate.Inf }

func (r rule) bucket() *rate.Limiter { return rate.NewLimiter(r.limit, r.burst) }

func (r rule) full(b *rate.Limiter, now time.Time) bool { return b.TokensAt(now) >= float64(r.burst) }

// take takes n tokens or none. If it takes none, it returns the seconds until they are
// available; 0 if they never are.
func (r rule) take(b *rate.Limiter, now time.Time, n int) (seconds int, ok bool) {
	if b.AllowN(now, n) {
		return 0, true
	}
	if n > r.burst || r.limit == 0 {
		return 0, false
	}
	missing := (float64(n) - b.TokensAt(now)) / float64(r.limit)
	return int(min(max(math.Ceil(missing), 1), math.MaxInt32)), false
}
