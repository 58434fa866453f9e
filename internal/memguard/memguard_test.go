package memguard

import (
	"log/slog"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a runtime whose collections find what the test says.
type fake struct {
	Sample

	collected int
}

func (f *fake) read() Sample { return f.Sample }

// step lets the guard look again, after a collection that found used percent.
func (f *fake) step(g *Guard, used uint64) bool {
	f.Cycles++
	f.Used = used
	<-time.After(every)
	return g.Short()
}

func TestShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read, Log: slog.New(slog.NewTextHandler(&b, nil))})
		for i, s := range []struct {
			used  uint64
			short bool
		}{
			{50, false}, {90, false}, {89, false}, {90, false}, // one is not enough
			{95, true}, {89, true}, {80, true}, {79, false}, // below 80
			{90, false}, {90, true}, {99, true}, {10, false},
		} {
			if got := f.step(g, s.used); got != s.short {
				t.Errorf("step %d, %d %%: short is %t", i, s.used, got)
			}
		}
		if got := strings.Count(b.String(), "\n"); got != 4 || !strings.Contains(b.String(), "percent=95 used=95 limit=100") {
			t.Errorf("%d lines, want one for each change:\n%s", got, &b)
		}
	})
}

// TestOneCollectionCountsOnce: handshakes that come between two collections see one.
func TestOneCollectionCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read})
		f.step(g, 95)
		for range 20 {
			<-time.After(every)
			if g.Short() {
				t.Fatal("one collection counts twice")
			}
		}
	})
}

func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read})
		f.step(g, 95)
		if !f.step(g, 95) {
			t.Fatal("not short")
		}
		f.Limit = math.MaxInt64 // debug.SetMemoryLimit
		for range 2 {
			if f.step(g, 95) {
				t.Error("short without a limit")
			}
		}
	})
}

// TestCollectsWhenNobodyElseDoes: where memory is short and nothing is allocated, the
// guard has it looked at.
func TestCollectsWhenNobodyElseDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read, Collect: func() { f.collected++; f.Cycles++; f.Used = 10 }})
		f.step(g, 95)
		f.step(g, 95)
		<-time.After(stale)
		if !g.Short() {
			t.Error("not short")
		}
		synctest.Wait()
		<-time.After(every)
		if g.Short() || f.collected != 1 {
			t.Errorf("still short after %d collections", f.collected)
		}
	})
}

func TestOwnPercent(t *testing.T) {
	for percent, want := range map[int][2]uint64{0: {90, 80}, 50: {50, 40}, 15: {15, 7}} {
		if g := New(Config{Percent: percent}); g.refuse != want[0] || g.resume != want[1] {
			t.Errorf("%d: %d and %d", percent, g.refuse, g.resume)
		}
	}
}

// TestRead: what the runtime says is what it is asked for.
func TestRead(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(before)
	held := make([]byte, 32<<20)
	runtime.GC()
	one := read()
	runtime.GC()
	two := read()
	runtime.KeepAlive(held)
	if one.Limit != 1<<40 || one.Used < 32<<20 || one.Used > 1<<30 || two.Cycles <= one.Cycles {
		t.Errorf("%+v, then %+v", one, two)
	}
}

func BenchmarkShort(b *testing.B) {
	g := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		g.Short()
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		read()
	}
}
