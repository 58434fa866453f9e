package resume

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// The largest address is that with the most absent clients; among equal ones that of the
// client that left first.
func TestLargestHolder(t *testing.T) {
	var hs holders
	var want []*Journal // in the order in which they left
	for step := range 5000 {
		if len(want) > 0 && rand.IntN(5) < 2 {
			i := rand.IntN(len(want))
			hs.remove(want[i])
			want = slices.Delete(want, i, i+1)
		} else {
			j := &Journal{}
			h := hs.add(j, Address{Addr: netip.AddrFrom4([4]byte{byte(rand.IntN(20))})})
			if h.journals.Back().Value != j {
				t.Fatal("the client is not the last of its address")
			}
			want = append(want, j)
		}
		if hs.n != len(want) || len(hs.all()) != len(want) {
			t.Fatalf("step %d: %d clients, want %d", step, hs.n, len(want))
		}
		if len(want) == 0 {
			continue
		}
		counts := map[*holder]int{}
		for _, j := range want {
			counts[j.place.holder]++
		}
		most := 0
		for _, n := range counts {
			most = max(most, n)
		}
		i := slices.IndexFunc(want, func(j *Journal) bool { return counts[j.place.holder] == most })
		if got := hs.largest(); got != want[i].place.holder || got.oldest() != want[i] {
			t.Fatalf("step %d: the largest has %d clients, want that of %d", step, got.journals.Len(), most)
		}
	}
}
