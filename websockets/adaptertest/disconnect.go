package adaptertest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func disconnectTests() []test {
	ended := func(name string, end func(*apptest.Client), causes ...websockets.Cause) test {
		return test{"law 7: HandleDisconnect once, after the last handler: " + name, func(t *testing.T, s *suite) {
			testDisconnect(t, s, end, causes)
		}}
	}
	return []test{
		ended("client closes", (*apptest.Client).Close, websockets.CauseClientDisconnect),
		ended("connection is dropped", (*apptest.Client).Abort, websockets.CauseTransportClose, websockets.CauseTransportError),
		ended("server disconnects", func(c *apptest.Client) { c.Emit("out"); c.ExpectClose() }, websockets.CauseServerDisconnect),
		{"law 7: HandleDisconnect runs for all gateways in order", testDisconnectOrder},
		{"law 7: Stop waits for HandleDisconnect", testDisconnectAwaited},
		{"law 7: the client's context is cancelled while a handler runs", testContextEnds},
	}
}

// testDisconnect closes the connection while a handler runs. With Concurrency, another
// handler may close it.
func testDisconnect(t *testing.T, s *suite, end func(*apptest.Client), causes []websockets.Cause) {
	tr := &testkit.Steps{}
	started, release := make(chan struct{}), make(chan struct{})
	left := make(chan websockets.Reason, 2)
	g := &testGateway{
		opts: []websockets.Option{
			websockets.Concurrency(2),
			// After a clean close the handler's context lives as long.
			websockets.WithLimits(websockets.Limits{CloseTimeout: 200 * time.Millisecond}),
		},
		subs: []websockets.Subscription{
			websockets.Listen("work", func(ctx context.Context, _ struct{}) error {
				if err := websockets.ClientFrom(ctx).Join("b", "a"); err != nil {
					return err
				}
				close(started)
				<-ctx.Done() // the connection is closed
				<-release
				tr.Add("handler")
				return nil
			}),
			websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
				websockets.ClientFrom(ctx).Disconnect()
				return nil
			}),
		},
	}
	g.leave = func(_ context.Context, c websockets.Client, r websockets.Reason) {
		tr.Add("leave " + strings.Join(c.Rooms(), ","))
		if g.Server.To("a").Local().Len() != 0 {
			tr.Add("the room still has the client")
		}
		left <- r
	}
	a, c := s.solo(t, g)
	c.Emit("work")
	testkit.Receive(t, "the handler", started)
	end(c)
	close(release)
	r := testkit.Receive(t, "HandleDisconnect", left)
	if !slices.Contains(causes, r.Cause) {
		t.Errorf("Session.Closed was called with %v, want a cause of %q", r, causes)
	}
	if clean := r.Cause == websockets.CauseClientDisconnect; r.Clean && !clean {
		t.Errorf("Session.Closed was called with %+v for a client that did not close by the protocol: Reason.Clean must be false", r)
	}
	stop(t, a)
	tr.Want(t, "handler", "leave a,b")
}

func testDisconnectOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	named := func(name string) *testGateway {
		return &testGateway{leave: func(context.Context, websockets.Client, websockets.Reason) { tr.Add(name) }}
	}
	a := s.start(t, named("first"), named("second"), newGateway(echo()))
	c := s.dial(t, a)
	alive(t, c)
	c.Close()
	tr.Want(t, "first", "second")
	stop(t, a)
	tr.Want(t, "first", "second")
}

func testDisconnectAwaited(t *testing.T, s *suite) {
	entered, release := make(chan struct{}), make(chan struct{})
	var done atomic.Bool
	reason := make(chan websockets.Reason, 1)
	g := newGateway(echo())
	g.leave = func(ctx context.Context, _ websockets.Client, r websockets.Reason) {
		reason <- r
		close(entered)
		if await(ctx, release) == nil {
			done.Store(true)
		}
	}
	a, c := s.solo(t, g)
	alive(t, c)
	stopped := make(chan error, 1)
	go func() { stopped <- a.App().Stop(t.Context()) }()
	testkit.Receive(t, "HandleDisconnect", entered)
	select {
	case <-stopped:
		t.Error("Stop did not wait for HandleDisconnect")
	default:
	}
	close(release)
	if err := testkit.Receive(t, "Stop", stopped); err != nil {
		t.Errorf("stop: %v", err)
	}
	if !done.Load() {
		t.Error("Stop returned before HandleDisconnect")
	}
	wantCause(t, "the reason", reason, websockets.CauseShutdown)
}

func testContextEnds(t *testing.T, s *suite) {
	started := make(chan struct{})
	cause := make(chan error, 1)
	g := newGateway(websockets.Listen("work", func(ctx context.Context, _ struct{}) error {
		close(started)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return nil
	}))
	_, c := s.solo(t, g)
	c.Emit("work")
	testkit.Receive(t, "the handler", started)
	c.Abort()
	if err := testkit.Receive(t, "context", cause); err == nil || !strings.Contains(err.Error(), websockets.ErrClosed.Error()) {
		t.Errorf("cause %v, want %v", err, websockets.ErrClosed)
	}
}
