package adaptertest

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
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
	tr := newRecorder()
	started, release := make(chan struct{}), make(chan struct{})
	left := make(chan websockets.Reason, 2)
	g := &testGateway{
		opts: []websockets.Option{websockets.Concurrency(2)},
		subs: []websockets.Subscription{
			websockets.Listen("work", func(ctx context.Context, _ struct{}) error {
				if err := websockets.ClientFrom(ctx).Join("b", "a"); err != nil {
					return err
				}
				close(started)
				<-ctx.Done() // the connection is closed
				<-release
				tr.add("handler")
				return nil
			}),
			websockets.Listen("out", func(ctx context.Context, _ struct{}) error {
				websockets.ClientFrom(ctx).Disconnect()
				return nil
			}),
		},
	}
	g.leave = func(_ context.Context, c websockets.Client, r websockets.Reason) {
		tr.add("leave " + strings.Join(c.Rooms(), ","))
		if g.Server.To("a").Local().Len() != 0 {
			tr.add("the room still has the client")
		}
		left <- r
	}
	a, c := s.solo(t, g)
	c.Emit("work")
	get(t, started, "the handler")
	end(c)
	close(release)
	r := get(t, left, "HandleDisconnect")
	if !slices.Contains(causes, r.Cause) {
		t.Errorf("reason %v, want a cause of %q", r, causes)
	}
	stop(t, a)
	tr.want(t, "handler", "leave a,b")
}

func testDisconnectOrder(t *testing.T, s *suite) {
	tr := newRecorder()
	named := func(name string) *testGateway {
		return &testGateway{leave: func(context.Context, websockets.Client, websockets.Reason) { tr.add(name) }}
	}
	a := s.start(t, named("first"), named("second"), newGateway(echo()))
	c := s.dial(t, a)
	alive(t, c)
	c.Close()
	tr.want(t, "first", "second")
	stop(t, a)
	tr.want(t, "first", "second")
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
	get(t, entered, "HandleDisconnect")
	select {
	case <-stopped:
		t.Error("Stop did not wait for HandleDisconnect")
	default:
	}
	close(release)
	if err := get(t, stopped, "Stop"); err != nil {
		t.Errorf("stop: %v", err)
	}
	if !done.Load() {
		t.Error("Stop returned before HandleDisconnect")
	}
	if r := get(t, reason, "the reason"); r.Cause != websockets.CauseShutdown {
		t.Errorf("reason %v, want %q", r, websockets.CauseShutdown)
	}
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
	get(t, started, "the handler")
	c.Abort()
	if err := get(t, cause, "context"); err == nil || !strings.Contains(err.Error(), websockets.ErrClosed.Error()) {
		t.Errorf("cause %v, want %v", err, websockets.ErrClosed)
	}
}
