package slow_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TestFault_F31_QueuePolicies: Clients that never read are sent many times the size of their queues: according to the
// event's policy the client is closed, or its newest or oldest events are dropped, and each uses no more memory than
// its queue. When it reads again, it gets the events that the policy keeps, in order.
func TestFault_F31_QueuePolicies(t *testing.T) {
	const queue, pieces, size = 512 << 10, 120, 64 << 10 // 7.5 MiB for each: more than the kernel buffers
	for _, k := range kinds() {
		for _, row := range []struct {
			policy string
			opts   []websockets.EmitOption
			check  func(received, accepted []int64) error
		}{
			{"close", nil, nil},
			{"drop newest", []websockets.EmitOption{websockets.WithOverflow(websockets.OverflowDropNewest)}, func(received, accepted []int64) error {
				dropped := slices.DeleteFunc(slices.Clone(accepted), func(n int64) bool { return slices.Contains(received, n) })
				if len(dropped) > 1 || len(received)+len(dropped) != len(accepted) { // the end may drop one
					return fmt.Errorf("what was queued must not be dropped: %v of %v", dropped, accepted)
				}
				return nil
			}},
			{"drop oldest", []websockets.EmitOption{websockets.WithOverflow(websockets.OverflowDropOldest)}, func(received, _ []int64) error {
				if last := received[len(received)-1]; last != pieces-1 {
					return fmt.Errorf("the last is %d, want %d: the newest must not be dropped", last, pieces-1)
				}
				return nil
			}},
			{"volatile", []websockets.EmitOption{websockets.Volatile()}, nil},
		} {
			t.Run(k.name+", "+row.policy, func(t *testing.T) {
				const many = 3
				r := newRoom(t, k, websockets.Limits{SendQueue: queue, SendQueueMax: queue, PingInterval: time.Hour, PingTimeout: time.Hour})
				event := websockets.NewEvent[news]("news", row.opts...)
				var peers []*rawpeer.Peer
				var clients []websockets.Client
				for range many {
					p, c := r.enter(t, k, rawpeer.WithReceiveBuffer(4<<10))
					peers, clients = append(peers, p), append(clients, c)
				}
				text := strings.Repeat("x", size)
				for _, c := range clients {
					if row.policy != "drop newest" {
						break
					}
					full := 0 // the kernel's buffers are filled first, or the queue would drain into them meanwhile
					r.Wait("the kernel accepts no more", func() bool {
						for range 20 {
							if errors.Is(c.Emit(t.Context(), "fill", text, websockets.Volatile()), websockets.ErrQueueFull) {
								full++
							}
						}
						return full > 200
					})
				}
				before := heap()
				refused := 0
				accepted := make([][]int64, many)
				for n := range int64(pieces) {
					for i, c := range clients {
						// One by one, so that no two share bytes.
						switch err := event.Emit(t.Context(), c, news{n, text}); {
						case errors.Is(err, websockets.ErrQueueFull), errors.Is(err, websockets.ErrClosed):
							refused++
						case err != nil:
							t.Fatal(err)
						default:
							accepted[i] = append(accepted[i], n)
						}
					}
				}
				// In addition to the queue: buffers of the connection, and the message being written.
				if each := (heap() - before) / many; each > queue+2*size {
					t.Errorf("each uses %d bytes, its queue is %d", each, queue)
				}
				if row.policy != "drop oldest" && refused == 0 {
					t.Error("no emit returned a full queue")
				}
				if row.policy == "close" {
					for _, reason := range r.WantGone(many) {
						if reason.Cause != websockets.CauseQueueOverflow {
							t.Errorf("HandleDisconnect gets %v, want %q", reason, websockets.CauseQueueOverflow)
						}
					}
					k.alive(t, r.Addr)
					return
				}
				if n := r.Server.Local().Len(); n != many {
					t.Fatalf("%d clients, want %d", n, many)
				}
				for _, c := range clients { // the last event that they receive
					r.Wait("the end can be queued", func() bool { return closingEvent.Emit(t.Context(), c, news{final, ""}) == nil })
				}
				for i, p := range peers {
					received := all(t, k, p)
					if len(received) == 0 || len(received) == pieces || !slices.IsSorted(received) || len(slices.Compact(slices.Clone(received))) != len(received) {
						t.Fatalf("received %v, want a part in order", received)
					}
					if row.check != nil {
						if err := row.check(received, accepted[i]); err != nil {
							t.Errorf("%v; received %v", err, received)
						}
					}
					p.Reset()
				}
				r.WantGone(many)
				k.alive(t, r.Addr)
			})
		}
	}
}

// closingEvent is the last event that a client receives.
var closingEvent = websockets.NewEvent[news]("news", websockets.WithOverflow(websockets.OverflowDropOldest))

// all reads until the end.
func all(t *testing.T, k kind, p *rawpeer.Peer) (received []int64) {
	t.Helper()
	for {
		frame, err := p.Next()
		if err != nil {
			t.Fatalf("after %v: %v", received, err)
		}
		switch n, ok := k.number(frame); {
		case ok && n == final:
			return received
		case ok:
			received = append(received, n)
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
