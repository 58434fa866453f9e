package adaptertest

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var payloadTests = []test{
	{"law 11: no argument is the zero value, one is itself, several are an array", testPayloadShapes},
	{"law 11: []byte is received", testBytesIn},
	{"law 11: []byte is sent", testBytesOut},
	{"law 11: nested []byte round trip", testBytesNested},
	{"law 11: the raw payload", testRawPayload},
	{"law 11: binary in any is []byte", testBytesInAny},
	{"law 11: data is not mistaken for binary", testDataLikeBinary},
}

func testPayloadShapes(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(
		websockets.On("point", func(_ context.Context, p *point) (bool, error) { return p == nil, nil }),
		websockets.On("number", func(_ context.Context, n int) (int, error) { return n, nil }),
		websockets.On("list", func(_ context.Context, l []any) ([]any, error) { return l, nil }),
	))
	if !apptest.Call[bool](c, "point") {
		t.Error("no argument is not the zero value")
	}
	if apptest.Call[bool](c, "point", point{1}) {
		t.Error("an object is nil")
	}
	wantAnswer(t, c, 0, "number")
	wantAnswer(t, c, 7, "number", 7)
	if got := string(c.Call("list", 1, "two", true)); got != `[1,"two",true]` {
		t.Errorf("three arguments are %s", got)
	}
	if got := string(c.Call("list", []any{1})); got != `[1]` {
		t.Errorf("one array is %s", got)
	}
	if e := c.CallError("number", 1, 2); e.Code != websockets.CodeBadPayload {
		t.Errorf("two arguments for a number are answered %+v", e)
	}
}

// blobs are binary values that are not valid text.
var blobs = [][]byte{{}, {0}, {0xff, 0xfe, 0, '"', '\n'}, bytes.Repeat([]byte{0, 0x80, 0xff}, 20_000)}

func testBytesIn(t *testing.T, s *suite) {
	in := make(chan []byte, 1)
	_, c := s.solo(t, newGateway(websockets.On("put", func(_ context.Context, b []byte) (int, error) {
		in <- b
		return len(b), nil
	})))
	for _, b := range blobs {
		if n := apptest.Call[int](c, "put", b); n != len(b) {
			t.Errorf("%d bytes, want %d", n, len(b))
		}
		if got := testkit.Receive(t, "the bytes", in); !bytes.Equal(got, b) {
			t.Errorf("%d bytes arrive changed", len(b))
		}
	}
}

func testBytesOut(t *testing.T, s *suite) {
	want := 0
	if s.traits.Binary {
		want = 1
	}
	_, c := s.solo(t, newGateway(
		websockets.On("get", func(_ context.Context, i int) ([]byte, error) { return blobs[i], nil }),
		websockets.On("send", func(_ context.Context, i int) (websockets.Response[[]byte], error) {
			return websockets.Respond("blob", blobs[i]), nil
		}, websockets.Sends(websockets.NewEvent[[]byte]("blob"))),
	))
	for i, b := range blobs {
		if got := apptest.Call[[]byte](c, "get", i); !bytes.Equal(got, b) {
			t.Errorf("answer %d has other bytes", i)
		}
		c.Emit("send", i)
		m := c.ExpectMessage("blob")
		if len(m.Attachments) != want {
			t.Errorf("event %d has %d attachments, want %d", i, len(m.Attachments), want)
		}
		for _, a := range m.Attachments {
			if !bytes.Equal(a, b) {
				t.Errorf("event %d has other bytes", i)
			}
		}
	}
}

func testBytesNested(t *testing.T, s *suite) {
	type parcel struct {
		Name  string            `json:"name"`
		Blob  []byte            `json:"blob"`
		Many  [][]byte          `json:"many"`
		Named map[string][]byte `json:"named"`
	}
	sent := parcel{"p", blobs[2], blobs, map[string][]byte{"a": blobs[3]}}
	_, c := s.solo(t, newGateway(websockets.On("parcel", func(_ context.Context, p parcel) (parcel, error) {
		if !reflect.DeepEqual(p, sent) {
			return parcel{}, websockets.NewError("it arrived changed")
		}
		return p, nil
	})))
	if got := apptest.Call[parcel](c, "parcel", sent); !reflect.DeepEqual(got, sent) {
		t.Error("it was returned changed")
	}
}

func testRawPayload(t *testing.T, s *suite) {
	_, c := s.solo(t, newGateway(
		websockets.On("raw", func(_ context.Context, p websockets.Payload) (string, error) { return string(p.JSON), nil }),
		websockets.On("attachments", func(_ context.Context, p websockets.Payload) (int, error) { return len(p.Attachments), nil }),
		websockets.On("back", func(_ context.Context, p websockets.Payload) (websockets.Payload, error) { return p, nil }),
	))
	wantAnswer(t, c, "", "raw")
	wantAnswer(t, c, `{"x":3}`, "raw", point{3})
	want := 0
	if s.traits.Binary {
		want = 2
	}
	wantAnswer(t, c, want, "attachments", blobs[:2])
	if got := apptest.Call[[][]byte](c, "back", blobs); !reflect.DeepEqual(got, blobs) {
		t.Error("a returned payload arrives changed")
	}
}

func testBytesInAny(t *testing.T, s *suite) {
	in := make(chan any, 1)
	_, c := s.solo(t, newGateway(websockets.On("any", func(_ context.Context, v map[string]any) (any, error) {
		in <- v["blob"]
		return v, nil
	})))
	for _, b := range blobs {
		type parcel struct {
			Blob []byte `json:"blob"`
		}
		if got := apptest.Call[parcel](c, "any", parcel{b}); !bytes.Equal(got.Blob, b) {
			t.Errorf("%d bytes are returned changed", len(b))
		}
		got := testkit.Receive(t, "the bytes", in)
		if arrived, ok := got.([]byte); ok != s.traits.Binary || ok && !bytes.Equal(arrived, b) {
			t.Errorf("%d bytes are a %T", len(b), got)
		}
	}
}

func testDataLikeBinary(t *testing.T, s *suite) {
	type pair struct {
		A any    `json:"a"`
		B []byte `json:"b"`
	}
	_, c := s.solo(t, newGateway(
		websockets.On("any", func(_ context.Context, v any) (any, error) { return v, nil }),
		websockets.On("pair", func(_ context.Context, p pair) (pair, error) { return p, nil }),
	))
	for _, num := range []any{0.0, 7.0, -1.0, "x"} {
		data := map[string]any{"_placeholder": true, "num": num}
		if back := apptest.Call[map[string]any](c, "any", data); !reflect.DeepEqual(back, data) {
			t.Errorf("%v is returned as %v", data, back)
		}
		// Together with binary it is an error; as text both are valid.
		if answer, err := c.TryCall("pair", map[string]any{"a": data, "b": "aGk="}); (err != nil) != s.traits.Binary {
			t.Errorf("together with binary %v is answered %s, %v", data, answer, err)
		}
	}
	wantAnswer(t, c, "still here", "any", "still here")
}
