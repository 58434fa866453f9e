package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/memory"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Health, statistics, observers and the log have the state of the backplane. A node without its
// service is ready anyway.
func TestHealth(t *testing.T) {
	bus := memory.NewBus()
	steps := make(chan observe.BackplaneStep, 100)
	next := func(want observe.BackplaneEvent) observe.BackplaneStep {
		t.Helper()
		s := testkit.Receive(t, string(want), steps)
		for s.Event != want && (s.Event == observe.BackplaneDropped || s.Event == observe.BackplaneDegraded && want == observe.BackplaneDown) {
			s = testkit.Receive(t, string(want), steps) // a beat was lost
		}
		if s.Event != want || (s.Err != nil) != (want == observe.BackplaneDown || want == observe.BackplaneDegraded) {
			t.Fatalf("%+v, want %s", s, want)
		}
		return s
	}
	a := start(t, bus, app.Observe(observe.Hooks{Backplane: func(s observe.BackplaneStep) { steps <- s }}), app.Backplane(bus.Node(), backplane.Queue(0, 2), backplane.Beats(100*time.Millisecond, time.Minute)))
	next(observe.BackplaneUp)
	check := func(up, degraded bool, reason string) {
		t.Helper()
		var h app.Health
		var s *observe.BackplaneStats
		testkit.Eventually(t, "statistics as the health", func() bool { // a beat may be lost between both
			h, s = a.App.App().Health(), a.App.App().Stats().Backplane
			return h.Backplane != nil && s.Up == h.Backplane.Up && s.Degraded == h.Backplane.Degraded && s.Reason == h.Backplane.Reason
		})
		b := h.Backplane
		if !h.Ready || b == nil || b.Up != up || b.Degraded != degraded || b.Since.IsZero() || (b.Reason == "") == degraded || !strings.Contains(b.Reason, reason) {
			t.Errorf("%+v, backplane %+v, want up %t, degraded %t: %s", h, b, up, degraded, reason)
		}
	}
	check(true, false, "")
	bus.Down()
	if s := next(observe.BackplaneDown); !errors.Is(s.Err, memory.ErrCut) {
		t.Errorf("down: %v", s.Err)
	}
	check(false, true, "not connected")
	full := 0
	testkit.Eventually(t, "the queue is full", func() bool {
		if errors.Is(a.server.Emit(t.Context(), "event", 1), websockets.ErrBackplaneFull) {
			full++
		}
		b := a.App.App().Health().Backplane
		return full > 0 && b.QueueBytes > 0 && strings.Contains(b.Reason, "queue of the backplane is full")
	})
	for lost := 0; lost < full; {
		lost += next(observe.BackplaneDropped).Messages
	}
	check(false, true, "queue of the backplane is full")
	bus.Up()
	next(observe.BackplaneDegraded)
	check(true, true, "") // of what was lost last
	if err := a.App.App().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a.App.App().Health().Ready {
		t.Error("ready after the stop")
	}
	if h := start(t, nil).App.App().Health(); !h.Ready || h.Backplane != nil {
		t.Errorf("without a backplane: %+v", h)
	}
	fresh, err := app.New(program(), app.Mounted())
	if err != nil {
		t.Fatal(err)
	}
	if h := fresh.Health(); h.Ready || h.Backplane != nil {
		t.Errorf("before the start: %+v", h)
	}
}
