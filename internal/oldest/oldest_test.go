package oldest_test

import (
	"math"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/oldest"
)

func TestList(t *testing.T) {
	var l oldest.List[int]
	nodes := make([]oldest.Node[int], 5)
	for i := range nodes {
		l.Add(&nodes[i], i, int64(i))
		l.Add(&nodes[i], 100, 100) // is in the list already
	}
	over := func(limit int, by int64, want int) {
		t.Helper()
		got, ok := l.Over(limit, by)
		if !ok {
			got = -1
		}
		if got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
	over(5, math.MaxInt64, -1)
	over(-1, math.MaxInt64, -1)
	over(4, -1, -1) // the oldest is not old enough
	over(4, 0, 0)
	over(4, math.MaxInt64, -1)
	l.Remove(&nodes[2])
	l.Remove(&nodes[2])
	l.Add(&nodes[0], 0, 9)
	if l.Len() != 4 {
		t.Fatalf("%d nodes", l.Len())
	}
	for _, want := range []int{1, 3, 4, 0, -1} {
		over(0, math.MaxInt64, want)
	}
	l.Add(&nodes[3], 3, 10)
	l.Add(&nodes[1], 1, 11)
	l.Remove(&nodes[1])
	over(0, math.MaxInt64, 3)
	if l.Len() != 0 {
		t.Fatalf("%d nodes", l.Len())
	}
}
