package embedded

import (
	"context"
	"net/netip"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Waits sets how long Start waits for connections to the peers, Interest and Stop for the confirmation of the other nodes,
// and Send for that of the server, and how long connections within the node and to others may be silent. Without it a
// node of a loaded machine may not confirm in time, as is documented.
func Waits(d time.Duration) Option {
	return func(o *options) {
		o.joinWait, o.settleWait, o.clientTimeout = d, d, d
		Server(func(s *server.Options) {
			s.WriteDeadline, s.PingInterval = d, d
			s.Cluster.WriteDeadline, s.Cluster.PingInterval = d, d
		})(o)
	}
}

// Resolve sets how names of peers are resolved, and how often.
func Resolve(every time.Duration, lookup func(ctx context.Context, host string) ([]netip.Addr, error)) Option {
	return func(o *options) { o.resolveEvery, o.lookup = every, lookup }
}
