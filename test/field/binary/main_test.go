// Package binary_test tests that binary and data stay distinct on every platform: bytes arrive as bytes, and data is
// never interpreted as binary.
package binary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

// form is a payload with room for anything besides its bytes.
type form struct {
	A any    `json:"a"`
	B []byte `json:"b"`
}

var ask = websockets.NewCall[any, any]("ask")

// relay relays what a client sends, in the forms in which a handler can receive it.
type relay struct {
	Server *websockets.Server `websockets:"server"`
}

func newRelay() *relay { return &relay{} }

func (g *relay) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("relay", func(ctx context.Context, p websockets.Payload) (string, error) { return g.pass(ctx, p) }),
		websockets.On("relay any", func(ctx context.Context, v any) (string, error) { return g.pass(ctx, v) }),
		websockets.On("relay map", func(ctx context.Context, v map[string]any) (string, error) { return g.pass(ctx, v) }),
		websockets.On("relay form", func(ctx context.Context, v form) (string, error) { return g.pass(ctx, v) }),
		websockets.On("relay text", func(ctx context.Context, v json.RawMessage) (string, error) { return g.pass(ctx, v) }),
		websockets.On("relay each", func(ctx context.Context, v []any) (string, error) { return g.pass(ctx, v, websockets.Spread()) }),
		websockets.On("echo", func(_ context.Context, v any) (any, error) { return v, nil }),
		websockets.On("echo form", func(_ context.Context, v form) (form, error) { return v, nil }),
		websockets.On("text", func(context.Context, string) (string, error) { return "accepted", nil }),
		websockets.On("ask back", func(ctx context.Context, v any) (any, error) { return ask.Call(ctx, websockets.ClientFrom(ctx), v) }),
		websockets.On("fail", func(_ context.Context, v form) (string, error) {
			return "", &websockets.Error{Message: "no", Code: "no", Details: map[string]any{"bytes": []byte("details"), "other": v.A}}
		}),
		websockets.On("auth", func(ctx context.Context, _ any) (any, error) {
			var v any
			err := websockets.ClientFrom(ctx).Auth().Decode(&v)
			return v, err
		}),
	}
}

// pass emits to all other clients, and answers with the text of the error.
func (g *relay) pass(ctx context.Context, v any, opts ...websockets.EmitOption) (string, error) {
	return textOf(g.Server.Except(websockets.ClientFrom(ctx)).Emit(ctx, "relayed", v, opts...)), nil
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// way is a platform with a parser, and the options of a client for it.
type way struct {
	name    string
	adapter func() adapter.Adapter
	opts    nodetest.Opts
	msgpack bool
}

var (
	polling   = nodetest.Opts{"transports": []string{"polling"}}
	webSocket = nodetest.Opts{"transports": []string{"websocket"}}
	ways      = []way{
		{"socketio", func() adapter.Adapter { return socketio.New() }, webSocket, false},
		{"polling", func() adapter.Adapter { return socketio.New() }, polling, false},
		{"msgpack", func() adapter.Adapter { return socketio.New(socketio.Options{Parser: msgpack.Parser()}) },
			nodetest.Opts{"transports": []string{"websocket"}, "parser": "msgpack"}, true},
		{"zishang", func() adapter.Adapter { return zishang.New() }, webSocket, false},
		{"zishang polling", func() adapter.Adapter { return zishang.New() }, polling, false},
	}
)

func start(t *testing.T, opts ...app.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("relay", module.Exports(websockets.Gateway(newRelay))), apptest.With(opts...))
}

// everyWay runs a test on each platform.
func everyWay(t *testing.T, test func(t *testing.T, n *nodetest.Node, w way, url string)) {
	t.Helper()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			n := nodetest.Start(t) // first, so that its clients still exist when the application stops
			test(t, n, w, start(t, app.WebSockets(w.adapter())).URL())
		})
	}
}

// same compares JSON, in which nodetest has binary as {"$binary": base64}.
func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(tree(t, text), tree(t, []byte(want))) {
		t.Errorf("%s: got %.300s, want %.300s", what, text, want)
	}
}

func tree(t *testing.T, text []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%.200s: %v", text, err)
	}
	return v
}
