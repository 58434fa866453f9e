package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// relay relays what it receives, on several platforms at once.
type relay struct {
	Server *websockets.Server `websockets:"server"`
}

func newRelay() *relay { return &relay{} }

var asks = websockets.NewCall[any, any]("ask")

func (g *relay) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("relay", func(ctx context.Context, p websockets.Payload) (string, error) { return g.pass(ctx, p), nil }),
		websockets.On("relay any", func(ctx context.Context, v any) (string, error) { return g.pass(ctx, v), nil }),
		websockets.On("relay text", func(ctx context.Context, v json.RawMessage) (string, error) { return g.pass(ctx, v), nil }),
		websockets.On("relay each", func(ctx context.Context, v []any) (string, error) { return g.pass(ctx, v, websockets.Spread()), nil }),
		websockets.On("relay as", func(ctx context.Context, v []string) (string, error) {
			return text(g.Server.Except(websockets.ClientFrom(ctx)).Emit(ctx, v[0], 1)), nil
		}),
		websockets.On("answer any", func(_ context.Context, v any) (any, error) { return v, nil }),
		websockets.On("answer", func(_ context.Context, v websockets.Payload) (websockets.Payload, error) { return v, nil }),
		websockets.On("fail", func(_ context.Context, v any) (string, error) {
			return "", &websockets.Error{Message: "no", Code: "no", Details: map[string]any{"v": v}}
		}),
		websockets.On("ask back", func(ctx context.Context, v any) (any, error) {
			return asks.Call(ctx, websockets.ClientFrom(ctx), v)
		}),
		websockets.On("echo", func(_ context.Context, v string) (string, error) { return v, nil }),
	}
}

func (g *relay) pass(ctx context.Context, v any, opts ...websockets.EmitOption) string {
	return text(g.Server.Except(websockets.ClientFrom(ctx)).Emit(ctx, "relayed", v, opts...))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const packed = "/packed/"

// everywhere starts the relay on plain WebSocket, Socket.IO, and Socket.IO with msgpack.
func startRelay(t *testing.T) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("relay", module.Exports(websockets.Gateway(newRelay,
		websockets.Via(ws.New(ws.Options{Compression: ws.CompressionStream}), websockets.Path("/ws")),
		websockets.Via(socketio.New(socketio.Options{Compression: socketio.CompressionEach, HTTPCompression: 1})),
		websockets.Via(socketio.New(socketio.Options{Parser: msgpack.Parser()}), websockets.Path(packed)),
	))))
}

// recipients are npm's clients of each platform.
type recipients struct {
	ids map[*nodetest.Client]string
	all map[string]*nodetest.Client
}

func newRecipients(n *nodetest.Node, url string) *recipients {
	r := &recipients{map[*nodetest.Client]string{}, map[string]*nodetest.Client{
		"websocket": n.SocketIO(url, nodetest.Opts{"transports": []string{"websocket"}}),
		"polling":   n.SocketIO(url, nodetest.Opts{"transports": []string{"polling"}}),
		"msgpack":   n.SocketIO(url, nodetest.Opts{"path": packed, "parser": "msgpack", "transports": []string{"websocket"}}),
	}}
	for _, c := range r.all {
		r.ids[c] = c.ID()
	}
	return r
}

// wantConnected checks that every recipient is still connected.
func (r *recipients) wantConnected(t *testing.T, after string) {
	t.Helper()
	for name, c := range r.all {
		reply, err := c.TryCall("echo", "still here")
		if err != nil || len(reply) != 1 || string(reply[0]) != `"still here"` {
			t.Fatalf("after %s: %s: %s %v", after, name, reply, err)
		}
		if id := c.ID(); id != r.ids[c] {
			t.Fatalf("after %s: %s has been disconnected meanwhile", after, name)
		}
	}
}

func mark(num string) string { return `{"_placeholder":true,"num":` + num + `}` }

// sender sends raw Socket.IO packets over WebSocket, and reconnects after it was cut.
type sender struct {
	t    *testing.T
	addr string
	s    *rawpeer.Socket
	id   int
}

func (s *sender) dial() {
	s.s = rawpeer.NewEngine(s.t, s.addr).WebSocket()
	rawpeer.Enter(s.t, s.s, "/", "")
}

// call sends an event with an argument and attachments, and returns the answer; false if the connection has ended.
func (s *sender) call(event, argument string, attachments ...string) (string, bool) {
	s.t.Helper()
	s.id++
	head := fmt.Sprintf(`42%d[%q,%s]`, s.id, event, argument)
	if len(attachments) > 0 {
		head = fmt.Sprintf(`45%d-%d[%q,%s]`, len(attachments), s.id, event, argument)
	}
	_ = s.s.TrySend(head)
	for _, a := range attachments {
		_ = s.s.TryWrite(rawpeer.Frame{First: rawpeer.Fin | rawpeer.OpBinary, Payload: a}.Bytes())
	}
	for {
		got, err := s.s.Next()
		switch {
		case rawpeer.IsTimeout(err):
			s.t.Fatalf("%s is not answered: %.200s", event, argument)
		case err != nil || got.First == rawpeer.Fin|rawpeer.OpClose:
			s.s.Close()
			s.dial()
			return "", false
		case got.Payload == "2":
			_ = s.s.TrySend("3")
		case strings.HasPrefix(got.Payload, fmt.Sprintf(`43%d[`, s.id)), strings.HasPrefix(got.Payload, `46`):
			return got.Payload, true
		case strings.HasPrefix(got.Payload, `42["exception"`):
			return got.Payload, true
		}
	}
}

// TestAudit_NoTextDisconnectsARecipient: for any JSON from a client, with and without binary next to it, in any form
// in which a handler relays it, npm's clients with both parsers and transports stay connected.
func TestAudit_NoTextDisconnectsARecipient(t *testing.T) {
	n := nodetest.Start(t)
	a := startRelay(t)
	r := newRecipients(n, a.URL())
	s := &sender{t: t, addr: strings.TrimPrefix(a.URL(), "http://")}
	s.dial()
	deep := func(depth int, inner string) string {
		return strings.Repeat("[", depth) + inner + strings.Repeat("]", depth)
	}
	deepObject := func(depth int, inner string) string {
		return strings.Repeat(`{"a":`, depth) + inner + strings.Repeat("}", depth)
	}
	bin := mark("0")
	for name, argument := range map[string]string{
		"1e0":             `{"a":` + mark("1e0") + `}`,
		"-0":              `{"a":` + mark("-0") + `}`,
		"1.5":             `{"a":` + mark("1.5") + `}`,
		"0.0":             `{"a":` + mark("0.0") + `}`,
		"text":            `{"a":` + mark(`"0"`) + `}`,
		"null":            `{"a":` + mark(`null`) + `}`,
		"list":            `{"a":` + mark(`[0]`) + `}`,
		"huge":            `{"a":` + mark(`18446744073709551616`) + `}`,
		"twice":           `{"a":{"_placeholder":true,"num":0,"num":7}}`,
		"unmarked later":  `{"a":{"_placeholder":true,"num":7,"_placeholder":false}}`,
		"marked later":    `{"a":{"_placeholder":false,"num":7,"_placeholder":true}}`,
		"extra":           `{"a":{"x":1,"_placeholder":true,"y":{"_placeholder":true,"num":9},"num":7}}`,
		"escaped":         `{"a":{"\u005fplaceholder":true,"n\u0075m":7}}`,
		"proto":           `{"__proto__":{"_placeholder":true,"num":7}}`,
		"proto of it":     `{"a":{"__proto__":{"_placeholder":true},"num":7}}`,
		"constructor":     `{"constructor":{"prototype":{"_placeholder":true,"num":3}},"toString":1,"hasOwnProperty":2,"toJSON":3}`,
		"length":          `{"length":5,"0":1}`,
		"large number":    `{"a":1e400,"b":-1e400,"c":123456789012345678901234567890,"d":1e-400}`,
		"half surrogates": `{"a":"\ud800","\udfff":1}`,
		"separators":      `{"a":"\u2028\u2029\u001e\u0000"}`,
		"deep":            deep(900, "1"),
		"deep object":     deepObject(900, "1"),
		"msgpack ext":     `{"type":212,"data":"x"}`,
		"Buffer":          `{"type":"Buffer","data":[1,2,3]}`,
	} {
		for _, event := range []string{"relay", "relay any", "relay text", "relay each"} {
			value := argument
			if event == "relay each" {
				value = "[" + argument + "," + argument + "]"
			}
			s.call(event, value)
			r.wantConnected(t, name+", "+event)
			both := `{"b":` + bin + `,"c":` + argument + `}`
			if event == "relay each" {
				both = `[` + bin + `,` + argument + `]`
			}
			s.call(event, both, "bytes")
			r.wantConnected(t, name+" with binary, "+event)
		}
	}
}

// TestAudit_DeepValuesWithBinary: a value nested deeper than npm's parser supports is not sent with binary next to
// it: the handler gets an error, and none of the intended recipients is disconnected.
func TestAudit_DeepValuesWithBinary(t *testing.T) {
	n := nodetest.Start(t)
	a := startRelay(t)
	r := newRecipients(n, a.URL())
	s := &sender{t: t, addr: strings.TrimPrefix(a.URL(), "http://")}
	s.dial()
	for _, depth := range []int{1000, 4000, 9980} {
		for _, c := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			deep := strings.Repeat(c[0], depth) + "1" + strings.Repeat(c[1], depth)
			for _, event := range []string{"relay", "relay any", "relay each"} {
				got, _ := s.call(event, `[`+mark("0")+`,`+deep+`]`, "bytes")
				if !strings.Contains(got, "is nested more than 1000 deep") {
					t.Errorf("%s of %d levels: %.200s", event, depth, got)
				}
				r.wantConnected(t, event)
			}
		}
	}
}
