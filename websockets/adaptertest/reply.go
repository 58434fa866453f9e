package adaptertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var replyTests = []test{
	{"law 10: any value can be an answer", testReplyValues},
	{"law 10: answers match their requests", testReplyMatches},
	{"law 10: Response emits, and the ack is answered empty", testResponse},
	{"law 10: a struct with an event field is an ordinary result", testEventStruct},
	{"law 10: Listen answers a waiting ack empty", testListen},
	{"law 10: a result without a waiting ack", testNoReply},
}

type point struct {
	X int `json:"x"`
}

// answer returns a handler that always returns v.
func answer[T any](event string, v T) websockets.Subscription {
	return websockets.On(event, func(context.Context, websockets.Payload) (T, error) { return v, nil })
}

func testReplyValues(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(
		answer("zero", 0), answer("false", false), answer("empty", ""), answer[*point]("null", nil),
		answer("struct", point{1}), answer("list", []int{}), answer("text", "é😀\u2028\"\\\n"),
	))
	for event, want := range map[string]string{
		"zero": `0`, "false": `false`, "empty": `""`, "null": `null`, "struct": `{"x":1}`, "list": `[]`,
	} {
		if got := string(c.Call(event)); got != want {
			t.Errorf("%s is answered %q, want %q", event, got, want)
		}
	}
	wantAnswer(t, c, "é😀\u2028\"\\\n", "text")
}

func testReplyMatches(t *testing.T, s *suite) {
	first := make(chan struct{})
	g := newGateway(
		websockets.On("slow", func(ctx context.Context, _ int) (string, error) { return "slow", await(ctx, first) }),
		websockets.On("fast", func(context.Context, int) (string, error) { defer close(first); return "fast", nil }),
	).with(websockets.Concurrency(2))
	_, c := s.solo(t, g)
	slow := make(chan string, 1)
	go func() {
		got, err := c.TryCall("slow")
		slow <- fmt.Sprint(string(got), err)
	}()
	wantAnswer(t, c, "fast", "fast")
	wantReceived(t, "the slow answer", slow, `"slow"<nil>`)
}

func testResponse(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(
		websockets.On("named", func(_ context.Context, n int) (websockets.Response[point], error) {
			return websockets.Respond("moved", point{n}), nil
		}, websockets.Sends(websockets.NewEvent[point]("moved"))),
		websockets.On("same", func(_ context.Context, n int) (websockets.Response[point], error) {
			return websockets.Response[point]{Data: point{n}}, nil
		}, websockets.Sends(websockets.NewEvent[point]("same"))),
	))
	for call, event := range map[string]string{"named": "moved", "same": "same"} {
		if got := c.Call(call, 3); len(got) != 0 {
			t.Errorf("%s: the ack carries %s, want nothing", call, got)
		}
		if got := apptest.Expect[point](c, event); got.X != 3 {
			t.Errorf("%s carries %+v", event, got)
		}
		c.Emit(call, 4)
		if got := apptest.Expect[point](c, event); got.X != 4 {
			t.Errorf("%s without an ack carries %+v", event, got)
		}
	}
}

func testEventStruct(t *testing.T, s *suite) {
	type booking struct {
		Event string `json:"event"`
		Data  string `json:"data"`
	}
	_, c := s.solo(t, newGateway(answer("book", booking{"concert", "row 7"})))
	wantAnswer(t, c, (booking{"concert", "row 7"}), "book")
	c.ExpectNone("concert")
}

func testListen(t *testing.T, s *suite) {
	tr := &testkit.Steps{}
	_, c := s.solo(t, newGateway(echo(), websockets.Listen("typing", func(_ context.Context, who string) error {
		tr.Add(who)
		return nil
	})))
	if got := c.Call("typing", "ann"); len(got) != 0 {
		t.Errorf("the ack carries %s, want nothing", got)
	}
	c.Emit("typing", "bob")
	c.ExpectNone("typing", func() { alive(t, c) })
	tr.Want(t, "ann", "bob")
}

func testNoReply(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), websockets.On("double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })))
	c.Emit("double", 4)
	if s.traits.ReplyAsEvent {
		wantEvent(t, c, 8, "double")
		return
	}
	c.ExpectNone("double", func() { alive(t, c) })
}
