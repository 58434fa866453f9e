package cluster_test

import (
	"context"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// A stop ends soon in whatever state the backplane is, a second one does nothing, and nothing is
// left of the node: the check for leaked goroutines of this package sees to that.
func TestStopInEveryState(t *testing.T) {
	// What waits is sent for a second, and a batch that is on its way has two.
	const soon = 3*time.Second + testkit.Patience/2
	for name, bring := range map[string]func(bus *memory.Bus, n *node){
		"connected":        func(*memory.Bus, *node) {},
		"service is down":  func(bus *memory.Bus, _ *node) { bus.Down() },
		"node is cut off":  func(_ *memory.Bus, n *node) { n.engine.Cut() },
		"service is stuck": func(_ *memory.Bus, n *node) { n.engine.Freeze() },
		"killed":           func(_ *memory.Bus, n *node) { n.engine.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			bus := memory.NewBus()
			n := start(t, bus)
			c := n.connect("client", func() *apptest.Client { return n.DialSocketIO("/") }, "a")
			bring(bus, n)
			for i := range 1000 { // waits, is on its way, or has been sent
				if err := n.server.To("a").Emit(t.Context(), "event", i); err != nil {
					t.Fatal(err)
				}
			}
			c.ExpectMessage("event")
			started := time.Now()
			if err := n.App.App().Stop(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(started); took > soon {
				t.Errorf("took %v", took)
			}
			if err := n.App.App().Stop(t.Context()); err != nil {
				t.Errorf("the second stop: %v", err)
			}
			if err := n.server.Emit(t.Context(), "late", 1); err == nil {
				t.Error("no error of Emit after the stop")
			}
		})
	}
	t.Run("before the start", func(t *testing.T) {
		a, err := app.New(program(), app.Mounted(), app.WebSockets(ws.New()), app.Backplane(memory.NewBus().Node()))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("after a start that has failed", func(t *testing.T) {
		bus := memory.NewBus()
		bus.Down()
		a, err := app.New(program(), app.Mounted(), app.WebSockets(ws.New()), app.Backplane(bus.Node(), backplane.Required()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := a.Start(ctx); err == nil {
			t.Error("it has started")
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
