package embedded

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// resolveWait bounds how long names are resolved.
const resolveWait = 2 * time.Second

// peers are addresses of nodes, with IP addresses as hosts, in order.
type peers []address

// resolver resolves the names of peers.
type resolver struct {
	names  []address
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	last   map[address]peers
}

// resolve returns the addresses of all peers, and whether each has one. Those of a name that cannot
// be resolved are as they were before.
func (r *resolver) resolve(ctx context.Context) (all peers, complete bool) {
	ctx, cancel := context.WithTimeout(ctx, resolveWait)
	defer cancel()
	complete = true
	if r.last == nil {
		r.last = map[address]peers{}
	}
	for _, name := range r.names {
		ips, err := r.lookup(ctx, name.host)
		if err != nil || len(ips) == 0 {
			complete = false
		} else {
			r.last[name] = nil
			for _, ip := range ips {
				r.last[name] = append(r.last[name], address{ip.Unmap().String(), name.port})
			}
		}
		all = append(all, r.last[name]...)
	}
	slices.SortFunc(all, func(a, b address) int { return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.port, b.port)) })
	return slices.Compact(all), complete
}

// without returns the peers that are not the server itself.
func (p peers) without(srv *server.Server) (others peers) {
	own, _ := net.InterfaceAddrs()
	port := srv.ClusterAddr().Port
	for _, a := range p {
		ip, err := netip.ParseAddr(a.host)
		self := err == nil && a.port == port && slices.ContainsFunc(own, func(n net.Addr) bool {
			prefix, err := netip.ParsePrefix(n.String())
			return err == nil && prefix.Addr() == ip
		})
		if !self {
			others = append(others, a)
		}
	}
	return others
}

// routeURLs returns the peers as the server wants them.
func routeURLs(p peers, secret string) []*url.URL {
	all := make([]*url.URL, len(p))
	for i, a := range p {
		all[i] = &url.URL{Scheme: "nats", Host: a.String()}
		if secret != "" {
			all[i].User = url.UserPassword(routeUser, secret)
		}
	}
	return all
}
