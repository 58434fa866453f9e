// Package origin parses and compares the origins of browser pages, RFC 6454: those of Origin
// headers, and those that options list.
package origin

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Origin is a scheme, a host and a port in canonical form: lower case, no default port, IPv6
// addresses in brackets in their shortest form. It is comparable.
type Origin struct{ Scheme, Host, Port string }

// String returns the origin as browsers send it, RFC 6454 section 6.2.
func (o Origin) String() string { return o.Scheme + "://" + o.authority() }

func (o Origin) authority() string {
	if o.Port == "" {
		return o.Host
	}
	return o.Host + ":" + o.Port
}

// Parse parses the value of an Origin header. ok is false for "null", and for a value with
// more than scheme, host and port. Only the origin "file://", which some web views send, has
// no host.
func Parse(header string) (o Origin, ok bool) {
	scheme, rest, found := strings.Cut(header, "://")
	if !found || !isScheme(scheme) {
		return o, false
	}
	o.Scheme = strings.ToLower(scheme)
	if rest == "" {
		return o, o.Scheme == "file"
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("/?#@\\", c) >= 0 {
			return o, false
		}
	}
	o.Host, o.Port, ok = splitHost(o.Scheme, rest)
	return o, ok
}

// SameHost reports whether a page of the origin comes from the host of a request, given as in
// its Host header. The scheme of the request is not compared: a server behind a proxy does
// not know it.
func (o Origin) SameHost(host string) bool {
	if !o.isWeb() {
		return false
	}
	h, port, ok := splitHost(o.Scheme, host)
	return ok && h == o.Host && port == o.Port
}

// isWeb reports whether the scheme is one of the web, whose hosts have a canonical form.
func (o Origin) isWeb() bool { return o.Scheme == "http" || o.Scheme == "https" }

// defaultPorts are the ports that browsers leave out.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// splitHost returns host and port in canonical form; the port is "" if it is the default one.
func splitHost(scheme, text string) (host, port string, ok bool) {
	host = text
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host, port = text[:i], text[i+1:]
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return host, port, false
		}
		if port = strconv.FormatUint(n, 10); port == defaultPorts[scheme] {
			port = ""
		}
	}
	if inner, found := strings.CutPrefix(host, "["); found {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !strings.HasSuffix(inner, "]") || !addr.Is6() || addr.Zone() != "" {
			return host, port, false
		}
		return "[" + ipv6(addr) + "]", port, true
	}
	return strings.ToLower(host), port, host != "" && !strings.ContainsAny(host, ":[]")
}

// ipv6 returns an address as browsers write it, without dots in an IPv4-mapped one.
func ipv6(a netip.Addr) string {
	if !a.Is4In6() {
		return a.String()
	}
	b := a.As16()
	return fmt.Sprintf("::ffff:%x:%x", int(b[12])<<8|int(b[13]), int(b[14])<<8|int(b[15]))
}

// isScheme reports whether a text is a scheme of RFC 3986 section 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if letter := c >= 'a' && c <= 'z'; !letter && (i == 0 || (s[i] < '0' || s[i] > '9') && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}
