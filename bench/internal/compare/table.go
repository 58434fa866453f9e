package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/load"
	"github.com/gatehouse-go/gatehouse/bench/internal/peers"
	"github.com/gatehouse-go/gatehouse/bench/internal/stats"
)

// none stands where nothing was measured.
const none = "–"

// Write writes the outcome as Markdown.
func (o *Outcome) Write(w io.Writer) error {
	var b strings.Builder
	o.header(&b)
	for _, family := range o.families() {
		family.write(&b)
	}
	o.footer(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (o *Outcome) header(b *strings.Builder) {
	m, c := o.Machine, o.Config
	fmt.Fprintf(b, "# Gatehouse and its peers\n\n")
	fmt.Fprintf(b, "- Commit %s, %s\n", m.Commit, m.Date)
	fmt.Fprintf(b, "- %s; Go %s, Node %s; %s\n", m.Hardware, m.Go, m.Node, m.Pinning)
	fmt.Fprintf(b, "- Medians of %d rounds, each %v after %v of warm-up (Node, Bun: %v), in a new process; took %v; other programs used %.0f %% of a core\n",
		c.Rounds, c.Timing.Duration, c.Timing.Warmup, warmupOfNode*c.Timing.Warmup, o.Took.Round(time.Second), 100*o.noise())
	fmt.Fprintf(b, "- Echoes: %d connections, N×M is a payload of N with M requests in flight on each, rate is 64 B at %d messages per second in all. ",
		c.Conns, c.Rate)
	fmt.Fprintf(b, "Broadcast: 64 B to %d clients. Connect: a handshake, an echo, a close. Idle: %d connections\n", c.Clients, c.Idle)
}

// noise is how much of a core went to neither server nor client.
func (o *Outcome) noise() float64 {
	var other, elapsed time.Duration
	for _, cells := range o.Cells {
		for _, cell := range cells {
			for _, r := range cell.Rounds {
				other += r.OtherCPU
				elapsed += r.Elapsed
			}
		}
	}
	return float64(other) / float64(max(1, elapsed))
}

func (o *Outcome) footer(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Peers\n\n")
	for _, p := range o.Peers {
		fmt.Fprintf(b, "- %s: %s\n", p.Name, strings.Replace(p.Uses, "VERSION", p.Version, 1))
	}
	for _, l := range o.Left {
		first, _, _ := strings.Cut(l.Why.Error(), "\n")
		fmt.Fprintf(b, "- %s: left out: %s\n", l.Name, first)
	}
	for _, p := range o.Peers {
		if n := o.leftOpen(p.Name); n > 0 {
			fmt.Fprintf(b, "\n%s: the server left connections open after the close handshake, the client closed them: %d\n", p.Name, n)
		}
	}
	if failed := o.Failed(); len(failed) > 0 {
		fmt.Fprintf(b, "\n## Failed\n\n")
		for _, f := range failed {
			fmt.Fprintf(b, "- %s\n", strings.ReplaceAll(f, "\n", " "))
		}
	}
}

func (o *Outcome) leftOpen(peer string) (n uint64) {
	for _, cell := range o.Cells[peer] {
		for _, r := range cell.Rounds {
			n += r.LeftOpen
		}
	}
	return n
}

// family is the peers of one protocol.
type family struct {
	*Outcome

	title string
	peers []peers.Built
	base  string
}

func (o *Outcome) families() []family {
	var all []family
	for _, socketIO := range []bool{true, false} {
		f := family{Outcome: o, title: "Plain WebSocket"}
		if socketIO {
			f.title = "Socket.IO"
		}
		for _, p := range o.Peers {
			if p.SocketIO() == socketIO && slices.ContainsFunc(o.Works, func(w load.Work) bool { return !skip(p, w) }) {
				f.peers = append(f.peers, p)
			}
		}
		if len(f.peers) == 0 {
			continue
		}
		f.base = f.peers[0].Name
		for _, p := range f.peers {
			if slices.Contains(o.Config.Against, p.Name) {
				f.base = p.Name
			}
		}
		all = append(all, f)
	}
	return all
}

func (f family) write(b *strings.Builder) {
	busy := slices.DeleteFunc(slices.Clone(f.Works), func(w load.Work) bool { return w.Kind == load.Idle || w.Kind == load.Crowd })
	if len(busy) > 0 {
		fmt.Fprintf(b, "\n## %s: CPU of the server, µs for each message, delivery or cycle (× %s)\n\n", f.title, f.base)
		f.table(b, busy, func(p peers.Built, w load.Work) string { return f.ratio(p, w, "%.1f", cpuEach) })
		b.WriteString(f.spread(busy))
		b.WriteString(f.clientBound(busy))
		fmt.Fprintf(b, "\n## %s: latency p50 / p99, ms\n\n", f.title)
		f.table(b, busy, func(p peers.Built, w load.Work) string {
			return f.format(p, w, "%.2f", quantile(.5)) + " / " + f.format(p, w, "%.2f", quantile(.99))
		})
	}
	if i := slices.IndexFunc(f.Works, func(w load.Work) bool { return w.Kind == load.Idle }); i >= 0 {
		f.memory(b, f.Works[i])
	}
	if i := slices.IndexFunc(f.Works, func(w load.Work) bool { return w.Kind == load.Crowd }); i >= 0 {
		f.crowd(b, f.Works[i])
	}
}

func (f family) crowd(b *strings.Builder, w load.Work) {
	fmt.Fprintf(b, "\n## %s: %d connections at rest for %v, a broadcast to all each %v (× %s)\n\n", f.title, w.Conns, f.Config.Timing.Hold, w.Every, f.base)
	b.WriteString("| peer | KiB of memory (RSS) for each | CPU of a core | heartbeats for each | broadcast p50 / p99, ms | goroutines |\n|---|--:|--:|--:|--:|--:|\n")
	conns := float64(w.Conns)
	for _, p := range f.peers {
		fmt.Fprintf(b, "| %s | %s | %s %% | %s | %s / %s | %s |\n", p.Name,
			f.ratio(p, w, "%.1f", func(r *load.Result) float64 { return float64(r.Memory.Idle-r.Memory.Before) / 1024 / conns }),
			f.format(p, w, "%.1f", func(r *load.Result) float64 { return 100 * float64(r.ServerCPU) / float64(max(1, r.Elapsed)) }),
			f.format(p, w, "%.2f", func(r *load.Result) float64 { return float64(r.Heartbeats) / conns }),
			f.format(p, w, "%.0f", quantile(.5)), f.format(p, w, "%.0f", quantile(.99)), f.goroutines(p, w))
	}
}

func (f family) table(b *strings.Builder, works []load.Work, cell func(peers.Built, load.Work) string) {
	b.WriteString("| peer |")
	for _, w := range works {
		b.WriteString(" " + w.Name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(works)) + "\n")
	for _, p := range f.peers {
		b.WriteString("| " + p.Name + " |")
		for _, w := range works {
			b.WriteString(" " + cell(p, w) + " |")
		}
		b.WriteString("\n")
	}
}

func (f family) memory(b *strings.Builder, w load.Work) {
	fmt.Fprintf(b, "\n## %s: KiB of memory (RSS) for each connection (× %s)\n\n", f.title, f.base)
	b.WriteString("| peer | idle | after an echo | goroutines |\n|---|--:|--:|--:|\n")
	perConn := func(bytes int64) float64 { return float64(bytes) / 1024 / float64(w.Conns) }
	for _, p := range f.peers {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.Name,
			f.ratio(p, w, "%.1f", func(r *load.Result) float64 { return perConn(r.Memory.Idle - r.Memory.Before) }),
			f.ratio(p, w, "%.1f", func(r *load.Result) float64 { return perConn(r.Memory.AfterEcho - r.Memory.Before) }),
			f.goroutines(p, w))
	}
}

func (f family) goroutines(p peers.Built, w load.Work) string {
	if p.Script != "" {
		return none
	}
	return f.format(p, w, "%.2f", func(r *load.Result) float64 {
		return float64(r.Memory.GoroutinesAtIdle-r.Memory.GoroutinesBefore) / float64(w.Conns)
	})
}

// figure is a value of one round.
type figure func(*load.Result) float64

func cpuEach(r *load.Result) float64 { return float64(r.CPUEach()) / float64(time.Microsecond) }

func quantile(q float64) figure {
	return func(r *load.Result) float64 { return float64(r.Latency.Quantile(q)) / float64(time.Millisecond) }
}

func (o *Outcome) values(peer string, w load.Work, f figure) []float64 {
	var values []float64
	for _, r := range o.cell(peer, w.Name).Rounds {
		values = append(values, f(r))
	}
	return values
}

func (f family) format(p peers.Built, w load.Work, format string, value figure) string {
	if len(f.cell(p.Name, w.Name).Faults) > 0 {
		return "failed"
	}
	values := f.values(p.Name, w, value)
	if len(values) == 0 {
		return none
	}
	return fmt.Sprintf(format, stats.Median(values))
}

// ratio is the value and how many times that of the base it is.
func (f family) ratio(p peers.Built, w load.Work, format string, value figure) string {
	text := f.format(p, w, format, value)
	base := stats.Median(f.values(f.base, w, value))
	if text == none || text == "failed" || base == 0 {
		return text
	}
	return fmt.Sprintf("%s (%.2f)", text, stats.Median(f.values(p.Name, w, value))/base)
}

// clientBound names the cells in which the client had no core left, so that the
// server waited for it.
func (f family) clientBound(works []load.Work) string {
	var cells []string
	for _, p := range f.peers {
		for _, w := range works {
			share := stats.Median(f.values(p.Name, w, func(r *load.Result) float64 {
				return float64(r.ClientCPU) / float64(max(1, r.Elapsed))
			}))
			if share > 0.95 {
				cells = append(cells, p.Name+" "+w.Name)
			}
		}
	}
	if len(cells) == 0 {
		return ""
	}
	return "\nThe client was the limit in: " + strings.Join(cells, ", ") + ".\n"
}

// spread says how far the rounds differ.
func (f family) spread(works []load.Work) string {
	var spreads []float64
	var widest string
	for _, p := range f.peers {
		for _, w := range works {
			s := stats.Spread(f.values(p.Name, w, cpuEach))
			if s > 0 && s >= slices.Max(append(spreads, 0)) {
				widest = p.Name + ", " + w.Name
			}
			spreads = append(spreads, s)
		}
	}
	if widest == "" {
		return ""
	}
	return fmt.Sprintf("\nBetween rounds these differ by %.0f %% (median), at most by %.0f %% (%s).\n",
		100*stats.Median(spreads), 100*slices.Max(spreads), widest)
}
