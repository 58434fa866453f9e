package cluster_test

import (
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// startClub starts a node with presence.
func startClub(t *testing.T, bus *memory.Bus) (*apptest.App, *club) {
	t.Helper()
	io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{}})
	m := module.New("program", module.Exports(websockets.Gateway(newClub, websockets.Via(io))))
	a := apptest.New(t, m, apptest.With(app.Backplane(bus.Node(), backplane.Beats(500*time.Millisecond, time.Minute))))
	return a, apptest.Get[*club](a)
}

// A client that moves to another node is present as before, once, and is gone when it is gone there.
func TestHandoverPresence(t *testing.T) {
	bus := memory.NewBus()
	a, atA := startClub(t, bus)
	b, atB := startClub(t, bus)
	for _, g := range []*club{atA, atB} {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(g.Server.Nodes()) == 2 })
	}
	present := func(want string) {
		t.Helper()
		for _, g := range []*club{atA, atB} {
			testkit.Eventually(t, "the nodes have "+want, func() bool {
				listed, changed := g.has()
				return listed == want && changed == want
			})
		}
	}
	c := a.DialSocketIO("/")
	c.Call("enter", entry{"tea", "ada", 7})
	if err := atA.Server.To("tea").Emit(t.Context(), "n", 0); err != nil {
		t.Fatal(err)
	}
	c.Next()
	present("tea ada[7]")
	moved := b.DialSocketIO("/", apptest.WithRecovery(c))
	if moved.ID() != c.ID() {
		t.Fatal("it is a new client")
	}
	testkit.Eventually(t, "the old node has forgotten it", func() bool { return a.App().Stats().Endpoints[0].Departed == 1 })
	present("tea ada[7]")
	moved.Close()
	present("")
}
