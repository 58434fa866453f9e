package nodetest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

// opener connects one of npm's clients to npm's server of the same protocol.
type opener func(n *nodetest.Node) *nodetest.Client

func bothProtocols(t *testing.T, test func(t *testing.T, open opener)) {
	t.Helper()
	t.Run("socketio", func(t *testing.T) {
		test(t, func(n *nodetest.Node) *nodetest.Client { return n.SocketIO(n.ServeSocketIO(nil), nil) })
	})
	t.Run("ws", func(t *testing.T) {
		test(t, func(n *nodetest.Node) *nodetest.Client { return n.WS(n.ServePlain(), nil) })
	})
}

func TestCallEmitExpect(t *testing.T) {
	bothProtocols(t, func(t *testing.T, open opener) {
		c := open(nodetest.Start(t))
		if got := nodetest.Call[int](c, "echo", 5); got != 5 {
			t.Errorf("echo: %d", got)
		}
		if got := c.Call("nothing"); len(got) != 0 {
			t.Errorf("nothing: %s", got)
		}
		c.Emit("back", "news", map[string]any{"n": 1})
		if got := nodetest.Expect[struct{ N int }](c, "news"); got.N != 1 {
			t.Errorf("news: %+v", got)
		}
		c.Emit("back", "empty")
		if m := c.Expect("empty"); len(m.Args) != 0 {
			t.Errorf("empty: %v", m)
		}
		c.ExpectNone("news", func() { c.Call("echo") })
	})
}

func TestAnswersTheServer(t *testing.T) {
	bothProtocols(t, func(t *testing.T, open opener) {
		c := open(nodetest.Start(t))
		c.Answer("question", 42)
		c.Emit("ask", "question", "why")
		if got := nodetest.Expect[int](c, "answered"); got != 42 {
			t.Errorf("answered: %d", got)
		}
	})
}

func TestBinaryOnSocketIO(t *testing.T) {
	n := nodetest.Start(t)
	c := n.SocketIO(n.ServeSocketIO(nil), nil)
	want := []byte{0, 1, 254, 255}
	got := nodetest.Call[struct{ File []byte }](c, "echo", map[string]any{"file": want})
	if !bytes.Equal(got.File, want) {
		t.Errorf("got %v", got.File)
	}
	// Data that was sent as text does not become binary.
	text := nodetest.Call[string](c, "echo", "AAH+/w==")
	if text != "AAH+/w==" {
		t.Errorf("got %q", text)
	}
}

func TestSeveralArguments(t *testing.T) {
	n := nodetest.Start(t)
	c := n.SocketIO(n.ServeSocketIO(nil), nil)
	got := c.Call("echo", 1, "two", nil)
	if len(got) != 3 || string(got[0]) != "1" || string(got[1]) != `"two"` || string(got[2]) != "null" {
		t.Errorf("got %s", got)
	}
}

func TestConnectErrorHasMessageAndData(t *testing.T) {
	n := nodetest.Start(t)
	url := n.ServeSocketIO(nil) + "/private"
	_, err := n.TrySocketIO(url, nil)
	rejected, ok := errors.AsType[*nodetest.RemoteError](err)
	if !ok || rejected.Message != "no token" || string(rejected.Data) != `{"status":"error","code":"token"}` {
		t.Errorf("got %#v", err)
	}
	c := n.SocketIO(url, nodetest.Opts{"auth": map[string]any{"token": "secret"}})
	if c.ID() == "" {
		t.Error("no id")
	}
}

func TestTransportUpgrades(t *testing.T) {
	n := nodetest.Start(t)
	url := n.ServeSocketIO(nil)
	upgrading := n.SocketIO(url, nil)
	upgrading.AwaitTransport("websocket")
	polling := n.SocketIO(url, nodetest.Opts{"transports": []string{"polling"}})
	if got := polling.Transport(); got != "polling" {
		t.Errorf("transport %s", got)
	}
}

func TestEndHasTheReason(t *testing.T) {
	t.Run("socketio", func(t *testing.T) {
		n := nodetest.Start(t)
		url := n.ServeSocketIO(nil)
		for event, want := range map[string]string{"kick": "io server disconnect", "cut": "transport close"} {
			c := n.SocketIO(url, nodetest.Opts{"transports": []string{"websocket"}})
			c.Emit(event)
			if got := c.ExpectEnd(); got.Reason != want {
				t.Errorf("%s: %+v, want %s", event, got, want)
			}
		}
		c := n.SocketIO(url, nil)
		c.Disconnect()
		if got := c.ExpectEnd(); got.Reason != "io client disconnect" {
			t.Errorf("disconnect: %+v", got)
		}
	})
	t.Run("ws", func(t *testing.T) {
		n := nodetest.Start(t)
		url := n.ServePlain()
		for event, want := range map[string]nodetest.End{"kick": {Reason: "kicked", Code: 4001}, "cut": {Code: 1006}} {
			c := n.WS(url, nil)
			c.Emit(event)
			if got := c.ExpectEnd(); got != want {
				t.Errorf("%s: %+v, want %+v", event, got, want)
			}
		}
		c := n.WS(url, nil)
		c.Disconnect()
		if got := c.ExpectEnd(); got.Code != 1000 {
			t.Errorf("disconnect: %+v", got)
		}
	})
}

func TestReconnects(t *testing.T) {
	n := nodetest.Start(t)
	c := n.SocketIO(n.ServeSocketIO(nil), nodetest.Opts{
		"reconnection": true, "reconnectionDelay": 1, "reconnectionDelayMax": 1, "transports": []string{"websocket"},
	})
	before := c.ID()
	c.Cut()
	c.ExpectReconnect(1)
	if c.ID() == before {
		t.Error("the id is the old one")
	}
	if got := nodetest.Call[int](c, "echo", 1); got != 1 {
		t.Errorf("echo: %d", got)
	}
	c.Disconnect()
	c.ExpectEnd()
	c.Reconnect()
	c.ExpectReconnect(2)
}

func TestPlainRejectionHasStatusAndBody(t *testing.T) {
	n := nodetest.Start(t)
	_, err := n.TryWS(n.ServePlain(), nodetest.Opts{"headers": map[string]any{"x-reject": "not today"}})
	rejected, ok := errors.AsType[*nodetest.RemoteError](err)
	if !ok || rejected.Status != 403 || !strings.Contains(rejected.Body, "not today") {
		t.Errorf("got %#v", err)
	}
}

func TestPlainFailureReply(t *testing.T) {
	n := nodetest.Start(t)
	c := n.WS(n.ServePlain(), nil)
	_, err := c.TryCall("fail", "room is full")
	failed, ok := errors.AsType[*nodetest.RemoteError](err)
	if !ok || failed.Message != "room is full" || string(failed.Data) != `{"status":"error","message":"room is full"}` {
		t.Errorf("got %#v", err)
	}
}

func TestPlainRawFramesPingSubprotocolAndBase64(t *testing.T) {
	n := nodetest.Start(t)
	c := n.WS(n.ServePlain(), nodetest.Opts{"protocols": []string{"chat.v1", "chat.v2"}})
	if got := c.Protocol(); got != "chat.v2" {
		t.Errorf("subprotocol %q", got)
	}
	c.Ping()
	c.Send([]byte(`{"event":"raw","data":"not json"}`))
	if m := c.Expect(""); string(m.Args[0]) != `"not json"` {
		t.Errorf("got %s", m)
	}
	if got := nodetest.Call[struct{ File string }](c, "echo", map[string]any{"file": []byte{1, 2}}); got.File != "AQI=" {
		t.Errorf("got %+v", got)
	}
}

func TestProgramErrorsAreErrors(t *testing.T) {
	p := nodetest.StartProcess(t, "clients.mjs", func([]byte) {})
	if _, err := p.Do("no such thing", nil); err == nil || err.Error() != "no command no such thing" {
		t.Errorf("got %v", err)
	}
	if got := p.MustDo("versions", nil); !strings.Contains(string(got), `"node"`) {
		t.Errorf("got %s", got)
	}
}
