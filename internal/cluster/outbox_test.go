package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// When the queue is full, volatile events go first and others are refused; what is dropped is a
// gap for the receivers.
func TestQueueFull(t *testing.T) {
	for name, option := range map[string]backplane.Option{
		"messages": backplane.Queue(0, 4), "bytes": backplane.Queue(4*(entrySize+10), 0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := memory.NewBus()
				a, b, engineA, _ := pair(t, bus, option)
				a.mustEmit("0")
				b.want("0")
				engineA.Cut()
				synctest.Wait()
				cut := time.Now()
				for _, c := range []struct {
					event string
					flags backplane.Flags
					err   error
				}{
					{"1", 0, nil}, {"v1", backplane.Volatile, nil}, {"2", 0, nil}, {"v2", backplane.Volatile, nil},
					{"v3", backplane.Volatile, nil}, // for v1
					{"3", 0, nil},                   // for v2
					{"4", 0, nil},                   // for v3
					{"5", 0, ErrFull}, {"v4", backplane.Volatile, ErrFull},
				} {
					if err := a.emit(c.event, c.flags); !errors.Is(err, c.err) {
						t.Errorf("%s: %v, want %v", c.event, err, c.err)
					}
				}
				if s := a.Stats(); s.Queued != 4 || s.Dropped != 5 || !errors.Is(s.Reason, ErrFull) || !s.Degraded {
					t.Errorf("%+v", s)
				}
				<-time.After(2 * time.Second)
				if age := a.Stats().QueueAge; age != time.Since(cut) {
					t.Errorf("the oldest message waits for %v, want %v", age, time.Since(cut))
				}
				engineA.Restore()
				b.want("1", "2", "3", "4")
				if age := a.Stats().QueueAge; age != 0 {
					t.Errorf("nothing waits, and is %v old", age)
				}
				pass(lossTime)
				if s := b.Stats(); s.Gaps != 5 {
					t.Errorf("%d gaps, want 5", s.Gaps)
				}
				if s := a.Stats(); s.Queued != 0 || s.QueuedBytes != 0 || s.Reason != nil || s.Degraded {
					t.Errorf("afterwards: %+v", s)
				}
			})
		})
	}
}

// The queue stays right whatever enters and leaves.
func TestOutboxLists(t *testing.T) {
	var o outbox
	o.init(nodeID(1), backplane.NewOptions(backplane.Queue(0, 10)))
	var next uint64
	for i := range 10_000 {
		m := &backplane.Message{Channel: backplane.ChannelEvents}
		if i%3 == 0 {
			m.Flags = backplane.Volatile
		}
		_, _, _ = o.push(&entry{m: m})
		if i%25 == 24 {
			for _, m := range o.take(nil, false) {
				if m.Seq <= next {
					t.Fatalf("%d after %d", m.Seq, next)
				}
				next = m.Seq
			}
			if o.all.n != 0 || o.volatile.n != 0 || o.bytes != 0 || o.all.first != nil || o.volatile.last != nil || o.channels["e"].waiting != 0 {
				t.Fatalf("after everything was taken: %+v", o.all)
			}
		}
		forward, backward := 0, 0
		for e := o.volatile.first; e != nil; e = e.in[1].next {
			forward++
		}
		for e := o.volatile.last; e != nil; e = e.in[1].prev {
			backward++
		}
		if forward != o.volatile.n || backward != o.volatile.n || o.all.n > 10 {
			t.Fatalf("%d, %d, %d volatile, %d in all", forward, backward, o.volatile.n, o.all.n)
		}
	}
	if got, want := o.sent("e"), uint64(10_000); got != want {
		t.Errorf("the last number is %d, want %d", got, want)
	}
}

// What waits while a batch is sent becomes one batch, within the bounds.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e := &engine{send: func(context.Context, []*backplane.Message) error { <-release; return nil }}
		a := start(t, 1, e)
		synctest.Wait()
		large := make([]byte, 600<<10)
		for i := range 600 {
			a.mustEmit(strconv.Itoa(i))
		}
		for range 3 {
			if err := a.Send(&backplane.Message{Kind: backplane.Event, Channel: backplane.ChannelEvents, Body: large}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Send(&backplane.Message{Kind: backplane.Event, Channel: backplane.ChannelEvents, Body: make([]byte, 3<<20)}); err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		var sizes []int
		var next uint64
		for _, b := range e.events() {
			sizes = append(sizes, len(b))
			for _, m := range b {
				if next++; m.Seq != next || m.Origin != a.id {
					t.Fatalf("message %d of %s, want %d", m.Seq, m.Origin, next)
				}
			}
		}
		if want := []int{256, 256, 88 + 1, 1, 1, 1}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v, want %v", sizes, want)
		}
	})
}

// An engine whose Send never returns delays no caller, and no stop for long.
func TestSendNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		e := &engine{send: func(context.Context, []*backplane.Message) error { <-released; return nil }}
		a := start(t, 1, e, backplane.Queue(0, 1000))
		synctest.Wait()
		started := time.Now()
		var refused int
		for range 5000 {
			if err := a.emit("x"); errors.Is(err, ErrFull) {
				refused++
			}
		}
		if took := time.Since(started); took > 0 || refused < 3000 {
			t.Errorf("5,000 took %v, %d were refused", took, refused)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Stop(ctx); err != nil || time.Since(started) > 4*time.Second {
			t.Errorf("Stop: %v after %v", err, time.Since(started))
		}
		if err := a.emit("late"); !errors.Is(err, ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
		close(released)
	})
}

// SendSpare leaves three quarters of the queue to others, and waits for no longer than its context and the node last.
func TestSendSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sending := make(chan struct{})
		e := &engine{send: func(context.Context, []*backplane.Message) error { <-sending; return nil }}
		a := start(t, 1, e, backplane.Queue(0, 4000))
		synctest.Wait()
		send := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return a.SendSpare(ctx, &backplane.Message{Kind: backplane.Claimed, Channel: backplane.ChannelEvents})
		}
		queued := 0
		for send(0) == nil {
			queued++
		}
		if s := a.Stats(); s.Queued != queued || queued < 1000 || queued > 1001 {
			t.Errorf("%d of 4,000 messages, %d are queued", s.Queued, queued)
		}
		started := time.Now()
		if err := send(time.Second); !errors.Is(err, ErrFull) || !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		for range 2000 {
			if err := a.emit("x"); err != nil {
				t.Fatal(err)
			}
		}
		var waits [2]error
		var both sync.WaitGroup
		for i := range waits {
			both.Go(func() { waits[i] = send(time.Hour) })
		}
		synctest.Wait()
		close(sending)
		both.Wait()
		if waits[0] != nil || waits[1] != nil {
			t.Error(waits)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := send(time.Hour); !errors.Is(err, ErrStopped) {
			t.Errorf("after Stop: %v", err)
		}
	})
}

// A Send that fails loses its batch, which is counted and logged once a minute; the next one is
// sent.
func TestSendFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := errors.New("broken pipe")
		var calls int
		e := &engine{}
		e.send = func(context.Context, []*backplane.Message) error {
			if calls++; calls == 2 || calls == 3 {
				return fail
			}
			return nil
		}
		a := start(t, 1, e)
		synctest.Wait() // Hello
		for i := range 2 {
			a.mustEmit(fmt.Sprint("lost ", i))
			synctest.Wait()
		}
		if s := a.Stats(); s.Dropped != 2 || !errors.Is(s.Reason, fail) || !s.Up || !s.Degraded {
			t.Errorf("%+v", s)
		}
		a.mustEmit("sent")
		pass(lossTime)
		if s := a.Stats(); s.Dropped != 2 || s.Reason != nil || s.Degraded {
			t.Errorf("%+v", s)
		}
		if n := len(a.log.Lines("may not have reached")); n != 1 {
			t.Errorf("%d lines", n)
		}
	})
}

// A Send has 2 s.
func TestSendTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, engineA, _ := pair(t, memory.NewBus())
		engineA.Freeze()
		a.mustEmit("lost")
		synctest.Wait()
		a.mustEmit("waits")
		pass(3 * time.Second)
		engineA.Thaw()
		b.want("waits")
		if s := a.Stats(); s.Dropped != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A stop sends what waits, whatever state the node is in, and returns soon.
func TestStop(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(a *testNode, engine *memory.Backplane)
		arrives bool
		within  time.Duration
	}{
		{"connected", func(*testNode, *memory.Backplane) {}, true, 0},
		{"cut off", func(_ *testNode, e *memory.Backplane) { e.Cut(); synctest.Wait() }, false, 0},
		{"frozen", func(_ *testNode, e *memory.Backplane) { e.Freeze() }, false, 4 * time.Second},
		{"frozen while it sends", func(a *testNode, e *memory.Backplane) { e.Freeze(); a.mustEmit("x"); synctest.Wait() }, false, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, engineA, _ := pair(t, memory.NewBus())
				c.prepare(a, engineA)
				a.mustEmit("last")
				started := time.Now()
				a.stop(t)
				if took := time.Since(started); took > c.within {
					t.Errorf("Stop took %v", took)
				}
				a.stop(t)
				synctest.Wait()
				if got := slices.Contains(b.take(), "last"); got != c.arrives {
					t.Errorf("the last event has arrived: %t, want %t", got, c.arrives)
				}
				if want := map[bool]int{true: 1, false: 2}[c.arrives]; len(b.known()) != want {
					t.Errorf("the other node knows %d nodes, want %d", len(b.known()), want)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := newNode(t, 1, memory.NewBus().Node())
		a.stop(t) // before Start
		if err := a.Start(t.Context()); err == nil {
			t.Error("Start after Stop returns no error")
		}
	})
}

// Without the service a node starts after 5 s, or not at all if it is required.
func TestStartWithoutService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		bus.Down()
		started := time.Now()
		a := start(t, 1, bus.Node())
		if took := time.Since(started); took != startWait {
			t.Errorf("the start took %v", took)
		}
		a.mustEmit("waits")
		required := newNode(t, 2, bus.Node(), backplane.Required())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := required.Start(ctx)
		if want := "memory is not connected: memory: the node is not connected to the bus: context deadline exceeded: start its service, or remove backplane.Required"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		required.stop(t)
		bus.Up()
		b := start(t, 3, bus.Node())
		a.mustEmit("sent")
		synctest.Wait()
		if got := b.take(); !slices.Contains(got, "sent") || len(a.known()) != 2 {
			t.Errorf("received %q, nodes %q", got, a.known())
		}
	})
}

// BenchmarkPush is what an event costs its caller beside the encoding, and its batch.
func BenchmarkPush(b *testing.B) {
	var o outbox
	o.init(nodeID(1), backplane.NewOptions())
	var batch []*backplane.Message
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := o.push(&entry{m: &backplane.Message{Kind: backplane.Event, Channel: backplane.ChannelEvents, Event: "posted"}}); err != nil {
			b.Fatal(err)
		}
		if o.all.n == backplane.MaxBatch {
			batch = o.take(batch[:0], false)
		}
	}
}
