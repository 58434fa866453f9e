package deploy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestSilentConnections: a connection that sends nothing but heartbeats outlives the timeout of a proxy, on every
// transport. Where heartbeats are rarer than it, nginx and HAProxy close the connection; Caddy does not.
func TestSilentConnections(t *testing.T) {
	eachKind(t, func(t *testing.T, k kind) {
		for name, interval := range map[string]time.Duration{"heartbeats": idle / 6, "none": time.Hour} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b, p := startBackend(t, true, false, websockets.Limits{PingInterval: interval})
				p.timeout = seconds(idle)
				x := k.run(t, p)
				n := nodetest.Start(t)
				var clients []*nodetest.Client
				for _, w := range ways {
					clients = append(clients, w.connect(n, x, nil))
				}
				if interval > idle && k.timeouts {
					for i, w := range ways {
						end := clients[i].ExpectEnd()
						if w.transport != "" && !strings.HasPrefix(end.Reason, "transport ") || w.transport == "" && end.Code != 1006 {
							t.Errorf("%s: ended by %+v", w.name, end)
						}
						b.wantLeft(t, w.name+" was closed by the proxy", websockets.CauseTransportClose, websockets.CauseTransportError)
					}
					return
				}
				for _, c := range clients {
					c.Emit("later", silence.Milliseconds())
				}
				for i, w := range ways {
					if got := nodetest.Expect[int64](clients[i], "now"); got != silence.Milliseconds() {
						t.Errorf("%s: got %d", w.name, got)
					}
				}
			})
		}
	})
}
