package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// The memory of a message is used again after its handler has returned, so what
// was decoded from it must not point into it.
func TestDecodedValuesAreCopies(t *testing.T) {
	type inner struct {
		Raw   json.RawMessage `json:"raw"`
		Value jsontext.Value  `json:"value"`
		Any   any             `json:"any"`
		Text  string          `json:"text"`
		Bytes []byte          `json:"bytes"`
	}
	const in = `{"raw":[1,2],"value":{"a":"b"},"any":["long enough for no cache"],"text":"long enough for no cache","bytes":"AQID"}`
	check(t, in, func(v inner) string {
		return string(v.Raw) + string(v.Value) + v.Any.([]any)[0].(string) + v.Text + string(v.Bytes)
	})
	check(t, `"long enough for no cache"`, func(v string) string { return v })
	check(t, `["long enough for no cache"]`, func(v any) string { return v.([]any)[0].(string) })
	check(t, `{"long enough for no cache":[true]}`, func(v map[string]jsontext.Value) string {
		return string(v["long enough for no cache"])
	})
	check(t, `{"a":[1,2,3]}`, func(v jsontext.Value) string { return string(v) })
}

func check[T any](t *testing.T, in string, read func(T) string) {
	t.Helper()
	b := []byte(in)
	m := &adapter.Message{Payload: websockets.Payload{JSON: b}}
	got := new(T)
	sub := newBoundSub(websockets.On("e", func(_ context.Context, v T) (T, error) { return v, nil }).Spec(framework), nil, pipe.Link(pipe.Scope{}, pipe.Scope{}, pipe.Scope{}), 0, true)
	err := (&reply{s: &session{ep: &endpoint{rt: &Runtime{}}}, sub: sub, m: m}).Decode(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	if sub.keeps(m) {
		return // its memory is not used again
	}
	v := *got
	before := read(v)
	copy(b, bytes.Repeat([]byte{'#'}, len(b)))
	if after := read(v); after != before {
		t.Errorf("%T: %q became %q", v, before, after)
	}
}
