package test_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func wsURL(httpURL string) string { return "ws" + strings.TrimPrefix(httpURL, "http") }

// pairs is a codec for frames ["event", payload] in both directions.
type pairs struct{}

func (pairs) Text() bool { return true }

func (pairs) Decode(msg []byte) (ws.Envelope, error) {
	var frame []json.RawMessage
	var e ws.Envelope
	if json.Unmarshal(msg, &frame) != nil || len(frame) != 2 || json.Unmarshal(frame[0], &e.Event) != nil {
		return e, websockets.NewError(`expected ["event", payload]`)
	}
	e.Data = frame[1]
	return e, nil
}

func (pairs) Append(dst []byte, e ws.Envelope) ([]byte, error) {
	data := json.RawMessage(e.Data)
	if len(data) == 0 {
		data = json.RawMessage("null")
	}
	b, err := json.Marshal([]any{e.Event, data})
	return append(dst, b...), err
}

// pairPushPop is pushPop in frames of pairs.
func pairPushPop(t *testing.T, c *nodetest.Client) {
	t.Helper()
	c.Send(`["push",{"test":"test"}]`)
	// NestJS' parser handles incoming frames only; a codec handles both directions.
	sameJSON(t, "frame", json.RawMessage(nodetest.Expect[string](c, "")), `["pop",{"test":"test"}]`)
	c.Send(`{"event":"push"}`)
	sameJSON(t, "frame", json.RawMessage(nodetest.Expect[string](c, "")),
		`["exception",{"status":"error","message":"expected [\"event\", payload]"}]`)
}

func TestWSGateway(t *testing.T) {
	t.Run("2nd port", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newPush, ownPort()))
		url := ownURL(apptest.Get[*pushGateway](a).Server)
		n := nodetest.Start(t)
		pushPop(t, n.WS(wsURL(url), nil))
		if _, err := n.TryWS(wsURL(a.URL()), nil); err == nil {
			t.Error("the HTTP port serves the gateway as well")
		}
	})

	t.Run("http port", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newPush))
		pushPop(t, nodetest.Start(t).WS(wsURL(a.URL()), nil))
	})

	t.Run("custom path", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newPush, websockets.Path("/ws-path")))
		pushPop(t, nodetest.Start(t).WS(wsURL(a.URL())+"/ws-path", nil))
	})

	t.Run("two gateways on different paths", func(t *testing.T) {
		// NestJS' program uses a path for one and, in older versions, a namespace
		// for the other; plain WebSocket has no namespaces, so both use Path.
		a := newApp(t, ws.New(),
			websockets.Gateway(newPush, websockets.Path("/ws-path")),
			websockets.Gateway(newNamespace, websockets.Path("/another")))
		n := nodetest.Start(t)
		pushPop(t, n.WS(wsURL(a.URL())+"/ws-path", nil))
		pushPop(t, n.WS(wsURL(a.URL())+"/another", nil))
		if p, q := apptest.Get[*pushGateway](a).Server.Local().Len(), apptest.Get[*namespaceGateway](a).Server.Local().Len(); p != 1 || q != 1 {
			t.Errorf("the gateways count %d and %d clients, want 1 and 1", p, q)
		}
	})

	t.Run("two gateways on different ports, same path", func(t *testing.T) {
		a := newApp(t, ws.New(),
			websockets.Gateway(newPush, ownPort(), websockets.Path("/ws-path")),
			websockets.Gateway(newNamespace, websockets.Path("/ws-path")))
		first, second := ownURL(apptest.Get[*pushGateway](a).Server), ownURL(apptest.Get[*namespaceGateway](a).Server)
		if first == second {
			t.Fatalf("both are on %s", first)
		}
		n := nodetest.Start(t)
		pushPop(t, n.WS(wsURL(first)+"/ws-path", nil))
		pushPop(t, n.WS(wsURL(second)+"/ws-path", nil))
	})

	t.Run("pattern in context", func(t *testing.T) {
		a := newApp(t, ws.New(), websockets.Gateway(newPattern))
		c := nodetest.Start(t).WS(wsURL(a.URL()), nil)
		c.Emit("getClient", testBody)
		oneJSON(t, "popClient", c.Expect("popClient").Args, `{"test":"test","path":"getClient"}`)
	})

	t.Run("messageParser by setter", func(t *testing.T) {
		// Gatehouse has no setters: the codec of a server is an option of the gateway.
		a := newApp(t, ws.New(), websockets.Gateway(newPush, ws.Options{Codec: pairs{}}))
		pairPushPop(t, nodetest.Start(t).WS(wsURL(a.URL()), nil))
	})

	t.Run("messageParser by constructor", func(t *testing.T) {
		a := newApp(t, ws.New(ws.Options{Codec: pairs{}}), websockets.Gateway(newPush))
		pairPushPop(t, nodetest.Start(t).WS(wsURL(a.URL()), nil))
	})
}
