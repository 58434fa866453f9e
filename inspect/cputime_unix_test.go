//go:build unix

package inspect

import (
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the time that the process has used the processor in its own code.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano())
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// TestTime compares what a message costs the processor in interleaved rounds, as many as INSPECT_COST; three short ones are part of the
// normal run, on machines that are busy with other tests, with a wide bar.
func TestTime(t *testing.T) {
	rounds, n, slack := 3, 500, 4.0
	if s := os.Getenv("INSPECT_COST"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
		n, slack = 20000, 0
	}
	all := costs(t)
	took := map[string][]float64{}
	for range rounds {
		for name, ask := range all {
			before := cpuTime()
			ask(n)
			took[name] = append(took[name], float64(cpuTime()-before))
		}
	}
	for name, most := range map[string]float64{"idle": 1.05, "page": 1.10} {
		got := median(took[name]) / median(took["none"])
		t.Logf("%s: %.3f of %.2f µs in user mode", name, got, median(took["none"])/float64(n)/1000)
		if got > most+slack {
			t.Errorf("%s: %.2f times the time, want at most %v", name, got, most+slack)
		}
	}
}
