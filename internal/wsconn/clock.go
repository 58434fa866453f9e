package wsconn

import (
	"sync/atomic"
	"time"
)

// Clock stamps events of connections. Stamps are nanoseconds since the clock was made,
// never 0. The coarse stamp costs one load and lags by up to one sweep. It is safe for
// concurrent use.
type Clock struct {
	base time.Time
	last atomic.Int64
}

// Now returns the exact stamp.
func (c *Clock) Now() int64 {
	t := int64(time.Since(c.base)) + 1
	c.last.Store(t)
	return t
}

// Coarse returns the stamp of the last sweep, or of a later Now.
func (c *Clock) Coarse() int64 { return c.last.Load() }
