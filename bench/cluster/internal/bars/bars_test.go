package bars

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
)

func rounds(native, centrifuge time.Duration) []Round {
	r := Round{}
	r.Add(node.Native, map[run.Work]*run.Figures{run.Burst1: {Origin: native}})
	r.Add(node.Centrifuge, map[run.Work]*run.Figures{run.Burst1: {Origin: centrifuge}})
	return []Round{r}
}

func row(t *testing.T, r Report, start string) string {
	t.Helper()
	var out strings.Builder
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, start) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no line starts with %q in:\n%s", start, out.String())
	return ""
}

func TestVerdicts(t *testing.T) {
	const start = "| B1 | burst 2×1, native: CPU of origin |"
	for _, c := range []struct {
		rounds []Round
		want   string
	}{
		{rounds(5*time.Microsecond, 10*time.Microsecond), start + " 5.00 µs | 10.0 µs centrifuge | 0.50 | 0.50 | ≤ 0.52 | ok |"},
		{rounds(6*time.Microsecond, 10*time.Microsecond), start + " 6.00 µs | 10.0 µs centrifuge | 0.60 | 0.60 | ≤ 0.52 | FAIL |"},
		{rounds(6*time.Microsecond, 0), start + " – | – | – | – | ≤ 0.52 | – |"},
		{nil, start + " – | – | – | – | ≤ 0.52 | – |"},
	} {
		if got := row(t, Report{Rounds: c.rounds}, start); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// The ratio is the median of those of the rounds, since both values of a round meet the same noise.
func TestMedianOfRatios(t *testing.T) {
	all := append(rounds(1, 10), rounds(80, 100)...)
	all = append(all, rounds(2, 10)...)
	const start = "| B1 | burst 2×1, native: CPU of origin |"
	if got := row(t, Report{Rounds: all}, start); !strings.Contains(got, "| 0.20 | 0.10 0.80 0.20 |") {
		t.Error(got)
	}
}

func TestFaultsAreListed(t *testing.T) {
	if got := row(t, Report{Faults: []string{"flood: a\nb"}}, "- flood"); got != "- flood: a b" {
		t.Error(got)
	}
}
