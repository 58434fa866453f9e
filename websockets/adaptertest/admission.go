package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func admissionTests() []test {
	return []test{
		{"law 6: Admit rejects with status, message and data", testAdmitRejects},
		{"law 6: unknown errors of Admit stay hidden", testAdmitUnknownError},
		{"law 6: hooks and handlers see values set by Admit", testAdmitValues},
		{"law 6: Admit functions of all gateways run in order", testAdmitOrder},
	}
}

func testAdmitRejects(t *testing.T, s *suite) {
	tr := newRecorder()
	g := &testGateway{
		subs:    []websockets.Subscription{echo()},
		connect: func(context.Context, websockets.Client) error { tr.add("connect"); return nil },
		leave:   func(context.Context, websockets.Client, websockets.Reason) { tr.add("leave") },
	}
	g.opts = []websockets.Option{websockets.Admit(func(context.Context, *websockets.Handshake) error {
		return &websockets.Error{
			Message: "Not you", Code: "not_you", Status: 401,
			Details: map[string]int{"wait": 7}, Err: errors.New("hidden cause"),
		}
	})}
	a := s.start(t, g)
	e := s.rejected(t, a, s.root())
	if e.Message != "Not you" {
		t.Errorf("message %q, want %q", e.Message, "Not you")
	}
	payload := []byte(e.Data)
	if !s.traits.Namespaces {
		payload = e.Body
		if e.Status != 401 {
			t.Errorf("status %d, want 401", e.Status)
		}
	}
	has(t, string(payload), `"not_you"`, `"wait":7`)
	var body struct{ Message string }
	if err := json.Unmarshal(payload, &body); err != nil || body.Message != "Not you" {
		t.Errorf("data %s, %v: does not contain the message", payload, err)
	}
	if n := g.Server.Local().Len(); n != 0 {
		t.Errorf("%d clients, want none", n)
	}
	stop(t, a)
	tr.want(t)
}

func testAdmitUnknownError(t *testing.T, s *suite) {
	var log logBuffer
	g := newGateway(echo())
	g.opts = []websockets.Option{websockets.Admit(func(context.Context, *websockets.Handshake) error {
		return errors.New("password of the database")
	})}
	a := s.startWith(t, []*testGateway{g}, log.option())
	e := s.rejected(t, a, s.root())
	if e.Message != "Internal server error" {
		t.Errorf("message %q, want Internal server error", e.Message)
	}
	if !s.traits.Namespaces && e.Status != 500 {
		t.Errorf("status %d, want 500", e.Status)
	}
	if n := len(log.lines("password of the database")); n != 1 {
		t.Errorf("the error is logged %d times, want once", n)
	}
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
	g.opts = []websockets.Option{websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		userKey.Set(h, "user "+h.Request.Header.Get("X-User"))
		return nil
	})}
	a := s.start(t, g)
	for _, name := range []string{"ann", "bob"} {
		c := s.dial(t, a, apptest.WithHeader(map[string][]string{"X-User": {name}}))
		if got := get(t, inHook, "HandleConnection"); got != "user "+name {
			t.Errorf("HandleConnection sees %q", got)
		}
		if got := apptest.Call[string](c, "who"); got != "user "+name {
			t.Errorf("the handler sees %q", got)
		}
	}
}

func testAdmitOrder(t *testing.T, s *suite) {
	tr := newRecorder()
	check := func(name string, err error) websockets.Option {
		return websockets.Admit(func(context.Context, *websockets.Handshake) error {
			tr.add(name)
			return err
		})
	}
	first, second := newGateway(echo()), newGateway()
	first.opts = []websockets.Option{check("a", nil), check("b", nil)}
	second.opts = []websockets.Option{check("c", websockets.NewError("no")), check("d", nil)}
	a := s.start(t, first, second)
	if e := s.rejected(t, a, s.root()); e.Message != "no" {
		t.Errorf("message %q, want no", e.Message)
	}
	tr.want(t, "a", "b", "c")
}
