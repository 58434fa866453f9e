package compare

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/internal/load"
	"github.com/gatehouse-go/gatehouse/bench/internal/peers"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// Cell is what one peer did with one work.
type Cell struct {
	Rounds []*load.Result
	Faults []string // of all rounds; empty: every answer was right
}

// Outcome of a comparison.
type Outcome struct {
	Config  Config
	Machine Machine
	Works   []load.Work
	Peers   []peers.Built
	Left    []peers.Left
	Cells   map[string]map[string]*Cell // by peer and work
	Took    time.Duration
}

// cell finds a cell; an empty one where nothing was measured.
func (o *Outcome) cell(peer, work string) *Cell {
	if c := o.Cells[peer][work]; c != nil {
		return c
	}
	return &Cell{}
}

// Failed lists what went wrong, a line each.
func (o *Outcome) Failed() []string {
	var lines []string
	for _, p := range o.Peers {
		for _, w := range o.Works {
			for _, f := range o.cell(p.Name, w.Name).Faults {
				lines = append(lines, fmt.Sprintf("%s, %s: %s", p.Name, w.Name, f))
			}
		}
	}
	return lines
}

// Run compares. Each measurement is a new process of the peer. In each round and
// work, all peers take their turn, so that what changes on the machine hits all.
func Run(ctx context.Context, c Config) (*Outcome, error) {
	start := time.Now()
	works, err := c.works()
	if err != nil {
		return nil, err
	}
	chosen, err := peers.Choose(c.Peers)
	if err != nil {
		return nil, err
	}
	if _, err := peers.Choose(c.Against); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c.Progress("building %d peers", len(chosen))
	files, err := proc.RaiseFiles()
	if err != nil {
		return nil, err
	}
	if most := files - spareFiles; c.Crowd > most && slices.ContainsFunc(works, func(w load.Work) bool { return w.Kind == load.Crowd }) {
		return nil, fmt.Errorf("a process may have %d files: choose -crowd %d, or raise the limit", files, most)
	}
	built, left := peers.Build(ctx, c.Root, dir, chosen)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, l := range left {
		c.Progress("without %s: %v", l.Name, l.Why)
	}
	o := &Outcome{Config: c, Works: works, Peers: built, Left: left, Cells: map[string]map[string]*Cell{}}
	o.Machine = describe(ctx, c)
	pins, restore, err := pin()
	if err != nil {
		o.Machine.Pinning = fmt.Sprintf("not pinned (%v): client and server disturb each other", err)
	} else {
		defer restore()
		o.Machine.Pinning = fmt.Sprintf("server on core %d, client on core %d", pins.Server, pins.Client)
	}
	for round := range c.Rounds {
		for _, w := range works {
			for _, p := range built {
				if skip(p, w) {
					continue
				}
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				o.add(p.Name, w.Name, measure(ctx, c, p, w, pins))
			}
			c.Progress("round %d of %d: %s done after %v", round+1, c.Rounds, w.Name, time.Since(start).Round(time.Second))
		}
	}
	o.Took = time.Since(start)
	return o, nil
}

// skip: the floor knows no broadcast.
func skip(p peers.Built, w load.Work) bool {
	return p.Mixed && w.Kind != load.Crowd || p.Protocol == wire.Raw && w.Kind == load.Broadcast || p.EchoOnly && (w.Kind != load.Echo || w.Rate > 0)
}

// spareFiles is how many files a server has beside its connections, at most.
const spareFiles = 200

// warmupOfNode is how many times as long Node and Bun warm up: they compile as they run.
const warmupOfNode = 3

type measured struct {
	result *load.Result
	err    error
}

func measure(ctx context.Context, c Config, p peers.Built, w load.Work, pins *peers.Pins) measured {
	process, err := p.Start(ctx, pins)
	if err != nil {
		return measured{err: err}
	}
	defer process.Stop()
	timing := c.Timing
	if p.Script != "" {
		timing.Warmup *= warmupOfNode
	}
	res, err := load.Run(ctx, process.Server(), w, timing)
	return measured{res, err}
}

func (o *Outcome) add(peer, work string, m measured) {
	if o.Cells[peer] == nil {
		o.Cells[peer] = map[string]*Cell{}
	}
	c := o.Cells[peer][work]
	if c == nil {
		c = &Cell{}
		o.Cells[peer][work] = c
	}
	if m.err != nil {
		c.Faults = append(c.Faults, m.err.Error())
		return
	}
	c.Rounds = append(c.Rounds, m.result)
	if !m.result.OK() {
		c.Faults = append(c.Faults, fmt.Sprintf("%d answers lost, %d wrong, %d connections broken; %q",
			m.result.Lost, m.result.Wrong, m.result.Broken, m.result.Faults))
	}
}

// pin puts this process on one core and leaves another to the servers.
func pin() (pins *peers.Pins, restore func(), err error) {
	cores, err := proc.Cores()
	if err != nil {
		return nil, nil, err
	}
	if len(cores) < 2 {
		return nil, nil, fmt.Errorf("there is one core only")
	}
	pins = &peers.Pins{Server: cores[0], Client: cores[1]}
	if err := proc.PinAll(pins.Client); err != nil {
		return nil, nil, err
	}
	procs := runtime.GOMAXPROCS(1) // there is one core to run on
	return pins, func() {
		runtime.GOMAXPROCS(procs)
		_ = proc.PinAll(cores...) // it was so before
	}, nil
}
