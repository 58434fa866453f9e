package backplanetest

import (
	"context"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// noGoroutines fails unless the goroutines that were not there before have ended, or end soon.
func (s *suite) noGoroutines(before goleak.Option) {
	s.Helper()
	var err error
	if !testkit.Within(s.patience, func() bool { err = goleak.Find(before); return err == nil }) {
		s.Errorf("goroutines after Stop: %v", err)
	}
}

func testStopFlushes(s *suite) {
	a, b := s.nodes()
	const n = 200
	for range n {
		a.send(a.event("x"))
	}
	a.stop()
	b.wait("what was sent before Stop", func() bool { return len(b.received) == n })
}

func testStopEnds(s *suite) {
	before := goleak.IgnoreCurrent()
	a, b := s.nodes()
	a.send(a.event("x"))
	b.want(a, 1)
	b.stop()
	a.send(a.event("y"))
	a.stop()
	s.noGoroutines(before)
	for _, n := range []*node{a, b} {
		ctx, cancel := s.context()
		if err := n.engine.Send(ctx, []*backplane.Message{n.event("z")}); err == nil {
			s.Errorf("Send after Stop returns no error")
		}
		cancel()
		for _, p := range n.found() {
			s.Errorf("%s", p)
		}
	}
}

func testStopAnyTime(s *suite) {
	before := goleak.IgnoreCurrent()
	n := s.newNode()
	n.stop()
	n.stop()
	n = s.newNode()
	ctx, cancel := s.context()
	defer cancel()
	if err := n.engine.Start(ctx, n.self, n); err != nil {
		s.Fatalf("Start: %v", err)
	}
	n.stop()
	n.stop()
	s.noGoroutines(before)
}

func testStopWhileDown(s *suite) {
	before := goleak.IgnoreCurrent()
	n := s.start(backplane.ChannelEvents)
	s.factory.Down()
	n.wait("Link down", func() bool { return len(n.links) == 2 })
	never := s.newNode()
	ctx, cancel := context.WithTimeout(context.Background(), short)
	defer cancel()
	if err := never.engine.Start(ctx, never.self, never); err == nil {
		s.Errorf("Start returns no error without the service")
	}
	for _, x := range []*node{n, never} {
		started := time.Now()
		x.stop()
		if took := time.Since(started); took > s.patience/2 {
			s.Errorf("Stop took %v", took)
		}
	}
	s.noGoroutines(before)
}
