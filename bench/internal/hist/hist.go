// Package hist counts durations.
package hist

import (
	"math/bits"
	"time"
)

// Each power of two is cut into this many buckets, so that a value is known to 1/64.
const (
	perPowerBits = 6
	perPower     = 1 << perPowerBits
)

// Histogram counts durations in buckets that grow with the value. Its zero
// value is empty. It is not safe for concurrent use.
type Histogram struct {
	buckets [(64 - perPowerBits) * perPower]uint64
	count   uint64
	max     time.Duration
}

// Add counts a duration; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.buckets[bucket(uint64(d))]++
	h.count++
	h.max = max(h.max, d)
}

// Count is how many durations were added.
func (h *Histogram) Count() uint64 { return h.count }

// Quantile returns the smallest bound that at least a share q, from 0 to 1, of
// the durations keep. It is at most 1/64 too high, and 0 when nothing was added.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	want := max(1, uint64(q*float64(h.count)+0.5))
	var seen uint64
	for i, n := range &h.buckets {
		seen += n
		if seen >= want {
			return min(h.max, time.Duration(highest(i)))
		}
	}
	return h.max
}

// bucket is the index of a value: values below 2*perPower have one each, then
// the index is made of the exponent and the bits after the leading one.
func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-perPowerBits-1)
	return shift*perPower + int(v>>shift)
}

// highest is the largest value of a bucket.
func highest(i int) uint64 {
	shift := max(0, i/perPower-1)
	return uint64(i-shift*perPower+1)<<shift - 1
}
