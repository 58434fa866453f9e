package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
)

// steps records what an observer sees.
type steps struct {
	mu  sync.Mutex
	all []string
}

var stepNames = map[StepKind]string{Well: "well", Degraded: "degraded", Down: "down", Gap: "gap", Dropped: "dropped"}

func (r *steps) add(s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := stepNames[s.Kind]
	if s.Messages > 0 {
		name += fmt.Sprint(" ", s.Messages)
	}
	if (s.Err != nil) != (s.Kind == Degraded || s.Kind == Down) {
		name += fmt.Sprint(" with the error ", s.Err)
	}
	r.all = append(r.all, name)
}

func (r *steps) want(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.all, want) {
		t.Errorf("steps %q, want %q", r.all, want)
	}
	r.all = nil
}

// A node is degraded while it is not connected and for a minute after a loss. Each change is
// logged and reported once.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := memory.NewBus()
		engineA, engineB := bus.Node(), bus.Node()
		var seen steps
		a := newNode(t, 1, engineA, backplane.Queue(0, 2))
		a.cfg.Observe = seen.add
		if h := a.Health(); h.Up || h.Degraded {
			t.Errorf("before the start: %+v", h)
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer a.stop(t)
		b := start(t, 2, engineB)
		check := func(up, degraded bool, since time.Time, reason error) {
			t.Helper()
			if h := a.Health(); h.Up != up || h.Degraded != degraded || !h.Since.Equal(since) || !errors.Is(h.Reason, reason) {
				t.Errorf("%+v, want up %t, degraded %t since %v, %v", h, up, degraded, since, reason)
			}
		}
		started := time.Now()
		seen.want(t, "well")
		check(true, false, started, nil)

		pass(3 * time.Second)
		cut := time.Now()
		engineA.Cut()
		seen.want(t, "down")
		check(false, true, cut, memory.ErrCut)
		for range 4 {
			_ = a.emit("event")
		}
		seen.want(t) // it is no change
		check(false, true, cut, ErrFull)
		pass(3 * time.Second)
		seen.want(t, "dropped 2")

		engineA.Restore()
		seen.want(t, "degraded")
		check(true, true, time.Now(), ErrFull)
		pass(time.Minute)
		seen.want(t, "well")
		check(true, false, cut.Add(time.Minute), nil)

		engineB.SetFaults(memory.Faults{Cut: true}, engineA)
		b.mustEmit("lost")
		synctest.Wait()
		engineB.SetFaults(memory.Faults{}, engineA)
		b.mustEmit("arrives")
		seen.want(t, "degraded")
		check(true, true, time.Now(), errLost)
		pass(3 * time.Second)
		seen.want(t, "gap 1")
		for words, n := range map[string]int{"is connected": 1, "is not connected": 1, "is degraded": 2, "nothing for a minute": 1} {
			if got := len(a.log.Lines(words)); got != n {
				t.Errorf("%d lines about %q, want %d", got, words, n)
			}
		}
	})
}

// An observer that emits while the queue is full, and asks for the health, ends.
func TestObserverThatEmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engineA := memory.NewBus().Node()
		a := newNode(t, 1, engineA, backplane.Queue(0, 1))
		var calls atomic.Int32
		a.cfg.Observe = func(Step) {
			if calls.Add(1) < 100 {
				_ = a.Health()
				_ = a.emit("seen")
				_ = a.emit("seen")
			}
		}
		if err := a.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer a.stop(t)
		engineA.Cut()
		pass(10 * time.Second)
		if n := calls.Load(); n < 3 || n > 10 {
			t.Errorf("%d calls", n)
		}
	})
}

// What is sent and received is counted in batches, bytes and time.
func TestTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{send: func(context.Context, []*backplane.Message) error {
			<-time.After(time.Millisecond)
			return nil
		}}
		a := start(t, 1, e)
		pass(time.Millisecond)
		before := a.Stats()
		for range 10 {
			a.mustEmit("0123456789")
		}
		pass(10 * time.Millisecond)
		s := a.Stats()
		batches := s.Batches - before.Batches
		if sent := s.SentBytes - before.SentBytes; batches < 1 || batches > 10 || sent < 100 || sent > 300 || s.SendTime-before.SendTime != time.Duration(batches)*time.Millisecond {
			t.Errorf("%+v, before %+v", s, before)
		}
		other := &sender{t, a, nodeID(2), 0}
		frame := other.frame("received")
		other.receive(frame)
		if got := a.Stats().ReceivedBytes - s.ReceivedBytes; got != uint64(len(frame)) {
			t.Errorf("%d bytes received, want %d", got, len(frame))
		}
	})
}
