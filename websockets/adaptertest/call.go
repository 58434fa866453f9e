package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var callTests = []test{
	{"calls: the client answers", testCall},
	{"calls: the context limits the wait", testCallContext},
	{"calls: a disconnect ends the wait", testCallLeft},
	{"calls: a closed client", testCallClosed},
	{"calls: CallAll calls every client", testCallAll},
}

// only returns the connected client, and fails the test unless it is the only one.
func only(t *testing.T, g *testGateway) websockets.Client {
	t.Helper()
	var found []websockets.Client
	for c := range g.Server.Local().Clients() {
		found = append(found, c)
	}
	if len(found) != 1 {
		t.Fatalf("%d clients, want 1", len(found))
	}
	return found[0]
}

var double = websockets.NewCall[int, int]("double")

func testCall(t *testing.T, s *suite) {
	g := newGateway(echo(), websockets.On("ask", func(ctx context.Context, n int) (int, error) {
		return double.Call(ctx, websockets.ClientFrom(ctx), n) // while a message is handled
	})).emits(double)
	_, c := s.solo(t, g)
	alive(t, c)
	c.OnCall("double", func(data json.RawMessage) any {
		var n int
		if json.Unmarshal(data, &n) != nil {
			return "not a number"
		}
		return 2 * n
	})
	client := only(t, g)
	for n := range 3 {
		if got, err := double.Call(t.Context(), client, n); err != nil || got != 2*n {
			t.Errorf("%d doubled is %d, %v", n, got, err)
		}
	}
	wantAnswer(t, c, 42, "ask", 21)
}

func testCallContext(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(silence)
	_, c := s.solo(t, g)
	alive(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := only(t, g).Call(ctx, "silence", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	c.Answer(c.ExpectMessage("silence"), "late")
	alive(t, c)
}

func testCallLeft(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(silence)
	_, c := s.solo(t, g)
	alive(t, c)
	client := only(t, g)
	failed := make(chan error, 1)
	go func() {
		_, err := client.Call(context.Background(), "silence", nil)
		failed <- err
	}()
	c.ExpectMessage("silence")
	c.Abort()
	if err := testkit.Receive(t, "call", failed); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("got %v, want %v", err, websockets.ErrClosed)
	}
}

func testCallAll(t *testing.T, s *suite) {
	g := newGateway(echo()).emits(double)
	a := s.start(t, g)
	good, odd, leaver := s.dial(t, a), s.dial(t, a), s.dial(t, a)
	for _, c := range []*apptest.Client{good, odd, leaver} {
		alive(t, c)
	}
	good.OnCall("double", func(json.RawMessage) any { return 42 })
	odd.OnCall("double", func(json.RawMessage) any { return "text" })
	type outcome struct {
		res websockets.Results[int]
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		res, err := double.CallAll(context.Background(), g.Server, 21)
		done <- outcome{res, err}
	}()
	leaver.ExpectMessage("double")
	leaver.Abort()
	got := testkit.Receive(t, "the answers", done)
	if got.err != nil || len(got.res.Answered) != 1 || got.res.Answered[0].Value != 42 {
		t.Errorf("answered %+v, %v", got.res.Answered, got.err)
	}
	var left, undecoded bool
	for _, m := range got.res.Missing {
		left = left || errors.Is(m.Err, websockets.ErrClosed)
		_, bad := errors.AsType[*websockets.Error](m.Err)
		undecoded = undecoded || bad
	}
	if len(got.res.Missing) != 2 || !left || !undecoded {
		t.Errorf("missing %+v", got.res.Missing)
	}
}

func testCallClosed(t *testing.T, s *suite) {
	g := newGateway(echo())
	left := make(chan struct{}, 1)
	g.leave = func(context.Context, websockets.Client, websockets.Reason) { left <- struct{}{} }
	_, c := s.solo(t, g)
	alive(t, c)
	client := only(t, g)
	c.Close()
	testkit.Receive(t, "HandleDisconnect", left)
	if err := client.Emit(t.Context(), "x", 1); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("Emit: %v, want %v", err, websockets.ErrClosed)
	}
	if err := client.Join("x"); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("Join: %v, want %v", err, websockets.ErrClosed)
	}
	if _, err := client.Call(t.Context(), "x", 1); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("Call: %v, want %v", err, websockets.ErrClosed)
	}
	if !errors.Is(context.Cause(client.Context()), websockets.ErrClosed) {
		t.Errorf("the cause of its context is %v", context.Cause(client.Context()))
	}
	client.Leave("x")
	client.Disconnect()
}
