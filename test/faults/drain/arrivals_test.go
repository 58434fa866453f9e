package drain_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// TestFault_F71_ComersDuringTheDrain: Clients keep connecting while the process stops: each is served until it is
// closed, or refused with 503, or finds no listener; the stop still finishes, with 0, and HandleDisconnect has run
// for all accepted clients.
func TestFault_F71_ComersDuringTheDrain(t *testing.T) {
	p := subprocess.Start(t, subprocess.Settings{})
	var all sync.WaitGroup
	var in, closed, refused, odd atomic.Int64
	stop := make(chan struct{})
	for range 20 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := rawpeer.TryDial(t, p.Addr)
				if err != nil {
					return // the listener is closed
				}
				if err := c.TryWrite(rawpeer.Upgrade("/ws")); err != nil {
					continue
				}
				a, err := c.TryAnswer()
				switch {
				case err != nil: // the listener was closed while the connection was in its queue
				case a.Status == http.StatusServiceUnavailable:
					refused.Add(1)
				case a.Status != http.StatusSwitchingProtocols:
					t.Errorf("answered %d %s", a.Status, a.Body)
				default:
					in.Add(1)
					m := &member{Peer: c}
					m.live(false, &odd)
					if m.code == 1001 {
						closed.Add(1)
					} else {
						t.Errorf("an accepted client: %d, %v", m.code, m.err)
					}
				}
				c.Close()
			}
		})
	}
	testkit.Eventually(t, "all are connected", func() bool { return in.Load() >= 20 })
	p.Signal(syscall.SIGTERM)
	end := p.Wait()
	close(stop)
	all.Wait()
	t.Logf("%d were accepted, %d refused", in.Load(), refused.Load())
	if end.Status != 0 || end.Counts == nil || end.Counts.Connects != end.Counts.Disconnects {
		t.Errorf("the process ended with %+v", end)
	}
	if in.Load() != closed.Load() {
		t.Errorf("%d were accepted and %d were closed properly", in.Load(), closed.Load())
	}
}
