package slow_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var (
	dropOldest = websockets.NewEvent[news]("news", websockets.WithOverflow(websockets.OverflowDropOldest))
	dropNewest = websockets.NewEvent[news]("news", websockets.WithOverflow(websockets.OverflowDropNewest))
)

// TestFault_F31_StuckReaderInARoom: One client of many in a room stops reading, its queue is full and events for it
// are dropped: the others receive everything, and their slowest hundredth no later than without it (ratio of both, in
// the same run: 1.2 with 1,000 clients and FAULTS_LONG=1, 2 with 150 on any machine).
func TestFault_F31_StuckReaderInARoom(t *testing.T) {
	othersDoNotWait(t, 1, func(t *testing.T, k kind, r *room) (gone func()) {
		return r.stick(t, k).Reset
	})
}

// othersDoNotWait measures the latency of the clients of a room alternately with and without some that read little or
// nothing. enter connects these; gone disconnects them.
func othersDoNotWait(t *testing.T, slow int, enter func(t *testing.T, k kind, r *room) (gone func())) {
	t.Helper()
	many, bar := 150, 2.0
	if long() {
		many, bar = 1000, 1.2
	}
	const rounds = 8
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			r := newRoom(t, k, websockets.Limits{SendQueue: 128 << 10, PingInterval: time.Hour, PingTimeout: time.Hour})
			h := newAudience(t, k, r, many)
			h.latency(t) // warm up
			best := 1e9
			for round := 0; round < rounds && best > bar; round++ {
				gone := enter(t, k, r)
				with := h.latency(t)
				if n := r.Server.Local().Len(); n != many+slow {
					t.Fatalf("%d clients, want the slow ones still connected; reasons %v", n, r.Reasons())
				}
				gone()
				r.Wait("the slow ones have disconnected", func() bool { return r.Server.Local().Len() == many })
				without := h.latency(t)
				t.Logf("p99 with %v, without %v", with, without)
				best = min(best, float64(with)/float64(without))
			}
			if best > bar {
				t.Errorf("the slowest hundredth waits %.2f times as long, want at most %.1f", best, bar)
			}
			h.end()
			r.WantGone(many)
			k.alive(t, r.Addr)
		})
	}
}

// stick connects a client that never reads, and fills its queue.
func (r *room) stick(t *testing.T, k kind) *rawpeer.Peer {
	t.Helper()
	stuck, c := r.enter(t, k, rawpeer.WithReceiveBuffer(4<<10))
	text := strings.Repeat("x", 32<<10)
	full := 0
	r.Wait("its queue is full", func() bool {
		for range 100 {
			if err := dropNewest.Emit(t.Context(), c, news{0, text}); errors.Is(err, websockets.ErrQueueFull) {
				full++
			}
		}
		return full > 300 // also when the kernel's buffers are full
	})
	return stuck
}

// audience are clients that read continuously.
type audience struct {
	k        kind
	r        *room
	peers    []*rawpeer.Peer
	readers  sync.WaitGroup
	received chan []time.Duration // of one reader, after the last event of a burst
}

const (
	burst = 25 // events in one measurement
	final = -1 // the number of the last event
)

func newAudience(t *testing.T, k kind, r *room, many int) *audience {
	t.Helper()
	h := &audience{k: k, r: r, received: make(chan []time.Duration, many)}
	for range many {
		p, _ := r.enter(t, k)
		h.peers = append(h.peers, p)
		h.readers.Go(func() { h.read(p) })
	}
	return h
}

// read records the latency of each event.
func (h *audience) read(p *rawpeer.Peer) {
	var took []time.Duration
	for {
		frame, err := p.Next()
		if err != nil {
			return
		}
		now := time.Now()
		n, ok := h.k.number(frame)
		switch {
		case ok && n == final:
			h.received <- took
			took = nil
		case ok:
			took = append(took, now.Sub(time.Unix(0, n)))
		}
	}
}

// latency sends one burst to the room, no faster than a busy machine can handle, and returns the latency of the
// slowest hundredth.
func (h *audience) latency(t *testing.T) time.Duration {
	t.Helper()
	pause := time.NewTicker(time.Duration(len(h.peers)) * 150 * time.Microsecond)
	defer pause.Stop()
	to := h.r.Server.To("room")
	for range burst {
		<-pause.C
		if err := dropOldest.Emit(t.Context(), to, news{time.Now().UnixNano(), "hello"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropOldest.Emit(t.Context(), to, news{final, ""}); err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	for range h.peers {
		took := testkit.Receive(t, "the last event of a client", h.received)
		if len(took) != burst {
			t.Errorf("a client has received %d of %d", len(took), burst)
		}
		all = append(all, took...)
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

func (h *audience) end() {
	for _, p := range h.peers {
		p.Reset()
	}
	h.readers.Wait()
}
