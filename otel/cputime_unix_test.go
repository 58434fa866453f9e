//go:build unix

package otel_test

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the time that the process has used the processor, in its own code and in all.
func cpuTime() (own, all time.Duration) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0, 0
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestTime compares what a message costs the processor, in interleaved rounds: OTEL_COST=20 for as many, held to the bars. Three
// short rounds are part of the normal run, on machines that are busy with other tests, so their bars are wide.
func TestTime(t *testing.T) {
	rounds, n, slack := 3, 1000, 4.0
	if s := os.Getenv("OTEL_COST"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		n, slack = 20000, 0
	}
	asks := map[string]func(n int){}
	for name, start := range observers(t) {
		asks[name] = asker(t, start())
	}
	own, all := map[string][]float64{}, map[string][]float64{}
	for range rounds {
		for name, ask := range asks {
			ownBefore, allBefore := cpuTime()
			ask(n)
			ownAfter, allAfter := cpuTime()
			own[name], all[name] = append(own[name], float64(ownAfter-ownBefore)), append(all[name], float64(allAfter-allBefore))
		}
	}
	for name, most := range map[string]float64{"metrics": 1.15, "unsampled spans": 1.25, "sampled spans": 1.6} {
		got := median(all[name]) / median(all["none"])
		t.Logf("%s: %.3f of %.2f µs, in user mode alone %.3f of %.2f µs", name, got, median(all["none"])/float64(n)/1000,
			median(own[name])/median(own["none"]), median(own["none"])/float64(n)/1000)
		if got > most+slack {
			t.Errorf("%s: %.2f times the time, want at most %v", name, got, most+slack)
		}
	}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
