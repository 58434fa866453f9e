package adaptertest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var argumentTests = []test{
	{"law 11: several arguments of an event and of its answer", testArguments},
	{"law 11: several arguments of an event that is sent, and of the answer to a call", testArgumentsOut},
	{"law 11: the arguments of an undecoded payload", testUndecodedArguments},
}

func testArguments(t *testing.T, s *suite) {
	type two = websockets.Args2[string, int]
	type three = websockets.Args3[point, []byte, any]
	_, c := s.solo(t, newGateway(
		websockets.On("two", func(_ context.Context, in two) (two, error) {
			return websockets.NewArgs2(in.First+"!", in.Second+1), nil
		}),
		websockets.On("three", func(_ context.Context, in three) (three, error) { return in, nil }),
		websockets.On("lists", func(_ context.Context, in websockets.Args2[[]int, int]) (int, error) {
			return len(in.First) + in.Second, nil
		}),
		websockets.On("strict", func(_ context.Context, in websockets.Args2[point, int]) (int, error) { return in.Second, nil }, websockets.Strict()),
	))
	for _, tt := range []struct {
		args []any
		want string
	}{
		{[]any{"a", 1}, `["a!",2]`},
		{[]any{"a", 1, "more"}, `["a!",2]`},
		{nil, `["!",1]`},
	} {
		if got := string(c.Call("two", tt.args...)); got != tt.want {
			t.Errorf("two%v is answered %s, want %s", tt.args, got, tt.want)
		}
	}
	if got := string(c.Call("three", point{7}, []byte("bytes"), map[string]any{"more": []byte("x")})); got != `[{"x":7},"Ynl0ZXM=",{"more":"eA=="}]` {
		t.Errorf("three is answered %s", got)
	}
	wantAnswer(t, c, 5, "lists", []int{1, 2}, 3)
	if s.traits.ReplyAsEvent { // the list is that of the arguments
		wantAnswer(t, c, 1, "lists", []any{[]int{1}})
	} else {
		wantAnswer(t, c, 2, "lists", []int{1, 2})
	}
	if e := c.CallError("two", "a", "b"); e.Code != websockets.CodeBadPayload || e.Message != "Bad payload: argument 2: the payload must be a number, not a string" {
		t.Errorf("a wrong argument is answered %+v", e)
	}
	if e := c.CallError("strict", map[string]any{"y": 1}, 1); e.Message != "Bad payload: argument 1: y is unknown" {
		t.Errorf("an unknown name is answered %+v", e)
	}
}

func testArgumentsOut(t *testing.T, s *suite) {
	type pair = websockets.Args2[[]byte, float64]
	moved, ask := websockets.NewEvent[pair]("moved"), websockets.NewCall[pair, pair]("ask")
	_, c := s.solo(t, newGateway(
		websockets.Listen("move", func(ctx context.Context, _ int) error {
			return moved.Emit(ctx, websockets.ClientFrom(ctx), websockets.NewArgs2([]byte("b"), 1.5))
		}),
		websockets.On("ask", func(ctx context.Context, _ int) (float64, error) {
			got, err := ask.Call(ctx, websockets.ClientFrom(ctx), websockets.NewArgs2([]byte("b"), 1.5))
			return got.Second, err
		}, websockets.Background(1)),
	).emits(moved, ask))
	c.Emit("move", 0)
	if m := c.ExpectMessage("moved"); string(m.Data) != `["Yg==",1.5]` {
		t.Errorf("received %s", m.Data)
	}
	c.OnCall("ask", func(in json.RawMessage) any {
		if string(in) != `["Yg==",1.5]` {
			t.Errorf("asked %s", in)
		}
		return []any{"Yg==", 2.5}
	})
	wantAnswer(t, c, 2.5, "ask", 0)
}

func testUndecodedArguments(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(websockets.On("args", func(_ context.Context, p websockets.Payload) ([]string, error) {
		all := []string{}
		for _, arg := range p.Args() {
			var v any
			if err := arg.Decode(&v); err != nil {
				return nil, err
			}
			switch v := v.(type) {
			case []byte:
				all = append(all, "bytes "+string(v))
			case string:
				all = append(all, v)
			default:
				all = append(all, string(arg.JSON))
			}
		}
		return all, nil
	})))
	want := func(want string, args ...any) {
		t.Helper()
		if got := string(c.Call("args", args...)); got != want {
			t.Errorf("Args of %v: %s, want %s", args, got, want)
		}
	}
	want(`[]`)
	want(`["a"]`, "a")
	if s.traits.ReplyAsEvent {
		want(`["[1,\"two\"]"]`, 1, "two") // no arguments but a list
		return
	}
	want(`["1","two"]`, 1, "two")
	if s.traits.Binary {
		want(`["bytes x","bytes y","{\"a\":1}"]`, []byte("x"), []byte("y"), map[string]int{"a": 1})
	}
}

// testAnswerErrorsOnce: with the option an error is sent once, wherever the client waits.
func testAnswerErrorsOnce(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(echo(), failWith("fail", websockets.NewError("no"))).with(websockets.AnswerErrorsOnce()))
	if e := c.CallError("fail"); e.Message != "no" {
		t.Errorf("answered %+v", e)
	}
	c.ExpectNone("exception", func() { alive(t, c) })
	c.Emit("fail")
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "no" {
		t.Errorf("sent %+v", e)
	}
}

// testExceptionEvent: the event of errors has another name, where it is not a part of the protocol.
func testExceptionEvent(t *testing.T, s *suite) {
	g := newGateway(echo(), failWith("fail", websockets.NewError("no"))).with(websockets.ExceptionEvent("problem"))
	_, c := s.solo(t, g)
	name := "problem"
	if s.traits.ReplyAsEvent {
		name = "exception"
	}
	if e := c.CallError("fail"); e.Message != "no" {
		t.Errorf("answered %+v", e)
	}
	c.Emit("fail")
	if e := apptest.Expect[apptest.Exception](c, name); e.Message != "no" {
		t.Errorf("sent %+v", e)
	}
}
