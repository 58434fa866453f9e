package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// logRecorder records what a node reads of a log.
type logRecorder struct {
	x    *testNode
	void bool
	last uint64 // position
}

func (r *logRecorder) Opened(_, last uint64)  { r.last = last }
func (*logRecorder) Rebased(uint64)           {}
func (r *logRecorder) Voided(void bool)       { r.void = void }
func (*logRecorder) Linked(bool)              {}
func (r *logRecorder) Passed(position uint64) { r.last = position }
func (r *logRecorder) Lost(l Loss, _ uint64)  { r.x.cfg.Gap(l) }
func (r *logRecorder) DeliverAt(m *backplane.Message, load Load, at Position) error {
	if m.Kind != backplane.Event {
		return nil
	}
	if at.Number > 0 && at.Number <= r.last {
		r.x.t.Errorf("%s: position %d after %d", r.x.Self().Name, at.Number, r.last)
	}
	return r.x.received(m, load)
}

// startLog starts a node with a log.
func startLog(t *testing.T, n int, b backplane.Log, opts ...backplane.Option) *testNode {
	t.Helper()
	x := newNode(t, n, b, opts...)
	cfg := x.cfg
	cfg.Entries = &logRecorder{x: x}
	x.Cluster = New(cfg)
	if err := x.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.stop(t) })
	return x
}

// logPair starts two nodes with a log.
func logPair(t *testing.T, bus *memory.Bus, opts ...backplane.Option) (a, b *testNode, engineA, engineB *memory.LogNode) {
	t.Helper()
	engineA, engineB = bus.LogNode(), bus.LogNode()
	a, b = startLog(t, 1, engineA, opts...), startLog(t, 2, engineB, opts...)
	synctest.Wait()
	return a, b, engineA, engineB
}

// lost returns the losses of which clients are to know.
func (x *testNode) lost() []Loss {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.losses)
}

// What a log has not accepted is sent again, however often calls and their answers are lost: all nodes have each event once.
func TestLogSentAgain(t *testing.T) {
	for name, faults := range map[string]memory.LogFaults{
		"requests": {LoseRequest: 0.5},
		"answers":  {LoseAnswer: 0.5},
		"both":     {LoseRequest: 0.3, LoseAnswer: 0.3, Jitter: 50 * time.Millisecond},
		"slow":     {Delay: 1500 * time.Millisecond}, // a call takes more than its time, and is done
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(name, " ", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, b, engineA, _ := logPair(t, memory.NewBus(memory.Log(0), memory.Seed(seed)))
					engineA.SetLogFaults(faults)
					var want []string
					for i := range 300 {
						want = append(want, fmt.Sprint(i))
						a.mustEmit(want[i])
						if i%7 == 0 {
							pass(20 * time.Millisecond)
						}
					}
					pass(10 * time.Second)
					engineA.SetLogFaults(memory.LogFaults{})
					pass(10 * time.Second)
					for _, x := range []*testNode{a, b} {
						if got := x.take(); !slices.Equal(got, want) {
							t.Errorf("%s has received %d events: %q", x.Self().Name, len(got), got)
						}
						if s := x.Stats(); s.Gaps+s.Duplicates > 0 || len(x.lost()) > 0 {
							t.Errorf("%s: %d gaps, %d duplicates, %d losses", x.Self().Name, s.Gaps, s.Duplicates, len(x.lost()))
						}
					}
				})
			})
		}
	}
}

// refusing is a log that appends nothing.
type refusing struct{ *memory.LogNode }

func (r refusing) Send(ctx context.Context, batch []*backplane.Message) error {
	if slices.ContainsFunc(batch, func(m *backplane.Message) bool { return m.Channel == backplane.ChannelEvents }) {
		return errors.New("out of memory")
	}
	return r.LogNode.Send(ctx, batch)
}

// Beats go on while the log refuses messages, and a stop does not wait for it.
func TestLogRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a, b := startLog(t, 1, refusing{bus.LogNode()}), startLog(t, 2, bus.LogNode())
		pass(time.Minute)
		before := a.Stats().Dropped // what was in one batch with the marker of the start, which was refused
		a.mustEmit("1")
		pass(time.Minute)
		a.mustEmit("2")
		pass(time.Minute)
		if len(b.known()) != 2 {
			t.Errorf("the other node knows %q", b.known())
		}
		if s := a.Stats(); s.Dropped > before || s.Queued > 2 {
			t.Errorf("%+v", s)
		}
		a.want("1", "2")
		started := time.Now()
		a.stop(t)
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("Stop took %v", took)
		}
		b.want()
	})
}

// A batch of which it is unknown whether the log had it is not sent again at another base, since others may have read it: those that have
// not miss it, and know.
func TestLogUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a, b, engineA, _ := logPair(t, bus)
		engineC := bus.LogNode()
		c := startLog(t, 3, engineC)
		a.mustEmit("0")
		pass(time.Second)
		for _, x := range []*testNode{a, b, c} {
			x.want("0")
		}
		engineC.FreezeReader()
		bus.CutReplica()
		engineA.SetLogFaults(memory.LogFaults{LoseAnswer: 1})
		a.mustEmit("1")
		b.want("1")
		bus.Failover()
		engineA.SetLogFaults(memory.LogFaults{})
		pass(time.Second)
		engineC.ThawReader()
		a.mustEmit("2")
		pass(2 * time.Second)
		a.want("1", "2")
		b.want("2")
		c.want("2")
		if s := a.Stats(); s.Dropped == 0 {
			t.Error("nothing was dropped")
		}
		if n := b.Stats().Gaps; n > 0 || len(b.lost()) > 0 {
			t.Errorf("the node that has read it: %d gaps, %+v", n, b.lost())
		}
		if n := c.Stats().Gaps; n != 1 || len(c.lost()) != 1 {
			t.Errorf("the node that has not: %d gaps, %+v", n, c.lost())
		}
	})
}

// What was certainly not sent is sent at any base.
func TestLogSentAfterNewBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a, b, engineA, _ := logPair(t, bus)
		a.mustEmit("0")
		b.want("0")
		engineA.Cut()
		a.mustEmit("1", "2")
		synctest.Wait()
		bus.Failover()
		engineA.Restore()
		pass(2 * time.Second)
		b.want("1", "2")
		if n := b.Stats().Gaps; n > 0 {
			t.Errorf("%d gaps", n)
		}
	})
}

// What a node has dropped because its queue was full is a loss at the others, also when nothing follows, unless it was volatile. Its own
// clients have it.
func TestLogQueueFull(t *testing.T) {
	for name, c := range map[string]struct {
		flags        []backplane.Flags
		here         []string
		there        []string
		gaps, losses int
	}{
		"last":          {[]backplane.Flags{0, 0, 0, 0, 0, 0}, []string{"0", "1", "2", "3", "4", "5"}, []string{"0", "1", "2", "3"}, 2, 1},
		"volatile":      {[]backplane.Flags{1, 0, 1, 0, 0, 0}, []string{"1", "3", "4", "5"}, []string{"1", "3", "4", "5"}, 2, 0},
		"volatile last": {[]backplane.Flags{0, 0, 0, 0, 1}, []string{"0", "1", "2", "3", "4"}, []string{"0", "1", "2", "3"}, 1, 0},
		"both":          {[]backplane.Flags{0, 1, 0, 0, 0, 0}, []string{"0", "2", "3", "4", "5"}, []string{"0", "2", "3", "4"}, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, engineA, _ := logPair(t, memory.NewBus(memory.Log(0)), backplane.Queue(0, 4))
				pass(time.Second)
				engineA.Cut()
				synctest.Wait()
				for i, f := range c.flags {
					_ = a.emit(fmt.Sprint(i), f)
				}
				pass(2 * time.Second)
				a.want(c.here...)
				engineA.Restore()
				pass(2 * time.Second)
				b.want(c.there...)
				if n := b.Stats().Gaps; n != uint64(c.gaps) || len(b.lost()) != c.losses {
					t.Errorf("%d gaps, want %d; %d losses, want %d", n, c.gaps, len(b.lost()), c.losses)
				}
				if n := a.Stats().Gaps; n > 0 || len(a.lost()) > 0 {
					t.Errorf("the node itself: %d gaps", n)
				}
				a.mustEmit("later")
				a.want("later")
				b.want("later")
			})
		})
	}
}

// What the service has lost before a new base is a loss at the nodes that had not read it, found as soon as there is the base, also when the
// node that has sent it is silent.
func TestLogBaseLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus(memory.Log(0))
		a, b, _, engineB := logPair(t, bus)
		c := startLog(t, 3, bus.LogNode())
		a.mustEmit("0")
		pass(time.Second)
		c.mustEmit("x")
		pass(time.Second)
		bus.CutReplica()
		engineB.FreezeReader()
		a.mustEmit("1", "2")
		synctest.Wait()
		bus.Failover()
		engineB.ThawReader()
		c.mustEmit("y")
		pass(time.Second)
		b.want("0", "x", "y")
		c.want("0", "x", "1", "2", "y")
		if n := b.Stats().Gaps; n != 2 || len(b.lost()) != 1 || b.lost()[0].Origin != a.id {
			t.Errorf("%d gaps, %+v", n, b.lost())
		}
		if n := c.Stats().Gaps; n > 0 || len(c.lost()) > 0 {
			t.Errorf("the node that has read it: %d gaps", n)
		}
	})
}
