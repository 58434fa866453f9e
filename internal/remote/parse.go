package remote

import (
	"fmt"
	"net/netip"
)

// NewProxies parses CIDR prefixes and addresses: "10.0.0.0/8", "192.0.2.7", "fd00::/8".
// There is one error for each text that is invalid or cannot match any address.
func NewProxies(texts []string) (p *Proxies, errs []error) {
	p = &Proxies{}
	for _, text := range texts {
		t, err := parsePrefix(text)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.trusted = append(p.trusted, t)
	}
	return p, errs
}

func parsePrefix(text string) (netip.Prefix, error) {
	t, err := netip.ParsePrefix(text)
	if err != nil {
		a, addrErr := netip.ParseAddr(text)
		if addrErr != nil {
			return t, fmt.Errorf("%q is neither an address nor a prefix: use the form \"10.0.0.0/8\" or \"192.0.2.7\"", text)
		}
		if a.Zone() != "" {
			return t, fmt.Errorf("%q has a zone: zones are not compared: remove it", text)
		}
		t = netip.PrefixFrom(a, a.BitLen())
	}
	if a := t.Addr(); a.Is4In6() {
		if t.Bits() < 96 {
			return t, fmt.Errorf("%q matches no address: IPv4-mapped addresses are compared as IPv4: use an IPv4 prefix", text)
		}
		t = netip.PrefixFrom(a.Unmap(), t.Bits()-96)
	}
	return t.Masked(), nil
}
