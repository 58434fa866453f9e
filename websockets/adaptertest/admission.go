package adaptertest

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var admissionTests = []test{
	{"law 6: Admit rejects with status, message and data", testAdmitRejects},
	{"law 6: unknown errors of Admit stay hidden", testAdmitUnknownError},
	{"law 6: hooks and handlers see values set by Admit", testAdmitValues},
	{"law 6: Admit functions of all gateways run in order", testAdmitOrder},
}

func testAdmitRejects(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	g := &testGateway{
		subs:    []websockets.Subscription{echo()},
		connect: func(context.Context, websockets.Client) error { tr.Add("connect"); return nil },
		leave:   func(context.Context, websockets.Client, websockets.Reason) { tr.Add("leave") },
	}
	g.with(websockets.Admit(func(context.Context, *websockets.Handshake) error {
		return &websockets.Error{
			Message: "Not you", Code: "not_you", Status: 401,
			Details: map[string]int{"wait": 7}, Err: errors.New("hidden cause"),
		}
	}))
	a := s.start(t, g)
	s.wantRejected(t, a, "Not you", 401, `"not_you"`, `"wait":7`, `"message":"Not you"`)
	if n := g.Server.Local().Len(); n != 0 {
		t.Errorf("%d clients, want none", n)
	}
	stop(t, a)
	tr.Want(t)
}

func testAdmitUnknownError(t *testing.T, s *suite) {
	var log testkit.Log
	g := newGateway(echo()).with(websockets.Admit(func(context.Context, *websockets.Handshake) error {
		return errors.New("password of the database")
	}))
	a := s.startWith(t, []*testGateway{g}, logTo(&log))
	s.wantRejected(t, a, "Internal server error", 500)
	wantLogged(t, &log, 1, "password of the database")
}

var userKey = websockets.NewKey[string]("user")

func testAdmitValues(t *testing.T, s *suite) {
	inHook := make(chan string, 1)
	g := &testGateway{
		subs: []websockets.Subscription{websockets.On("who", func(ctx context.Context, _ struct{}) (string, error) {
			user, _ := userKey.Get(websockets.ClientFrom(ctx))
			return user, nil
		})},
		connect: func(_ context.Context, c websockets.Client) error {
			user, _ := userKey.Get(c)
			inHook <- user
			return nil
		},
	}
	g.with(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		userKey.Set(h, "user "+h.Request.Header.Get("X-User"))
		return nil
	}))
	a := s.start(t, g)
	for _, name := range []string{"ann", "bob"} {
		c := s.dial(t, a, as(name))
		wantReceived(t, "HandleConnection", inHook, "user "+name)
		wantAnswer(t, c, "user "+name, "who")
	}
}

func testAdmitOrder(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	check := func(name string, err error) websockets.Option {
		return websockets.Admit(func(context.Context, *websockets.Handshake) error {
			tr.Add(name)
			return err
		})
	}
	first := newGateway(echo()).with(check("a", nil), check("b", nil))
	second := newGateway().with(check("c", websockets.NewError("no")), check("d", nil))
	s.wantRejected(t, s.start(t, first, second), "no", 403)
	tr.Want(t, "a", "b", "c")
}
