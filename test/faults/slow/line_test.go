package slow_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
)

// trickle reads a little in each tick, until the connection ends.
func trickle(nc net.Conn, readers *sync.WaitGroup) {
	readers.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		b := make([]byte, 2000)
		for range tick.C {
			if _, err := nc.Read(b); err != nil {
				return
			}
		}
	})
}

// TestField_X33_OthersOfSlowLines: Five clients on slow connections, each with 2 MB waiting in a queue of 128 KiB,
// stay in a room of many: the others receive everything, and their slowest hundredth no later than without the slow
// ones (ratio of both, in the same run, as for a reader that is stuck).
func TestField_X33_OthersOfSlowLines(t *testing.T) {
	const slow = 5
	piece := strings.Repeat("x", 20_000)
	othersDoNotWait(t, slow, func(t *testing.T, k kind, r *room) (gone func()) {
		var readers sync.WaitGroup
		var peers []*rawpeer.Peer
		for range slow {
			p, c := r.enter(t, k, rawpeer.WithReceiveBuffer(8<<10))
			peers = append(peers, p)
			for range 100 {
				if err := c.Emit(t.Context(), "piece", piece); err != nil {
					t.Fatal(err)
				}
			}
			trickle(p.Conn, &readers)
		}
		return func() {
			for _, p := range peers {
				p.Reset()
			}
			readers.Wait()
		}
	})
}
