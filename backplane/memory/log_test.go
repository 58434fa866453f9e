package memory_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// reader records what a node reads of a log.
type reader struct {
	inbound

	base, last uint64
	opened     int
	entries    []backplane.Entry
	full       chan struct{} // not nil: ReceiveEntry blocks until it is closed
}

func (r *reader) Opened(base, last uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.base, r.last = base, last
	r.opened++
}

func (r *reader) ReceiveEntry(ctx context.Context, e backplane.Entry) bool {
	if r.full != nil {
		select {
		case <-r.full:
		case <-ctx.Done():
			return false
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, e)
	return true
}

// positions returns the last positions of the entries, relative to the base that the reader has opened.
func (r *reader) positions() (all []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.entries {
		all = append(all, int(e.Last()-r.base))
	}
	return all
}

func startLog(t *testing.T, n *memory.LogNode, number int) *reader {
	t.Helper()
	r := &reader{}
	if err := n.Start(t.Context(), backplane.Node{ID: nodeID(number)}, r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return r
}

// events returns messages with the numbers from first on.
func events(first, n int) (all []*backplane.Message) {
	for i := range n {
		all = append(all, event(first+i))
	}
	return all
}

// read returns the last positions of the entries that Read passes.
func read(t *testing.T, n *memory.LogNode, base, after, until uint64) (all []int, err error) {
	t.Helper()
	err = n.Read(t.Context(), base+after, base+until, func(e backplane.Entry) error {
		all = append(all, int(e.Last()-base))
		return nil
	})
	return all, err
}

func wantPositions(t *testing.T, what string, r *reader, want ...int) {
	t.Helper()
	synctest.Wait()
	if got := r.positions(); !slices.Equal(got, want) {
		t.Errorf("%s: received %v, want %v", what, got, want)
	}
}

// A node that is cut off, or whose reader is frozen or full, goes on where it was.
func TestLogGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a, b := bus.LogNode(), bus.LogNode()
		inA, inB := startLog(t, a, 1), startLog(t, b, 2)
		if inB.opened != 1 || inB.base != inA.base || inB.last != inA.base {
			t.Fatalf("opened %d times, base %d, last %d", inB.opened, inB.base, inB.last)
		}
		b.Cut()
		if err := errors.Join(a.Send(t.Context(), events(1, 2)), a.Send(t.Context(), events(3, 1))); err != nil {
			t.Fatal(err)
		}
		wantPositions(t, "cut", inB)
		ofB := []*backplane.Message{{Kind: backplane.Event, Origin: nodeID(2), Seq: 1, Channel: backplane.ChannelEvents}}
		if err := b.Send(t.Context(), ofB); !errors.Is(err, memory.ErrCut) {
			t.Error(err)
		}
		b.Restore()
		wantPositions(t, "restored", inB, 2, 3)
		b.FreezeReader()
		if err := b.Send(t.Context(), ofB); err != nil {
			t.Fatal(err)
		}
		wantPositions(t, "the other node", inA, 2, 3, 4)
		wantPositions(t, "frozen", inB, 2, 3)
		if got, err := read(t, b, inB.base, 1, 4); err != nil || !slices.Equal(got, []int{2, 3, 4}) {
			t.Errorf("read %v, %v", got, err)
		}
		b.ThawReader()
		wantPositions(t, "thawed", inB, 2, 3, 4)
		inB.full = make(chan struct{})
		if err := a.Send(t.Context(), events(4, 1)); err != nil {
			t.Fatal(err)
		}
		wantPositions(t, "full", inB, 2, 3, 4)
		close(inB.full)
		wantPositions(t, "with room", inB, 2, 3, 4, 5)
	})
}

// What is lost of a log is an error of Read, and a jump or a new base for a reader.
func TestLogLosses(t *testing.T) {
	const step = 1 << 30
	for _, c := range []struct {
		name   string
		fault  func(bus *memory.Bus)
		read   []int // by a reader that was frozen since position 2
		lost   bool  // positions 1 to 4
		record error
	}{
		{"nothing", func(*memory.Bus) {}, []int{2, 4, 6}, false, nil},
		{"trimmed", func(b *memory.Bus) { b.TrimLog(0) }, []int{2, 6}, true, nil},
		{"flushed", (*memory.Bus).FlushLog, []int{2, step + 4, step + 6}, true, backplane.ErrNoRecord},
		{"another process", (*memory.Bus).Failover, []int{2, 4, step + 4, step + 6}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := memory.NewBus(memory.Log(time.Minute))
				a, b := bus.LogNode(), bus.LogNode()
				inA, inB := startLog(t, a, 1), startLog(t, b, 2)
				if err := a.Send(t.Context(), events(1, 2)); err != nil {
					t.Fatal(err)
				}
				if _, err := a.Save(t.Context(), []backplane.Record{{Key: "k", Owner: "o"}}, time.Hour); err != nil {
					t.Fatal(err)
				}
				wantPositions(t, "before", inB, 2)
				b.FreezeReader()
				if err := a.Send(t.Context(), events(3, 2)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				c.fault(bus)
				if err := a.Send(t.Context(), events(5, 2)); err != nil {
					t.Fatal(err)
				}
				b.ThawReader()
				wantPositions(t, "after", inB, c.read...)
				if _, err := read(t, a, inA.base, 0, 4); errors.Is(err, backplane.ErrPosition) != c.lost {
					t.Errorf("Read: %v", err)
				}
				if _, err := read(t, a, inA.base, 0, 7); !errors.Is(err, backplane.ErrPosition) {
					t.Errorf("Read of what is not there: %v", err)
				}
				if _, err := b.Take(t.Context(), "k", "p", time.Hour); !errors.Is(err, c.record) {
					t.Errorf("Take: %v", err)
				}
			})
		})
	}
}

// A replica without the tail: those that had read it have a new base, above.
func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a := bus.LogNode()
		in := startLog(t, a, 1)
		save := func(key string) {
			t.Helper()
			if _, err := a.Save(t.Context(), []backplane.Record{{Key: key, Owner: "o"}}, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Send(t.Context(), events(1, 1)); err != nil {
			t.Fatal(err)
		}
		save("kept")
		bus.CutReplica()
		if err := a.Send(t.Context(), events(2, 5)); err != nil {
			t.Fatal(err)
		}
		save("lost")
		synctest.Wait()
		bus.Failover()
		if _, err := read(t, a, in.base, 0, 6); !errors.Is(err, backplane.ErrPosition) {
			t.Errorf("Read of the tail: %v", err)
		}
		if err := a.Send(t.Context(), events(7, 1)); err != nil {
			t.Fatal(err)
		}
		wantPositions(t, "after the failover", in, 1, 6, 6+1<<30, 7+1<<30)
		if !in.entries[2].NewBase || in.entries[2].Messages != 0 {
			t.Errorf("the base is %+v", in.entries[2])
		}
		if _, err := a.Take(t.Context(), "kept", "p", time.Hour); err != nil {
			t.Error(err)
		}
		if _, err := a.Take(t.Context(), "lost", "p", time.Hour); !errors.Is(err, backplane.ErrNoRecord) {
			t.Error(err)
		}
	})
}

// Calls whose request or answer is lost fail; the log has the latter.
func TestLogFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a := bus.LogNode()
		in := startLog(t, a, 1)
		for i, f := range []memory.LogFaults{{LoseRequest: 1}, {LoseAnswer: 1}} {
			a.SetLogFaults(f)
			if err := a.Send(t.Context(), events(i+1, 1)); !errors.Is(err, memory.ErrLost) {
				t.Error(err)
			}
			synctest.Wait()
			if got := len(in.entries); got != i {
				t.Errorf("%+v: %d entries", f, got)
			}
		}
		started := time.Now()
		a.SetLogFaults(memory.LogFaults{Delay: time.Second})
		if err := a.Send(t.Context(), events(3, 1)); err != nil || time.Since(started) != 2*time.Second {
			t.Errorf("Send: %v after %v", err, time.Since(started))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := a.Send(ctx, events(4, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send that is late: %v", err)
		}
		<-time.After(time.Second)
		wantPositions(t, "delayed", in, 1, 2, 3)
	})
}

// The log keeps entries for its time and size.
func TestLogSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(time.Minute), memory.LogSize(90)) // 16 bytes each
		a := bus.LogNode()
		in := startLog(t, a, 1)
		send(t, a.Backplane, 1, 10)
		if _, err := read(t, a, in.base, 4, 10); !errors.Is(err, backplane.ErrPosition) {
			t.Errorf("the log is not limited: %v", err)
		}
		if got, err := read(t, a, in.base, 5, 10); err != nil || len(got) != 5 {
			t.Errorf("read %v, %v", got, err)
		}
		<-time.After(2 * time.Minute)
		send(t, a.Backplane, 11, 1)
		if _, err := read(t, a, in.base, 9, 11); !errors.Is(err, backplane.ErrPosition) {
			t.Errorf("the log keeps old entries: %v", err)
		}
	})
}

// Records belong to one owner, who loses them to Take, and expire.
func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := memory.NewBus().LogNode()
		startLog(t, a, 1)
		k := backplane.Record{Key: "k", Owner: "a", Value: []byte("v")}
		save := func(r backplane.Record) []int {
			t.Helper()
			taken, err := a.Save(t.Context(), []backplane.Record{{Key: "other", Owner: r.Owner}, r}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return taken
		}
		if got := save(k); got != nil {
			t.Errorf("taken: %v", got)
		}
		if got, err := a.Take(t.Context(), "k", "b", time.Minute); err != nil || got.Owner != "a" || string(got.Value) != "v" {
			t.Errorf("Take: %+v, %v", got, err)
		}
		if got := save(k); !slices.Equal(got, []int{1}) {
			t.Errorf("taken: %v", got)
		}
		<-time.After(40 * time.Second)
		k.Owner = "b"
		if taken, err := a.Refresh(t.Context(), []backplane.Record{k, {Key: "none", Owner: "b"}}, time.Minute); err != nil || !slices.Equal(taken, []int{1}) {
			t.Errorf("Refresh: %v, %v", taken, err)
		}
		<-time.After(40 * time.Second)
		if err := a.Drop(t.Context(), []backplane.Record{{Key: "k", Owner: "a"}}); err != nil {
			t.Error(err)
		}
		if got, err := a.Take(t.Context(), "k", "c", time.Minute); err != nil || got.Owner != "b" || string(got.Value) != "v" {
			t.Errorf("Take: %+v, %v", got, err)
		}
		if err := a.Drop(t.Context(), []backplane.Record{{Key: "k", Owner: "c"}}); err != nil {
			t.Error(err)
		}
		if _, err := a.Take(t.Context(), "k", "d", time.Minute); !errors.Is(err, backplane.ErrNoRecord) {
			t.Errorf("Take of what was dropped: %v", err)
		}
		save(backplane.Record{Key: "x", Owner: "a"})
		<-time.After(time.Minute)
		if _, err := a.Take(t.Context(), "x", "d", time.Minute); !errors.Is(err, backplane.ErrNoRecord) {
			t.Errorf("Take of what has expired: %v", err)
		}
	})
}
