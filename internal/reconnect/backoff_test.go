package reconnect

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		failures int
		chance   float64
		want     time.Duration
	}{
		{0, 0, 50 * time.Millisecond}, {0, 1, 100 * time.Millisecond}, {1, 0, 100 * time.Millisecond}, {3, 0.5, 600 * time.Millisecond},
		{5, 0, time.Second}, {5, 1, 2 * time.Second}, {1_000_000, 1, 2 * time.Second},
	} {
		if got := backoff(c.failures, c.chance); got != c.want {
			t.Errorf("after %d failures, chance %v: %v, want %v", c.failures, c.chance, got, c.want)
		}
	}
}
