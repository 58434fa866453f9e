package ws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// newsCluster starts nodes whose clients may move, and returns them with their gateways.
func newsCluster(t *testing.T, nodes int, opts ...websockets.Option) ([]*apptest.App, []*news) {
	t.Helper()
	c := apptest.NewCluster(t, nodes, module.New("news", module.Exports(websockets.Gateway(newNews, opts...))),
		apptest.With(app.WebSockets(ws.New(ws.Options{Recovery: &ws.Recovery{}}))), apptest.Backplane(backplane.Beats(100*time.Millisecond, time.Minute)))
	c.Await()
	var apps []*apptest.App
	var gateways []*news
	for i := range nodes {
		apps = append(apps, c.Node(i))
		gateways = append(gateways, apptest.Get[*news](c.Node(i)))
	}
	// Each node has to have received something of each other one before clients move.
	for i, a := range apps {
		probe := a.DialWS(probePath(opts), offerV1)
		ready(probe)
		for j, g := range gateways {
			testkit.Eventually(t, fmt.Sprintf("node %d hears of node %d", i, j), func() bool {
				if err := g.Server.Emit(t.Context(), "hello", j); err != nil {
					t.Fatal(err)
				}
				return slices.ContainsFunc(probe.Raw().Frames(), func(f string) bool {
					return strings.HasPrefix(f, fmt.Sprintf(`{"event":"hello","data":%d,`, j))
				})
			})
		}
		probe.Close()
		gateways[i].gone(t)
	}
	return apps, gateways
}

func probePath(opts []websockets.Option) string {
	if len(opts) > 0 {
		return "/rooms/a"
	}
	return "/"
}

// A client that comes to another node is the same client there, and misses nothing, whether the first node has noticed its
// loss or not.
func TestHandover(t *testing.T) {
	for _, noticed := range []bool{true, false} {
		t.Run(fmt.Sprintf("noticed %t", noticed), func(t *testing.T) {
			nodes, g := newsCluster(t, 2)
			c := nodes[0].DialWS("/", offerV1)
			ready(c)
			g[0].publish(t, 0, 3)
			expect(t, c, 0, 3)
			if noticed {
				c.Abort()
				g[0].gone(t)
				g[0].publish(t, 3, 6)
			}
			moved := nodes[1].DialWS("/", apptest.WithRecovery(c))
			if noticed {
				expect(t, moved, 3, 6)
			}
			isRecovered(t, c, moved, true)
			g[1].publish(t, 6, 8)
			expect(t, moved, 6, 8)
			if !noticed {
				if r := g[0].gone(t); r.Cause != websockets.CauseMoved {
					t.Errorf("at the first node it ended with %v, want %q", r, websockets.CauseMoved)
				}
			}
			// It is cut off again, before it has read anything of the other node.
			moved.Abort()
			g[1].gone(t)
			g[1].publish(t, 8, 9)
			back := nodes[0].DialWS("/", apptest.WithRecovery(moved))
			isRecovered(t, moved, back, true)
			expect(t, back, 8, 9)
		})
	}
}

// A client of a node that stops is the same client at another one, whether it was connected or absent, also when that one
// stops before it comes, and resumes at its path only.
func TestPark(t *testing.T) {
	for _, absent := range []bool{false, true} {
		t.Run(fmt.Sprintf("absent %t", absent), func(t *testing.T) {
			nodes, g := newsCluster(t, 3, websockets.Path("/rooms/{room}"))
			c := nodes[0].DialWS("/rooms/a", offerV1)
			ready(c)
			g[1].publish(t, 0, 3)
			expect(t, c, 0, 3)
			if absent {
				c.Abort()
				g[0].gone(t)
			}
			for i := range 2 {
				if err := nodes[i].App().Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				g[2].publish(t, 3+i, 4+i)
			}
			if !absent {
				if r := g[0].gone(t); r.Cause != websockets.CauseShutdown {
					t.Errorf("it ended with %v, want %q", r, websockets.CauseShutdown)
				}
			}
			isRecovered(t, c, nodes[2].DialWS("/rooms/b", apptest.WithRecovery(c)), false)
			moved := nodes[2].DialWS("/rooms/a", apptest.WithRecovery(c))
			expect(t, moved, 3, 5)
			isRecovered(t, c, moved, true)
			g[2].publish(t, 5, 6)
			expect(t, moved, 5, 6)
			moved.Abort()
			g[2].gone(t)
			isRecovered(t, c, nodes[2].DialWS("/rooms/b", apptest.WithRecovery(moved)), false)
			isRecovered(t, c, nodes[2].DialWS("/rooms/a", apptest.WithRecovery(moved)), true)
		})
	}
}

// A client that moves does so at its path.
func TestHandoverAtAnotherPath(t *testing.T) {
	nodes, g := newsCluster(t, 2, websockets.Path("/rooms/{room}"))
	c := nodes[0].DialWS("/rooms/a", offerV1)
	ready(c)
	c.Abort()
	g[0].gone(t)
	isRecovered(t, c, nodes[1].DialWS("/rooms/b", apptest.WithRecovery(c)), false)
	isRecovered(t, c, nodes[1].DialWS("/rooms/a", apptest.WithRecovery(c)), true)
}
