package hist

import (
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBuckets(t *testing.T) {
	last := -1
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 130, 255, 256, 1000, 1 << 20, 1<<20 + 1<<14, math.MaxInt64} {
		i := bucket(v)
		if i < last {
			t.Errorf("bucket(%d) = %d, below that of a smaller value", v, i)
		}
		last = i
		if high := highest(i); high < v || float64(high-v) > float64(v)/perPower {
			t.Errorf("%d: its bucket ends at %d", v, high)
		}
		if next := highest(i) + 1; bucket(next) != i+1 {
			t.Errorf("bucket(%d) = %d, want %d", next, bucket(next), i+1)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var h Histogram
	if h.Quantile(.5) != 0 {
		t.Error("an empty histogram has a median")
	}
	for i := range 10_000 {
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{
		0: time.Microsecond, .5: 5 * time.Millisecond, .99: 9900 * time.Microsecond, 1: 10 * time.Millisecond,
	} {
		if got := h.Quantile(q); got < want || float64(got-want) > float64(want)/perPower {
			t.Errorf("quantile %g: %v, want %v", q, got, want)
		}
	}
	if h.Count() != 10_000 {
		t.Errorf("count %d", h.Count())
	}
}

func TestNegativeCountsAsZero(t *testing.T) {
	var h Histogram
	h.Add(-time.Second)
	if h.Count() != 1 || h.Quantile(1) != 0 {
		t.Errorf("count %d, max %v", h.Count(), h.Quantile(1))
	}
}
