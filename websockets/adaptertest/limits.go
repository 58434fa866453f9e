package adaptertest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var limitsTests = []test{
	{"law 19: a message over MaxMessage closes the connection", testMaxMessage},
	{"law 19: a client that answers no heartbeat is closed", testSilent},
	{"law 19: a client that leaves while its inbox is full is noticed", testGoneWhileFull},
}

// leaving returns a gateway with limits, and the reasons of its clients' disconnects.
func leaving(l websockets.Limits, subs ...websockets.Subscription) (*testGateway, <-chan websockets.Reason) {
	left := make(chan websockets.Reason, 8)
	g := newGateway(subs...).with(websockets.WithLimits(l))
	g.leave = func(_ context.Context, _ websockets.Client, r websockets.Reason) { left <- r }
	return g, left
}

func testMaxMessage(t *testing.T, s *suite) {
	const limit = 4 << 10
	g, left := leaving(websockets.Limits{MaxMessage: limit}, echo())
	_, c := s.solo(t, g)
	fits := strings.Repeat("x", limit-1<<10)
	if got := apptest.Call[string](c, "echo", fits); got != fits {
		t.Errorf("a message below Limits.MaxMessage is answered with %d bytes, want %d", len(got), len(fits))
	}
	if _, err := c.TryCall("echo", strings.Repeat("x", 16*limit)); err == nil {
		t.Fatal("a message over Limits.MaxMessage was handled: the adapter must enforce ServerConfig.Limits.MaxMessage")
	}
	wantCause(t, "the close of a client that sent more than Limits.MaxMessage", left, websockets.CauseMessageTooBig)
}

func testSilent(t *testing.T, s *suite) {
	g, left := leaving(websockets.Limits{PingInterval: 30 * time.Millisecond, PingTimeout: 2 * time.Second}, echo())
	a := s.start(t, g)
	idle := s.dial(t, a)
	s.dial(t, a, apptest.WithoutPong())
	wantCause(t, "the close of a client that answers no heartbeat (Limits.PingInterval, PingTimeout): does the adapter send them?",
		left, websockets.CausePingTimeout)
	if _, err := idle.TryCall("echo", 1); err != nil {
		t.Errorf("an idle client that answers heartbeats: %v: the adapter must send them, each Limits.PingInterval", err)
	}
}

func testGoneWhileFull(t *testing.T, s *suite) {
	ended := make(chan struct{})
	g, _ := leaving(websockets.Limits{PingInterval: 400 * time.Millisecond, PingTimeout: 2 * time.Second},
		websockets.Listen("work", func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return nil
		}),
		websockets.Listen("first", func(ctx context.Context, _ string) error {
			<-ctx.Done()
			close(ended)
			return nil
		}))
	ct := s.contract(t)
	a := s.startOn(t, ct, []*testGateway{g})
	c := s.dial(t, a)
	c.Emit("first")
	load := strings.Repeat("x", 16<<10) // the inbox takes 1 MB
	for range 200 {
		if c.TryEmit("work", load) != nil {
			break // the server has closed the client already
		}
	}
	_, sess := ct.only()
	testkit.Eventually(t, "Session.Receive blocks", func() bool { return sess.Stalled() > 0 || sess.hasEnded() })
	c.Abort()
	testkit.Receive(t, "the end of the handler's context after the client has left while Session.Receive blocked: "+
		"does the adapter watch the connection, or Session.Stalled, meanwhile?", ended)
}
