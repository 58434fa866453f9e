package bars

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
	"github.com/gatehouse-go/gatehouse/bench/internal/stats"
)

// Report is what is written.
type Report struct {
	Head   []string // lines about the run
	Away   bool     // it is of Outages, not of Usual
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
	for _, turn := range r.Turns() {
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

// Turns are what the report is of.
func (r *Report) Turns() []Turn {
	if r.Away {
		return Outages()
	}
	return Usual()
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
	bars := usual()
	if r.Away {
		bars = outages(node.Native, node.Classic)
	}
	for _, one := range bars {
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
	switch {
	case unit == "" && v == math.Trunc(v): // a count
		digits = 0
	case v < 10:
		digits = 2
	}
	return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, v, unit))
}

// column is a figure of a work.
type column struct {
	name string
	of   func(*run.Figures) float64
}

// columns are the figures of the works of Usual.
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
}

func (r *Report) work(b *strings.Builder, turn Turn) {
	if turn.Work == run.Stopped || turn.Work == run.Killed {
		for _, t := range outageTables {
			r.table(b, turn.Work, string(turn.Work)+": "+t.name, turn.Peers, t.columns)
		}
		return
	}
	r.table(b, turn.Work, string(turn.Work), turn.Peers, columnsOf(turn.Work))
	if turn.Work == run.Burst1 {
		r.table(b, run.Rate1, string(run.Rate1), turn.Peers, columnsOf(run.Rate1))
	}
}

// columnsOf are the columns of one work.
func columnsOf(w run.Work) (shown []column) {
	for _, c := range columns {
		if slices.Contains(c.in, w) {
			shown = append(shown, column{c.name, c.of})
		}
	}
	return shown
}

func (r *Report) table(b *strings.Builder, w run.Work, title string, peers []node.Peer, shown []column) {
	head, rule := "| peer |", "|---|"
	for _, c := range shown {
		head, rule = head+" "+c.name+" |", rule+"--:|"
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n%s\n", title, head, rule)
	for _, p := range peers {
		row := "| " + string(p) + " |"
		for _, c := range shown {
			row += " " + r.median(of(w, p, c.of)) + " |"
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
