package cluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// movingNodes starts nodes on a bus.
func movingNodes(t *testing.T, bus *memory.Bus, n int) (all []*node) {
	t.Helper()
	for range n {
		engine := bus.Node()
		x := startMoving(t, func() backplane.Backplane { return engine })
		x.engine = engine
		all = append(all, x)
	}
	meet(t, all...)
	return all
}

// settle connects a client, which has received event 1 of source 0.
func settle(t *testing.T, n *node) *traveller {
	t.Helper()
	v := &traveller{last: map[int]int{}}
	if err := v.connect(n); err != nil {
		t.Fatal(err)
	}
	if err := n.server.ToID(v.id).Join(t.Context(), "tea"); err != nil {
		t.Fatal(err)
	}
	emitStamps(t, n.server.To("tea"), 1, 2)
	if err := v.read(); err != nil {
		t.Fatal(err)
	}
	return v
}

func emitStamps(t *testing.T, to websockets.Emitter, from, end int) {
	t.Helper()
	for i := from; i < end; i++ {
		if err := to.Emit(t.Context(), "n", stamp{0, i}); err != nil {
			t.Fatal(err)
		}
	}
}

func (v *traveller) reads(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := v.read(); err != nil {
			t.Fatal(err)
		}
	}
}

func arrivals(n *node) uint64 { return n.App.App().Stats().Endpoints[0].Arrived }

// A client that is cut off again before it has heard that it is at another node finds everything, wherever it comes to: by the
// private id and the position that it has.
func TestHandoverCutAgain(t *testing.T) {
	for to, name := range []string{"back", "the same", "a third"} {
		t.Run(name, func(t *testing.T) {
			all := movingNodes(t, memory.NewBus(), 3)
			v := settle(t, all[0])
			_ = v.conn.CloseNow()
			emitStamps(t, all[0].server.To("tea"), 2, 5)
			ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, all[1].URL()+"/socket.io/?EIO=4&transport=websocket", nil)
			if err != nil {
				t.Fatal(err)
			}
			auth, _ := json.Marshal(map[string]string{"pid": v.pid, "offset": v.offset})
			if err := conn.Write(ctx, websocket.MessageText, append([]byte("40"), auth...)); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, "it is at the second node", func() bool { return arrivals(all[1]) == 1 })
			_ = conn.CloseNow()
			emitStamps(t, all[0].server.To("tea"), 5, 8)
			if err := v.connect(all[to]); err != nil {
				t.Fatal(err)
			}
			emitStamps(t, all[0].server.To("tea"), 8, 10)
			v.reads(t, 8)
			_ = v.conn.CloseNow()
		})
	}
}

// Of two connections that name one private id at once on different nodes, one is the client in the end, and there is one such client.
// HANDOVER_CLAIMS is how often, 20 times by default.
func TestHandoverClaimedTwice(t *testing.T) {
	rounds := 20
	setByVariable(t, "HANDOVER_CLAIMS", &rounds)
	stopped := make(chan struct{})
	t.Cleanup(func() { close(stopped) }) // after those of the nodes
	all := movingNodes(t, memory.NewBus(), 3)
	for _, n := range all {
		go n.discardLeft(stopped)
	}
	for range rounds {
		v := settle(t, all[0])
		_ = v.conn.CloseNow()
		var both sync.WaitGroup
		others := []*traveller{{last: map[int]int{}}, {last: map[int]int{}}}
		for i, o := range others {
			o.pid, o.offset = v.pid, v.offset
			both.Go(func() {
				if err := o.connect(all[1+i]); err != nil { // one may have been cut for the other
					o.id = ""
				}
			})
		}
		both.Wait()
		same := 0
		for _, o := range others {
			if o.id == v.id {
				same++
			}
		}
		if same == 0 {
			t.Fatalf("neither is client %s", v.id)
		}
		testkit.Eventually(t, "there is one client of the id", func() bool {
			f, err := all[0].server.ToID(v.id).Fetch(t.Context())
			return err == nil && len(f.Clients) == 1
		})
		for _, o := range others {
			_ = o.conn.CloseNow()
		}
	}
}

// A client of a node that is dead, or does not answer in time, is a new one, within the time of a move.
func TestHandoverFails(t *testing.T) {
	for name, fail := range map[string]func(bus *memory.Bus, a *node){
		"dead":     func(_ *memory.Bus, a *node) { a.engine.Kill() },
		"slow":     func(bus *memory.Bus, _ *node) { bus.SetFaults(memory.Faults{Delay: 5 * time.Second}) },
		"cut off":  func(_ *memory.Bus, a *node) { a.engine.Cut() },
		"stranger": func(bus *memory.Bus, a *node) { bus.Partition([]*memory.Backplane{a.engine}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 2)
			v := settle(t, all[0])
			_ = v.conn.CloseNow()
			fail(bus, all[0])
			old := v.id
			v.id = ""
			if err := v.connect(all[1]); err != nil {
				t.Fatal(err)
			}
			if v.id == old {
				t.Error("it is recovered")
			}
			if n := all[1].App.App().Stats().Endpoints[0]; n.Clients != 1 || n.Suspended != 0 || n.Arrived != 0 {
				t.Errorf("%+v", n)
			}
			_ = v.conn.CloseNow()
		})
	}
}

var whose = pipeline.NewIdentity("user")

// byToken identifies clients by the token in their auth.
type byToken struct{}

func (byToken) Identifies() bool { return true }

func (byToken) Check(_ context.Context, c *pipeline.Call) error {
	var auth struct{ Token string }
	if c.Auth == nil || c.Auth.Decode(&auth) != nil || auth.Token == "" {
		return &websockets.Error{Message: "no token"}
	}
	whose.Set(c, auth.Token)
	return nil
}

// Only the same client moves: another one with its private id is a new client, and changes nothing. Guards run on the new node.
func TestHandoverIdentity(t *testing.T) {
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprint("SkipAdmit ", skip), func(t *testing.T) {
			bus := memory.NewBus()
			start := func() *node {
				n := &node{log: &testkit.Log{}, engine: bus.Node()}
				io := socketio.New(socketio.Options{Recovery: &socketio.Recovery{SkipAdmit: skip}})
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
			eve := b.DialSocketIO("/", token("eve"), apptest.WithRecovery(ada))
			if eve.ID() == ada.ID() {
				t.Fatal("another client has moved")
			}
			ada.Call("id") // its connection stands
			if _, err := apptest.TryDialSocketIO(t, b.URL(), apptest.WithRecovery(ada)); err == nil {
				t.Error("the guards do not run")
			}
			if moved := b.DialSocketIO("/", token("ada"), apptest.WithRecovery(ada)); moved.ID() != ada.ID() {
				t.Error("the client has not moved")
			}
		})
	}
}

// Each answer of a move has its own time: a client moves, and is parked, also where the whole takes longer than that.
func TestHandoverSlow(t *testing.T) {
	for name, parked := range map[string]bool{"moves": false, "parked": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := memory.NewBus()
			all := movingNodes(t, bus, 2)
			v := settle(t, all[0])
			_ = v.conn.CloseNow()
			testkit.Eventually(t, "it is suspended", func() bool { return suspendedAt(all[0]) == 1 })
			bus.SetFaults(memory.Faults{Delay: 600 * time.Millisecond})
			defer bus.SetFaults(memory.Faults{})
			emitStamps(t, all[0].server.To("tea"), 2, 3)
			if parked {
				if err := all[0].App.App().Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			emitStamps(t, all[1].server.To("tea"), 3, 4)
			if err := v.connect(all[1]); err != nil {
				t.Fatal(err)
			}
			v.reads(t, 2)
			_ = v.conn.CloseNow()
		})
	}
}
