package bars

import (
	"math"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/run"
)

// Outages are the works in which Redis is away, by all peers that need it.
func Outages() []Turn {
	peers := []node.Peer{node.Native, node.Classic, node.Centrifuge, node.SocketIO}
	return []Turn{{run.Stopped, peers}, {run.Killed, peers}}
}

// outages are the bars of peers of Gatehouse while Redis is away.
func outages(peers ...node.Peer) (bars []bar) {
	for _, w := range []run.Work{run.Stopped, run.Killed} {
		for _, p := range peers {
			name := string(w) + ", " + string(p) + ": "
			bars = append(bars,
				bar{name: "CT10", what: name + "p99 of Emit in handlers while Redis is away", unit: "µs", ours: of(w, p, awayP99), theirs: of(w, p, quietP99), peer: "before", limit: 2},
				bar{name: "CT10", what: name + "handlers that wait for Redis", ours: of(w, p, waiting), theirs: one, limit: 0},
				bar{name: "CT10", what: name + "memory that the node takes", unit: "MiB", ours: of(w, p, grown), theirs: one, limit: 40},
				bar{name: "CT10", what: name + "broadcasts lost without being counted", ours: of(w, p, uncounted), theirs: one, limit: 0},
			)
		}
	}
	return bars
}

func outage(f func(*run.Outage) float64) func(*run.Figures) float64 {
	return func(all *run.Figures) float64 { return f(all.Outage) }
}

// known is a count, which is -1 where there is none.
func known(n int) float64 {
	if n < 0 {
		return math.NaN()
	}
	return float64(n)
}

var (
	quietP50  = outage(func(o *run.Outage) float64 { return micros(o.Quiet.P50) })
	quietP99  = outage(func(o *run.Outage) float64 { return micros(o.Quiet.P99) })
	quietMax  = outage(func(o *run.Outage) float64 { return millis(o.Quiet.Max) })
	awayP50   = outage(func(o *run.Outage) float64 { return micros(o.Away.P50) })
	awayP99   = outage(func(o *run.Outage) float64 { return micros(o.Away.P99) })
	awayMax   = outage(func(o *run.Outage) float64 { return millis(o.Away.Max) })
	quietDone = outage(func(o *run.Outage) float64 { return float64(o.Quiet.Called - o.Quiet.Active) })
	awayDone  = outage(func(o *run.Outage) float64 { return float64(o.Away.Called - o.Away.Active) })
	ownServed = outage(func(o *run.Outage) float64 { return 100 * o.OwnMeanwhile })
	waiting   = outage(func(o *run.Outage) float64 {
		if o.Rest < 0 {
			return math.NaN()
		}
		return float64(o.Waiting)
	})
	atRest    = outage(func(o *run.Outage) float64 { return known(o.Rest) })
	busy      = outage(func(o *run.Outage) float64 { return known(o.Busy) })
	during    = outage(func(o *run.Outage) float64 { return known(o.During) })
	after     = outage(func(o *run.Outage) float64 { return known(o.After) })
	called    = outage(func(o *run.Outage) float64 { return float64(o.Called) })
	failed    = outage(func(o *run.Outage) float64 { return float64(o.Failed) })
	lostOwn   = outage(func(o *run.Outage) float64 { return float64(o.LostOwn) })
	lostOther = outage(func(o *run.Outage) float64 { return float64(o.LostOther) })
	counted   = outage(func(o *run.Outage) float64 { return known(o.Counted) })
	uncounted = outage(func(o *run.Outage) float64 {
		if o.Counted < 0 {
			return math.NaN()
		}
		return math.Abs(float64(o.LostOther - o.Counted))
	})
	again = outage(func(o *run.Outage) float64 { return millis(o.Again) })
	cut   = outage(func(o *run.Outage) float64 { return float64(o.Cut) })
	grown = outage(func(o *run.Outage) float64 { return float64(o.Grown) / (1 << 20) })
)

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// outageTables are the tables of Stopped and Killed, which have too many columns for one.
var outageTables = []struct {
	name    string
	columns []column
}{
	{"Emit in handlers", []column{
		{"p50 before, µs", quietP50},
		{"p99", quietP99},
		{"max, ms", quietMax},
		{"handlers that ended", quietDone},
		{"p50 meanwhile, µs", awayP50},
		{"p99", awayP99},
		{"max, ms", awayMax},
		{"handlers that ended", awayDone},
		{"errors, to the end", failed},
	}},
	{"goroutines and memory", []column{
		{"goroutines without load", atRest},
		{"with it, at most", busy},
		{"meanwhile, at most", during},
		{"at the end", after},
		{"handlers that wait for Redis, at most", waiting},
		{"memory taken, MiB", grown},
		{"callers disconnected", cut},
	}},
	{"broadcasts", []column{
		{"emitted", called},
		{"received at the same node meanwhile, %", ownServed},
		{"lost at the same node", lostOwn},
		{"lost at the other node", lostOther},
		{"counted there", counted},
		{"the other node receives again after, ms", again},
	}},
}
