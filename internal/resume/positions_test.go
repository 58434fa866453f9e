package resume

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The queue does the same as a slice, whatever is pushed.
func TestPositions(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var p positions
		var want []uint64
		next := uint64(1)
		for range 5000 {
			switch {
			case len(want) > 0 && random.IntN(100) < 45+int(seed%3)*5:
				if got := p.pop(); got != want[0] {
					t.Fatalf("pop: %d, want %d", got, want[0])
				}
				want = want[1:]
			default:
				if random.IntN(4) == 0 {
					next += 1 + random.Uint64N(5)
				}
				pos := next
				next++
				if random.IntN(20) == 0 && pos > 3 { // events that are sent at once have any order
					pos -= 3
				}
				p.push(pos)
				want = append(want, pos)
			}
			if p.n != len(want) {
				t.Fatalf("%d positions, want %d", p.n, len(want))
			}
		}
		if got := slices.Collect(p.all); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, pos := range want {
			if i := p.index(pos); i != slices.Index(want, pos) {
				t.Fatalf("index of %d: %d, want %d", pos, i, slices.Index(want, pos))
			}
		}
		if i := p.index(next); i != -1 {
			t.Errorf("the index of a position that is not in it: %d", i)
		}
	}
}

// Positions that follow each other are one entry, up to the limit of a run; what is empty
// again holds little.
func TestPositionsAreCompact(t *testing.T) {
	var p positions
	const n = 3 << runBits
	for pos := range uint64(n) {
		p.push(pos + 1)
	}
	if len(p.runs) != 3 {
		t.Errorf("%d runs for %d positions", len(p.runs), n)
	}
	for pos := range uint64(n) {
		if got := p.pop(); got != pos+1 {
			t.Fatalf("pop: %d, want %d", got, pos+1)
		}
	}
	for pos := range uint64(10_000) {
		p.push(2 * pos)
	}
	for range 10_000 {
		p.pop()
	}
	if p.size() > fewRuns*positionSize {
		t.Errorf("%d bytes for no position", p.size())
	}
}

// A queue of constant length does not grow, and does not allocate.
func TestPositionsDoNotGrow(t *testing.T) {
	var p positions
	pos := uint64(0)
	for range 1000 {
		pos += 2
		p.push(pos)
	}
	if allocs := testing.AllocsPerRun(100, func() {
		for range 1000 {
			pos += 2
			p.push(pos)
			p.pop()
		}
	}); allocs > 1 {
		t.Errorf("%v allocations for 1,000 positions", allocs)
	}
	if p.size() > 4*1000*positionSize {
		t.Errorf("%d bytes for 1,000 positions", p.size())
	}
}
