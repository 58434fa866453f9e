package ratelimit

import (
	"crypto/sha256"
	"net/http"
	"net/netip"

	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// key is what a bucket goes by: an address, or else a text.
type key struct {
	addr netip.Addr
	text string
}

// textKey keeps long texts, which clients may have written, as a hash. The hash is
// longer than any text that is kept as it is.
func textKey(s string) key {
	if len(s) < sha256.Size {
		return key{text: s}
	}
	sum := sha256.Sum256([]byte(s))
	return key{text: string(sum[:])}
}

// client is the key of the request's client. Without a request it is the empty one.
func (c *config) client(r *http.Request) key {
	switch {
	case r == nil:
		return key{}
	case c.address != nil:
		return addressKey(c.address(r))
	}
	if a := remote.Of(r).Addr; a.IsValid() {
		return key{addr: remote.Group(a)}
	}
	return textKey(r.RemoteAddr)
}

// addressKey takes an address with or without a port.
func addressKey(s string) key {
	if a, ok := remote.Parse(s); ok {
		return key{addr: remote.Group(a)}
	}
	return textKey(s)
}
