package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// A stop disconnects many clients in batches and sends each a time to reconnect after: the
// busiest second has hardly more reconnects than the mean.
func TestDrainInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 600
		var mu sync.Mutex
		left := make(map[string]time.Time, n)
		d := &testGateway{}
		k := newTestRuntimeOf(t, []*testGateway{d})
		k.rt.drainRate = 200
		peers := make([]*peer, n)
		for i := range peers {
			peers[i] = k.dial()
		}
		synctest.Wait()
		start := time.Now()
		for _, p := range peers {
			p.emit = func(out *adapter.Outgoing, _ uint64) error {
				payload, err := out.Payload(false)
				var after int64
				if _, scanErr := fmt.Sscanf(string(payload.JSON), `{"retryAfter":%d}`, &after); out.Event != websockets.EventShutdown || scanErr != nil {
					t.Errorf("%s %s", out.Event, payload.JSON)
				}
				mu.Lock()
				defer mu.Unlock()
				left[p.id] = time.Now().Add(time.Duration(after) * time.Millisecond)
				return err
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		if err := k.rt.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2900*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("600 clients at 200 a second took %v", took)
		}
		var back []time.Duration
		for _, at := range left {
			back = append(back, at.Sub(start))
		}
		if len(back) != n {
			t.Fatalf("%d of %d clients received the event", len(back), n)
		}
		slices.Sort(back)
		if back[0] < minRetry {
			t.Errorf("the first client reconnects after %v", back[0])
		}
		for i := range back { // as many as the rate, and a batch, in any second
			if j := i + 210; j < n && back[j]-back[i] < time.Second {
				t.Fatalf("%d clients reconnect within %v", j-i, back[j]-back[i])
			}
		}
	})
}

// A stop without time to drain closes all clients at once, and a few clients are not drained.
func TestDrainAtOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		clients, rate int
		timeout       time.Duration
		notified      bool
		most          time.Duration
	}{
		"few":           {20, 0, time.Minute, false, 0},
		"all at once":   {300, -1, time.Minute, false, 0},
		"half the time": {300, 50, 2 * time.Second, true, time.Second + 2*drainTick},
		"no time":       {300, 50, 0, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newTestRuntimeOf(t, []*testGateway{{}})
				if tt.rate != 0 {
					k.rt.drainRate = tt.rate
				}
				peers := make([]*peer, tt.clients)
				for i := range peers {
					peers[i] = k.dial()
				}
				synctest.Wait()
				start := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), tt.timeout)
				defer cancel()
				err := k.rt.Stop(ctx)
				if tt.timeout > 0 && err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > tt.most {
					t.Errorf("it took %v", took)
				}
				synctest.Wait()
				for _, p := range peers {
					if got := strings.Join(p.got(), "\n"); (got != "") != tt.notified && tt.timeout > 0 {
						t.Fatalf("sent: %q", got)
					}
				}
			})
		})
	}
}
