// Package remote determines the address of the client that sent a request. It is
// computed once for each request and kept in the request's context, so that rate
// limits, connection limits and logs agree.
package remote

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client is the client of one request.
type Client struct {
	// Addr is the client's address without a zone; an IPv4-mapped IPv6 address is
	// converted to IPv4. It is invalid if there is none, as on a Unix socket.
	Addr netip.Addr
	// Guessed is true if Addr may be that of a proxy: it is the peer's own address, no
	// trusted proxies are configured, and it is loopback, private, carrier-grade NAT or
	// link-local.
	Guessed bool
}

// Proxies are the addresses whose X-Forwarded-For is trusted. A nil *Proxies trusts
// only peers on Unix sockets. It is immutable and safe for concurrent use.
type Proxies struct{ trusted []netip.Prefix }

// Resolve determines the client of a request. It reads X-Forwarded-For from the right
// and skips trusted addresses: the first address that is not trusted is the client. The
// search stops at text that is not an address; the client is then the proxy that added
// it. A peer on a Unix socket is trusted.
func (p *Proxies) Resolve(r *http.Request) Client {
	at, ok := Parse(r.RemoteAddr)
	if !ok && !unixSocket(r.RemoteAddr) {
		return Client{}
	}
	direct := ok
	for _, line := range slices.Backward(r.Header["X-Forwarded-For"]) {
		for more := true; more; {
			if at.IsValid() && !p.trusts(at) {
				return p.client(at, direct)
			}
			var hop string
			if i := strings.LastIndexByte(line, ','); i >= 0 {
				line, hop = line[:i], line[i+1:]
			} else {
				hop, more = line, false
			}
			before, ok := Parse(strings.TrimSpace(hop))
			if !ok {
				return p.client(at, direct)
			}
			at, direct = before, false
		}
	}
	return p.client(at, direct)
}

func (p *Proxies) client(at netip.Addr, direct bool) Client {
	return Client{Addr: at, Guessed: p == nil && direct && local(at)}
}

func (p *Proxies) trusts(a netip.Addr) bool {
	return p != nil && slices.ContainsFunc(p.trusted, func(t netip.Prefix) bool { return t.Contains(a) })
}

// unixSocket reports whether a RemoteAddr is that of a peer on a Unix socket: "@" or
// empty without a name, otherwise a path or an abstract name.
func unixSocket(addr string) bool { return addr == "" || addr[0] == '@' || addr[0] == '/' }

// carrierNAT is the range of RFC 6598, private between a provider and its customers.
var carrierNAT = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)

func local(a netip.Addr) bool {
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

// Parse parses an address, with or without port and brackets.
func Parse(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// nat64 has the addresses of IPv4 clients in a network that has only IPv6 (RFC 6052).
var nat64 = netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)

// Group returns the address by which limits count a client: for IPv6 its /64, which is
// the smallest network of one subscriber. Those of NAT64 are each of another one.
func Group(a netip.Addr) netip.Addr {
	if a.Is6() && !nat64.Contains(a) {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

type key struct{}

// scope is the context of a request with its client.
type scope struct {
	context.Context

	client Client
}

func (s *scope) Value(k any) any {
	if k == (key{}) {
		return &s.client
	}
	return s.Context.Value(k)
}

// With returns a context from which [Of] reads the client.
func With(ctx context.Context, c Client) context.Context { return &scope{ctx, c} }

// Of returns the client of a request: that of its context, or else the result of
// Resolve without trusted proxies. r may be nil.
func Of(r *http.Request) Client {
	if r == nil {
		return Client{}
	}
	if c, ok := r.Context().Value(key{}).(*Client); ok {
		return *c
	}
	return (*Proxies)(nil).Resolve(r)
}

// Text returns the client's address for logs; r.RemoteAddr if it is unknown.
func Text(r *http.Request) string {
	if a := Of(r).Addr; a.IsValid() {
		return a.String()
	}
	if r == nil {
		return ""
	}
	return r.RemoteAddr
}

// Handler calls next with requests whose context has the client.
func (p *Proxies) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(With(r.Context(), p.Resolve(r))))
	})
}
