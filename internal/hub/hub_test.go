package hub

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

	"github.com/gatehouse-go/gatehouse/internal/core"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// client is a member without a connection.
type client struct {
	id         string
	membership Membership
	namespace  *Namespace[*client]
}

func (c *client) ID() string              { return c.id }
func (c *client) Membership() *Membership { return &c.membership }
func (c *client) Rooms() []string         { return c.membership.Rooms() }

// crowd returns a namespace with clients.
func crowd(n int) (*Namespace[*client], []*client) {
	ns := New[*client]()
	all := make([]*client, n)
	for i := range all {
		all[i] = &client{id: strconv.Itoa(i), namespace: ns}
		ns.Add(all[i])
	}
	return ns, all
}

func roomName(i int) string { return "room " + strconv.Itoa(i) }

func inRooms(names ...string) core.Selection {
	return core.Selection{Rooms: core.Names{}.With(names), Narrowed: true}
}

// Clients join, leave and disconnect on many goroutines while others select: no client is
// selected twice, and nothing is kept.
func TestRoomsTogether(t *testing.T) {
	ns, all := crowd(64)
	var selecting, changing sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		selecting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := ns.Select(nil, inRooms([]string{roomName(1), roomName(2), roomName(3)}...), false)
				slices.SortFunc(got, func(a, b *client) int { return slices.Index(all, a) - slices.Index(all, b) })
				if n := len(got); len(slices.Compact(got)) != n {
					t.Error("a client is selected twice")
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
					ns.Leave(s, []string{room}, false, false)
				}
			}
			ns.Remove(s)
			if err := s.joinTo("late"); !errors.Is(err, websockets.ErrClosed) {
				t.Errorf("join after Remove: %v", err)
			}
			ns.Leave(s, s.Rooms(), false, false)
		})
	}
	changing.Wait()
	close(stop)
	selecting.Wait()
	if clients, rooms := ns.Counts(); clients+rooms != 0 {
		t.Errorf("%d rooms and %d clients are kept", rooms, clients)
	}
}

func TestRoomNames(t *testing.T) {
	_, all := crowd(1)
	long := strings.Repeat("x", MaxRoomName)
	if err := all[0].joinTo("a", long, long+"x", "b"); !errors.Is(err, websockets.ErrRoomName) {
		t.Error(err)
	}
	if got := all[0].Rooms(); !slices.Equal(got, []string{"a", long}) {
		t.Errorf("in %d rooms", len(got))
	}
}

// joinTo joins rooms with the default limit.
func (c *client) joinTo(rooms ...string) error {
	_, err := c.namespace.Join(c, 1000, rooms, false)
	return err
}

// A hundred thousand memberships in ten thousand rooms: what they hold, and what a change and
// a selection cost while others do the same.
func BenchmarkRooms(b *testing.B) {
	const clients, rooms, each = 10_000, 10_000, 10
	ns, all := crowd(clients)
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
	own := func() *client { // each goroutine has its own client, as connections do
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
				_, _ = ns.Join(s, 1000, room, false)
				ns.Leave(s, room, false, false)
			}
		})
	})
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("select %d of 10,000", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := rand.IntN(rooms)
				names := make([]string, rooms)
				for k := range names {
					names[k] = roomName(k)
				}
				var dst []*client
				for pb.Next() {
					i = (i + 1) % (rooms - n)
					dst = ns.Select(dst[:0], inRooms(names[i:i+n]...), false)
				}
			})
		})
	}
	b.Run("select all", func(b *testing.B) {
		var dst []*client
		for b.Loop() {
			dst = ns.Select(dst[:0], core.Selection{}, false)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
