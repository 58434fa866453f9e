package cluster_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// The events of one goroutine arrive in its order at the clients of all nodes, and none is lost.
// CLUSTER_LONG=1 has 5,000 of each.
func TestOrder(t *testing.T) { onEachService(t, testOrder) }

func testOrder(t *testing.T, s service) {
	a, b, c := startOn(t, s), startOn(t, s), startOn(t, s)
	meet(t, a, b, c)
	const goroutines = 4
	events := 200
	if os.Getenv("CLUSTER_LONG") != "" {
		events = 5000
	}
	clients := []*client{
		a.connect("a", func() *apptest.Client { return a.DialSocketIO("/") }, "r"),
		b.connect("b", func() *apptest.Client { return b.DialWS("/ws") }, "r"),
		c.connect("c", func() *apptest.Client { return c.DialSocketIO("/") }, "r"),
	}
	var all sync.WaitGroup
	for _, n := range []*node{a, b, c} {
		for g := range goroutines {
			all.Go(func() {
				for i := range events {
					if err := n.server.To("r").Emit(t.Context(), fmt.Sprint(n.self, " ", g), i); err != nil {
						t.Error(err)
					}
					if i%100 == 99 { // what does not fit into the queue would be lost
						if !testkit.Within(testkit.Patience, func() bool { return n.App.App().Stats().Backplane.Queued < 1000 }) {
							t.Error("no room in the queue")
						}
					}
				}
			})
		}
	}
	for _, c := range clients {
		next := map[string]int{}
		for range 3 * goroutines * events {
			m := c.Next()
			if want := fmt.Sprint(next[m.Event]); string(m.Data) != want {
				t.Fatalf("%s: event %s of %s, want %s", c.name, m.Data, m.Event, want)
			}
			next[m.Event]++
		}
	}
	all.Wait()
}
