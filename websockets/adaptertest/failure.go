package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var failureTests = []test{
	{"law 14: an Error has message, code, details and cause", testError},
	{"law 14: an unknown error stays hidden and is logged once", testUnknownError},
	{"law 14: a payload of the wrong type names the field", testBadPayload},
	{"law 14: HideCauseData", testHideCauseData},
	{"law 14: AnswerErrorsOnce", testAnswerErrorsOnce},
	{"law 14: ExceptionEvent", testExceptionEvent},
	{"law 14: a result that cannot be encoded", testUnserialisable},
	{"law 14: details that cannot be encoded", testUnserialisableDetails},
}

// failWith returns a handler that returns err.
func failWith(event string, err error) websockets.Subscription {
	return websockets.On(event, func(context.Context, websockets.Payload) (int, error) { return 0, err })
}

// failures sends an event that fails, with and without waiting for an answer, and
// returns every exception that the client receives.
func failures(t *testing.T, s *suite, c *apptest.Client, event string, args ...any) []*apptest.Exception {
	t.Helper()
	all := []*apptest.Exception{c.CallError(event, args...)}
	if got := all[0].AsEvent; got != s.traits.ReplyAsEvent {
		t.Errorf("the answer of a failed request is the event %q: %v, but Traits.ReplyAsEvent is %v", "exception", got, s.traits.ReplyAsEvent)
	}
	if !s.traits.ReplyAsEvent { // otherwise the answer is the event
		e := apptest.Expect[apptest.Exception](c, "exception")
		all = append(all, &e)
	}
	c.Emit(event, args...)
	e := apptest.Expect[apptest.Exception](c, "exception")
	c.ExpectNone("exception", func() { alive(t, c) })
	return append(all, &e)
}

func testError(t *testing.T, s *suite) {
	e := &websockets.Error{
		Message: "Room is full", Code: "full", Details: map[string]any{"limit": 3}, Err: errors.New("hidden cause"),
	}
	_, c := s.solo(t, newGateway(echo(), failWith("plain", e), failWith("wrapped", fmt.Errorf("join: %w", e))))
	for _, event := range []string{"plain", "wrapped"} {
		for _, got := range failures(t, s, c, event, point{5}) {
			if got.Status != "error" || got.Message != "Room is full" || got.Code != "full" || string(got.Details) != `{"limit":3}` {
				t.Errorf("%s: %+v, details %s", event, got, got.Details)
			}
			if got.Cause == nil || got.Cause.Pattern != event || string(got.Cause.Data) != `{"x":5}` {
				t.Errorf("%s: cause %+v, want the event and its data", event, got.Cause)
			}
		}
	}
	for _, got := range failures(t, s, c, "plain") {
		if got.Cause == nil || got.Cause.Pattern != "plain" || len(got.Cause.Data) != 0 {
			t.Errorf("without a payload the cause is %+v, want the event alone", got.Cause)
		}
	}
}

func testUnknownError(t *testing.T, s *suite) {
	var log testkit.Log
	ids := make(chan string, 1)
	g := newGateway(echo(), failWith("login", errors.New("password of the database")))
	g.connect = func(_ context.Context, c websockets.Client) error { ids <- c.ID(); return nil }
	_, c := s.solo(t, g, logTo(&log))
	e := c.CallError("login", 1)
	if e.Message != "Internal server error" || e.Code != "" || len(e.Details) != 0 {
		t.Errorf("the client receives %+v", e)
	}
	id := testkit.Receive(t, "the client's id", ids)
	wantLogged(t, &log, 1, "password of the database", "event=login", "gateway=", "client="+id)
	if !s.traits.ReplyAsEvent {
		c.ExpectMessage("exception")
	}
	failures(t, s, c, "login", 2)
}

func testBadPayload(t *testing.T, s *suite) {
	type secretType struct {
		Name  string  `json:"name"`
		Age   int8    `json:"age"`
		Inner []point `json:"inner"`
	}
	_, c := s.solo(t, newGateway(echo(), websockets.On("save", func(context.Context, secretType) (bool, error) { return true, nil })))
	for field, payload := range map[string]any{
		"age":       map[string]any{"name": "x", "age": "old"},
		"name":      map[string]any{"name": 5},
		"inner.1.x": map[string]any{"inner": []any{point{1}, map[string]any{"x": true}}},
		"":          "text",
	} {
		for _, e := range failures(t, s, c, "save", payload) {
			if e.Code != websockets.CodeBadPayload {
				t.Errorf("%v is answered %+v, want the code %s", payload, e, websockets.CodeBadPayload)
			}
			has(t, e.Message, field)
			for _, leak := range []string{"secretType", "adaptertest", "Go ", "int8", "struct"} {
				if strings.Contains(e.Message, leak) {
					t.Errorf("%q contains %q", e.Message, leak)
				}
			}
		}
	}
	if e := c.CallError("save", map[string]any{"age": 1000}); e.Code != websockets.CodeBadPayload {
		t.Errorf("a number out of range is answered %+v", e)
	}
}

func testHideCauseData(t *testing.T, s *suite) {
	g := newGateway(echo(), failWith("login", websockets.NewError("wrong"))).with(websockets.HideCauseData())
	_, c := s.solo(t, g)
	for _, e := range failures(t, s, c, "login", map[string]string{"password": "secret"}) {
		if e.Cause == nil || e.Cause.Pattern != "login" || len(e.Cause.Data) != 0 {
			t.Errorf("cause %+v, want the event without data", e.Cause)
		}
	}
}

func testUnserialisable(t *testing.T, s *suite) {
	type broken struct{ C any }
	emitted := make(chan error, 2)
	_, c := s.solo(t, newGateway(echo(), answer("result", broken{make(chan int)}),
		websockets.On("response", func(context.Context, int) (websockets.Response[broken], error) {
			return websockets.Respond("x", broken{make(chan int)}), nil
		}),
		websockets.Listen("emit", func(ctx context.Context, _ int) error {
			emitted <- websockets.ClientFrom(ctx).Emit(ctx, "x", broken{make(chan int)})
			return nil
		}),
	))
	for _, event := range []string{"result", "response"} {
		wantError(t, c, "Internal server error", event)
	}
	c.Call("emit")
	if err := testkit.Receive(t, "the error of Emit", emitted); err == nil {
		t.Error("Emit of a value that cannot be encoded returns no error")
	}
	c.ExpectNone("x", func() { alive(t, c) })
}

func testUnserialisableDetails(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), failWith("broken", &websockets.Error{Message: "no", Code: "c", Details: make(chan int)})))
	for _, e := range failures(t, s, c, "broken") {
		if e.Message != "no" || e.Code != "c" || len(e.Details) != 0 {
			t.Errorf("the failure is %+v", e)
		}
	}
}
