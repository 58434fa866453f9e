package sendqueue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestField_X05_DropOldestToStuckReaders: A broadcast with OverflowDropOldest to 50 clients that do not read, whose queues
// are full, costs at most twice what it costs while their queues are empty.
func TestField_X05_DropOldestToStuckReaders(t *testing.T) {
	for name, platform := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketio.New()} {
		t.Run(name, func(t *testing.T) {
			for i := 1; ; i++ { // whatever else the machine does may last longer than a measurement
				quiet, stuck := broadcasts(t, name, platform)
				t.Logf("quiet %v, stuck %v", quiet, stuck)
				if stuck <= 2*quiet {
					return
				}
				if i == attempts {
					t.Fatalf("%d times a broadcast to stuck readers took more than twice as long as one to others", attempts)
				}
			}
		})
	}
}

// broadcasts returns how long a broadcast takes to clients with empty queues, and when the queues of the same clients are full.
func broadcasts(t *testing.T, name string, platform adapter.Adapter) (quiet, stuck time.Duration) {
	t.Helper()
	s := stage.New(t, platform, stage.Limits(websockets.Limits{SendQueue: 256 << 10, SendStall: time.Hour, PingInterval: time.Hour, CloseTimeout: 300 * time.Millisecond}))
	for range 50 {
		if name == "ws" {
			rawpeer.Open(t, s.Addr, "/", rawpeer.WithReceiveBuffer(4<<10))
			continue
		}
		rawpeer.Enter(t, rawpeer.NewEngine(t, s.Addr).WebSocket(rawpeer.WithReceiveBuffer(4<<10)), "/", "")
	}
	s.Wait("all are connected", func() bool { return s.Connects() == 50 })
	text := strings.Repeat("x", 4000)
	emit := func(n int) time.Duration {
		took := make([]time.Duration, n)
		for i := range took {
			start := time.Now()
			if err := s.Server.Emit(t.Context(), "news", text, websockets.WithOverflow(websockets.OverflowDropOldest)); err != nil {
				t.Fatal(err)
			}
			took[i] = time.Since(start)
		}
		slices.Sort(took)
		return took[n/2]
	}
	quiet = emit(100)
	emit(2000) // fills the kernel's buffers, then the queues
	stuck = emit(200)
	if n := s.Server.Local().Len(); n != 50 {
		t.Fatalf("%d clients are left", n)
	}
	return quiet, stuck
}
