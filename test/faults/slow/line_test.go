package slow_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/websockets"
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

// TestField_X33_OthersOfSlowLines: Five clients on slow lines, for each of whom 2 MB wait in a queue of 128 KiB, stay in a room of many:
// the others hear everything, and the slowest hundredth of them no later than without the slow ones (ratio of both, in the same run, as
// for a reader that is stuck).
func TestField_X33_OthersOfSlowLines(t *testing.T) {
	many, bar := 150, 2.0
	if long() {
		many, bar = 1000, 1.2
	}
	const rounds, slow = 8, 5
	piece := strings.Repeat("x", 20_000)
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			r := newRoom(t, k, websockets.Limits{SendQueue: 128 << 10, PingInterval: time.Hour, PingTimeout: time.Hour})
			h := hear(t, k, r, many)
			h.latency(t) // warm
			best := 1e9
			for round := 0; round < rounds && best > bar; round++ {
				var readers sync.WaitGroup
				var peers []*rawpeer.Peer
				for range slow {
					p, c := r.enter(t, k, rawpeer.WithReceiveBuffer(8<<10))
					peers = append(peers, p)
					for range 100 {
						if err := c.Emit("piece", piece); err != nil {
							t.Fatal(err)
						}
					}
					trickle(p.Conn, &readers)
				}
				with := h.latency(t)
				if n := r.Server.Count(); n != many+slow {
					t.Fatalf("%d clients, want the slow ones to be there still; reasons %v", n, r.Reasons())
				}
				for _, p := range peers {
					p.Reset()
				}
				readers.Wait()
				r.Wait("the slow ones are gone", func() bool { return r.Server.Count() == many })
				without := h.latency(t)
				t.Logf("p99 with %v, without %v", with, without)
				best = min(best, float64(with)/float64(without))
			}
			if best > bar {
				t.Errorf("the slowest hundredth waits %.2f times as long, want at most %.1f", best, bar)
			}
			h.end()
			r.WantGone(many)
		})
	}
}
