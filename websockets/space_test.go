package websockets

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func (sp *space) roomCount() (n int) {
	for i := range sp.shards {
		sh := &sp.shards[i]
		sh.mu.RLock()
		n += len(sh.rooms)
		sh.mu.RUnlock()
	}
	return n
}

// crowd is clients in a space, without connections.
func crowd(n int) (*space, []*session) {
	sp := newSpace()
	all := make([]*session, n)
	for i := range all {
		all[i] = &session{space: sp}
		sp.add(all[i])
	}
	return sp, all
}

func roomName(i int) string { return "room " + strconv.Itoa(i) }

// Clients come, join, leave and go from many goroutines while others look: nobody is
// found in a room that they have left for good, and nothing is kept.
func TestRoomsTogether(t *testing.T) {
	sp, all := crowd(64)
	var looking, changing sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := sp.selected(nil, &broadcast{rooms: []string{roomName(1), roomName(2), roomName(3)}}, false)
				slices.SortFunc(got, func(a, b *session) int { return slices.Index(all, a) - slices.Index(all, b) })
				if n := len(got); len(slices.Compact(got)) != n {
					t.Error("somebody is there twice")
					return
				}
				runtime.Gosched()
			}
		})
	}
	for _, s := range all {
		changing.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(slices.Index(all, s))))
			for range 500 {
				room := roomName(r.IntN(20))
				if r.IntN(2) == 0 {
					if err := s.joinTo(room); err != nil {
						t.Error(err)
					}
				} else {
					sp.leave(s, []string{room}, false)
				}
			}
			sp.remove(s)
			if err := s.joinTo("late"); !errors.Is(err, ErrClosed) {
				t.Errorf("join after the end: %v", err)
			}
			sp.leave(s, s.roomNames(), false)
		})
	}
	changing.Wait()
	close(stop)
	looking.Wait()
	if n := sp.roomCount(); n != 0 || !sp.empty() {
		t.Errorf("%d rooms and %d members are kept", n, len(sp.members))
	}
}

func TestRoomNames(t *testing.T) {
	_, all := crowd(1)
	long := strings.Repeat("x", maxRoomName)
	if err := all[0].joinTo("a", long, long+"x", "b"); !errors.Is(err, ErrRoomName) {
		t.Error(err)
	}
	if got := all[0].roomNames(); !slices.Equal(got, []string{"a", long}) {
		t.Errorf("in %d rooms", len(got))
	}
}

// joinTo joins without an endpoint.
func (s *session) joinTo(rooms ...string) error { return s.space.join(s, 1000, rooms) }

// A hundred thousand memberships in ten thousand rooms: what they hold, and what a
// change and a look cost while others do the same.
func BenchmarkRooms(b *testing.B) {
	const clients, rooms, each = 10_000, 10_000, 10
	sp, all := crowd(clients)
	before := heap()
	for i, s := range all {
		for k := range each {
			if err := s.joinTo(roomName((i*7 + k*1009) % rooms)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(float64(heap()-before)/(clients*each), "B/membership")
	})
	var next sync.Mutex
	who := 0
	own := func() *session { // each goroutine has its own client, as connections do
		next.Lock()
		defer next.Unlock()
		who++
		return all[who%clients]
	}
	b.Run("join+leave", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			s, i := own(), 0
			names := make([]string, 64)
			for k := range names {
				names[k] = roomName(rand.IntN(rooms) + rooms)
			}
			for pb.Next() {
				room := names[i%len(names) : i%len(names)+1]
				i++
				_ = sp.join(s, 1000, room)
				sp.leave(s, room, false)
			}
		})
	})
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("look at %d of 10,000", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := rand.IntN(rooms)
				names := make([]string, rooms)
				for k := range names {
					names[k] = roomName(k)
				}
				var dst []*session
				for pb.Next() {
					i = (i + 1) % (rooms - n)
					dst = sp.selected(dst[:0], &broadcast{rooms: names[i : i+n]}, false)
				}
			})
		})
	}
	b.Run("look at all", func(b *testing.B) {
		var dst []*session
		for b.Loop() {
			dst = sp.selected(dst[:0], &broadcast{}, false)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
