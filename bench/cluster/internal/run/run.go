// Package run has nodes in processes of their own do work, and measures what each of them uses.
package run

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/hist"
)

// Runner measures.
type Runner struct {
	Root string // the folder bench
	// Burst is how many broadcasts a burst has, Flood those of a flood, Rate those at a fixed rate.
	Burst, Flood, Rate int
	// Away is how long Redis is away in Stopped and Killed.
	Away time.Duration
	// Queue is how many messages may wait for the other nodes in Gatehouse, 0 its default.
	Queue int
}

// PerSecond is the fixed rate.
const PerSecond = 1000

// Work is what a cluster does.
type Work string

// The works. The first node emits; its clients, those of the others and Redis share the machine.
const (
	Burst1 Work = "burst 2×1"  // as fast as possible to 1 client on each of 2 nodes
	Rate1  Work = "rate 2×1"   // 1,000 a second to the same; follows Burst1
	Burst2 Work = "burst 2×20" // to 20 clients on each of 2 nodes
	Apart  Work = "apart"      // as Burst1, to a room without a client on the other node
	Flood  Work = "flood"      // to a room without clients, on 3 nodes
	Cost   Work = "cost"       // on one node, without clients
	// 1,000 handlers a second emit, while Redis is away: by SIGSTOP, by SIGKILL
	Stopped Work = "stopped"
	Killed  Work = "killed"
)

// Figures are what one run has shown, for each broadcast.
type Figures struct {
	Origin, Remote, Redis time.Duration // CPU of the node that emits, of each other one, and of Redis
	PerSecond             float64
	Local, Across         *hist.Histogram // Rate1: from emit to receipt at the same and at another node
	Mallocs               float64         // Cost
	Outage                *Outage         // Stopped, Killed
	Noise                 float64         // cores that other programs used
}

// Measure starts a cluster of the peer, and ends it. Burst1 returns the figures of Rate1 too.
func (r *Runner) Measure(ctx context.Context, w Work, peer node.Peer) (map[Work]*Figures, error) {
	s, ok := map[Work]shape{
		Burst1: {nodes: 2, clients: 1}, Burst2: {nodes: 2, clients: 20}, Apart: {nodes: 2, clients: 1, apart: true},
		Flood: {nodes: 3}, Cost: {nodes: 1}, Stopped: {nodes: 2, clients: 1, once: true}, Killed: {nodes: 2, clients: 1, once: true},
	}[w]
	if !ok {
		return nil, fmt.Errorf("there is no work %q", w)
	}
	if peer == node.Frames {
		s.nodes = 1
	}
	c, err := r.up(ctx, peer, s)
	if err != nil {
		return nil, err
	}
	defer c.down()
	out := map[Work]*Figures{}
	switch w {
	case Flood:
		out[w], err = r.flood(ctx, c)
	case Cost:
		out[w], err = r.cost(ctx, c)
	case Stopped, Killed:
		out[w], err = r.outage(ctx, c, w, peer)
	default:
		err = r.broadcasts(ctx, c, w, peer, out)
	}
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", w, peer, err)
	}
	return out, nil
}

func (r *Runner) broadcasts(ctx context.Context, c *cluster, w Work, peer node.Peer, out map[Work]*Figures) error {
	if err := c.connected(ctx); err != nil {
		return err
	}
	warmup := r.Burst / 4
	if peer == node.SocketIO {
		warmup *= 3 // it compiles as it runs
	}
	room := ""
	if w == Apart {
		room = names[0]
	}
	if err := c.burst(ctx, room, warmup); err != nil {
		return err
	}
	var err error
	if out[w], err = c.measured(r.Burst, func() error { return c.burst(ctx, room, r.Burst) }); err != nil || w != Burst1 {
		return err
	}
	for _, of := range c.clients {
		of[0].TakeLatency()
	}
	if out[Rate1], err = c.measured(r.Rate, func() error { return c.rate(ctx, r.Rate) }); err != nil {
		return err
	}
	out[Rate1].Local, out[Rate1].Across = c.clients[0][0].TakeLatency(), c.clients[1][0].TakeLatency()
	return nil
}

// measured counts the CPU that n broadcasts took.
func (c *cluster) measured(n int, work func() error) (*Figures, error) {
	time.Sleep(20 * time.Millisecond) // the work before has its end
	before, err := c.cpu()
	if err != nil {
		return nil, err
	}
	if err := work(); err != nil {
		return nil, err
	}
	after, err := c.cpu()
	if err != nil {
		return nil, err
	}
	each := func(d time.Duration) time.Duration { return d / time.Duration(n) }
	f := &Figures{
		Redis: each(after.redis - before.redis), PerSecond: float64(n) / after.at.Sub(before.at).Seconds(), Noise: after.noise(before),
	}
	for i := range after.nodes {
		used := after.nodes[i] - before.nodes[i]
		if i == 0 {
			f.Origin = each(used)
		} else {
			f.Remote += each(used) / time.Duration(len(after.nodes)-1)
		}
	}
	return f, nil
}

const (
	// chunk is how many broadcasts are asked for at once, and window how many of them at most no client has.
	chunk, window = 256, 1024
)

// burst has the first node emit n broadcasts, as fast as clients receive them.
func (c *cluster) burst(ctx context.Context, room string, n int) error {
	receivers := len(c.nodes)
	if room != "" {
		receivers = 1
	}
	end, asked := c.sent+n, 0
	for c.sent < end {
		if err := c.until(ctx, receivers, c.sent+chunk-window); err != nil {
			return err
		}
		count := min(chunk, end-c.sent)
		if err := c.nodes[0].ask(node.Request{Do: node.Burst, Count: count, Room: room}); err != nil {
			return err
		}
		c.sent += count
		asked++
	}
	for range asked {
		if _, err := c.nodes[0].reply(ctx); err != nil {
			return err
		}
	}
	if err := c.until(ctx, receivers, c.sent); err != nil {
		return err
	}
	if room == "" {
		return nil
	}
	return c.last(ctx)
}

// last sends a broadcast to the clients of all nodes: what was sent before has been read when it arrives.
func (c *cluster) last(ctx context.Context) error {
	for _, of := range c.clients[1:] {
		for _, one := range of {
			c.base[one] = one.Got() - c.sent
		}
	}
	if _, err := c.nodes[0].do(ctx, node.Request{Do: node.Burst, Count: 1}); err != nil {
		return err
	}
	c.sent++
	return c.until(ctx, len(c.nodes), c.sent)
}

func (c *cluster) rate(ctx context.Context, n int) error {
	if _, err := c.nodes[0].do(ctx, node.Request{Do: node.Rate, Count: n, PerSecond: PerSecond}); err != nil {
		return err
	}
	c.sent += n
	return c.until(ctx, len(c.nodes), c.sent)
}

// flood measures how fast all other nodes receive what one sends.
func (r *Runner) flood(ctx context.Context, c *cluster) (*Figures, error) {
	request := node.Request{Do: node.Flood, Count: r.Flood, Room: "empty"}
	if len(c.nodes) == 1 {
		reply, err := c.nodes[0].do(ctx, request)
		return &Figures{PerSecond: float64(r.Flood) / max(reply.Took.Seconds(), 1e-9)}, err
	}
	if err := c.met(ctx); err != nil {
		return nil, err
	}
	before := make([]node.Reply, len(c.nodes))
	for i, p := range c.nodes {
		var err error
		if before[i], err = p.do(ctx, node.Request{Do: node.Stats}); err != nil {
			return nil, err
		}
	}
	return c.measured(r.Flood, func() error {
		if _, err := c.nodes[0].do(ctx, request); err != nil {
			return err
		}
		for i, p := range c.nodes[1:] {
			if err := p.received(ctx, before[i+1], r.Flood); err != nil {
				return err
			}
		}
		return nil
	})
}

// met waits until each node knows the others.
func (c *cluster) met(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for _, p := range c.nodes {
		for {
			r, err := p.do(ctx, node.Request{Do: node.Stats})
			if err != nil {
				return err
			}
			if r.Nodes == len(c.nodes) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

// received waits until the node has n messages more than before.
func (p *process) received(ctx context.Context, before node.Reply, n int) error {
	for end := time.Now().Add(answerWithin); ; time.Sleep(time.Millisecond) {
		r, err := p.do(ctx, node.Request{Do: node.Stats})
		switch {
		case err != nil:
			return err
		case r.Lost > before.Lost:
			return fmt.Errorf("%s has lost %d messages", p.name, r.Lost-before.Lost)
		case r.Received >= before.Received+uint64(n):
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%s has received %d of %d", p.name, r.Received-before.Received, n)
		}
	}
}

// cost measures the thread that emits.
func (r *Runner) cost(ctx context.Context, c *cluster) (*Figures, error) {
	request := node.Request{Do: node.Cost, Count: r.Burst}
	if _, err := c.nodes[0].do(ctx, request); err != nil { // warm-up
		return nil, err
	}
	reply, err := c.nodes[0].do(ctx, request)
	n := r.Burst
	return &Figures{Origin: reply.ThreadCPU / time.Duration(n), Mallocs: float64(reply.Mallocs) / float64(n)}, err
}
