package cluster_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/backplanetest"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	chat "github.com/gatehouse-go/gatehouse/docs/internal/snippets/cluster"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:nodes
func TestTwoNodes(t *testing.T) {
	c := apptest.NewCluster(t, 2, chat.Module, apptest.With(app.WebSockets(ws.New())))
	ada, bob := c.Node(0).DialWS("/"), c.Node(1).DialWS("/")
	bob.Call("join", "tea")

	ada.Call("say", "hello")
	if got := apptest.Expect[string](bob, "said"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

// end

// snippet:kill
func TestNodeIsKilled(t *testing.T) {
	c := apptest.NewCluster(t, 3, chat.Module, apptest.With(app.WebSockets(ws.New())))
	bob, eve := c.Node(1).DialWS("/"), c.Node(2).DialWS("/")
	eve.Call("join", "tea")

	c.Kill(1) // as kill -9
	bob.ExpectClose()
	bob = c.Node(0).DialWS("/") // reconnects to another node
	bob.Call("say", "here again")
	if got := apptest.Expect[string](eve, "said"); got != "here again" {
		t.Errorf("got %q", got)
	}
}

// end

// snippet:engine
func TestConformance(t *testing.T) {
	backplanetest.Run(t, func(testing.TB) backplanetest.Factory {
		bus := memory.NewBus()
		return backplanetest.Factory{New: func() backplane.Backplane { return bus.Node() }, Down: bus.Down, Up: bus.Up}
	})
}

// end

// The calls of the page do what their comments say.
func TestVerbs(t *testing.T) {
	c := apptest.NewCluster(t, 2, chat.Module, apptest.With(app.WebSockets(ws.New())))
	a, b := c.Node(0), c.Node(1)
	guest, staff := a.DialWS("/"), b.DialWS("/")
	guest.Call("join", "tea")
	staff.Call("join", "tea")
	var id string
	for c := range apptest.Get[*chat.Chat](b).Server.Local().Clients() {
		id = c.ID()
	}
	if err := apptest.Get[*chat.Chat](b).Rooms(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	staff.ExpectMessage("closing")
	if got := apptest.Expect[int](staff, "left here"); got != 1 {
		t.Errorf("%d clients left", got)
	}
	guest.ExpectMessage("closing")
	guest.ExpectClose()
}

// What is set on one node is purged from the caches of all.
func TestPurge(t *testing.T) {
	bus := memory.NewBus()
	m := module.New("prices", module.Exports(websockets.Gateway(chat.NewPrices)))
	start := func() *apptest.App {
		return apptest.New(t, m, apptest.With(app.WebSockets(ws.New()), app.Backplane(bus.Node())))
	}
	a, b := start(), start()
	for _, n := range []*apptest.App{a, b} {
		apptest.Get[*chat.Prices](n).Put("tea", 3)
	}
	a.DialWS("/").Emit("set", "tea")
	testkit.Eventually(t, "both caches have purged it", func() bool {
		return !apptest.Get[*chat.Prices](a).Has("tea") && !apptest.Get[*chat.Prices](b).Has("tea")
	})
}

// Names of clients of both nodes are found.
func TestWho(t *testing.T) {
	bus := memory.NewBus()
	start := func() *apptest.App {
		return apptest.New(t, chat.GuestsModule, apptest.With(app.WebSockets(ws.New()), app.Backplane(bus.Node())))
	}
	ann, bob := start().DialWS("/"), start().DialWS("/")
	ann.Call("name", "ann")
	bob.Call("name", "bob")
	testkit.Eventually(t, "both names", func() bool {
		names := apptest.Call[[]string](ann, "who")
		slices.Sort(names)
		return slices.Equal(names, []string{"ann", "bob"})
	})
}
