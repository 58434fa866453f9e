// Package bars compares what was measured with the ratios that are to be kept.
package bars

import (
	"math"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
	"github.com/gatehouse-go/gatehouse/bench/internal/stats"
)

// Round is what all peers have shown in one turn.
type Round map[run.Work]map[node.Peer]*run.Figures

// Add adds figures.
func (r Round) Add(peer node.Peer, figures map[run.Work]*run.Figures) {
	for work, f := range figures {
		if r[work] == nil {
			r[work] = map[node.Peer]*run.Figures{}
		}
		r[work][peer] = f
	}
}

// value is one figure of a round; ok is false where it was not measured.
type value func(Round) (v float64, ok bool)

func of(w run.Work, p node.Peer, f func(*run.Figures) float64) value {
	return func(r Round) (float64, bool) {
		figures := r[w][p]
		if figures == nil {
			return 0, false
		}
		v := f(figures)
		return v, !math.IsNaN(v)
	}
}

// minus is the difference of two values.
func minus(a, b value) value {
	return func(r Round) (float64, bool) {
		x, ok := a(r)
		y, also := b(r)
		return x - y, ok && also
	}
}

// one stands where a bar is no ratio.
func one(Round) (float64, bool) { return 1, true }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func origin(f *run.Figures) float64    { return micros(f.Origin) }
func remote(f *run.Figures) float64    { return micros(f.Remote) }
func redis(f *run.Figures) float64     { return micros(f.Redis) }
func perSecond(f *run.Figures) float64 { return f.PerSecond / 1000 }
func mallocs(f *run.Figures) float64   { return f.Mallocs }

func total(f *run.Figures) float64 { return micros(f.Origin + f.Remote + f.Redis) }

func local(q float64) func(*run.Figures) float64 {
	return func(f *run.Figures) float64 { return quantile(f.Local, q) }
}

func across(q float64) func(*run.Figures) float64 {
	return func(f *run.Figures) float64 { return quantile(f.Across, q) }
}

func quantile(h *hist.Histogram, q float64) float64 { return micros(h.Quantile(q)) }

// bar is a ratio to keep.
type bar struct {
	name, what   string
	unit         string
	ours, theirs value
	peer         string // whose value theirs is
	limit        float64
	atLeast      bool // otherwise at most
}

func usual() []bar {
	var bars []bar
	three := func(name string, w run.Work, ours, theirs node.Peer, limits [3]float64) {
		for i, f := range []struct {
			what string
			of   func(*run.Figures) float64
		}{{"origin", origin}, {"remote", remote}, {"Redis", redis}} {
			bars = append(bars, bar{
				name: name, what: string(w) + ", " + string(ours) + ": CPU of " + f.what, unit: "µs", ours: of(w, ours, f.of),
				theirs: of(w, theirs, f.of), peer: string(theirs), limit: limits[i],
			})
		}
	}
	one1, twenty := [3]float64{0.52, 0.67, 0.10}, [3]float64{0.93, 0.94, 0.10}
	three("B1", run.Burst1, node.Native, node.Centrifuge, one1)
	three("B1 ×64", run.Burst1, node.Native, node.CentrifugeTogether, one1)
	three("B2", run.Burst2, node.Native, node.Centrifuge, twenty)
	three("B2 ×64", run.Burst2, node.Native, node.CentrifugeTogether, twenty)
	three("B4", run.Burst2, node.Streams, node.CentrifugeHistory, [3]float64{1, 1, 1})
	three("B3", run.Burst2, node.Classic, node.SocketIO, [3]float64{0.4, 0.4, 1})
	nativeOrigin := of(run.Burst1, node.Native, origin)
	bars = append(bars,
		bar{
			name: "B5", what: "flood, native: thousand messages a second, none lost", unit: "k/s", ours: of(run.Flood, node.Native, perSecond),
			theirs: of(run.Flood, node.Frames, perSecond), peer: string(node.Frames), limit: 0.18, atLeast: true,
		},
		bar{name: "B6", what: "rate 2×1, native: p50 at the same node", unit: "µs", ours: of(run.Rate1, node.Native, local(.5)), theirs: of(run.Rate1, node.SocketIO, local(.5)), peer: string(node.SocketIO), limit: 0.5},
		bar{name: "B6", what: "rate 2×1, native: p50 at the other node", unit: "µs", ours: of(run.Rate1, node.Native, across(.5)), theirs: of(run.Rate1, node.SocketIO, across(.5)), peer: string(node.SocketIO), limit: 0.85},
		bar{name: "B6", what: "rate 2×1, native: p99 at the other node", unit: "µs", ours: of(run.Rate1, node.Native, across(.99)), theirs: of(run.Rate1, node.SocketIO, across(.99)), peer: string(node.SocketIO), limit: 1},
		bar{name: "B6", what: "rate 2×1, streams: p50 at the same node", unit: "µs", ours: of(run.Rate1, node.Streams, local(.5)), theirs: of(run.Rate1, node.CentrifugeHistory, local(.5)), peer: string(node.CentrifugeHistory), limit: 1.6},
		bar{name: "B7", what: "rate 2×1, native: CPU of both nodes and Redis", unit: "µs", ours: of(run.Rate1, node.Native, total), theirs: of(run.Rate1, node.SocketIO, total), peer: string(node.SocketIO), limit: 0.6},
		bar{name: "B8", what: "apart, native: CPU of a node without a recipient", unit: "µs", ours: of(run.Apart, node.Native, remote), theirs: of(run.Burst1, node.Native, remote), peer: "remote of B1", limit: 0.2},
		bar{name: "B9", what: "cost, native: CPU that the backplane adds to Emit", unit: "µs", ours: minus(of(run.Cost, node.Native, origin), of(run.Cost, node.Alone, origin)), theirs: nativeOrigin, peer: "origin of B1", limit: 0.17},
		bar{name: "B9", what: "cost, native: allocations that it adds", ours: minus(of(run.Cost, node.Native, mallocs), of(run.Cost, node.Alone, mallocs)), theirs: one, limit: 1},
	)
	return append(bars, outages(node.Native)...)
}

// ratios are ours over theirs in each round, and the medians of both.
func (b bar) ratios(rounds []Round) (ratios []float64, ours, theirs float64) {
	var x, y []float64
	for _, r := range rounds {
		mine, ok := b.ours(r)
		its, also := b.theirs(r)
		if !ok || !also || its == 0 {
			continue
		}
		x, y, ratios = append(x, mine), append(y, its), append(ratios, mine/its)
	}
	return ratios, stats.Median(x), stats.Median(y)
}

func (b bar) kept(ratio float64) bool {
	if b.atLeast {
		return ratio >= b.limit
	}
	return ratio <= b.limit
}

// Usual are the works, and the peers of each, in the order of measuring.
func Usual() []Turn {
	return []Turn{
		{run.Burst1, []node.Peer{node.Native, node.Centrifuge, node.CentrifugeTogether, node.SocketIO, node.Classic, node.Embedded, node.Streams, node.CentrifugeHistory}},
		{run.Burst2, []node.Peer{node.Native, node.Centrifuge, node.CentrifugeTogether, node.Classic, node.SocketIO, node.Embedded, node.Streams, node.CentrifugeHistory}},
		{run.Apart, []node.Peer{node.Native}},
		{run.Flood, []node.Peer{node.Native, node.Frames, node.Embedded}},
		{run.Cost, []node.Peer{node.Alone, node.Native}},
		{run.Stopped, []node.Peer{node.Native}},
		{run.Killed, []node.Peer{node.Native}},
	}
}

// Turn is a work and the peers that do it, one after another.
type Turn struct {
	Work  run.Work
	Peers []node.Peer
}
