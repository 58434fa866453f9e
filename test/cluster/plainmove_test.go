package cluster_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
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

// startPlain starts a node whose clients of plain WebSocket may move to others.
func startPlain(t *testing.T, s service) *node {
	t.Helper()
	n := &node{log: &testkit.Log{}}
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Shares(nameKey),
		websockets.Via(ws.New(ws.Options{Recovery: &ws.Recovery{}}), websockets.Path("/ws")))))
	n.App = apptest.New(t, m, apptest.With(app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(s(), backplane.Beats(500*time.Millisecond, time.Minute))))
	g := apptest.Get[*gateway](n.App)
	n.server, n.left = g.Server, g.left
	return n
}

// readsPlain reads events of gatehouse.v1, in any order of their sources.
func (v *traveller) readsPlain(t *testing.T, want ...int) {
	t.Helper()
	var got []int
	for range want {
		name, data, err := v.plainEvent()
		var n int
		if err == nil {
			err = json.Unmarshal(data, &n)
		}
		if err != nil || name != "n" {
			t.Fatalf("%s %s: %v", name, data, err)
		}
		got = append(got, n)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
}

// A client of plain WebSocket that comes to another node, or whose node stops, is the same client there, on each engine: id, rooms and
// every event once.
func TestPlainMoves(t *testing.T) {
	onEachService(t, func(t *testing.T, s service) {
		for _, how := range []string{"noticed", "not noticed", "parked", "parked twice"} {
			t.Run(how, func(t *testing.T) {
				a, b := startPlain(t, s), startPlain(t, s)
				meet(t, a, b)
				v := &traveller{}
				if err := v.connectPlain(a.URL() + "/ws"); err != nil {
					t.Fatal(err)
				}
				if err := a.server.ToID(v.id).Join(t.Context(), "tea"); err != nil {
					t.Fatal(err)
				}
				emitNumbers(t, a.server.To("tea"), 0, 2)
				v.readsPlain(t, 0, 1)
				emitNumbers(t, b.server.To("tea"), 2, 3)
				v.readsPlain(t, 2)
				to, want := b, []int{3, 4}
				switch how {
				case "noticed":
					_ = v.conn.CloseNow()
					testkit.Eventually(t, "it is suspended", func() bool { return suspendedAt(a) == 1 })
					emitNumbers(t, a.server.To("tea"), 3, 4)
				case "not noticed":
					want = []int{4}
				default:
					_ = v.conn.CloseNow()
					testkit.Eventually(t, "it is suspended", func() bool { return suspendedAt(a) == 1 })
					emitNumbers(t, a.server.To("tea"), 3, 4)
					if err := a.App.App().Stop(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				emitNumbers(t, b.server.To("tea"), 4, 5)
				if how == "not noticed" {
					v.readsPlain(t, 4)
					want = nil
				}
				if how == "parked twice" {
					to = startPlain(t, s)
					meetEach(t, b, to)
					if err := b.App.App().Stop(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				former := v.id
				if err := v.connectPlain(to.URL() + "/ws"); err != nil {
					t.Fatal(fmt.Errorf("%w\n%s\n%s\n%s", err, a.log, b.log, to.log))
				}
				v.readsPlain(t, want...)
				emitNumbers(t, to.server.To("tea"), 5, 6)
				v.readsPlain(t, 5)
				if v.id != former {
					t.Errorf("client %s after %s", v.id, former)
				}
				_ = v.conn.CloseNow()
			})
		}
	})
}

// meetEach waits until two nodes know each other, whatever others there are.
func meetEach(t *testing.T, a, b *node) {
	t.Helper()
	for _, n := range []*node{a, b} {
		testkit.Eventually(t, "the nodes know each other", func() bool { return len(n.server.Nodes()) == 2 })
	}
}
