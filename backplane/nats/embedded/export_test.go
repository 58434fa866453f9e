package embedded

import (
	"context"
	"net/netip"
	"time"
)

// Resolve sets how names of peers are resolved, and how often.
func Resolve(every time.Duration, lookup func(ctx context.Context, host string) ([]netip.Addr, error)) Option {
	return func(o *options) { o.resolveEvery, o.lookup = every, lookup }
}
