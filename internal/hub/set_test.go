package hub

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/core"
)

// A set holds what was added and not removed, once, whatever its size has been.
func TestSet(t *testing.T) {
	const most = 8 * fewClients
	r := rand.New(rand.NewPCG(1, 2))
	var s set[int]
	want := map[int]struct{}{}
	for i := range 20_000 {
		c := r.IntN(most)
		if i/most%2 == 0 { // it grows, and shrinks
			s.add(c)
			want[c] = struct{}{}
		} else {
			s.remove(c)
			delete(want, c)
		}
		if got := slices.Sorted(slices.Values(s.list)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
			t.Fatalf("after %d changes: %v, want %v", i+1, got, want)
		}
		if len(s.list) > fewClients && len(s.index) != len(s.list) || s.index != nil && len(s.index) != len(s.list) {
			t.Fatalf("%d clients have an index of %d", len(s.list), len(s.index))
		}
		if cap(s.list) > 4*max(len(s.list), fewClients) {
			t.Fatalf("%d clients hold room for %d", len(s.list), cap(s.list))
		}
	}
}

// Broadcasts go to clients in the order in which these have come, in rooms too.
func TestOrder(t *testing.T) {
	const n = 200
	ns, all := crowd(n)
	for _, c := range all {
		if err := c.joinTo("room"); err != nil {
			t.Fatal(err)
		}
	}
	for name, sel := range map[string]core.Selection{"all": {}, "a room": inRooms("room")} {
		if got := ns.Select(nil, sel, false); !slices.Equal(got, all) {
			t.Errorf("%s: another order", name)
		}
	}
	// The last one takes the place of one that leaves.
	ns.Remove(all[10])
	want := slices.Concat(all[:10], all[n-1:], all[11:n-1])
	for name, sel := range map[string]core.Selection{"all": {}, "a room": inRooms("room")} {
		if got := ns.Select(nil, sel, false); !slices.Equal(got, want) {
			t.Errorf("%s, after one has left: another order", name)
		}
	}
	if c, ok := ns.byID(strconv.Itoa(n - 1)); !ok || c != all[n-1] {
		t.Errorf("the client that has moved: %v, %t", c, ok)
	}
	if c, ok := ns.byID("10"); ok {
		t.Errorf("the client that has left: %v", c)
	}
}
