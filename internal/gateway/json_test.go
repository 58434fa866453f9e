package gateway

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// marked is the standard library's codec, which one knows by its escaped "<".
type marked struct{}

func (marked) Unmarshal(data []byte, v any) error {
	if bytes.Contains(data, []byte("panic")) {
		panic("codec")
	}
	return stdjson.Unmarshal(data, v)
}

func (marked) Append(dst []byte, v any) ([]byte, error) {
	if s, ok := v.(string); ok && s == "nothing" {
		return dst, nil
	}
	b, err := stdjson.Marshal(v)
	return append(dst, b...), err
}

func TestJSONCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type twice struct {
			A int `json:"a"`
		}
		d := &testGateway{subs: []websockets.Subscription{
			websockets.On("typed", func(_ context.Context, v twice) (twice, error) { return v, nil }),
			websockets.On("strict", func(_ context.Context, v twice) (string, error) { return "ok", nil }, websockets.Strict()),
			websockets.On("text", func(_ context.Context, s string) (string, error) { return s, nil }),
			websockets.On("raw", func(_ context.Context, p stdjson.RawMessage) (stdjson.RawMessage, error) { return p, nil }),
			websockets.Listen("emit", func(ctx context.Context, s string) error { return websockets.ClientFrom(ctx).Emit(ctx, "said", s) }),
		}}
		k := newTestRuntimeOf(t, []*testGateway{d})
		k.rt.codec = marked{}
		p := k.dial()
		for _, m := range [][2]string{
			{"typed", `{"a":1,"a":2}`}, {"typed", `{"a":"x"}`}, {"strict", `{"a":1,"a":2}`}, {"strict", `{"b":1}`},
			{"text", `"panic"`}, {"text", `"nothing"`}, {"raw", `{"a":1,"a":2}`}, {"raw", `{"a":1}`}, {"emit", `"<hi>"`},
		} {
			p.ask(m[0], m[1])
		}
		synctest.Wait()
		if err := d.Server.Emit(t.Context(), "all", "<7>"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		got := strings.Join(p.got(), "\n")
		for _, want := range []string{
			`reply typed {"a":2}`, // the standard library takes the last
			`"message":"Bad payload: a must be a number, not a string"`, // of encoding/json's error
			`"message":"Bad payload: a appears twice"`,                  // the framework's own way
			`b is unknown`,
			`Internal server error`,
			`reply raw {"a":1}`,
			`said "\u003chi`,
			`all "\u003c7`,
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		log := k.log.String()
		if !strings.Contains(log, "panic: codec") || !strings.Contains(log, "the JSON codec returned no value") {
			t.Error(log)
		}
	})
}

// A codec's own error may be meant for the client.
func TestJSONCodecError(t *testing.T) {
	d, _ := codec.DecoderOf(reflect.TypeFor[int]())
	err := payload.Raw{JSON: []byte("1")}.DecodeInto(new(int), d, codec.Options{}, refusing{})
	if e, ok := errors.AsType[*websockets.Error](err); !ok || e.Code != "mine" {
		t.Error(err)
	}
}

type refusing struct{ marked }

func (refusing) Unmarshal([]byte, any) error { return &websockets.Error{Message: "no", Code: "mine"} }
