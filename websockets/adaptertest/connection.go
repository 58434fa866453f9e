package adaptertest

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var connectionTests = []test{
	{"law 6: hooks run before messages", testHooksBeforeMessages},
	{"law 6: an error of HandleConnection rejects the client", testConnectionRejected},
	{"law 6: an unknown error of HandleConnection stays hidden", testConnectionUnknownError},
	{"law 6: HandleConnection may emit, join and call", testConnectionActs},
	{"law 8: AfterInit runs once, before OnModuleInit", testAfterInit},
	{"law 8: an error of AfterInit aborts the start", testAfterInitError},
}

func testHooksBeforeMessages(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	release := make(chan struct{})
	first := &testGateway{
		subs: []websockets.Subscription{websockets.On("m", func(_ context.Context, n int) (int, error) {
			tr.Add("message")
			return n, nil
		})},
		connect: func(ctx context.Context, _ websockets.Client) error {
			tr.Add("first starts")
			err := await(ctx, release)
			tr.Add("first ends")
			return err
		},
	}
	second := &testGateway{connect: func(context.Context, websockets.Client) error { tr.Add("second"); return nil }}
	a := s.start(t, first, second)
	c := s.dial(t, a)
	c.Emit("m", 1)
	c.ExpectNone("m") // after its ping and pong the message has reached the server
	tr.Want(t, "first starts")
	close(release)
	wantAnswer(t, c, 2, "m", 2)
	tr.Want(t, "first starts", "first ends", "second", "message", "message")
}

func testConnectionRejected(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	release := make(chan struct{})
	hooks := func(name string, connect func(ctx context.Context) error) *testGateway {
		return &testGateway{
			connect: func(ctx context.Context, _ websockets.Client) error {
				tr.Add(name + " connect")
				return connect(ctx)
			},
			leave: func(_ context.Context, _ websockets.Client, r websockets.Reason) {
				tr.Add(name + " leave: " + string(r.Cause))
			},
		}
	}
	yes := func(context.Context) error { return nil }
	first := hooks("first", yes)
	second := hooks("second", func(ctx context.Context) error {
		return errors.Join(await(ctx, release), &websockets.Error{Message: "Room is full", Code: "full"})
	})
	third := hooks("third", yes)
	third.subs = []websockets.Subscription{websockets.Listen("m", func(context.Context, int) error { tr.Add("message"); return nil })}
	a := s.start(t, first, second, third)
	c := s.dial(t, a)
	c.Emit("m", 1)
	c.ExpectNone("m") // the message has reached the server
	close(release)
	e := apptest.Expect[apptest.Exception](c, "exception")
	if e.Status != "error" || e.Message != "Room is full" || e.Code != "full" {
		t.Errorf("exception %+v", e)
	}
	c.ExpectClose()
	stop(t, a)
	tr.Want(t, "first connect", "second connect",
		"first leave: server namespace disconnect", "second leave: server namespace disconnect")
}

func testConnectionUnknownError(t *testing.T, s *suite) {
	g := newGateway(echo())
	g.connect = func(context.Context, websockets.Client) error { return errors.New("password of the database") }
	_, c := s.solo(t, g)
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "Internal server error" {
		t.Errorf("exception %+v", e)
	}
	c.ExpectClose()
}

func testConnectionActs(t *testing.T, s *suite) {
	answered := make(chan string, 1)
	g := newGateway(echo()).emits(websockets.NewEvent[[]string]("welcome"), websockets.NewCall[any, string]("name?"))
	g.connect = func(ctx context.Context, c websockets.Client) error {
		if err := c.Join("lobby"); err != nil {
			return err
		}
		if err := c.Emit(ctx, "welcome", c.Rooms()); err != nil {
			return err
		}
		p, err := c.Call(ctx, "name?", nil)
		answered <- string(p.JSON)
		return err
	}
	_, c := s.solo(t, g)
	if got := apptest.Expect[[]string](c, "welcome"); len(got) != 1 || got[0] != "lobby" {
		t.Errorf("welcome %q, want lobby", got)
	}
	c.Answer(c.ExpectMessage("name?"), "ann")
	wantReceived(t, "the answer", answered, `"ann"`)
	alive(t, c)
}

func testAfterInit(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	named := func(name string) *testGateway {
		g := newGateway()
		g.onInit = func(_ context.Context, srv *websockets.Server) error {
			tr.Add(name + " AfterInit")
			if srv == nil || g.Server == nil || srv.Local().Len() != 0 {
				return errors.New("the server is not ready")
			}
			return nil
		}
		g.module = func() { tr.Add(name + " OnModuleInit") }
		return g
	}
	s.start(t, named("a"), named("b"))
	tr.Want(t, "a AfterInit", "b AfterInit", "a OnModuleInit", "b OnModuleInit")
}

func testAfterInitError(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	broken := errors.New("no licence")
	g := newGateway(echo())
	g.onInit = func(context.Context, *websockets.Server) error { return broken }
	g.module = func() { tr.Add("OnModuleInit") }
	err := s.boot(t, modules(g), app.HTTP("127.0.0.1:0"))
	if !errors.Is(err, broken) {
		t.Fatalf("start: %v, want %v", err, broken)
	}
	has(t, err.Error(), "AfterInit")
	tr.Want(t)
}
