//go:build linux

package embedded_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// names is a DNS server with one name.
type names struct {
	mu   sync.Mutex
	all  []string
	fail bool
}

func (n *names) set(all ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = all
}

func (n *names) unreachable(fail bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = fail
}

func (n *names) lookup(context.Context, string) (all []netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail {
		return nil, errors.New("the DNS server does not respond")
	}
	for _, a := range n.all {
		all = append(all, netip.MustParseAddr(a))
	}
	return all, nil
}

// One name has the addresses of all nodes. Nodes that start before the others, or before the name
// has addresses, find each other when it is resolved again. Addresses in 127.0.0.0/8 are all
// those of this machine, on Linux.
func TestPeersFollowTheName(t *testing.T) {
	for name, more := range map[string][]embedded.Option{"plain": nil, "TLS": {embedded.TLS(certified(t))}} {
		// A handshake of a loaded machine is no error in the log.
		more = append(more, embedded.Server(func(o *server.Options) { o.Cluster.TLSTimeout, o.Cluster.AuthTimeout = 30, 30 }))
		t.Run(name, func(t *testing.T) {
			dns := &names{}
			port := testkit.FreePort(t)
			log := &testkit.Log{}
			start := func(number int, host string) *node {
				return startNode(t, number, append(more, embedded.Listen(host+":"+port), embedded.Peers("nodes.example:"+port),
					embedded.Resolve(50*time.Millisecond, dns.lookup), embedded.Logger(log.Logger(slog.LevelDebug)))...)
			}
			a, b := start(1, "127.0.0.1"), start(2, "127.0.0.2")
			a.mustSend("none is there")
			dns.set("127.0.0.1", "127.0.0.2")
			meet(t, a, b)

			// A third one, while names cannot be resolved, is found by those that know it.
			dns.unreachable(true)
			c := start(3, "127.0.0.3")
			dns.set("127.0.0.2", "127.0.0.3")
			dns.unreachable(false)
			meet(t, a, b, c)
			// The first has no address any more, and is not disconnected.
			testkit.Eventually(t, "the name is resolved again", func() bool { return len(log.Lines("Reloaded: cluster routes", c.id)) > 0 })
			meet(t, a, b, c)
			for _, lines := range [][]string{log.Lines("level=ERROR"), log.Lines("secret")} {
				if len(lines) > 0 {
					t.Errorf("log: %q", lines)
				}
			}
		})
	}
}
