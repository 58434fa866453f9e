package apptest_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// squareGateway shouts to the clients of all nodes that have entered.
type squareGateway struct {
	Server *websockets.Server `websockets:"server"`
	left   chan websockets.Cause
}

func newSquareGateway() *squareGateway {
	return &squareGateway{left: make(chan websockets.Cause, 10)}
}

func (g *squareGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("enter", g.enter), websockets.Listen("shout", g.shout)}
}

func (g *squareGateway) enter(ctx context.Context, _ struct{}) error {
	return websockets.ClientFrom(ctx).Join("square")
}

func (g *squareGateway) shout(ctx context.Context, text string) error {
	return g.Server.To("square").Except(websockets.ClientFrom(ctx)).Emit(ctx, "shouted", text)
}

func (g *squareGateway) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r.Cause
}

func squareModule() *module.Module {
	return module.New("square", module.Exports(
		websockets.Gateway(newSquareGateway, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New()))))
}

// square is a cluster with a client of node 0.
func square(t testing.TB, nodes int, opts ...apptest.Option) (*apptest.Cluster, *apptest.Client) {
	t.Helper()
	c := apptest.NewCluster(t, nodes, squareModule(), opts...)
	return c, c.Node(0).DialWS("/ws")
}

// entered returns a client that has entered the square of its node.
func entered(c *apptest.Client) *apptest.Client {
	c.Call("enter")
	return c
}

// A test of an application on three nodes.
func ExampleNewCluster() {
	test := func(t *testing.T) {
		c := apptest.NewCluster(t, 3, squareModule())
		ada, bob, eve := c.Node(0).DialWS("/ws"), c.Node(1).DialWS("/ws"), c.Node(2).DialSocketIO("/")
		bob.Call("enter")
		eve.Call("enter")

		ada.Emit("shout", "hello") // to the square, on all nodes
		for _, c := range []*apptest.Client{bob, eve} {
			if got := apptest.Expect[string](c, "shouted"); got != "hello" {
				t.Errorf("got %q", got)
			}
		}

		c.Kill(1) // as kill -9
		bob.ExpectClose()
		c.Await() // the others have noticed

		c.Partition([]int{0}, []int{2})
		ada.Call("shout", "alone")
		c.Await() // they do not know each other any more
		c.Heal()
		ada.Emit("shout", "together")
		if got := apptest.Expect[string](eve, "shouted"); got != "together" {
			t.Errorf("got %q", got)
		}
	}
	fmt.Println(testkit.RunTest(test))
	// Output: true
}

// A node that is killed sends nothing more, not even that it leaves; its clients' connections break,
// and its port is closed. The others notice when it is dead.
func TestClusterKill(t *testing.T) {
	log := &testkit.Log{}
	c, ada := square(t, 3, apptest.With(app.Logger(log.Logger(slog.LevelInfo))))
	bob, eve := entered(c.Node(1).DialWS("/ws")), entered(c.Node(1).DialSocketIO("/"))
	url, left := c.Node(1).URL(), apptest.Get[*squareGateway](c.Node(1)).left
	c.Kill(1)
	for _, x := range []*apptest.Client{bob, eve} {
		if end := x.ExpectClose(); end.Code != 1006 {
			t.Errorf("a client of the killed node: closed with %s", end)
		}
	}
	for range 2 {
		testkit.Receive(t, "HandleDisconnect", left)
	}
	if _, err := apptest.TryDialWS(t, url+"/ws"); err == nil {
		t.Error("a client connects to the killed node")
	}
	c.Await()
	if said, died := log.Lines("node has left"), log.Lines("node does not respond any more"); len(said) > 0 || len(died) < 2 {
		t.Errorf("it has said that it leaves: %q; it is dead: %q", said, died)
	}
	carl := entered(c.Node(2).DialWS("/ws"))
	ada.Call("shout", "after")
	if got := apptest.Expect[string](carl, "shouted"); got != "after" {
		t.Errorf("got %q", got)
	}
}

// A node that is started again has another id, another port and no clients.
func TestClusterRestart(t *testing.T) {
	c, ada := square(t, 2)
	before := c.Node(1).App().Self().ID
	bob := entered(c.Node(1).DialWS("/ws"))
	c.Restart(1) // stops it
	if end := bob.ExpectClose(); end.Code != 1001 {
		t.Errorf("a client of a node that stops: closed with %s", end)
	}
	c.Await()
	bob = entered(c.Node(1).DialWS("/ws"))
	ada.Call("shout", "again")
	if got := apptest.Expect[string](bob, "shouted"); got != "again" || c.Node(1).App().Self().ID == before {
		t.Errorf("got %q, id %s before and %s", got, before, c.Node(1).App().Self().ID)
	}
	c.Kill(1)
	c.Restart(1)
	c.Await() // the killed one is dead
	c.Stop(1)
	c.Await()
}

// Groups of a partition do not hear each other, and their nodes are dead for each other in time.
func TestClusterPartition(t *testing.T) {
	c, ada := square(t, 3)
	bob, eve := entered(c.Node(1).DialWS("/ws")), entered(c.Node(2).DialWS("/ws"))
	c.Partition([]int{0, 1})
	if !c.Node(0).App().Stats().Backplane.Up {
		t.Error("a partition is not silent")
	}
	ada.Call("shout", "to bob")
	eve.Call("shout", "to none")
	c.Await()
	for i, want := range []int{2, 2, 1} {
		if n := len(c.Node(i).App().Nodes()); n != want {
			t.Errorf("node %d knows %d nodes, want %d", i, n, want)
		}
	}
	c.Restart(2) // it stays in its group
	eve = entered(c.Node(2).DialWS("/ws"))
	c.Await()
	c.Heal()
	c.Await()
	ada.Call("shout", "to both")
	for _, want := range []string{"to bob", "to both"} {
		if got := apptest.Expect[string](bob, "shouted"); got != want {
			t.Errorf("bob got %q, want %q", got, want)
		}
	}
	if got := apptest.Expect[string](eve, "shouted"); got != "to both" {
		t.Errorf("eve got %q", got)
	}
	before := c.Bus().Lost()
	if before == 0 {
		t.Error("nothing was lost")
	}
	c.Restart(1)
	c.Await()
	if n := c.Bus().Lost() - before; n > 0 {
		t.Errorf("%d messages were lost at a restart after the partition", n)
	}
}

// Each node may have options of its own, and all of them have those of the backplane and the bus.
func TestClusterOptions(t *testing.T) {
	bus := memory.NewBus(memory.Seed(3))
	ready := make([]int, 2)
	c, _ := square(t, 2, apptest.OnBus(bus), apptest.Backplane(backplane.Beats(10*time.Millisecond, time.Minute)),
		apptest.PerNode(func(node int) apptest.Option {
			return apptest.With(app.OnReady(func(*app.App) { ready[node]++ }))
		}))
	if ready[0] != 1 || ready[1] != 1 || c.Len() != 2 || c.Bus() != bus {
		t.Errorf("ready %v, %d nodes", ready, c.Len())
	}
	c.Engine(1).Cut()
	testkit.Eventually(t, "the node has no connection", func() bool { return !c.Node(1).App().Stats().Backplane.Up })
	c.Engine(1).Restore()
	testkit.Eventually(t, "the node is connected", func() bool { return c.Node(1).App().Stats().Backplane.Up })
}

// Mistakes of a test fail it.
func TestClusterMistakes(t *testing.T) {
	c, _ := square(t, 1)
	for name, tt := range map[string]struct {
		do   func(t testing.TB, c *apptest.Cluster)
		want string
	}{
		"no such node": {func(_ testing.TB, c *apptest.Cluster) { c.Node(1) }, "apptest: Node(1): the cluster has nodes 0 to 0"},
		"killed": {
			func(_ testing.TB, c *apptest.Cluster) { c.Kill(0); c.Kill(0) },
			"apptest: Kill(0): the node does not run: call Restart",
		},
		"option of a cluster": {
			func(t testing.TB, _ *apptest.Cluster) { apptest.New(t, squareModule(), apptest.Backplane()) },
			"apptest: New: PerNode, OnBus and Backplane are options of NewCluster",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &testkit.Recorder{TB: t}
			r.Run(func() { tt.do(r, c.ForTest(r)) })
			r.Want(tt.want)
		})
	}
}
