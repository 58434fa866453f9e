package drain_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/test/internal/subprocess"
)

// TestFault_F71_Reconnect: Each client of a process that stops receives the time to wait before it reconnects, and the
// times are spread: the busiest tenth of the reconnect period has at most twice the mean.
func TestFault_F71_Reconnect(t *testing.T) {
	const parts = 10
	n := clients()
	subprocess.RaiseFiles(t, 2*n+100)
	p := subprocess.Start(t, subprocess.Settings{})
	c := gather(t, p.Addr, n)
	c.listen(0)
	p.Signal(syscall.SIGTERM)
	c.over.Wait()
	if end := p.Wait(); end.Status != 0 {
		t.Errorf("the process ended with %+v", end)
	}
	var back []time.Time
	for i, m := range c.members {
		after := -1
		for _, frame := range m.extra {
			for _, form := range []string{`{"event":"shutdown","data":{"retryAfter":%d}}`, `42["shutdown",{"retryAfter":%d}]`} {
				if _, err := fmt.Sscanf(frame, form, &after); err == nil {
					break
				}
			}
		}
		if after < 0 {
			t.Fatalf("client %d did not get a time to reconnect: %q", i, m.extra)
		}
		back = append(back, m.at.Add(time.Duration(after)*time.Millisecond))
	}
	slices.SortFunc(back, time.Time.Compare)
	part := back[len(back)-1].Sub(back[0])/parts + 1
	var most int
	busy := make([]int, parts)
	for _, at := range back {
		i := int(at.Sub(back[0]) / part)
		busy[i]++
		most = max(most, busy[i])
	}
	if mean := len(back) / parts; most > 2*mean {
		t.Errorf("%d reconnect in the busiest tenth of %v, the mean is %d: %v", most, parts*part, mean, busy)
	}
}
