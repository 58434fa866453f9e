package cluster_test

import (
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
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// startMoving starts a node whose Socket.IO clients may move to others.
func startMoving(t *testing.T, s service, opts ...app.Option) *node {
	t.Helper()
	n := &node{log: &testkit.Log{}}
	io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{MaxClientsPerAddress: 10_000}})
	m := module.New("program", module.Exports(websockets.Gateway(newGateway, websockets.Shares(nameKey), websockets.Via(io))))
	all := []app.Option{app.Logger(n.log.Logger(slog.LevelInfo)), app.Backplane(s(), backplane.Beats(500*time.Millisecond, time.Minute))}
	n.App = apptest.New(t, m, apptest.With(append(all, opts...)...))
	g := apptest.Get[*gateway](n.App)
	n.server, n.left = g.Server, g.left
	return n
}

func moving(t *testing.T, s service) (a, b *node) {
	t.Helper()
	a, b = startMoving(t, s), startMoving(t, s)
	meet(t, a, b)
	return a, b
}

// A client that comes to another node is the same client there: id, rooms, shared values, and every event once and in order,
// whether the first node has noticed its loss or not.
func TestHandover(t *testing.T) {
	onEachService(t, func(t *testing.T, s service) {
		for _, noticed := range []bool{true, false} {
			t.Run(fmt.Sprintf("noticed %t", noticed), func(t *testing.T) {
				a, b := moving(t, s)
				c := a.visit(nil)
				c.Call("join", []string{"tea"})
				c.Call("name", "ada")
				emitNumbers(t, a.server.To("tea"), 0, 3)
				emitNumbers(t, b.server.To("tea"), 3, 6)
				for range 6 {
					c.number()
				}
				if noticed {
					c.leave(t)
					emitNumbers(t, a.server.To("tea"), 6, 9)
					emitNumbers(t, b.server.To("tea"), 9, 12)
				}
				moved := b.visit(c)
				if moved.ID() != c.ID() {
					t.Fatalf("a new client: %s after %s\n%s\n%s", moved.ID(), c.ID(), a.log, b.log)
				}
				emitNumbers(t, a.server.To("tea"), 100, 101)
				emitNumbers(t, b.server.To("tea"), 200, 201)
				var got []string
				for range map[bool]int{true: 8, false: 2}[noticed] {
					got = append(got, moved.number())
				}
				slices.Sort(got)
				all := []string{"n 100", "n 200"}
				if noticed {
					all = append(all, "n 10", "n 11", "n 6", "n 7", "n 8", "n 9")
				}
				slices.Sort(all)
				if !slices.Equal(got, all) {
					t.Errorf("got  %q\nwant %q", got, all)
				}
				if rooms := string(moved.Call("rooms")); rooms != `["tea"]` {
					t.Errorf("rooms %s", rooms)
				}
				f, err := a.server.Fetch(t.Context())
				if err != nil || len(f.Clients) != 1 {
					t.Fatalf("%+v, %v", f, err)
				}
				if name, _ := nameKey.Of(f.Clients[0].Shared); name != "ada" {
					t.Errorf("the shared value is %q", name)
				}
				cause := testkit.Receive(t, "HandleDisconnect", a.left)
				if want := string(websockets.CauseMoved); !noticed && cause != c.ID()+" "+want {
					t.Errorf("HandleDisconnect with %s, want %s", cause, want)
				}
			})
		}
	})
}

func emitNumbers(t *testing.T, to websockets.Emitter, from, end int) {
	t.Helper()
	for i := from; i < end; i++ {
		if err := to.Emit(t.Context(), "n", i); err != nil {
			t.Fatal(err)
		}
	}
}
