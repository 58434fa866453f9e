package ratelimit

import "net/http"

const defaultMaxKeys = 100_000

// Option configures guards whose buckets are shared by clients.
type Option func(*config)

type config struct {
	maxKeys int
	address func(*http.Request) string
	// withoutIdentity is set by WithoutIdentity.
	withoutIdentity bool
}

func newConfig(opts []Option) *config {
	c := &config{maxKeys: defaultMaxKeys}
	for _, o := range opts {
		if o != nil {
			o(c)
		}
	}
	return c
}

// MaxKeys limits the number of keys or addresses in memory, at 300 to 400 bytes each.
// Default, and for n below 1: 100,000.
//
// New keys evict keys whose buckets are full again, which has no effect on them. At the
// limit the least recently used key is evicted, and starts with a full bucket when it
// is used again. A client with more than n addresses can evade the limit but cannot
// lock others out.
func MaxKeys(n int) Option {
	return func(c *config) {
		if n < 1 {
			n = defaultMaxKeys
		}
		c.maxKeys = n
	}
}

// Address sets the function that returns a client's address, for example from a header
// of the load balancer. A string that is not an IP address is used as the key.
// Default: the address of web.RemoteAddr, which respects app.TrustedProxies.
func Address(f func(*http.Request) string) Option {
	return func(c *config) { c.address = f }
}

// WithoutIdentity declares that the key of [By] does not depend on who the client is, such as a room: By may then
// run before the guard that identifies clients, without a warning of the start.
func WithoutIdentity() Option { return func(c *config) { c.withoutIdentity = true } }
