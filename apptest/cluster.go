package apptest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/abandon"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
)

// Cluster is an application that runs on several nodes, in this process: each is an application
// of its own, and a backplane in memory connects them. Its methods are for the goroutine of the
// test.
//
//	c := apptest.NewCluster(t, 3, chat.Module, apptest.With(app.WebSockets(ws.New())))
//	ada, bob := c.Node(0).DialWS("/"), c.Node(2).DialWS("/")
//	c.Kill(2) // as kill -9
//	c.Await() // the others have noticed
//
// Nodes are numbered from 0. Beats take 50 ms, and a node that has sent none for a second is
// dead; see [Backplane].
type Cluster struct {
	t     testing.TB
	root  *module.Module
	opts  []Option
	with  clusterOptions
	nodes []*clusterNode
}

// clusterOptions are the options of NewCluster alone.
type clusterOptions struct {
	perNode   []func(node int) Option
	bus       *memory.Bus
	backplane []backplane.Option
}

// PerNode adds options of one node of a [NewCluster], such as an [Override] with a fake of its own.
func PerNode(f func(node int) Option) Option {
	return Option{cluster: &clusterOptions{perNode: []func(int) Option{f}}}
}

// OnBus has the nodes of a [NewCluster] use a bus with options, such as memory.Seed, or memory.Log for nodes that
// keep events.
func OnBus(bus *memory.Bus) Option { return Option{cluster: &clusterOptions{bus: bus}} }

// Backplane sets options of the backplane of a [NewCluster], such as backplane.Beats: how often a node
// reports that it lives, and after how long without a report it is dead. Default 50 ms and 1 s.
func Backplane(opts ...backplane.Option) Option {
	return Option{cluster: &clusterOptions{backplane: opts}}
}

// clusterNode is one node, since it was started last.
type clusterNode struct {
	app    *App
	engine *memory.Backplane
	conns  *connections
	group  int
	gone   bool          // stopped or killed
	ended  chan struct{} // closed when Stop of the application has returned
}

// NewCluster starts an application on several nodes, which know each other when it returns, and
// stops them when the test ends. An error of either fails the test. What a node logs has its
// number. The options are those of [New], and apply to each node; a gateway must not have a port
// of its own, which only one node could open.
func NewCluster(t testing.TB, nodes int, root *module.Module, opts ...Option) *Cluster {
	t.Helper()
	c := &Cluster{t: t, root: root}
	c.with.backplane = []backplane.Option{backplane.Beats(50*time.Millisecond, time.Second)}
	for _, o := range opts {
		if x := o.cluster; x != nil {
			c.with.perNode = append(c.with.perNode, x.perNode...)
			c.with.backplane = append(c.with.backplane, x.backplane...)
			if x.bus != nil {
				c.with.bus = x.bus
			}
			continue
		}
		c.opts = append(c.opts, o)
	}
	if c.with.bus == nil {
		c.with.bus = memory.NewBus()
	}
	t.Cleanup(c.stopAll)
	for i := range nodes {
		c.nodes = append(c.nodes, nil)
		c.nodes[i] = c.start(i)
	}
	c.Await()
	return c
}

// start starts a node.
func (c *Cluster) start(i int) *clusterNode {
	c.t.Helper()
	l := c.listen()
	engine, node := newEngine(c.with.bus)
	n := &clusterNode{engine: node, conns: &connections{Listener: l}, ended: make(chan struct{})}
	defer func() {
		if n.app == nil { // the start fails the test
			_ = l.Close()
		}
	}()
	all := []app.Option{app.Listener(n.conns)}
	opts := slices.Clone(c.opts)
	for _, f := range c.with.perNode {
		opts = append(opts, f(i))
	}
	all = append(all, appOptions(opts)...)
	log := slog.New(slog.NewTextHandler(testWriter{c.t}, nil)).With("number", i)
	n.app = start(c.t, c.root, log, append(all, app.Backplane(engine, c.with.backplane...)))
	return n
}

// newEngine returns an engine of a bus, and the same one with its faults.
func newEngine(bus *memory.Bus) (backplane.Backplane, *memory.Backplane) {
	if bus.HasLog() {
		n := bus.LogNode()
		return n, n.Backplane
	}
	n := bus.Node()
	return n, n
}

// listen opens the listener of a node.
func (c *Cluster) listen() net.Listener {
	c.t.Helper()
	if inMemory(c.opts) {
		return newMemoryListener()
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatalf("apptest: %v", err)
	}
	return l
}

// stopAll stops what still runs when the test ends.
func (c *Cluster) stopAll() {
	for i, n := range c.nodes {
		if n != nil && !n.gone {
			n.gone = true
			go c.end(abandon.WithPolling(context.Background()), i, n, true)
		}
	}
	for _, n := range c.nodes {
		if n != nil {
			<-n.ended
		}
	}
}

// end stops the application of a node.
func (c *Cluster) end(ctx context.Context, i int, n *clusterNode, fails bool) {
	defer close(n.ended)
	if err := n.app.stop(ctx); err != nil && fails {
		c.t.Errorf("apptest: stop of node %d: %v", i, err)
	}
}

// node returns a node of this number, which may be gone.
func (c *Cluster) node(i int, what string) *clusterNode {
	c.t.Helper()
	if i < 0 || i >= len(c.nodes) {
		c.t.Fatalf("apptest: %s(%d): the cluster has nodes 0 to %d", what, i, len(c.nodes)-1)
	}
	return c.nodes[i]
}

// running is node, which must run.
func (c *Cluster) running(i int, what string) *clusterNode {
	c.t.Helper()
	n := c.node(i, what)
	if n.gone {
		c.t.Fatalf("apptest: %s(%d): the node does not run: call Restart", what, i)
	}
	return n
}

// Node returns the application of a node. After Stop and Kill it is the one that has ended.
func (c *Cluster) Node(i int) *App {
	c.t.Helper()
	return c.node(i, "Node").app
}

// Len returns how many nodes the cluster has, those that do not run included.
func (c *Cluster) Len() int { return len(c.nodes) }

// Bus returns the bus between the nodes, with which messages are lost, delayed and reordered.
func (c *Cluster) Bus() *memory.Bus { return c.with.bus }

// Engine returns the node's end of the bus: to cut its connection with the bus, or to freeze it.
func (c *Cluster) Engine(i int) *memory.Backplane {
	c.t.Helper()
	return c.node(i, "Engine").engine
}

// Stop stops a node, as for a deployment. The others learn it at once.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	n := c.running(i, "Stop")
	n.gone = true
	c.end(context.Background(), i, n, true)
}

// Kill ends a node as kill -9 would: nothing that it sends from now on arrives, nothing reaches
// it, its clients' connections are reset, and its port is closed. The others learn it only because
// its beats do not come any more.
//
// Its goroutines are in this process, and cannot be killed: its handlers, HandleDisconnect and the
// hooks of a stop run in the background, and the test waits for them at its end.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	n := c.running(i, "Kill")
	n.gone = true
	n.engine.Kill()
	n.conns.kill()
	go c.end(context.Background(), i, n, false)
}

// Restart starts the node again, as a new process: with another id, another port, and without
// clients. One that runs is stopped before.
func (c *Cluster) Restart(i int) *App {
	c.t.Helper()
	n := c.node(i, "Restart")
	if !n.gone {
		c.Stop(i)
	}
	<-n.ended
	c.nodes[i] = c.start(i)
	c.nodes[i].group = n.group
	c.partition()
	return c.nodes[i].app
}

// Partition separates groups of nodes: each hears only those of its group, and does not notice that
// what it sends to others is lost. Nodes of no group are another one. It replaces the partition
// before.
//
//	c.Partition([]int{0}, []int{1, 2})
//
// A node whose own connection ends, which it notices, is Engine(i).Cut().
func (c *Cluster) Partition(groups ...[]int) {
	c.t.Helper()
	for _, n := range c.nodes {
		n.group = 0
	}
	for g, members := range groups {
		for _, i := range members {
			c.node(i, "Partition").group = g + 1
		}
	}
	c.partition()
}

// Heal ends the partition.
func (c *Cluster) Heal() { c.Partition() }

func (c *Cluster) partition() {
	byGroup := map[int][]*memory.Backplane{}
	for _, n := range c.nodes {
		byGroup[n.group] = append(byGroup[n.group], n.engine)
	}
	if len(byGroup) == 1 { // so that a node that starts later is among them from its start
		byGroup = nil
	}
	c.with.bus.Partition(slices.Collect(maps.Values(byGroup))...)
}

// Await waits until every node that runs knows exactly those that run in its group of the
// partition: nodes that were started or healed are known, dead ones are not any more. It fails the
// test after 30 s.
func (c *Cluster) Await() {
	c.t.Helper()
	if !testkit.Within(testkit.Patience, func() bool { return c.disagreement() == "" }) {
		c.t.Fatalf("apptest: Await: %s", c.disagreement())
	}
}

// disagreement returns what a node knows otherwise than it is; "" for nothing.
func (c *Cluster) disagreement() string {
	var running []*clusterNode
	for _, n := range c.nodes {
		if n != nil && !n.gone {
			running = append(running, n)
		}
	}
	for _, n := range running {
		var want, got []string
		for _, other := range running {
			if other.group == n.group {
				want = append(want, other.app.app.Self().ID)
			}
		}
		for _, other := range n.app.app.Nodes() {
			got = append(got, other.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Sprintf("node %d (%s) knows [%s], and these run: [%s]",
				slices.Index(c.nodes, n), n.app.app.Self().ID, strings.Join(got, " "), strings.Join(want, " "))
		}
	}
	return ""
}
