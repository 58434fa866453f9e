package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/client"
	"github.com/gatehouse-go/gatehouse/bench/cluster/internal/node"
	"github.com/gatehouse-go/gatehouse/bench/internal/proc"
	"github.com/gatehouse-go/gatehouse/bench/internal/wire"
)

// cluster is nodes of one peer, what connects them, and their clients.
type cluster struct {
	redis    *redis // nil without
	nodes    []*process
	clients  [][]*client.Client // of each node
	progress chan struct{}      // something was received
	sent     int                // broadcasts that were asked for
	base     map[*client.Client]int
}

// names are those of the nodes, the first of which emits.
var names = []string{"a", "b", "c"}

// shape is how many nodes there are, and how many clients each has.
type shape struct {
	nodes, clients int
	apart          bool // not everything is for the clients of the other nodes
	once           bool // several handlers emit, and broadcasts may be lost
}

// up starts a cluster and connects its clients.
func (r *Runner) up(ctx context.Context, peer node.Peer, s shape) (*cluster, error) {
	c := &cluster{progress: make(chan struct{}, 1), base: map[*client.Client]int{}}
	if err := c.start(ctx, r, peer, s); err != nil {
		c.down()
		return nil, err
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context, r *Runner, peer node.Peer, s shape) (err error) {
	if peer != node.Alone && peer != node.Embedded {
		if c.redis, err = startRedis(ctx); err != nil {
			return err
		}
	}
	if err := c.startNodes(ctx, r, peer, s.nodes); err != nil {
		return err
	}
	for i, p := range c.nodes {
		order := client.Dense
		switch {
		case s.once:
			order = client.Once
		case peer == node.CentrifugeTogether || s.apart && i > 0:
			order = client.Any
		}
		var of []*client.Client
		for range s.clients {
			one, err := client.Dial(ctx, p.at.Addr, protocol(peer), order, c.progress)
			if err != nil {
				return err
			}
			of = append(of, one)
		}
		c.clients = append(c.clients, of)
	}
	return nil
}

func protocol(peer node.Peer) wire.Protocol {
	if peer == node.Centrifuge || peer == node.CentrifugeTogether || peer == node.CentrifugeHistory {
		return wire.Centrifuge
	}
	return wire.SocketIO
}

func (c *cluster) startNodes(ctx context.Context, r *Runner, peer node.Peer, n int) error {
	var listens []string
	for range n {
		addr, err := freeAddress()
		if err != nil {
			return err
		}
		listens = append(listens, addr)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for i := range n {
		s := node.Settings{Peer: peer, Name: names[i], Listen: listens[i], Peers: strings.Join(listens, ","), Queue: r.Queue}
		if c.redis != nil {
			s.Redis = c.redis.addr
		}
		program, args := self, append([]string{"node"}, s.Args()...)
		if peer == node.SocketIO {
			if program, err = exec.LookPath("node"); err != nil {
				return err
			}
			args = []string{filepath.Join(r.Root, "node", "cluster.mjs"), s.Redis, s.Name}
		}
		p, err := start(ctx, string(peer)+" "+s.Name, program, args...)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, p)
	}
	return nil
}

func (c *cluster) down() {
	for _, of := range c.clients {
		for _, one := range of {
			one.Close()
		}
	}
	for _, p := range c.nodes {
		p.stop()
	}
	if c.redis != nil {
		c.redis.stop()
	}
}

// connected waits until a broadcast of the first node reaches every client: subscriptions take a while. All that is
// sent from then on must arrive.
func (c *cluster) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for !c.all(func(one *client.Client) bool { return one.Got() > 0 }) {
		if _, err := c.nodes[0].do(ctx, node.Request{Do: node.Burst, Count: 1}); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // for those that are on their way
	c.sent = 0
	for _, of := range c.clients {
		for _, one := range of {
			c.base[one] = one.Got()
		}
	}
	return c.failed()
}

func (c *cluster) all(f func(*client.Client) bool) bool {
	for _, of := range c.clients {
		for _, one := range of {
			if !f(one) {
				return false
			}
		}
	}
	return true
}

func (c *cluster) failed() error {
	var errs []error
	for i, of := range c.clients {
		for _, one := range of {
			if err := one.Err(); err != nil {
				errs = append(errs, fmt.Errorf("a client of %s: %w", c.nodes[i].name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// slowest returns how many broadcasts the client has that has the fewest, among those of the first n nodes.
func (c *cluster) slowest(n int) int {
	least := c.sent
	for _, of := range c.clients[:n] {
		for _, one := range of {
			least = min(least, one.Got()-c.base[one])
		}
	}
	return least
}

// until waits until the clients of the first n nodes have at least so many broadcasts.
func (c *cluster) until(ctx context.Context, n, received int) error {
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	for c.slowest(n) < received {
		if err := c.failed(); err != nil {
			return err
		}
		select {
		case <-c.progress:
		case <-late.C:
			return fmt.Errorf("after %v a client has %d of %d broadcasts", answerWithin, c.slowest(n), received)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.failed()
}

// cpu is what processes have used.
type cpu struct {
	at          time.Time
	nodes       []time.Duration
	redis, self time.Duration
	busy        time.Duration // the whole machine
}

func (c *cluster) cpu() (now cpu, err error) {
	now.at = time.Now()
	for _, p := range c.nodes {
		used, err := proc.CPU(p.pid())
		if err != nil {
			return now, err
		}
		now.nodes = append(now.nodes, used)
	}
	if c.redis != nil {
		if now.redis, err = proc.CPU(c.redis.cmd.Process.Pid); err != nil {
			return now, err
		}
	}
	if now.self, err = proc.CPU(os.Getpid()); err != nil {
		return now, err
	}
	now.busy, err = proc.Busy()
	return now, err
}

// noise is how many cores other programs have used since.
func (now cpu) noise(before cpu) float64 {
	ours := now.redis - before.redis + now.self - before.self
	for i := range now.nodes {
		ours += now.nodes[i] - before.nodes[i]
	}
	return max(0, float64(now.busy-before.busy-ours)/float64(now.at.Sub(before.at)))
}
