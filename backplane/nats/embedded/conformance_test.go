package embedded_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
)

func TestConformance(t *testing.T) {
	backplanetest.Run(t, func(testing.TB) backplanetest.Factory {
		var mu sync.Mutex
		var made []*embedded.Engine
		return backplanetest.Factory{New: func() backplane.Backplane {
			mu.Lock()
			defer mu.Unlock()
			var peers []string
			for _, e := range made {
				if a := e.Addr(); a != nil {
					peers = append(peers, a.String())
				}
			}
			made = append(made, newEngine(embedded.Peers(peers...), embedded.Waits(15*time.Second)))
			return made[len(made)-1]
		}}
	})
}

// newEngine returns an engine that listens on a free port of this machine.
func newEngine(opts ...embedded.Option) *embedded.Engine {
	return embedded.New(append([]embedded.Option{
		embedded.Listen("127.0.0.1:0"), embedded.Secret("secret"), embedded.Logger(slog.New(slog.DiscardHandler)),
	}, opts...)...)
}
