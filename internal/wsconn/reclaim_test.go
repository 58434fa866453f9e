package wsconn

import (
	"testing"
	"time"
)

// Memory is returned once, when many were parked and then nothing has happened for a while.
func TestReclaimIsDue(t *testing.T) {
	const tick = int64(500 * time.Millisecond)
	for name, c := range map[string]struct {
		parked, members int
		later           int  // parked after a second
		busy            bool // collections are made all the time
		off             bool // none ever
		want            int
	}{
		"many":                   {parked: reclaimLeast, members: reclaimLeast, want: 1},
		"few":                    {parked: reclaimLeast - 1, members: reclaimLeast, want: 0},
		"few of many":            {parked: reclaimLeast, members: reclaimLeast*reclaimShare + reclaimShare, want: 0},
		"one after the other":    {parked: reclaimLeast, members: 2 * reclaimLeast, later: reclaimLeast, want: 1},
		"the process collects":   {parked: reclaimLeast, members: reclaimLeast, busy: true, want: 0},
		"no collector by itself": {parked: reclaimLeast, members: reclaimLeast, off: true, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r reclaim
			r.parked.Add(int64(c.parked))
			var cycles uint64
			collector := func() (uint64, bool) {
				if c.busy {
					cycles++
				}
				return cycles, !c.off
			}
			got := 0
			for sweep := range int64(20) {
				if sweep == 2 {
					r.parked.Add(int64(c.later))
				}
				if r.due(sweep*tick, c.members, collector) {
					got++
					if at := time.Duration(sweep * tick); at < reclaimQuiet {
						t.Errorf("due after %v", at)
					}
				}
			}
			if got != c.want {
				t.Errorf("due %d times, want %d", got, c.want)
			}
		})
	}
}

func TestCollector(t *testing.T) {
	if cycles, on := collector(); !on || cycles == ^uint64(0) {
		t.Errorf("%d cycles, on is %v", cycles, on)
	}
}
