package memory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// inbound records what a node receives.
type inbound struct {
	mu    sync.Mutex
	seqs  []uint64
	at    []time.Time
	links []string
}

func (in *inbound) ReceiveFrame(_ string, frame []byte) bool {
	all, err := envelope.Decode(frame, envelope.Limits{})
	in.mu.Lock()
	defer in.mu.Unlock()
	if err != nil {
		in.links = append(in.links, err.Error())
	}
	for _, m := range all {
		in.seqs, in.at = append(in.seqs, m.Seq), append(in.at, time.Now())
	}
	return true
}

func (*inbound) Receive([]*backplane.Message) int { return 0 }
func (*inbound) NoNode(*backplane.Message)        {}

func (in *inbound) Link(up, lost bool, _ error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.links = append(in.links, fmt.Sprint(up, lost))
}

func (in *inbound) received() []uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.seqs)
}

func nodeID(n int) string { return fmt.Sprintf("%016x", n) }

// start starts a node that wants the channel of events.
func start(t *testing.T, b *memory.Backplane, n int) *inbound {
	t.Helper()
	in := &inbound{}
	if err := b.Start(t.Context(), backplane.Node{ID: nodeID(n)}, in); err != nil {
		t.Fatal(err)
	}
	if err := b.Interest(t.Context(), []string{backplane.ChannelEvents}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return in
}

// send sends messages with the numbers from first on, each on its own.
func send(t *testing.T, b *memory.Backplane, first, n int) {
	t.Helper()
	for i := range n {
		if err := b.Send(t.Context(), []*backplane.Message{event(first + i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func event(n int) *backplane.Message {
	return &backplane.Message{Kind: backplane.Event, Origin: nodeID(1), Seq: uint64(n), Channel: backplane.ChannelEvents}
}

// Each fault does what it says, and Lost counts what it has lost.
func TestFaults(t *testing.T) {
	const n = 2000
	for _, c := range []struct {
		name   string
		faults memory.Faults
		check  func(t *testing.T, seqs []uint64, lost int)
	}{
		{"none", memory.Faults{}, func(t *testing.T, seqs []uint64, lost int) {
			if len(seqs) != n || lost != 0 || !slices.IsSorted(seqs) {
				t.Errorf("%d received, %d lost, sorted %t", len(seqs), lost, slices.IsSorted(seqs))
			}
		}},
		{"drop", memory.Faults{Drop: 0.1}, func(t *testing.T, seqs []uint64, lost int) {
			if len(seqs)+lost != n || lost < n/20 || lost > n/5 || !slices.IsSorted(seqs) {
				t.Errorf("%d received, %d lost, sorted %t", len(seqs), lost, slices.IsSorted(seqs))
			}
		}},
		{"repeat", memory.Faults{Repeat: 0.1}, func(t *testing.T, seqs []uint64, lost int) {
			if len(seqs) < n+n/20 || len(seqs) > n+n/5 || len(slices.Compact(slices.Sorted(slices.Values(seqs)))) != n || lost != 0 {
				t.Errorf("%d received, %d lost", len(seqs), lost)
			}
		}},
		{"jitter keeps the order", memory.Faults{Delay: time.Second, Jitter: time.Second}, func(t *testing.T, seqs []uint64, lost int) {
			if len(seqs) != n || lost != 0 || !slices.IsSorted(seqs) {
				t.Errorf("%d received, %d lost, sorted %t", len(seqs), lost, slices.IsSorted(seqs))
			}
		}},
		{"reorder", memory.Faults{Reorder: 50}, func(t *testing.T, seqs []uint64, _ int) {
			if len(seqs) != n || slices.IsSorted(seqs) {
				t.Fatalf("%d received, sorted %t", len(seqs), slices.IsSorted(seqs))
			}
			most := 0
			for i, s := range seqs {
				overtaken := 0
				for _, before := range seqs[:i] {
					if before > s {
						overtaken++
					}
				}
				most = max(most, overtaken)
			}
			if most == 0 || most > 50 {
				t.Errorf("a message was overtaken by %d others", most)
			}
		}},
		{"cut", memory.Faults{Cut: true}, func(t *testing.T, seqs []uint64, lost int) {
			if len(seqs) != 0 || lost != n {
				t.Errorf("%d received, %d lost", len(seqs), lost)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(seed uint64) (seqs []uint64, lost int) {
				synctest.Test(t, func(t *testing.T) {
					bus := memory.NewBus(memory.Seed(seed))
					a, b := bus.Node(), bus.Node()
					start(t, a, 1)
					in := start(t, b, 2)
					bus.SetFaults(c.faults)
					started := time.Now()
					send(t, a, 1, n)
					<-time.After(3 * time.Second)
					synctest.Wait()
					for _, at := range in.at {
						if at.Sub(started) < c.faults.Delay {
							t.Fatalf("received after %v", at.Sub(started))
						}
					}
					seqs, lost = in.received(), bus.Lost()
				})
				return seqs, lost
			}
			seqs, lost := run(1)
			c.check(t, seqs, lost)
			if again, lostAgain := run(1); !slices.Equal(seqs, again) || lost != lostAgain {
				t.Error("the same seed does not repeat the run")
			}
		})
	}
}

// Faults of one link leave others alone.
func TestFaultsOfOneLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, c := bus.Node(), bus.Node(), bus.Node()
		start(t, a, 1)
		inB, inC := start(t, b, 2), start(t, c, 3)
		a.SetFaults(memory.Faults{Cut: true}, b)
		send(t, a, 1, 1)
		synctest.Wait()
		if len(inB.received()) != 0 || len(inC.received()) != 1 || bus.Lost() != 1 {
			t.Errorf("received %v and %v, lost %d", inB.received(), inC.received(), bus.Lost())
		}
		a.SetFaults(memory.Faults{})
		send(t, a, 2, 1)
		synctest.Wait()
		if len(inB.received()) != 1 || len(inC.received()) != 2 {
			t.Errorf("received %v and %v after the faults", inB.received(), inC.received())
		}
	})
}

// A node that is cut off learns of it, loses what others send, and cannot send.
func TestCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b := bus.Node(), bus.Node()
		start(t, a, 1)
		in := start(t, b, 2)
		b.Cut()
		b.Cut()
		send(t, a, 1, 2)
		if err := b.Send(t.Context(), []*backplane.Message{event(1)}); !errors.Is(err, memory.ErrCut) {
			t.Error(err)
		}
		if err := b.Interest(t.Context(), []string{"later"}, nil); !errors.Is(err, memory.ErrCut) {
			t.Error(err)
		}
		synctest.Wait()
		b.Restore()
		send(t, a, 3, 1)
		synctest.Wait()
		if want := []string{"true false", "false false", "true true"}; !slices.Equal(in.links, want) || !slices.Equal(in.received(), []uint64{3}) {
			t.Errorf("links %q, received %v", in.links, in.received())
		}
		if bus.Lost() != 3 { // two for b, one for a
			t.Errorf("%d lost", bus.Lost())
		}
	})
}

// What waits for a node is bounded.
func TestQueueSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.QueueSize(100))
		a, b := bus.Node(), bus.Node()
		start(t, a, 1)
		in := start(t, b, 2)
		bus.SetFaults(memory.Faults{Delay: time.Second})
		send(t, a, 1, 10) // 18 bytes each
		<-time.After(2 * time.Second)
		synctest.Wait()
		if n := len(in.received()); n == 0 || n > 6 || n+bus.Lost() != 10 {
			t.Errorf("%d received, %d lost", n, bus.Lost())
		}
	})
}

func TestMisuse(t *testing.T) {
	bus := memory.NewBus(memory.MaxBytes(50))
	b := bus.Node()
	if err := b.Send(t.Context(), []*backplane.Message{event(1)}); !errors.Is(err, memory.ErrStopped) {
		t.Errorf("Send before Start: %v", err)
	}
	start(t, b, 1)
	if err := b.Start(t.Context(), backplane.Node{}, &inbound{}); err == nil {
		t.Error("a second Start is accepted")
	}
	large := event(1)
	large.Body = make([]byte, 50)
	if err := b.Send(t.Context(), []*backplane.Message{large}); !errors.Is(err, envelope.ErrLimit) {
		t.Errorf("a message over MaxBytes: %v", err)
	}
	wrong := event(1)
	wrong.Origin = "me"
	if err := b.Send(t.Context(), []*backplane.Message{wrong}); !errors.Is(err, envelope.ErrInvalid) {
		t.Errorf("a wrong origin: %v", err)
	}
}

// Groups of a partition do not hear each other, and no node notices.
func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b, c, d := bus.Node(), bus.Node(), bus.Node(), bus.Node()
		inA, inB, inC, inD := start(t, a, 1), start(t, b, 2), start(t, c, 3), start(t, d, 4)
		want := func(step string, counts ...int) {
			t.Helper()
			synctest.Wait()
			for i, in := range []*inbound{inA, inB, inC, inD} {
				if got := len(in.received()); got != counts[i] {
					t.Errorf("%s: node %d has received %d messages, want %d", step, i+1, got, counts[i])
				}
			}
		}
		bus.Partition([]*memory.Backplane{a, b})
		send(t, a, 1, 1)
		send(t, c, 1, 1)
		want("a and b apart", 0, 1, 0, 1)
		bus.Partition([]*memory.Backplane{a, c}, []*memory.Backplane{b, d})
		send(t, a, 2, 1)
		want("another partition", 0, 1, 1, 1)
		bus.Partition()
		send(t, a, 3, 1)
		want("healed", 0, 2, 2, 2)
		if got := bus.Lost(); got != 6 {
			t.Errorf("%d lost, want 6", got)
		}
		if len(inA.links)+len(inC.links) != 2 {
			t.Errorf("a node has noticed: %q, %q", inA.links, inC.links)
		}
	})
}

// A killed node is heard no more and hears nothing, also after Restore and Up; it may be stopped.
func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		a, b := bus.Node(), bus.Node()
		inA, inB := start(t, a, 1), start(t, b, 2)
		bus.SetFaults(memory.Faults{Delay: time.Second})
		send(t, a, 1, 2)
		b.Kill()
		b.Kill()
		b.Restore()
		bus.Down()
		bus.Up()
		if err := b.Send(t.Context(), []*backplane.Message{event(1)}); !errors.Is(err, memory.ErrStopped) {
			t.Errorf("Send of a killed node: %v", err)
		}
		send(t, a, 3, 1)
		<-time.After(2 * time.Second)
		if len(inA.received())+len(inB.received()) > 0 || bus.Lost() != 2 {
			t.Errorf("received %v and %v, lost %d", inA.received(), inB.received(), bus.Lost())
		}
		if want := []string{"true false", "false false"}; !slices.Equal(inB.links, want) {
			t.Errorf("links %q", inB.links)
		}
		if err := b.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		fresh := bus.Node()
		fresh.Kill() // before Start: nothing
		start(t, fresh, 3)
	})
}

// Bytes of other software reach the nodes that are connected and want the channel.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.QueueSize(1000))
		a, b := bus.Node(), bus.Node()
		inA, inB := start(t, a, 1), start(t, b, 2)
		b.Cut()
		bus.Publish(backplane.ChannelEvents, []byte("no frame"))
		bus.Publish("another", []byte("no frame"))
		bus.Publish(backplane.ChannelEvents, make([]byte, 1001))
		synctest.Wait()
		if len(inA.links) != 2 || !strings.Contains(inA.links[1], "not a frame") || len(inB.links) != 2 || bus.Lost() != 1 {
			t.Errorf("%q and %q, lost %d", inA.links, inB.links, bus.Lost())
		}
	})
}
