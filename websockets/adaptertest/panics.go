package adaptertest

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var panicTests = []test{
	{"law 15: a panic in a handler", testPanicHandler},
	{"law 15: a panic in a stream", testPanicStream},
	{"law 15: a panic in HandleConnection", testPanicConnection},
	{"law 15: a panic in HandleDisconnect", testPanicDisconnect},
	{"law 15: a panic in Admit", testPanicAdmit},
	{"law 15: a panic in AfterInit", testPanicInit},
	{"law 15: a panic in the encoding of a value", testPanicEncoding},
	{"law 15: a panic in the encoding of details", testPanicDetails},
}

// crash panics like a bug in an application.
func crash() {
	_ = strings.Repeat("x", -1)
}

func testPanicHandler(t *testing.T, s *suite) {
	var log testkit.Log
	a := s.startWith(t, []*testGateway{newGateway(echo(),
		websockets.On("on", func(context.Context, int) (int, error) { crash(); return 0, nil }),
		websockets.Listen("listen", func(context.Context, int) error { crash(); return nil }),
		websockets.On("back", func(context.Context, int) (int, error) { crash(); return 0, nil }, websockets.Background(1)),
		websockets.Fallback(func(context.Context, string, websockets.Payload) (int, error) { crash(); return 0, nil }),
	)}, logTo(&log))
	other, c := s.dial(t, a), s.dial(t, a)
	for _, event := range []string{"on", "listen", "back", "anything"} {
		for _, e := range failures(t, s, c, event, 1) {
			if e.Message != "Internal server error" || e.Code != "" {
				t.Errorf("%s: the client receives %+v", event, e)
			}
		}
		wantLogged(t, &log, 2, "event="+event, "panics.go") // each with its stack
	}
	alive(t, other)
}

func testPanicStream(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(),
		websockets.Stream("early", func(context.Context, int) items { crash(); return nil }),
		websockets.Stream("late", func(context.Context, int) items {
			return func(yield func(websockets.Response[int], error) bool) {
				yield(websockets.Response[int]{Data: 1}, nil)
				crash()
			}
		}, websockets.Sends(websockets.NewEvent[int]("late")))))
	for _, event := range []string{"early", "late"} {
		wantError(t, c, "Internal server error", event)
	}
	wantEvent(t, c, 1, "late")
	alive(t, c)
}

func testPanicConnection(t *testing.T, s *suite) {
	g := newGateway(echo())
	first := true
	g.connect = func(context.Context, websockets.Client) error {
		if first {
			first = false
			crash()
		}
		return nil
	}
	a := s.start(t, g)
	c := s.dial(t, a)
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "Internal server error" {
		t.Errorf("the client receives %+v", e)
	}
	c.ExpectClose()
	alive(t, s.dial(t, a))
}

func testPanicDisconnect(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	first, second := newGateway(echo()), newGateway()
	first.leave = func(context.Context, websockets.Client, websockets.Reason) { tr.Add("first"); crash() }
	second.leave = func(context.Context, websockets.Client, websockets.Reason) { tr.Add("second") }
	a := s.start(t, first, second)
	other, c := s.dial(t, a), s.dial(t, a)
	alive(t, c)
	c.Close()
	tr.Want(t, "first", "second")
	alive(t, other)
	stop(t, a)
	tr.Want(t, "first", "second", "first", "second")
}

func testPanicAdmit(t *testing.T, s *suite) {
	g := newGateway(echo()).with(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		if h.Request.Header.Get("X-User") == "" {
			crash()
		}
		return nil
	}))
	a := s.start(t, g)
	s.wantRejected(t, a, "Internal server error", 500)
	alive(t, s.dial(t, a, as("ann")))
}

func testPanicInit(t *testing.T, s *suite) {
	g := newGateway(echo())
	g.onInit = func(context.Context, *websockets.Server) error { crash(); return nil }
	has(t, s.boot(t, modules(g), app.HTTP("127.0.0.1:0")).Error(), "AfterInit", "panic", "panics.go")
}

// bomb panics when it is encoded.
type bomb struct{}

func (bomb) MarshalJSON() ([]byte, error) { crash(); return nil, nil }

func testPanicEncoding(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), answer("result", bomb{}), answer("response", websockets.Respond("x", bomb{}))))
	wantError(t, c, "Internal server error", "result")
	if !s.traits.ReplyAsEvent {
		c.ExpectMessage("exception")
	}
	for _, e := range failures(t, s, c, "response") {
		if e.Message != "Internal server error" {
			t.Errorf("the client receives %+v", e)
		}
	}
}

func testPanicDetails(t *testing.T, s *suite) {
	g := newGateway(echo(), failWith("bomb", &websockets.Error{Message: "no", Details: bomb{}}))
	g.with(websockets.Admit(func(_ context.Context, h *websockets.Handshake) error {
		if h.Request.Header.Get("X-User") == "" {
			return &websockets.Error{Message: "no", Details: bomb{}}
		}
		return nil
	}))
	a := s.start(t, g)
	s.wantRejected(t, a, "no", 403)
	c := s.dial(t, a, as("ann"))
	for _, e := range failures(t, s, c, "bomb") {
		if e.Message != "no" || len(e.Details) != 0 {
			t.Errorf("the failure is %+v", e)
		}
	}
}
