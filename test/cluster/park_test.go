package cluster_test

import (
	"log/slog"
	"slices"
	"strings"
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

// A client of a node that stops is the same client at another one: id, rooms, shared values, and every event once and in order,
// whether it was connected or absent when the node stopped, also when the nodes stop one after the other before it comes.
func TestPark(t *testing.T) {
	onEachService(t, func(t *testing.T, s service) {
		for name, absent := range map[string]bool{"connected": false, "absent": true} {
			t.Run(name, func(t *testing.T) {
				a, b := moving(t, s)
				c := a.visit(nil)
				c.Call("join", []string{"tea"})
				c.Call("name", "ada")
				emitNumbers(t, a.server.To("tea"), 0, 3)
				emitNumbers(t, b.server.To("tea"), 3, 6)
				for range 6 {
					c.number()
				}
				if absent {
					c.leave(t)
					emitNumbers(t, a.server.To("tea"), 6, 9)
				}
				if err := a.App.App().Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				cause := testkit.Receive(t, "HandleDisconnect", a.left)
				if want := c.ID() + " " + string(websockets.CauseShutdown); !absent && cause != want {
					t.Errorf("HandleDisconnect with %s, want %s", cause, want)
				}
				emitNumbers(t, b.server.To("tea"), 9, 12)
				d := startMoving(t, s)
				testkit.Eventually(t, "the nodes know each other", func() bool { return len(d.server.Nodes()) == 2 && len(b.server.Nodes()) == 2 })
				emitNumbers(t, d.server.To("tea"), 20, 21)
				if err := b.App.App().Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				emitNumbers(t, d.server.To("tea"), 21, 22)
				moved := d.visit(c)
				if moved.ID() != c.ID() {
					t.Fatalf("a new client: %s after %s\n%s\n%s\n%s", moved.ID(), c.ID(), a.log, b.log, d.log)
				}
				emitNumbers(t, d.server.To("tea"), 100, 101)
				want := []string{"n 10", "n 100", "n 11", "n 20", "n 21", "n 9"}
				if absent {
					want = append(want, "n 6", "n 7", "n 8")
				}
				var got []string
				for range want {
					got = append(got, moved.number())
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got  %q\nwant %q", got, want)
				}
				if rooms := string(moved.Call("rooms")); rooms != `["tea"]` {
					t.Errorf("rooms %s", rooms)
				}
				f, err := d.server.Fetch(t.Context())
				if err != nil || len(f.Clients) != 1 {
					t.Fatalf("%+v, %v", f, err)
				}
				if name, _ := nameKey.Of(f.Clients[0].Shared); name != "ada" {
					t.Errorf("the shared value is %q", name)
				}
			})
		}
	})
}

// A client of a node that stops is present until it has come to another node and left, without a break.
func TestParkPresence(t *testing.T) {
	bus := memory.NewBus()
	a, atA := startClub(t, bus)
	b, atB := startClub(t, bus)
	for _, g := range []*club{atA, atB} {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(g.Server.Nodes()) == 2 })
	}
	c := a.DialSocketIO("/")
	c.Call("enter", entry{"tea", "ada", 7})
	if err := atA.Server.To("tea").Emit(t.Context(), "n", 0); err != nil {
		t.Fatal(err)
	}
	c.Next()
	has := func(want string) func() bool {
		return func() bool {
			listed, changed := atB.has()
			return listed == want && changed == want
		}
	}
	keyThere := func() bool { // for a moment with the entries of both nodes
		listed, changed := atB.has()
		return strings.HasPrefix(listed, "tea ada[7") && strings.HasPrefix(changed, "tea ada[7")
	}
	testkit.Eventually(t, "it is present", has("tea ada[7]"))
	stopped := make(chan error, 1)
	go func() { stopped <- a.App().Stop(t.Context()) }()
	for done := false; !done; {
		select {
		case err := <-stopped:
			if done = true; err != nil {
				t.Fatal(err)
			}
		default:
		}
		if !keyThere() {
			t.Fatal("it is not present while its node stops")
		}
	}
	testkit.Eventually(t, "the node has gone", func() bool { return len(atB.Server.Nodes()) == 1 })
	if !keyThere() {
		t.Error("it is not present while it is parked")
	}
	moved := b.DialSocketIO("/", apptest.WithRecovery(c))
	if moved.ID() != c.ID() {
		t.Fatal("it is a new client")
	}
	if !keyThere() {
		t.Error("it is not present at its new node")
	}
	testkit.Eventually(t, "it is present once", has("tea ada[7]"))
	moved.Close()
	testkit.Eventually(t, "it has gone", has(""))
}

// Only the client itself is recovered from a node that keeps it: at that node and at another one.
func TestParkIdentity(t *testing.T) {
	for _, at := range []string{"the keeper", "another node"} {
		t.Run(at, func(t *testing.T) {
			bus := memory.NewBus()
			start := func() *node {
				n := &node{log: &testkit.Log{}, engine: bus.Node()}
				io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{}})
				m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(io), websockets.UseGuards(byToken{}))))
				n.App = apptest.New(t, m, apptest.With(app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(n.engine, backplane.Beats(500*time.Millisecond, time.Minute))))
				g := apptest.Get[*gateway](n.App)
				n.server, n.left = g.Server, g.left
				return n
			}
			a, b := start(), start()
			meet(t, a, b)
			token := func(s string) apptest.DialOption { return apptest.WithAuth(map[string]string{"token": s}) }
			ada := a.DialSocketIO("/", token("ada"))
			emitNumbers(t, a.server, 0, 1)
			ada.Next()
			if err := a.App.App().Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			to := b
			if at == "another node" {
				to = start()
				testkit.Eventually(t, "the nodes know each other", func() bool { return len(to.server.Nodes()) == 2 })
			}
			if eve := to.DialSocketIO("/", token("eve"), apptest.WithRecovery(ada)); eve.ID() == ada.ID() {
				t.Fatal("another client is recovered")
			}
			emitNumbers(t, b.server, 1, 2)
			moved := to.DialSocketIO("/", token("ada"), apptest.WithRecovery(ada))
			if moved.ID() != ada.ID() {
				t.Fatal("the client is a new one")
			}
			if m := moved.Next(); string(m.Data) != "1" {
				t.Errorf("event %s", m.Data)
			}
		})
	}
}

// A client that the keepers have no room for is a new one, and the node that stops says so; the stop does not wait for it.
func TestParkRefused(t *testing.T) {
	bus := memory.NewBus()
	start := func(recovery *socketio.Recovery) *node {
		n := &node{log: &testkit.Log{}, engine: bus.Node()}
		io := socketio.New(socketio.Options{Recovery: recovery})
		m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Via(io))))
		n.App = apptest.New(t, m, apptest.With(app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(n.engine, backplane.Beats(500*time.Millisecond, time.Minute))))
		g := apptest.Get[*gateway](n.App)
		n.server, n.left = g.Server, g.left
		return n
	}
	a, b := start(&socketio.Recovery{}), start(&socketio.Recovery{MaxBytes: 1})
	meet(t, a, b)
	c := a.visit(nil)
	emitNumbers(t, a.server, 0, 2)
	c.number()
	c.number()
	c.leave(t)
	emitNumbers(t, a.server, 2, 4)
	if err := a.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lines := a.log.Lines("no node could keep them"); len(lines) != 1 || !strings.Contains(lines[0], "clients=1") {
		t.Errorf("the log has %q", lines)
	}
	if s := b.App.App().Stats().Endpoints[0]; s.Suspended != 0 || s.Clients != 0 {
		t.Errorf("%+v", s)
	}
	if again := b.visit(c); again.ID() == c.ID() {
		t.Error("it is recovered")
	}
}
