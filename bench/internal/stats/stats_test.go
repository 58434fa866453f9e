package stats

import (
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMedianAndSpread(t *testing.T) {
	for _, c := range []struct {
		values         []float64
		median, spread float64
	}{
		{nil, 0, 0},
		{[]float64{0, 0}, 0, 0},
		{[]float64{4}, 4, 0},
		{[]float64{5, 1, 2}, 2, 2},
		{[]float64{4, 1, 2, 3}, 2.5, 1.2},
	} {
		before := slices.Clone(c.values)
		if got := Median(c.values); got != c.median {
			t.Errorf("median of %v: %g", c.values, got)
		}
		if got := Spread(c.values); got != c.spread {
			t.Errorf("spread of %v: %g", c.values, got)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%v became %v", before, c.values)
		}
	}
}
