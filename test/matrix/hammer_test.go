package matrix_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// TestRecoveryUnderLoad broadcasts continuously while clients repeatedly lose their connections and
// recover. No number is lost or duplicated.
func TestRecoveryUnderLoad(t *testing.T) {
	const peers, reconnects = 4, 40
	// Enough for what a client misses while a busy machine does not let it reconnect.
	a := startRecovery(t, socketio.Recovery{MaxBytes: 7 << 20})
	stop := make(chan struct{})
	var broadcaster sync.WaitGroup
	broadcaster.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; ; {
			select {
			case <-stop:
				return
			case <-tick.C:
				for range 4 {
					_ = a.gateway.Server.Emit(t.Context(), "x", i)
					i++
				}
			}
		}
	})
	var all sync.WaitGroup
	for i := range peers {
		all.Go(func() {
			if err := reconnectRepeatedly(a.url, reconnects, rand.New(rand.NewPCG(uint64(i), 7))); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	all.Wait()
	close(stop)
	broadcaster.Wait()
}

// reconnectRepeatedly is the life of one client: it fails if a number is missing or duplicated.
func reconnectRepeatedly(url string, reconnects int, r *rand.Rand) error {
	p, err := join(url, "", "")
	if err != nil {
		return err
	}
	defer func() { p.cut() }()
	last, err := p.next()
	if err != nil {
		return err
	}
	for round := range reconnects {
		for range r.IntN(40) {
			n, err := p.next()
			if err != nil {
				return fmt.Errorf("round %d: %w", round, err)
			}
			if n != last+1 {
				return fmt.Errorf("round %d: received %d after %d", round, n, last)
			}
			last = n
		}
		old := p
		if round%3 != 0 { // otherwise the server still considers the old connection open
			old.cut()
		}
		if p, err = join(url, old.pid, old.offset); err != nil {
			p = old
			return fmt.Errorf("round %d: %w", round, err)
		}
		old.cut()
		if p.id != old.id {
			return fmt.Errorf("round %d: not recovered", round)
		}
		// A client that HandleConnection has not accepted yet cannot recover.
		if err := p.write(`421["echo"]`); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		for p.acked = false; !p.acked; last++ {
			if n, err := p.next(); err != nil || n != last+1 {
				return fmt.Errorf("round %d: received %d after %d, %w", round, n, last, err)
			}
		}
	}
	return nil
}
