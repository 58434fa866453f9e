package run

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/client"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

// Outage is what handlers that emit, and clients, notice while Redis is away. Counts of goroutines are -1 where the
// peer has none.
type Outage struct {
	Quiet, Away node.Handlers // Called and Failed are those of the phase
	// Rest, Busy, During and After are how many goroutines the node has that emits: without load, at most with it,
	// at most while Redis is away, and after it all.
	Rest, Busy, During, After int
	// Waiting is how many handlers at most wait for Redis in a profile while it is away.
	Waiting int
	// OwnMeanwhile is the share of the broadcasts that a client of the same node receives while Redis is away.
	OwnMeanwhile float64
	// Again is how long after Redis is back a client of the other node receives what is emitted after that.
	Again time.Duration
	// Called is how many handlers have emitted from start to end, Failed how many of them got an error, LostOwn and
	// LostOther how many of the broadcasts a client of the same and of the other node has not received, and Counted
	// how many the other node has counted as lost; -1 where the peer does not count.
	Called, Failed, LostOwn, LostOther, Counted int
	// Cut is how many of the callers were disconnected.
	Cut int
	// Grown is the memory (RSS) that the node has taken at most since Redis was away.
	Grown int64
}

const (
	// looks is how often a phase looks at the node.
	looks = 20
	// warmup is for how long at most the load goes on before it is measured, and after the nodes deliver again.
	warmup = 2 * time.Second
	// settled is for how long nothing has changed when it is taken as the end; settledCounted where the node counts
	// what it has lost, which it is to do within some beats of the others.
	settled, settledCounted = 5 * time.Second, 30 * time.Second
)

// outage is a run of Stopped or Killed.
type outage struct {
	c      *cluster
	warmup time.Duration
	load   *load
	counts bool // the nodes count what they have lost
	gaps   int  // of the other node, before
	rss    int64
	own    *client.Client
	other  *client.Client
	Outage
}

// outage measures handlers that emit at a fixed rate, first as usual, then while Redis is away, and what has become of
// their broadcasts.
func (r *Runner) outage(ctx context.Context, c *cluster, w Work, peer node.Peer) (*Figures, error) {
	if err := c.connected(ctx); err != nil {
		return nil, err
	}
	o := &outage{c: c, warmup: min(warmup, r.Away), own: c.clients[0][0], other: c.clients[1][0], counts: peer == node.Native || peer == node.Classic}
	if err := o.start(ctx, peer); err != nil {
		return nil, err
	}
	defer o.load.close()
	f, err := o.run(ctx, r.Away, w)
	o.load.stop()
	if err == nil {
		if err = o.settle(ctx); err != nil {
			err = fmt.Errorf("at the end: %w", err)
		}
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s, %s: %+v\n", w, peer, o.Outage)
	f.Outage = &o.Outage
	return f, nil
}

// start connects the callers, and has the clients of both nodes count from then on.
func (o *outage) start(ctx context.Context, peer node.Peer) (err error) {
	o.Rest, o.Busy, o.During, o.After, o.Counted = -1, -1, -1, -1, -1
	before, err := o.handlers(ctx)
	if err != nil {
		return err
	}
	o.own.From(before.Next)
	o.other.From(before.Next)
	if o.counts {
		if err := o.c.met(ctx); err != nil {
			return err
		}
		s, err := o.c.nodes[1].do(ctx, node.Request{Do: node.Stats})
		if err != nil {
			return err
		}
		o.gaps = int(s.Gaps)
	}
	if o.load, err = o.c.load(ctx, peer); err != nil {
		return err
	}
	if err := o.rest(ctx); err != nil {
		o.load.close()
		return err
	}
	o.load.start()
	return nil
}

// rest counts the goroutines without load: at least, since some are about to end.
func (o *outage) rest(ctx context.Context) error {
	for range looks {
		g, ok, err := o.c.nodes[0].profile(ctx)
		if err != nil || !ok {
			return err
		}
		if o.Rest < 0 || g.all < o.Rest {
			o.Rest = g.all
		}
		if err := o.sleep(ctx, o.warmup/looks); err != nil {
			return err
		}
	}
	return nil
}

// run returns when the nodes deliver again.
func (o *outage) run(ctx context.Context, away time.Duration, w Work) (*Figures, error) {
	if err := o.sleep(ctx, o.warmup); err != nil {
		return nil, err
	}
	f := &Figures{}
	before, err := o.c.cpu()
	if err != nil {
		return nil, err
	}
	var seen goroutines
	if seen, o.Quiet, err = o.phase(ctx, away); err != nil {
		return nil, fmt.Errorf("before Redis was away: %w", err)
	}
	after, err := o.c.cpu()
	if err != nil {
		return nil, err
	}
	f.Noise = after.noise(before)
	if o.Rest >= 0 {
		o.Busy = seen.all
	}
	rss := o.rss
	if o.rss, err = proc.RSS(o.c.nodes[0].pid()); err != nil {
		return nil, err
	}
	start := max(o.rss, rss)
	got := o.own.Got()
	if err := o.leave(w); err != nil {
		return nil, err
	}
	seen, o.Away, err = o.phase(ctx, away)
	o.OwnMeanwhile = float64(o.own.Got()-got) / float64(max(1, o.Away.Called))
	if err != nil {
		return nil, fmt.Errorf("while Redis was away: %w", err)
	}
	if o.Rest >= 0 {
		o.During, o.Waiting = seen.all, seen.waiting
	}
	if err := o.back(ctx, w); err != nil {
		return nil, err
	}
	err = o.again(ctx)
	o.Grown = max(0, o.rss-start)
	return f, err
}

// leave ends Redis, or stops it.
func (o *outage) leave(w Work) error {
	if w == Killed {
		o.c.redis.stop()
		return nil
	}
	return o.c.redis.cmd.Process.Signal(syscall.SIGSTOP)
}

// back has it run again.
func (o *outage) back(ctx context.Context, w Work) error {
	if w == Killed {
		if err := o.c.redis.restart(ctx); err != nil {
			return err
		}
		o.other.Mark()
		return nil
	}
	o.other.Mark()
	return o.c.redis.cmd.Process.Signal(syscall.SIGCONT)
}

// phase has the load go on for a time, and looks at the node that emits meanwhile.
func (o *outage) phase(ctx context.Context, d time.Duration) (seen goroutines, h node.Handlers, err error) {
	before, err := o.handlers(ctx)
	if err != nil {
		return seen, h, err
	}
	end := time.NewTimer(d)
	defer end.Stop()
	look := time.NewTicker(max(d/looks, 20*time.Millisecond))
	defer look.Stop()
	for {
		select {
		case <-look.C:
			g, _, err := o.c.nodes[0].profile(ctx)
			if err != nil {
				return seen, h, err
			}
			seen.most(g)
			if err := o.weigh(); err != nil {
				return seen, h, err
			}
		case <-end.C:
			h, err = o.handlers(ctx)
			h.Called -= before.Called
			h.Failed -= before.Failed
			return seen, h, err
		case <-ctx.Done():
			return seen, h, ctx.Err()
		}
	}
}

// weigh notes the memory of the node that emits.
func (o *outage) weigh() error {
	rss, err := proc.RSS(o.c.nodes[0].pid())
	o.rss = max(o.rss, rss)
	return err
}

// again waits until the other node has what is emitted after Redis is back.
func (o *outage) again(ctx context.Context) error {
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	for {
		var ok bool
		if o.Again, ok = o.other.After(); ok {
			break
		}
		if err := o.c.failed(); err != nil {
			return fmt.Errorf("after Redis was away: %w", err)
		}
		select {
		case <-o.c.progress:
		case <-late.C:
			return fmt.Errorf("%v after Redis was back, a client of the other node has received nothing that was emitted since", answerWithin)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return o.sleep(ctx, o.warmup)
}

// sleep has the load go on.
func (o *outage) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return o.weigh()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handlers returns those of the node that emits.
func (o *outage) handlers(ctx context.Context) (node.Handlers, error) {
	r, err := o.c.nodes[0].do(ctx, node.Request{Do: node.Calls})
	return r.Handlers, err
}

// settle waits for the end of what is on its way: until nothing is missing that is not counted, or nothing has changed
// for long.
func (o *outage) settle(ctx context.Context) error {
	patience := settled
	if o.counts {
		patience = settledCounted
	}
	last, since := Outage{}, time.Now()
	for {
		queued, active, err := o.tally(ctx)
		if err != nil {
			return err
		}
		if o.Outage != last {
			last, since = o.Outage, time.Now()
		}
		ended := active == 0 && queued == 0 && o.Called == int(o.load.sent.Load()) && o.LostOwn == 0 && o.LostOther == max(0, o.Counted)
		if ended || time.Since(since) > patience {
			return o.rested(ctx)
		}
		if err := o.sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// tally counts what was emitted, received and lost.
func (o *outage) tally(ctx context.Context) (queued, active int, err error) {
	h, err := o.handlers(ctx)
	if err != nil {
		return 0, 0, err
	}
	o.Called, o.Failed = h.Called, h.Failed
	o.LostOwn, o.LostOther = h.Called-o.own.Got(), h.Called-o.other.Got()
	o.Cut, _ = o.load.cut()
	if o.counts {
		s, err := o.c.nodes[1].do(ctx, node.Request{Do: node.Stats})
		if err != nil {
			return 0, 0, err
		}
		o.Counted = int(s.Gaps) - o.gaps
		if s, err = o.c.nodes[0].do(ctx, node.Request{Do: node.Stats}); err != nil {
			return 0, 0, err
		}
		queued = s.Queued
	}
	return queued, h.Active, o.c.failed()
}

// rested counts the goroutines when the load has ended: some end a while later.
func (o *outage) rested(ctx context.Context) error {
	for end := time.Now().Add(2 * settled); o.Rest >= 0; {
		g, _, err := o.c.nodes[0].profile(ctx)
		if err != nil {
			return err
		}
		o.After = g.all
		if g.all <= o.Rest || time.Now().After(end) {
			break
		}
		if err := o.sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
