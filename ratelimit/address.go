package ratelimit

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
	case len(c.trusted) > 0:
		if a, ok := c.forwarded(r); ok {
			return key{addr: group(a)}
		}
	}
	return addressKey(r.RemoteAddr)
}

// addressKey takes an address with or without a port.
func addressKey(s string) key {
	if a, ok := parseAddress(s); ok {
		return key{addr: group(a)}
	}
	return textKey(s)
}

func parseAddress(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	// As a URL has it, without a port.
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// group is what belongs to one client: a subscriber gets at least a /64 of IPv6.
func group(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// forwarded goes back along the proxies as far as they can be trusted.
func (c *config) forwarded(r *http.Request) (netip.Addr, bool) {
	at, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return at, false
	}
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for more := true; more; {
			if !c.trusts(at) {
				return at, true
			}
			var hop string
			if i := strings.LastIndexByte(line, ','); i >= 0 {
				line, hop = line[:i], line[i+1:]
			} else {
				hop, more = line, false
			}
			before, ok := parseAddress(strings.TrimSpace(hop))
			if !ok {
				return at, true
			}
			at = before
		}
	}
	return at, true
}

func (c *config) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(c.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}
