package ratelimit

import (
	"net/http"
	"net/netip"
	"slices"
)

const defaultMaxKeys = 100_000

// Option configures guards that share buckets among clients.
type Option func(*config)

type config struct {
	maxKeys int
	address func(*http.Request) string
	trusted []netip.Prefix
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

// MaxKeys bounds how many keys or addresses are remembered at a time, at 300 to 400
// bytes each. Default, and for n below 1: 100,000.
//
// Keys whose buckets are full again are forgotten as new ones come, which changes
// nothing for them. Where there are n all the same, the one that was seen longest ago
// gives way to the new one, and starts anew when it comes back: who has more than n
// addresses is not held up by a limit per address, and shall not lock out everybody
// else.
func MaxKeys(n int) Option {
	return func(c *config) {
		if n < 1 {
			n = defaultMaxKeys
		}
		c.maxKeys = n
	}
}

// Address sets what a client's address is, such as a header that the load balancer
// sets. Text that is no IP address is a key as it is. It takes the place of
// [TrustedProxies]. Default: the host of RemoteAddr.
func Address(f func(*http.Request) string) Option {
	return func(c *config) { c.address = f }
}

// TrustedProxies believes the header X-Forwarded-For where the request comes from a
// proxy with one of the prefixes: the client's address is the right-most one that is
// none of theirs. Text in the header that is no address ends the search, and the
// last proxy before it counts as the client. Without this option the header is
// ignored, because clients may write into it what they like.
//
// Behind a proxy that is not named here all clients have one address, and one
// bucket.
func TrustedProxies(prefixes ...netip.Prefix) Option {
	trusted := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		trusted = append(trusted, p)
	}
	return func(c *config) {
		c.address = nil
		c.trusted = slices.Clone(trusted)
	}
}
