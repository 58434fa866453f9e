// Package nodes_test breaks the connection between the nodes of an application, and its nodes.
package nodes_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

// gateway sends what a client says to the room of all.
type gateway struct {
	Server *websockets.Server `websockets:"server"`
}

func newGateway() *gateway { return &gateway{} }

func (g *gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("enter", g.enter), websockets.Listen("say", g.say)}
}

func (*gateway) enter(ctx context.Context, _ struct{}) error {
	return websockets.ClientFrom(ctx).Join("all")
}

func (g *gateway) say(ctx context.Context, n int) error {
	return g.Server.To("all").Emit(ctx, "said", n)
}

func program() *module.Module {
	return module.New("program", module.Exports(
		websockets.Gateway(newGateway, websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws")))))
}

// cluster starts nodes.
func cluster(t testing.TB, nodes int, opts ...apptest.Option) *apptest.Cluster {
	t.Helper()
	return apptest.NewCluster(t, nodes, program(), opts...)
}

func server(c *apptest.Cluster, node int) *websockets.Server {
	return apptest.Get[*gateway](c.Node(node)).Server
}

// dial connects a client of each platform to a node, which enter the room.
func dial(c *apptest.Cluster, node int) []*apptest.Client {
	all := []*apptest.Client{c.Node(node).DialSocketIO("/"), c.Node(node).DialWS("/ws")}
	for _, x := range all {
		x.Call("enter")
	}
	return all
}

func stats(c *apptest.Cluster, node int) observe.BackplaneStats {
	return *c.Node(node).App().Stats().Backplane
}

// said reads what a client is sent, until a number arrives, and fails unless the numbers ascend. It
// returns how many there were.
func said(t testing.TB, c *apptest.Client, until int) (count int) {
	t.Helper()
	for last := 0; last < until; count++ {
		n := apptest.Expect[int](c, "said")
		if n <= last {
			t.Fatalf("received %d after %d", n, last)
		}
		last = n
	}
	return count
}

// prompt fails unless a function returns soon, in one of three attempts.
func prompt(t testing.TB, what string, f func()) {
	t.Helper()
	const soon = time.Second // on a loaded machine; the engines wait for 2 s
	for range 3 {
		start := time.Now()
		if f(); time.Since(start) < soon {
			return
		}
	}
	t.Errorf("%s takes more than %v each time", what, soon)
}
