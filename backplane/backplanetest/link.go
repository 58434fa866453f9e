package backplanetest

import (
	"context"
	"time"

	"github.com/gatehouse-go/gatehouse/backplane"
)

// short is how long a call is allowed to wait that must end with its context.
const short = 100 * time.Millisecond

func testDegraded(s *suite) {
	s.factory.Down()
	n := s.newNode()
	ctx, cancel := context.WithTimeout(context.Background(), short)
	defer cancel()
	if err := n.engine.Start(ctx, n.self, n); err == nil {
		s.Errorf("Start returns no error without the service")
	}
	s.Cleanup(n.stop)
	late, cancelLate := context.WithTimeout(context.Background(), short)
	defer cancelLate()
	if err := n.engine.Interest(late, []string{backplane.ChannelEvents}, nil); err == nil {
		s.Errorf("Interest returns no error without the service")
	}
	s.factory.Up()
	n.wait("Link", func() bool { return len(n.links) > 0 && n.links[len(n.links)-1].up })
	if n.lastLink().lost {
		s.Errorf("Link(true, lost): nothing can be lost before the first connection")
	}
	a := s.start(backplane.ChannelEvents)
	a.send(a.event("x"))
	n.want(a, 1)
	n.send(n.event("y"))
	a.want(n, 1)
}

func testReconnect(s *suite) {
	a, b := s.nodes()
	b.interest([]string{"kept", "dropped"}, nil)
	b.interest(nil, []string{"dropped"})
	a.send(a.event("1"))
	b.want(a, 1)
	s.factory.Down()
	for _, n := range []*node{a, b} {
		n.wait("Link down", func() bool { return len(n.links) == 2 })
		if got := n.lastLink(); got.up || !got.hasErr {
			s.Errorf("Link without the service: %+v, want down with an error", got)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), short)
	defer cancel()
	if err := a.engine.Send(ctx, []*backplane.Message{a.event("2")}); err == nil {
		s.Errorf("Send returns no error without the service")
	}
	s.factory.Up()
	for _, n := range []*node{a, b} {
		n.wait("Link up", func() bool { return len(n.links) >= 3 && n.links[len(n.links)-1].up })
		if got := n.lastLink(); !got.up || !got.lost || got.hasErr {
			s.Errorf("Link when the service is back: %+v, want up, lost, without an error", got)
		}
	}
	want := 2
	if !a.engine.Traits().Interest {
		want = 3
	}
	a.send(a.message("dropped", backplane.Message{}), a.message("kept", backplane.Message{}), a.event("3"))
	b.want(a, want)
	b.send(b.event("4"))
	a.want(b, 1)
}

func testSendEnds(s *suite) {
	a, b := s.nodes()
	s.factory.Freeze()
	ctx, cancel := context.WithTimeout(context.Background(), short)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		// A service may accept some before it is full.
		for {
			if err := a.engine.Send(ctx, []*backplane.Message{a.event("x")}); err != nil {
				done <- err
				return
			}
		}
	}()
	s.ends(done, "Send", short)
	s.factory.Thaw()
	// b may have lost its connection too, and misses what is sent before it is back.
	after := func() bool {
		for _, m := range b.received {
			if string(m.Payload.JSON) == `"y"` {
				return true
			}
		}
		return false
	}
	for until := time.Now().Add(s.patience); ; {
		ctx, cancel := s.context()
		_ = a.engine.Send(ctx, []*backplane.Message{a.event("y")}) // it may be the first to notice that the connection was lost
		cancel()
		if b.cond.Wait(short, after) {
			return
		}
		if time.Now().After(until) {
			s.Fatalf("%s receives nothing more", b.self.Name)
		}
	}
}

// ends waits for an error of a call that must end with its context, after limit.
func (s *suite) ends(done chan error, what string, limit time.Duration) {
	s.Helper()
	timer := time.NewTimer(limit + s.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err == nil {
			s.Errorf("%s returns no error", what)
		}
	case <-timer.C:
		s.Fatalf("%s has not ended %v after its context", what, s.patience)
	}
}

func testStopWhileFrozen(s *suite) {
	a, _ := s.nodes()
	s.factory.Freeze()
	defer s.factory.Thaw()
	ctx, cancel := s.context()
	defer cancel()
	done := make(chan error, 1)
	go func() {
		for {
			if err := a.engine.Send(ctx, []*backplane.Message{a.event("x")}); err != nil {
				done <- err
				return
			}
		}
	}()
	stopCtx, cancelStop := context.WithTimeout(context.Background(), short)
	defer cancelStop()
	stopped := make(chan error, 1)
	go func() { _ = a.engine.Stop(stopCtx); stopped <- context.Canceled }()
	s.ends(stopped, "Stop", short)
	s.ends(done, "Send when the engine stops", short)
}
