package run

import (
	"context"
	"syscall"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
)

// frozen measures the calls that emit at a fixed rate, first as usual, then while Redis is stopped.
func (r *Runner) frozen(ctx context.Context, c *cluster) (*Figures, error) {
	if err := c.connected(ctx); err != nil {
		return nil, err
	}
	request := node.Request{Do: node.Rate, Count: r.Rate, PerSecond: PerSecond}
	quiet, err := c.nodes[0].do(ctx, request)
	if err != nil {
		return nil, err
	}
	before, err := proc.RSS(c.nodes[0].pid())
	if err != nil {
		return nil, err
	}
	if err := c.redis.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	reply, err := c.nodes[0].do(ctx, request)
	if err != nil {
		return nil, err
	}
	after, err := proc.RSS(c.nodes[0].pid())
	c.sent += 2 * r.Rate
	if err == nil {
		err = c.until(ctx, 1, c.sent) // clients of the same node have everything
	}
	return &Figures{Quiet: quiet.P99, Frozen: reply.P99, Grown: after - before}, err
}
