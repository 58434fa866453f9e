package adaptertest

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var stopTests = []test{
	{"law 18: a running handler finishes, and its answer arrives before the close", testStopFinishes},
}

func testStopFinishes(t *testing.T, s *suite) {
	started, stopping, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	g := newGateway(websockets.On("work", func(ctx context.Context, n int) (int, error) {
		close(started)
		return n, await(ctx, release)
	}))
	g.destroy = func() { close(stopping) }
	a, c := s.solo(t, g)
	idle := s.dial(t, a)
	answered := make(chan string, 1)
	go func() {
		got, err := c.TryCall("work", 42)
		if err != nil {
			got = []byte(err.Error())
		}
		answered <- string(got)
	}()
	testkit.Receive(t, "the handler", started)
	stopped := make(chan error, 1)
	go func() { stopped <- a.App().Stop(t.Context()) }()
	testkit.Receive(t, "OnModuleDestroy", stopping)
	if _, err := s.cfg.Dial(t, a.URL(), s.root()); err == nil {
		t.Error("a new client is accepted while the application stops")
	}
	if end := idle.ExpectClose(); end != s.cfg.ShutdownClose {
		t.Errorf("an idle client receives %v, want %v", end, s.cfg.ShutdownClose)
	}
	close(release)
	wantReceived(t, "the answer", answered, "42")
	if end := c.ExpectClose(); end != s.cfg.ShutdownClose {
		t.Errorf("the client receives %v, want %v", end, s.cfg.ShutdownClose)
	}
	if err := testkit.Receive(t, "Stop", stopped); err != nil {
		t.Errorf("stop: %v", err)
	}
}
