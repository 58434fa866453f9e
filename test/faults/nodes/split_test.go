package nodes_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/presence"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var present = presence.New[int]("present")

// lobby has a list of its users.
type lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func newLobby() *lobby { return &lobby{} }

func (g *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.Listen("enter", g.enter), websockets.Listen("say", g.say)}
}

func (*lobby) enter(ctx context.Context, key string) error {
	c := websockets.ClientFrom(ctx)
	if err := c.Join("all"); err != nil {
		return err
	}
	return present.Track(ctx, c, "all", key, 1)
}

func (g *lobby) say(ctx context.Context, n int) error { return g.Server.To("all").Emit(ctx, "said", n) }

// TestFault_F84_Split: The cluster splits into two halves and rejoins: each half serves its own clients and has its own
// who are present; afterwards all nodes have the same again, without a restart, and what is missing is counted.
func TestFault_F84_Split(t *testing.T) {
	c := apptest.NewCluster(t, 4, module.New("lobby", module.Exports(websockets.Gateway(newLobby, websockets.Via(ws.New())))))
	var clients []*apptest.Client
	for i := range c.Len() {
		clients = append(clients, c.Node(i).DialWS("/"))
		clients[i].Call("enter", fmt.Sprint("user", i))
	}
	knows := func(node int, want ...string) {
		t.Helper()
		g := apptest.Get[*lobby](c.Node(node))
		testkit.Eventually(t, fmt.Sprintf("node %d knows %q", node, want), func() bool {
			var got []string
			for _, e := range present.List(g.Server, "all") {
				got = append(got, e.Key)
			}
			return slices.Equal(got, want)
		})
	}
	for i := range c.Len() {
		knows(i, "user0", "user1", "user2", "user3")
	}
	c.Partition([]int{0, 1}, []int{2, 3})
	c.Await()
	clients[1].Abort() // while they are apart
	clients = append(clients, c.Node(3).DialWS("/"))
	clients[4].Call("enter", "user4")
	knows(0, "user0")
	knows(1, "user0")
	knows(2, "user2", "user3", "user4")
	knows(3, "user2", "user3", "user4")
	clients[0].Call("say", 1)
	clients[2].Call("say", 2)
	said(t, clients[0], 1)
	for _, x := range clients[2:] {
		said(t, x, 2)
	}
	c.Heal()
	c.Await()
	for i := range c.Len() {
		knows(i, "user0", "user2", "user3", "user4")
	}
	clients[3].Call("say", 3)
	for _, x := range []*apptest.Client{clients[0], clients[2], clients[3], clients[4]} {
		if n := said(t, x, 3); n != 1 {
			t.Errorf("%d events after the split, want 1", n)
		}
	}
	testkit.Eventually(t, "the gaps are counted", func() bool { return stats(c, 0).Gaps > 0 && stats(c, 2).Gaps > 0 })
}
