package msgpack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// file has binary at two depths.
type file struct {
	Name  string `json:"name"`
	Data  []byte `json:"data"`
	Parts []part `json:"parts"`
}

type part struct {
	At   uint64  `json:"at"`
	Rate float64 `json:"rate"`
	Data []byte  `json:"data"`
}

func (f file) doubled() file {
	f.Name += f.Name
	f.Data = append(bytes.Clone(f.Data), f.Data...)
	return f
}

var (
	stored  = websockets.NewEvent[file]("stored")
	entered = websockets.NewEvent[string]("entered")
	confirm = websockets.NewCall[file, file]("confirm")
)

// store keeps files and announces them to all clients.
type store struct {
	Server *websockets.Server `websockets:"server"`
	left   chan websockets.Cause
}

func newStore() *store { return &store{left: make(chan websockets.Cause, 16)} }

func (g *store) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("double", g.Double),
		websockets.On("echo", g.Echo),
		websockets.On("fail", g.Fail),
		websockets.Listen("store", g.Store),
		websockets.On("ask", g.Ask),
	}
}

func (*store) HandleConnection(_ context.Context, c websockets.Client) error {
	return entered.Emit(context.Background(), c, "welcome")
}

func (g *store) HandleDisconnect(_ context.Context, _ websockets.Client, r websockets.Reason) {
	g.left <- r.Cause
}

func (*store) Double(_ context.Context, f file) (file, error) { return f.doubled(), nil }

func (*store) Echo(_ context.Context, p websockets.Payload) (websockets.Payload, error) {
	return p, nil
}

func (*store) Fail(context.Context, websockets.Payload) (string, error) {
	return "", websockets.NewError("no")
}

func (g *store) Store(_ context.Context, f file) error {
	return stored.Emit(context.Background(), g.Server, f)
}

// Ask has the client confirm the file.
func (*store) Ask(ctx context.Context, f file) (file, error) {
	return confirm.Call(ctx, websockets.ClientFrom(ctx), f)
}

// vault accepts only clients with the password.
type vault struct{}

func newVault() *vault { return &vault{} }

func (*vault) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("open", func(context.Context, string) (bool, error) { return true, nil })}
}

func admit(_ context.Context, h *websockets.Handshake) error {
	var auth struct{ Word string }
	if err := h.Auth.Decode(&auth); err != nil || auth.Word != "sesame" {
		return &websockets.Error{Message: "Wrong word", Details: map[string]any{"tries": 3}}
	}
	return nil
}

func start(t *testing.T, o socketio.Options) *apptest.App {
	t.Helper()
	o.Parser = msgpack.Parser()
	return apptest.New(t, module.New("store", module.Exports(
		websockets.Gateway(newStore),
		websockets.Gateway(newVault, websockets.Namespace("vault"), websockets.Admit(admit)),
	)), apptest.With(app.WebSockets(socketio.New(o))))
}

func connect(t *testing.T, n *nodetest.Node, url string, opts nodetest.Opts) *nodetest.Client {
	t.Helper()
	all := nodetest.Opts{"parser": "msgpack"}
	maps.Copy(all, opts)
	c := n.SocketIO(url, all)
	if got := nodetest.Expect[string](c, "entered"); got != "welcome" {
		t.Fatalf("got %q", got)
	}
	return c
}

var sent = file{"a.png", []byte{0, 1, 0xff}, []part{{1 << 40, 0.5, []byte("first")}, {7, 2, nil}, {0, -1e-9, []byte{}}}}

// all transports, and the way from one to the other.
var transports = map[string]nodetest.Opts{
	"polling":   {"transports": []string{"polling"}},
	"websocket": {"transports": []string{"websocket"}},
	"upgrade":   {},
}

func TestTransports(t *testing.T) {
	a := start(t, socketio.Options{})
	n := nodetest.Start(t)
	for name, opts := range transports {
		t.Run(name, func(t *testing.T) {
			c := connect(t, n, a.URL(), opts)
			other := connect(t, n, a.URL(), opts)
			if name == "upgrade" {
				c.AwaitTransport("websocket")
			} else if got := c.Transport(); got != name {
				t.Errorf("over %s", got)
			}
			if got := nodetest.Call[file](c, "double", sent); !reflect.DeepEqual(got, sent.doubled()) {
				t.Errorf("ack: %+v", got)
			}
			c.Emit("store", sent)
			for _, to := range []*nodetest.Client{c, other} {
				if got := nodetest.Expect[file](to, "stored"); !reflect.DeepEqual(got, sent) {
					t.Errorf("broadcast: %+v", got)
				}
			}
			c.Answer("confirm", sent.doubled())
			if got := nodetest.Call[file](c, "ask", sent); !reflect.DeepEqual(got, sent.doubled()) {
				t.Errorf("answer of the client: %+v", got)
			}
			c.Disconnect()
			if cause := left(t, a); cause != websockets.CauseClientDisconnect {
				t.Errorf("left by %v", cause)
			}
			other.Disconnect()
			left(t, a)
		})
	}
}

// left waits for a client of the store to leave.
func left(t *testing.T, a *apptest.App) websockets.Cause {
	t.Helper()
	timeout := time.NewTimer(nodetest.Timeout)
	defer timeout.Stop()
	select {
	case cause := <-apptest.Get[*store](a).left:
		return cause
	case <-timeout.C:
		t.Fatal("no client left")
		return websockets.CauseClientDisconnect
	}
}

func TestValues(t *testing.T) {
	a := start(t, socketio.Options{})
	c := connect(t, nodetest.Start(t), a.URL(), nil)
	for _, v := range []string{`1`, `-1`, `0.1`, `4294967296`, `-9007199254740991`, `"ü😀\u0000\""`, `null`, `true`, `[]`, `{}`, `[[],{"a":[null,{"b":-0.5}]}]`,
		`{"_placeholder":true,"num":0}`, `[1,"two",{"three":3}]`} {
		got := c.Call("echo", json.RawMessage(v))
		if len(got) != 1 || !same(t, got[0], v) {
			t.Errorf("%s became %s", v, got)
		}
	}
	if got := c.Call("echo"); len(got) != 0 {
		t.Errorf("nothing became %s", got)
	}
	if got := c.Call("echo", 1, "two", []byte("3")); len(got) != 3 || !same(t, got[1], `"two"`) || !same(t, got[2], `{"$binary":"Mw=="}`) {
		t.Errorf("several became %s", got)
	}
	if got := c.Call("echo", []byte{}); len(got) != 1 || !same(t, got[0], `{"$binary":""}`) {
		t.Errorf("no bytes became %s", got)
	}
	const failure = `{"status":"error","message":"no","cause":{"pattern":"fail","data":[1]}}`
	if got := c.Call("fail", []int{1}); len(got) != 1 || !same(t, got[0], failure) {
		t.Errorf("failure: %s", got)
	}
	if got := c.Expect("exception").Args; len(got) != 1 || !same(t, got[0], failure) {
		t.Errorf("exception: %s", got)
	}
}

func same(t *testing.T, got json.RawMessage, want string) bool {
	t.Helper()
	var g, w any
	if err := errors.Join(json.Unmarshal(got, &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatalf("%s, %s: %v", got, want, err)
	}
	return reflect.DeepEqual(g, w)
}

func TestNamespaces(t *testing.T) {
	a := start(t, socketio.Options{})
	n := nodetest.Start(t)
	for name, opts := range transports {
		t.Run(name, func(t *testing.T) {
			all := nodetest.Opts{"parser": "msgpack", "auth": map[string]any{"word": "sesame"}, "transports": opts["transports"]}
			if opts["transports"] == nil {
				delete(all, "transports")
			}
			c := n.SocketIO(a.URL()+"/vault", all)
			if !nodetest.Call[bool](c, "open", "now") {
				t.Error("not open")
			}
			c.Disconnect()

			all["auth"] = map[string]any{"word": "x"}
			_, err := n.TrySocketIO(a.URL()+"/vault", all)
			refused, ok := errors.AsType[*nodetest.RemoteError](err)
			if !ok || refused.Message != "Wrong word" || !same(t, refused.Data, `{"status":"error","message":"Wrong word","details":{"tries":3}}`) {
				t.Errorf("connect_error: %+v", err)
			}
			if _, err := n.TrySocketIO(a.URL()+"/nowhere", all); err == nil || err.Error() != "Invalid namespace" {
				t.Errorf("connect_error: %v", err)
			}
		})
	}
}

// A client with the default parser is disconnected, without an effect on others.
func TestOtherClients(t *testing.T) {
	a := start(t, socketio.Options{})
	n := nodetest.Start(t)
	if _, err := apptest.TryDialSocketIO(t, a.URL()); err == nil {
		t.Error("a client with the default parser is accepted")
	}
	c := connect(t, n, a.URL(), nil)
	if got := nodetest.Call[int](c, "echo", 5); got != 5 {
		t.Errorf("got %d", got)
	}
}

func TestRecovery(t *testing.T) {
	a := start(t, socketio.Options{Recovery: &socketio.Recovery{}})
	n := nodetest.Start(t)
	c := connect(t, n, a.URL(), transports["websocket"])
	id := c.ID()
	c.Emit("store", sent)
	c.Expect("stored")
	c.Cut()
	c.ExpectEnd()
	left(t, a)
	other := connect(t, n, a.URL(), nil)
	missed := sent
	missed.Name = "missed"
	other.Emit("store", missed)
	other.Expect("stored")
	c.Reconnect()
	if got := nodetest.Expect[file](c, "stored"); !reflect.DeepEqual(got, missed) || !c.Recovered() || c.ID() != id {
		t.Errorf("recovered %v, missed %+v", c.Recovered(), got)
	}
}
