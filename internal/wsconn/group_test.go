package wsconn

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/outbox"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// member notes its beats; leave makes Abort remove it.
type member struct {
	g       *Group
	onBeat  func(int64)
	beats   atomic.Int64
	aborted atomic.Int64
	stuck   bool
}

func (m *member) CheckTimeouts(now int64) {
	m.beats.Add(1)
	if m.onBeat != nil {
		m.onBeat(now)
	}
}

func (m *member) Abort() {
	m.aborted.Add(1)
	if !m.stuck {
		m.g.Remove(m)
	}
}

func TestTick(t *testing.T) {
	for shortest, want := range map[time.Duration]time.Duration{
		8 * time.Second: 250 * time.Millisecond, time.Hour: 500 * time.Millisecond, time.Millisecond: time.Millisecond, 0: time.Millisecond,
	} {
		if g := NewGroup("g", shortest); g.Tick != want {
			t.Errorf("%v: tick %v, want %v", shortest, g.Tick, want)
		}
	}
}

// A sweeper that its last member has stopped sweeps nothing any more, also when a tick is due: the
// next member has a sweeper of its own, and members do not expect two at once.
func TestOneSweeper(t *testing.T) {
	for range 20 { // select chooses at random
		synctest.Test(t, func(t *testing.T) {
			g := NewGroup("g", 3200*time.Millisecond)
			release := make(chan struct{})
			hold := make(chan struct{})
			a := &member{g: g, onBeat: func(int64) { <-release }}
			b := &member{g: g, onBeat: func(int64) { <-hold }}
			g.Add(a)
			after(g.Tick)
			g.Remove(a) // while it is being checked
			g.Add(b)
			after(2 * g.Tick)
			close(release)
			synctest.Wait()
			if a.beats.Load() != 1 || b.beats.Load() != 1 || g.Live() != 1 {
				t.Errorf("%d and %d checks by %d sweepers", a.beats.Load(), b.beats.Load(), g.Live())
			}
			g.Remove(b)
			close(hold)
			synctest.Wait()
			if g.Live() != 0 {
				t.Error("a sweeper is left")
			}
		})
	}
}

// The sweeper runs only while there are members, and updates the clock.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup("g", 3200*time.Millisecond)
		start := time.Now()
		a, b := &member{g: g}, &member{g: g}
		a.onBeat = func(now int64) {
			if at := time.Duration(now - 1); at != time.Since(start) || g.Clock.Coarse() != now {
				t.Errorf("sweep at %v has the stamp %v", time.Since(start), at)
			}
		}
		if g.Live() != 0 || !g.Add(a) || !g.Add(b) || g.Len() != 2 || g.Live() != 1 {
			t.Errorf("%d live, %d members", g.Live(), g.Len())
		}
		after(1050 * time.Millisecond)
		g.Remove(b)
		after(time.Second)
		if a.beats.Load() != 20 || b.beats.Load() != 10 {
			t.Errorf("%d and %d beats", a.beats.Load(), b.beats.Load())
		}
		g.Remove(a)
		g.Remove(a)
		synctest.Wait()
		if g.Live() != 0 {
			t.Error("the sweeper is left")
		}
		if !g.Add(b) { // and starts again
			t.Error("not added")
		}
		after(time.Second)
		if b.beats.Load() < 19 {
			t.Errorf("%d beats", b.beats.Load())
		}
		g.Remove(b)
	})
}

func after(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
	synctest.Wait()
}

// CheckTimeouts may remove and add members: no lock is held.
func TestMembersChangeInBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup("g", 0)
		next := &member{g: g}
		m := &member{g: g}
		m.onBeat = func(int64) {
			g.Remove(m)
			if !g.Enter() || !g.Add(next) {
				t.Error("not accepted")
			}
			g.Exit()
		}
		g.Add(m)
		after(10 * time.Millisecond)
		if m.beats.Load() != 1 || next.beats.Load() == 0 {
			t.Errorf("%d and %d beats", m.beats.Load(), next.beats.Load())
		}
		g.Remove(next)
	})
}

func TestGroupClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup("g", 0)
		m := &member{g: g}
		if !g.Enter() || !g.Add(m) {
			t.Fatal("not accepted")
		}
		done := make(chan error, 1)
		go func() { done <- g.Close(context.Background()) }()
		<-g.Closing().Done()
		if g.Enter() || g.Add(&member{g: g}) {
			t.Error("accepted while closing")
		}
		if !g.EnterLate() {
			t.Error("work of a member is refused")
		}
		g.Exit()
		g.Exit()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatal("closed over a member's head")
		}
		g.Remove(m)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if g.EnterLate() {
			t.Error("accepted after the end")
		}
		if err := g.Close(context.Background()); err != nil {
			t.Errorf("the second Close: %v", err)
		}
	})
}

// When the context ends, the rest is aborted; Close waits one second for what is stuck.
func TestGroupCloseCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, stuck := range []bool{false, true} {
			g := NewGroup("g", 0)
			m := &member{g: g, stuck: stuck}
			g.Add(m)
			errWhy := errors.New("why")
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Minute, func() { cancel(errWhy) })
			start := time.Now()
			err := g.Close(ctx)
			want := time.Minute
			if stuck {
				want += time.Second
			}
			if time.Since(start) != want || m.aborted.Load() != 1 {
				t.Errorf("stuck %t: took %v, aborted %d times", stuck, time.Since(start), m.aborted.Load())
			}
			if !errors.Is(err, errWhy) || err.Error() != "g: 1 connections were aborted: why" {
				t.Error(err)
			}
			g.Remove(m)
			synctest.Wait()
		}
	})
}

func TestCloseModeAndCode(t *testing.T) {
	for _, tt := range []struct {
		reason websockets.Reason
		mode   CloseMode
		code   int
		text   string
	}{
		{websockets.Reason{Cause: websockets.CauseServerDisconnect}, CloseGraceful, 1000, ""},
		{websockets.Reason{Cause: websockets.CauseShutdown}, CloseGraceful, 1001, "server shutting down"},
		{websockets.Reason{Cause: websockets.CauseQueueOverflow}, CloseHandshake, 1008, "queue overflow"},
		{websockets.Reason{Cause: websockets.CauseParseError, Text: "why"}, CloseHandshake, 1002, "why"},
		{websockets.Reason{Cause: websockets.CauseMessageTooBig}, CloseHandshake, 1009, "message too big"},
		{websockets.Reason{Cause: websockets.CausePingTimeout}, CloseAbort, 1001, "ping timeout"},
		{websockets.Reason{Cause: websockets.CauseForcedClose}, CloseAbort, 1001, "forced close"},
		{websockets.Reason{Cause: websockets.CauseTransportError}, CloseAbort, 1001, "transport error"},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 4001, Text: "own"}, CloseGraceful, 4001, "own"},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 1005}, CloseGraceful, 1000, ""},
		{websockets.Reason{}, CloseAbort, 1001, ""},
	} {
		code, text := closeCode(tt.reason)
		if mode := CloseModeOf(tt.reason); mode != tt.mode || code != tt.code || text != tt.text {
			t.Errorf("%+v: mode %d, %d %q", tt.reason, mode, code, text)
		}
		if got := withCode(tt.reason, tt.mode); tt.mode == CloseAbort && got != tt.reason || tt.mode != CloseAbort && (got.Code != tt.code || got.Text != tt.text) {
			t.Errorf("%+v is sent as %+v", tt.reason, got)
		}
	}
}

func policyOf(volatile bool, overflow websockets.Overflow) outbox.Policy {
	out := adapter.NewOutgoing("x", nil)
	out.Volatile, out.Overflow = volatile, overflow
	return PolicyOf(out)
}

func TestPolicyOf(t *testing.T) {
	for _, tt := range []struct {
		volatile bool
		overflow websockets.Overflow
		want     string
	}{
		{true, websockets.OverflowDropOldest, "volatile"}, {false, websockets.OverflowDropOldest, "oldest"},
		{false, websockets.OverflowDropNewest, "newest"}, {false, websockets.OverflowClose, "refuse"},
	} {
		got := []string{"refuse", "newest", "oldest", "volatile"}[policyOf(tt.volatile, tt.overflow)]
		if got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// Len returns the number of members.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.members)
}
