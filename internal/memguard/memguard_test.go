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

// fake is a runtime whose metrics the test sets.
type fake struct {
	Sample

	collected int
}

func (f *fake) read() Sample { return f.Sample }

// step simulates a collection with used percent and returns Exceeded.
func (f *fake) step(g *Guard, used uint64) bool {
	f.Cycles++
	f.Used = used
	<-time.After(readInterval)
	return g.Exceeded()
}

func TestExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read, Log: slog.New(slog.NewTextHandler(&b, nil))})
		for i, s := range []struct {
			used uint64
			want bool
		}{
			{50, false}, {90, false}, {89, false}, {90, false}, // not two in a row
			{95, true}, {89, true}, {80, true}, {79, false}, // below 80
			{90, false}, {90, true}, {99, true}, {10, false},
		} {
			if got := f.step(g, s.used); got != s.want {
				t.Errorf("step %d, %d %%: Exceeded is %t", i, s.used, got)
			}
		}
		if got := strings.Count(b.String(), "\n"); got != 4 || !strings.Contains(b.String(), "percent=95 used=95 limit=100") {
			t.Errorf("%d lines, want one per change:\n%s", got, &b)
		}
	})
}

// Several calls between two collections count one collection.
func TestOneCollectionCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read})
		f.step(g, 95)
		for range 20 {
			<-time.After(readInterval)
			if g.Exceeded() {
				t.Fatal("one collection was counted twice")
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
			t.Fatal("not exceeded")
		}
		f.Limit = math.MaxInt64 // debug.SetMemoryLimit
		for range 2 {
			if f.step(g, 95) {
				t.Error("exceeded without a limit")
			}
		}
	})
}

// While memory usage is high and nothing starts a collection, the guard does.
func TestStartsCollection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{Sample: Sample{Limit: 100}}
		g := New(Config{Read: f.read, Collect: func() { f.collected++; f.Cycles++; f.Used = 10 }})
		f.step(g, 95)
		f.step(g, 95)
		<-time.After(staleAfter)
		if !g.Exceeded() {
			t.Error("not exceeded")
		}
		synctest.Wait()
		<-time.After(readInterval)
		if g.Exceeded() || f.collected != 1 {
			t.Errorf("still exceeded after %d collections", f.collected)
		}
	})
}

func TestPercent(t *testing.T) {
	for percent, want := range map[int][2]uint64{0: {90, 80}, 50: {50, 40}, 15: {15, 7}} {
		if g := New(Config{Percent: percent}); g.threshold != want[0] || g.resume != want[1] {
			t.Errorf("%d: threshold %d, resume %d", percent, g.threshold, g.resume)
		}
	}
}

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

func BenchmarkExceeded(b *testing.B) {
	g := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		g.Exceeded()
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		read()
	}
}
