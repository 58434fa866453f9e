package ratelimit

import (
	"crypto/sha256"
	"net/http"
	"net/netip"

	"github.com/gatehouse-go/gatehouse/internal/remote"
)

// key identifies a bucket: an address or a string.
type key struct {
	addr netip.Addr
	text string
}

// textKey hashes long strings, which clients may choose. The hash is longer than any
// string that is stored unhashed.
func textKey(s string) key {
	if len(s) < sha256.Size {
		return key{text: s}
	}
	sum := sha256.Sum256([]byte(s))
	return key{text: string(sum[:])}
}

// addressOf returns the key of the request's address, or the empty key if r is nil.
func (c *config) addressOf(r *http.Request) key {
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

// addressKey parses an address with or without a port.
func addressKey(s string) key {
	if a, ok := remote.Parse(s); ok {
		return key{addr: remote.Group(a)}
	}
	return textKey(s)
}
