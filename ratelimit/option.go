package ratelimit

import "net/http"

const defaultMaxKeys = 100_000

// Option configures guards that share buckets among clients.
type Option func(*config)

type config struct {
	maxKeys int
	address func(*http.Request) string
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
// sets. Text that is no IP address is a key as it is. Default: the address of
// web.RemoteAddr, for which app.TrustedProxies names the proxies.
func Address(f func(*http.Request) string) Option {
	return func(c *config) { c.address = f }
}
