package cluster

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
)

// Step is what an observer of a node sees: a change of its health, or a loss.
type Step struct {
	Kind StepKind
	// Messages is how many were lost since the last step of the kind.
	Messages int
	// Err is why, for Degraded and Down.
	Err error
}

// StepKind is what a step is about.
type StepKind uint8

// The kinds of steps: a node is in one of the first three states.
const (
	Well     StepKind = iota // connected, and nothing was lost within the last minute
	Degraded                 // connected, but messages were lost
	Down                     // not connected
	Gap                      // messages of another node have not arrived
	Dropped                  // messages were not sent, or perhaps not
)

// observe calls the observer, which may end its goroutine.
func (c *Cluster) observe(s Step) {
	if c.cfg.Observe == nil {
		return
	}
	if err := recovered.Do(func() { c.cfg.Observe(s) }); err != nil {
		c.log.Error("an observer of the backplane failed", "error", err)
	}
}

// changed logs and reports a change of the health.
func (c *Cluster) changed(was, is Health) {
	s := Step{Err: is.Reason}
	switch {
	case !is.Up:
		s.Kind = Down
		c.log.Warn("backplane is not connected: the application serves its own clients, and connects when it can", "error", is.Reason)
	case is.Degraded:
		s.Kind = Degraded
		c.log.Warn("backplane is degraded: events between nodes were lost", "error", is.Reason)
	case was.Up:
		c.log.Info("backplane has lost nothing for a minute")
	default:
		c.log.Info("backplane is connected")
	}
	c.observe(s)
}

var errLost = errors.New("messages of other nodes were lost")

// gap counts messages about clients that are lost. Those about nodes are not counted: beats repeat
// what they say.
func (c *Cluster) gap(l Loss) {
	c.countGap(l)
	if c.cfg.Gap != nil {
		c.cfg.Gap(l)
	}
}

func (c *Cluster) countGap(l Loss) {
	n := l.Last - l.First + 1
	c.counts.gaps.Add(n)
	if k := c.gapLog.Count(); k > 0 {
		c.log.Error("messages of another node were lost", "node", l.Origin, "messages", n, "gaps", k)
	}
	c.link.lose(errLost)
}

// dropped counts messages that the others do not receive, or perhaps not.
func (c *Cluster) dropped(n int, err error) {
	c.counts.dropped.Add(uint64(n))
	if k := c.sendLog.Count(); k > 0 {
		c.log.Error("messages may not have reached other nodes", "error", err, "messages", n, "failures", k)
	}
	c.link.lose(err)
}

// losses reports what was lost since the last call: not at once, so that an observer that emits
// has no part in it.
func (c *Cluster) losses() {
	for _, l := range []struct {
		kind     StepKind
		n        *atomic.Uint64
		reported *uint64
	}{{Gap, &c.counts.gaps, &c.reportedGaps}, {Dropped, &c.counts.dropped, &c.reportedDrops}} {
		if n := l.n.Load(); n > *l.reported {
			c.observe(Step{Kind: l.kind, Messages: int(n - *l.reported)})
			*l.reported = n
		}
	}
}

var errStop = fmt.Errorf("%w before they were sent", ErrStopped)
