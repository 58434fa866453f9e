package bars

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
	"github.com/gatehouse-go/gatehouse/bench/internal/stats"
)

// Report is what is written.
type Report struct {
	Head   []string // lines about the run
	Rounds []Round
	Took   time.Duration
	Faults []string
}

// none stands where nothing was measured.
const none = "–"

// Write writes the report as Markdown.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Gatehouse and its peers on several nodes\n\n")
	for _, line := range r.Head {
		b.WriteString("- " + line + "\n")
	}
	fmt.Fprintf(&b, "- Medians of %d rounds; took %v; other programs used %.1f cores\n", len(r.Rounds), r.Took.Round(time.Second), r.noise())
	r.bars(&b)
	for _, turn := range Needed() {
		r.work(&b, turn)
	}
	if len(r.Faults) > 0 {
		b.WriteString("\n## Failed\n\n")
		for _, f := range r.Faults {
			b.WriteString("- " + strings.ReplaceAll(f, "\n", " ") + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) noise() float64 {
	var all []float64
	for _, round := range r.Rounds {
		for _, peers := range round {
			for _, f := range peers {
				all = append(all, f.Noise)
			}
		}
	}
	return stats.Median(all)
}

func (r *Report) bars(b *strings.Builder) {
	b.WriteString("\n## Bars\n\n| bar | what | Gatehouse | peer | ratio | rounds | bar | |\n|---|---|--:|--:|--:|---|--:|---|\n")
	for _, one := range all() {
		ratios, ours, theirs := one.ratios(r.Rounds)
		sign, verdict, ratio, rounds := "≤", none, none, none
		mine, its := none, none
		if one.atLeast {
			sign = "≥"
		}
		if len(ratios) > 0 {
			median := stats.Median(ratios)
			verdict, ratio = "FAIL", fmt.Sprintf("%.2f", median)
			if one.kept(median) {
				verdict = "ok"
			}
			var each []string
			for _, x := range ratios {
				each = append(each, fmt.Sprintf("%.2f", x))
			}
			rounds = strings.Join(each, " ")
			mine, its = figure(ours, one.unit), strings.TrimSpace(figure(theirs, one.unit)+" "+one.peer)
			if one.peer == "" {
				its = none
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s %.2f | %s |\n", one.name, one.what, mine, its, ratio, rounds, sign, one.limit, verdict)
	}
}

func figure(v float64, unit string) string {
	digits := 1
	if v < 10 {
		digits = 2
	}
	return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, v, unit))
}

// columns are the figures of a work.
var columns = []struct {
	name string
	in   []run.Work
	of   func(*run.Figures) float64
}{
	{"origin, µs", []run.Work{run.Burst1, run.Rate1, run.Burst2, run.Apart, run.Flood, run.Cost}, origin},
	{"remote, µs", []run.Work{run.Burst1, run.Rate1, run.Burst2, run.Apart, run.Flood}, remote},
	{"Redis, µs", []run.Work{run.Burst1, run.Rate1, run.Burst2, run.Apart, run.Flood}, redis},
	{"thousand a second", []run.Work{run.Burst1, run.Burst2, run.Apart, run.Flood}, perSecond},
	{"same node p50, µs", []run.Work{run.Rate1}, local(.5)},
	{"p99", []run.Work{run.Rate1}, local(.99)},
	{"other node p50, µs", []run.Work{run.Rate1}, across(.5)},
	{"p99", []run.Work{run.Rate1}, across(.99)},
	{"allocations", []run.Work{run.Cost}, mallocs},
	{"p99 of Emit before, µs", []run.Work{run.Frozen}, quiet},
	{"meanwhile, µs", []run.Work{run.Frozen}, frozen},
	{"memory taken, MiB", []run.Work{run.Frozen}, grown},
}

func (r *Report) work(b *strings.Builder, turn Turn) {
	r.table(b, turn.Work, turn.Peers)
	if turn.Work == run.Burst1 {
		r.table(b, run.Rate1, turn.Peers)
	}
}

func (r *Report) table(b *strings.Builder, w run.Work, peers []node.Peer) {
	head, rule := "| peer |", "|---|"
	var shown []func(*run.Figures) float64
	for _, c := range columns {
		for _, in := range c.in {
			if in == w {
				head, rule, shown = head+" "+c.name+" |", rule+"--:|", append(shown, c.of)
			}
		}
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n%s\n", w, head, rule)
	for _, p := range peers {
		row := "| " + string(p) + " |"
		for _, f := range shown {
			row += " " + r.median(of(w, p, f)) + " |"
		}
		b.WriteString(row + "\n")
	}
}

func (r *Report) median(v value) string {
	var all []float64
	for _, round := range r.Rounds {
		if x, ok := v(round); ok {
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return none
	}
	return figure(stats.Median(all), "")
}
