package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// Whatever the bus does to messages, each is delivered at most once and in order, and what is not
// delivered is counted as a gap.
func TestFaults(t *testing.T) {
	const n = 5000
	for _, c := range []struct {
		name   string
		faults memory.Faults
		cut    bool // the receiver, for half a second
	}{
		{"none", memory.Faults{}, false},
		{"drop", memory.Faults{Drop: 0.05}, false},
		{"repeat", memory.Faults{Repeat: 0.1, Jitter: 5 * time.Millisecond}, false},
		{"reorder", memory.Faults{Reorder: 50}, false},
		{"delay", memory.Faults{Jitter: 200 * time.Millisecond}, false},
		{"cut", memory.Faults{}, true},
		{"all", memory.Faults{Drop: 0.01, Repeat: 0.01, Reorder: 50, Jitter: 200 * time.Millisecond}, true},
	} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprint(c.name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					bus := memory.NewBus(memory.Seed(seed))
					a, b, _, engineB := pair(t, bus)
					bus.SetFaults(c.faults)
					for i := range n {
						if c.cut && i == n/3 {
							engineB.Cut()
						}
						if c.cut && i == n/2 {
							pass(500 * time.Millisecond)
							engineB.Restore()
						}
						a.mustEmit(strconv.Itoa(i + 1))
						if i%7 == 0 {
							synctest.Wait() // batches of different sizes
						}
					}
					pass(time.Second)
					bus.SetFaults(memory.Faults{})
					pass(6 * time.Second) // the last number, by two beats
					got := b.take()
					numbers := make([]int, len(got))
					for i, text := range got {
						numbers[i], _ = strconv.Atoi(text)
					}
					if !slices.IsSorted(numbers) || len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
						t.Error("events are delivered twice or out of order")
					}
					s := b.Stats()
					if int(s.Gaps)+len(got) != n {
						t.Errorf("%d of %d delivered, %d in gaps", len(got), n, s.Gaps)
					}
					if c.faults.Drop+c.faults.Repeat == 0 && c.faults.Reorder == 0 && !c.cut && s.Gaps+s.Duplicates > 0 {
						t.Errorf("%d gaps, %d duplicates", s.Gaps, s.Duplicates)
					}
				})
			})
		}
	}
}

// announced numbers are held against what has arrived one beat later, since they may overtake it.
func TestAnnouncedNumbers(t *testing.T) {
	for _, c := range []struct {
		name     string
		steps    []uint64 // numbers of messages; those above 100 are announcements of n-100, those above 200 of n-200 that follow at once, those above 300 of n-300 after a long silence
		accepted []uint64
		gaps     uint64
	}{
		{"all have arrived", []uint64{1, 2, 102, 102}, []uint64{1, 2}, 0},
		{"a beat overtakes a message", []uint64{1, 102, 2, 102}, []uint64{1, 2}, 0},
		{"the last is lost", []uint64{1, 102, 102}, []uint64{1}, 1},
		{"the last is lost, and comes late", []uint64{1, 102, 102, 2, 3}, []uint64{1, 3}, 1},
		{"a hole", []uint64{1, 4, 104}, []uint64{1, 4}, 2},
		{"a repetition", []uint64{1, 1, 2, 1}, []uint64{1, 2}, 0},
		{"a node that has sent before", []uint64{105, 6, 7, 107}, []uint64{6, 7}, 0},
		{"a node that has sent before, and is silent", []uint64{105, 105, 107, 107}, nil, 2},
		{"a new node whose first is lost", []uint64{100, 2}, []uint64{2}, 1},
		{"beats at once overtake messages", []uint64{1, 102, 203, 203, 2, 3, 103}, []uint64{1, 2, 3}, 0},
		{"beats at once, and the last is lost", []uint64{1, 102, 202, 102}, []uint64{1}, 1},
		{"a stopped process has received messages later than beats", []uint64{1, 102, 304, 204, 2, 3, 4, 104}, []uint64{1, 2, 3, 4}, 0},
		{"a stopped process has lost the last", []uint64{1, 102, 304, 2, 104, 104}, []uint64{1, 2}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newNode(t, 1, &engine{})
			o := &origin{}
			var got []uint64
			now := time.Now()
			for _, n := range c.steps {
				if n >= 100 {
					switch n / 100 {
					case 1:
						now = now.Add(x.cfg.Options.Beat)
					case 3:
						now = now.Add(2 * x.cfg.Options.Dead)
					}
					o.announce(x.Cluster, nodeID(2), n%100, now)
					continue
				}
				if o.accept(x.Cluster, &backplane.Message{Origin: nodeID(2), Seq: n}, backplane.ChannelEvents) {
					got = append(got, n)
				}
			}
			if !slices.Equal(got, c.accepted) || x.Stats().Gaps != c.gaps {
				t.Errorf("accepted %v with %d gaps, want %v with %d", got, x.Stats().Gaps, c.accepted, c.gaps)
			}
		})
	}
}

// Numbers of nodes that are gone do not stay, and those of too many are not kept.
func TestOriginsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newNode(t, 1, &engine{})
		w := x.in[0]
		x.members.add(backplane.Node{ID: nodeID(2)}, versions{})
		for i := range 2 * maxOrigins {
			w.origin(nodeID(i + 2))
		}
		if len(w.origins) != maxOrigins || w.origins[nodeID(2)] == nil || w.origins[nodeID(2*maxOrigins+1)] == nil {
			t.Errorf("%d origins are kept, the member %t, the last one %t", len(w.origins), w.origins[nodeID(2)] != nil, w.origins[nodeID(2*maxOrigins+1)] != nil)
		}
		pass(originIdle + time.Second)
		if w.origin(nodeID(1<<20)) == nil || len(w.origins) != 1 {
			t.Errorf("%d origins are kept", len(w.origins))
		}
	})
}

// A frame that is not one, is for another channel or is of a newer version is counted and ends
// nothing.
func TestBadFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, _, _ := pair(t, bus)
		in := inbound{b.Cluster}
		frame := func(seq uint64, m backplane.Message) []byte {
			m.Origin, m.Seq = nodeID(9), seq
			out, err := envelope.Append(nil, []*backplane.Message{&m})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		major := frame(1, backplane.Message{Kind: backplane.Event})
		major[2] = 0x20
		for _, c := range []struct {
			channel string
			frame   []byte
		}{
			{"e", nil},
			{"e", []byte("x")},
			{"e", []byte("GH\x10\x00\x00\x00\x00\x00\x00\x00\x00\x09\x01\x01\x05\x01")},
			{"e", major},
			{"x", frame(1, backplane.Message{Kind: backplane.Event, Event: "of another channel"})},
			{"e", frame(1, backplane.Message{Kind: 200, Event: "unknown"})},
			{"e", frame(2, backplane.Message{Kind: backplane.Event, Payload: backplane.Payload{JSON: []byte("{")}})},
			{"c", frame(1, backplane.Message{Kind: backplane.Hello, Body: []byte("[")})},
			{"c", frame(2, backplane.Message{Kind: backplane.Beat, Body: []byte("[")})},
			{"c", frame(3, backplane.Message{Kind: backplane.Bye})},
			{"e", frame(3, backplane.Message{Kind: backplane.Event, Event: "fine"})},
		} {
			if !in.ReceiveFrame(c.channel, c.frame) {
				t.Error("there is room")
			}
		}
		b.want("fine")
		if s := b.Stats(); s.Invalid != 6 || s.Unknown != 2 || s.Gaps != 0 {
			t.Errorf("%+v", s)
		}
		if n := len(b.log.Lines("refused")); n != 1 {
			t.Errorf("%d lines", n)
		}
		a.mustEmit("after it")
		b.want("after it")
	})
}

// A panic while a message is delivered is logged, and the next one is delivered.
func TestPanicOfDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _ := pair(t, memory.NewBus())
		b.mu.Lock()
		b.deliver = func(m *backplane.Message) {
			if m.Event == "1" {
				panic("oops")
			}
		}
		b.mu.Unlock()
		a.mustEmit("1", "2")
		b.want("1", "2")
		if len(b.log.Lines("panic", "oops")) != 1 {
			t.Error(b.log)
		}
	})
}

// What waits to be delivered is bounded, and more is a gap.
func TestOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, _ := pair(t, memory.NewBus(memory.QueueSize(1<<30)))
		blocked := make(chan struct{})
		b.mu.Lock()
		b.deliver = func(*backplane.Message) { <-blocked }
		b.mu.Unlock()
		a.mustEmit("first")
		synctest.Wait()
		body := make([]byte, 1<<20)
		const n = 20
		for range n {
			if err := a.Send(&backplane.Message{Kind: backplane.Event, Channel: backplane.ChannelEvents, Event: "large", Body: body}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		overrun := b.Stats().Overrun
		if overrun < 2 || overrun > 6 {
			t.Errorf("%d frames were dropped", overrun)
		}
		close(blocked)
		synctest.Wait()
		a.mustEmit("last")
		synctest.Wait()
		if got := b.take(); len(got) != n+2-int(overrun) || b.Stats().Gaps != overrun {
			t.Errorf("%d delivered, %d gaps, %d dropped", len(got), b.Stats().Gaps, overrun)
		}
	})
}
