package apptest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

var noContext = context.Background()

func TestCallReturnsTheAnswer(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		if got := apptest.Call[int](c, "echo", 5); got != 5 {
			t.Errorf("echo: %d", got)
		}
		if got := apptest.Call[[]any](c, "echo", "a", 2); len(got) != 2 || got[0] != "a" || got[1] != 2.0 {
			t.Errorf("two arguments: %v", got)
		}
		if got := string(c.Call("echo", nil)); got != "null" {
			t.Errorf("null: %s", got)
		}
		if got := c.Call("nothing"); len(got) != 0 {
			t.Errorf("empty: %s", got)
		}
		if got := apptest.Call[*int](c, "nothing"); got != nil {
			t.Errorf("empty: %v", *got)
		}
	})
}

func TestCallErrorReturnsTheException(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		if e := c.CallError("fail", "room is full"); e.Message != "room is full" || e.Status != "error" {
			t.Errorf("got %+v", e)
		}
		_, err := c.TryCall("fail", "again")
		if e, ok := errors.AsType[*apptest.Exception](err); !ok || e.Message != "again" {
			t.Errorf("got %#v", err)
		}
	})
}

func TestExpectKeepsOtherEvents(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		c.Emit("back", "one", map[string]any{"n": 1})
		c.Emit("back", "two", "x", "y")
		c.Emit("back", "three")
		apptest.Expect[struct{}](c, "three")
		if got := apptest.Expect[[]string](c, "two"); !slices.Equal(got, []string{"x", "y"}) {
			t.Errorf("two: %v", got)
		}
		if got := apptest.Expect[struct{ N int }](c, "one"); got.N != 1 {
			t.Errorf("one: %+v", got)
		}
		c.Emit("back", "four")
		if m := c.Next(); m.Event != "four" || len(m.Data) != 0 {
			t.Errorf("next: %s", m)
		}
		c.ExpectNone("five", func() { c.Call("echo") })
		c.ExpectNone("five")
	})
}

func TestBinaryRoundTrip(t *testing.T) {
	type file struct {
		Name  string   `json:"name"`
		Bytes []byte   `json:"bytes"`
		More  [][]byte `json:"more"`
		Size  int64    `json:"size"`
	}
	want := file{Name: "<a>", Bytes: []byte{0, 255}, More: [][]byte{{1}, {}, {2, 3}}, Size: 9007199254740993}
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		c.Emit("back", "file", want, []byte("second"))
		m := c.ExpectMessage("file")
		var args []json.RawMessage
		if err := json.Unmarshal(m.Data, &args); err != nil || len(args) != 2 {
			t.Fatalf("%s: %v", m, err)
		}
		var got file
		if err := json.Unmarshal(args[0], &got); err != nil {
			t.Fatal(err)
		}
		// JavaScript rounds the number; the client must not round it again.
		if got.Name != want.Name || !bytes.Equal(got.Bytes, want.Bytes) || got.Size < 1<<53 ||
			!slices.EqualFunc(got.More, want.More, bytes.Equal) {
			t.Errorf("got %+v", got)
		}
		sent := 0
		if strings.HasPrefix(t.Name(), "TestBinaryRoundTrip/socketio") {
			sent = 5
		}
		if len(m.Attachments) != sent {
			t.Errorf("%d attachments, want %d", len(m.Attachments), sent)
		}
	})
}

func TestOnCallAnswersTheServer(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		c.OnCall("question", func(data json.RawMessage) any {
			// The reader continues: an answer may depend on another call.
			return "because " + apptest.Call[string](c, "echo", "of ") + string(data)
		})
		c.Emit("ask", "question", 7)
		if got := apptest.Expect[string](c, "answered"); got != "because of 7" {
			t.Errorf("answered %q", got)
		}
		c.Emit("ask", "by hand", []byte{1})
		c.Answer(c.ExpectMessage("by hand"), []byte{9})
		if got := apptest.Expect[[]byte](c, "answered"); !bytes.Equal(got, []byte{9}) {
			t.Errorf("answered %v", got)
		}
	})
}

func TestServerCloses(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		want := map[string]apptest.Close{"kick": {Code: 4001, Reason: "kicked"}, "cut": {Code: 1006}}
		if strings.Contains(t.Name(), "socketio") {
			want = map[string]apptest.Close{
				"kick": {Reason: "io server disconnect"}, "kick all": {Reason: "io server disconnect"},
				"cut": {Code: 1006, Reason: "transport close"},
			}
		}
		for event, end := range want {
			c := dial()
			c.Emit("back", "before")
			c.Emit(event)
			if got := c.ExpectClose(); got != end {
				t.Errorf("%s: %+v, want %+v", event, got, end)
			}
			apptest.Expect[any](c, "before") // still available
			if _, err := c.TryCall("echo"); err == nil || !strings.Contains(err.Error(), "closed") {
				t.Errorf("%s: call afterwards: %v", event, err)
			}
			if err := c.TryEmit("echo"); err == nil {
				t.Errorf("%s: emit afterwards succeeds", event)
			}
			c.ExpectNone("anything")
		}
	})
}

func TestCloseAndAbort(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		want := []string{"1000", "1006"}
		if strings.Contains(t.Name(), "socketio") {
			want = []string{"client namespace disconnect", "transport error|transport close"}
		}
		dial().Close()
		gone := dial()
		gone.Abort()
		gone.Close() // no effect
		if got := gone.ExpectClose(); got.Code != 1006 {
			t.Errorf("after Abort: %+v", got)
		}
		witness := dial()
		// The kernel reports a reset to the server with a delay: call repeatedly.
		var left []string
		testkit.Within(testkit.Patience, func() bool {
			left = apptest.Call[[]string](witness, "who left")
			return len(left) == 2
		})
		if len(left) != 2 || left[0] != want[0] || !slices.Contains(strings.Split(want[1], "|"), left[1]) {
			t.Errorf("the server observed %q, want %q", left, want)
		}
	})
}

func TestHandshakeOptions(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial(apptest.WithHeader(http.Header{"X-Who": {"me"}}))
		if got := apptest.Call[string](c, "header", "x-who"); got != "me" {
			t.Errorf("header: %q", got)
		}
		if c.Header().Get("Upgrade") != "websocket" {
			t.Errorf("answer: %v", c.Header())
		}
	})
	t.Run("socketio", func(t *testing.T) {
		url := nodetest.Start(t).ServeSocketIO(nodetest.Opts{"path": "/other/"})
		path := apptest.WithPath("/other/")
		c := apptest.DialSocketIO(t, url, path, apptest.WithAuth(map[string]any{"user": "ada"}))
		if got := apptest.Call[map[string]string](c, "auth"); got["user"] != "ada" || c.ID() == "" {
			t.Errorf("auth %v, id %q", got, c.ID())
		}
		for _, chat := range []*apptest.Client{
			apptest.DialSocketIO(t, url+"/chat", path),
			apptest.DialSocketIO(t, url, path, apptest.WithNamespace("chat")),
		} {
			if got := apptest.Call[int](chat, "echo", 1); got != 1 {
				t.Errorf("echo: %d", got)
			}
			chat.Emit("kick")
			chat.ExpectClose()
		}
	})
	t.Run("ws", func(t *testing.T) {
		c := apptest.DialWS(t, nodetest.Start(t).ServePlain()+"?q=1",
			apptest.WithPath("/there"), apptest.WithSubprotocols("chat.v1", "chat.v2"))
		if got := apptest.Call[string](c, "path"); got != "/there?q=1" || c.Subprotocol() != "chat.v2" || c.ID() != "" {
			t.Errorf("path %q, subprotocol %q, id %q", got, c.Subprotocol(), c.ID())
		}
	})
}

func TestRejections(t *testing.T) {
	n := nodetest.Start(t)
	rejected := apptest.WithHeader(http.Header{"X-Reject": {"not today"}})

	_, err := apptest.TryDialWS(t, n.ServePlain(), rejected)
	e, ok := errors.AsType[*apptest.DialError](err)
	if !ok || e.Status != 403 || e.Message != "not today" || !strings.Contains(string(e.Body), `"statusCode":403`) {
		t.Errorf("ws: %#v", err)
	}
	if want := "403 Forbidden: not today"; err.Error() != want {
		t.Errorf("ws: %q, want %q", err, want)
	}

	url := n.ServeSocketIO(nil)
	_, err = apptest.TryDialSocketIO(t, url, rejected)
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 400 || string(e.Body) != "not today" {
		t.Errorf("socketio: %#v", err)
	}

	_, err = apptest.TryDialSocketIO(t, url, apptest.WithNamespace("/private"))
	e, ok = errors.AsType[*apptest.DialError](err)
	if !ok || e.Status != 0 || e.Message != "no token" || string(e.Data) != `{"status":"error","code":"token"}` {
		t.Errorf("connect_error: %#v", err)
	}
	if want := "connect_error: no token"; err.Error() != want {
		t.Errorf("connect_error: %q, want %q", err, want)
	}
	_, err = apptest.TryDialSocketIO(t, url, apptest.WithNamespace("/nowhere"))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Message != "Invalid namespace" {
		t.Errorf("unknown namespace: %#v", err)
	}
}

func TestUnsupportedOptions(t *testing.T) {
	for want, dial := range map[string]func() (*apptest.Client, error){
		"WithAuth is for Socket.IO": func() (*apptest.Client, error) {
			return apptest.TryDialWS(t, "ws://127.0.0.1:1", apptest.WithAuth(1))
		},
		"WithNamespace is for Socket.IO": func() (*apptest.Client, error) {
			return apptest.TryDialWS(t, "ws://127.0.0.1:1", apptest.WithNamespace("/a"))
		},
		`not "ftp"`: func() (*apptest.Client, error) { return apptest.TryDialSocketIO(t, "ftp://127.0.0.1") },
	} {
		if _, err := dial(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestWithDialer(t *testing.T) {
	url := serve(t, func(conn *websocket.Conn) { write(conn, `{"event":"hi"}`); drain(conn) })
	address := strings.TrimPrefix(url, "http://")
	c := apptest.DialWS(t, "ws://in.memory", apptest.WithDialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}))
	c.ExpectMessage("hi")
}

func TestConcurrentUse(t *testing.T) {
	bothProtocols(t, func(t *testing.T, dial dialer) {
		c := dial()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for j := range 10 {
					want := i*100 + j
					got, err := c.TryCall("echo", map[string]any{"n": want, "b": []byte{byte(i)}})
					var reply struct{ N int }
					if err == nil {
						err = json.Unmarshal(got, &reply)
					}
					if err != nil || reply.N != want {
						t.Errorf("echo %d: %s, %v", want, got, err)
					}
				}
			})
		}
		all.Wait()
	})
}
