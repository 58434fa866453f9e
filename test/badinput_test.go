package test_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

const badMaxMessage = 10_000

// badGateway receives invalid input.
type badGateway struct {
	Server *websockets.Server `websockets:"server"`

	connects, disconnects atomic.Int64

	mu         sync.Mutex
	left       map[string]websockets.Reason
	leftSignal chan struct{} // closed and replaced on each disconnect
}

func newBad() *badGateway {
	return &badGateway{left: map[string]websockets.Reason{}, leftSignal: make(chan struct{})}
}

type badPost struct {
	Room  string `json:"room"`
	Stars int    `json:"stars"`
	Tags  []struct {
		ID uint8 `json:"id"`
	} `json:"tags"`
}

func (g *badGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", g.Echo),
		websockets.On("post", g.Post),
		websockets.On("wait", g.Wait, websockets.Background(2)),
		websockets.On("join", g.Join),
		websockets.On("crash", g.Crash),
	}
}

func (*badGateway) Echo(_ context.Context, p websockets.Payload) (websockets.Payload, error) {
	return p, nil
}

func (*badGateway) Post(_ context.Context, p badPost) (int, error) { return p.Stars, nil }

// Wait blocks until the client disconnects.
func (*badGateway) Wait(ctx context.Context, _ websockets.Payload) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func (*badGateway) Join(ctx context.Context, rooms []string) (int, error) {
	c := websockets.ClientFrom(ctx)
	if err := c.Join(rooms...); err != nil {
		return 0, &websockets.Error{Message: "Too many rooms", Code: "rooms", Err: err}
	}
	return len(c.Rooms()), nil
}

func (*badGateway) Crash(_ context.Context, at []int) (int, error) { return at[7], nil }

func (g *badGateway) HandleConnection(context.Context, websockets.Client) error {
	g.connects.Add(1)
	return nil
}

func (g *badGateway) HandleDisconnect(_ context.Context, c websockets.Client, r websockets.Reason) {
	g.disconnects.Add(1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left[c.ID()] = r
	close(g.leftSignal)
	g.leftSignal = make(chan struct{})
}

// cause waits for exactly one disconnect, and removes it.
func (g *badGateway) cause(t *testing.T) websockets.Cause {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		g.mu.Lock()
		left, leftSignal := len(g.left), g.leftSignal
		for id, r := range g.left {
			delete(g.left, id)
			g.mu.Unlock()
			if left != 1 {
				t.Fatalf("%d clients have disconnected, want one", left)
			}
			return r.Cause
		}
		g.mu.Unlock()
		select {
		case <-leftSignal:
		case <-ctx.Done():
			t.Fatal("no client has disconnected")
		}
	}
}

// badInputTest is an application with a second client that must not be affected.
type badInputTest struct {
	app     *apptest.App
	gateway *badGateway
	witness *apptest.Client
	dial    func(t *testing.T) *apptest.Client
}

func (b *badInputTest) run(t *testing.T, name string, test func(t *testing.T, c *apptest.Client)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		c := b.dial(t)
		c.Call("echo") // HandleDisconnect requires that HandleConnection ran
		test(t, c)
		b.checkWitness(t)
	})
}

// checkWitness checks that the witness is served, receives broadcasts, and has received
// nothing else since the last check.
func (b *badInputTest) checkWitness(t *testing.T) {
	t.Helper()
	if err := b.gateway.Server.Emit(t.Context(), "news", t.Name()); err != nil {
		t.Fatal(err)
	}
	if m := b.witness.Next(); m.Event != "news" || string(m.Data) != `"`+t.Name()+`"` {
		t.Errorf("the second client received %s", m)
	}
	if got := apptest.Call[string](b.witness, "echo", "still here"); got != "still here" {
		t.Errorf("the second client's echo: %q", got)
	}
}

func newBadInputTest(t *testing.T, platform string) *badInputTest {
	t.Helper()
	opts := []websockets.Option{
		websockets.WithLimits(websockets.Limits{MaxMessage: badMaxMessage}), websockets.MaxRooms(3),
	}
	b := &badInputTest{}
	if platform == "ws" {
		b.app = newApp(t, ws.New(), websockets.Gateway(newBad, append(opts, websockets.Path("/bad"))...))
		b.dial = func(t *testing.T) *apptest.Client { t.Helper(); return apptest.DialWS(t, b.app.URL()+"/bad") }
	} else {
		b.app = newApp(t, socketio.New(), websockets.Gateway(newBad, append(opts, websockets.Namespace("bad"))...))
		b.dial = func(t *testing.T) *apptest.Client { t.Helper(); return apptest.DialSocketIO(t, b.app.URL()+"/bad") }
	}
	b.gateway = apptest.Get[*badGateway](b.app)
	b.witness = b.dial(t)
	b.witness.Call("echo") // waits for its HandleConnection
	return b
}

// leave closes the client and waits for its HandleDisconnect, so that the next cause
// belongs to another client.
func (b *badInputTest) leave(t *testing.T, c *apptest.Client) {
	t.Helper()
	c.Close()
	if got := b.gateway.cause(t); got != websockets.CauseClientDisconnect && got != websockets.CauseTransportClose {
		t.Errorf("disconnected with %q", got)
	}
}

func wantException(t *testing.T, got *apptest.Exception, code, message, pattern, data string) {
	t.Helper()
	if got.Status != "error" || got.Code != code || got.Message != message {
		t.Errorf("got %+v, want code %q and message %q", got, code, message)
	}
	switch {
	case pattern == "":
		if got.Cause != nil {
			t.Errorf("got cause %+v, want none", got.Cause)
		}
	case got.Cause == nil:
		t.Errorf("no cause, want pattern %q", pattern)
	default:
		if got.Cause.Pattern != pattern {
			t.Errorf("cause: pattern %q, want %q", got.Cause.Pattern, pattern)
		}
		sameJSON(t, "cause.data", got.Cause.Data, data)
	}
}

func TestBadMessages(t *testing.T) {
	for _, platform := range []string{"ws", "socketio"} {
		t.Run(platform, func(t *testing.T) {
			b := newBadInputTest(t, platform)
			b.badPayloads(t)
			b.unknownEvent(t)
			b.overTheLimits(t)
		})
	}
}

func (b *badInputTest) badPayloads(t *testing.T) {
	t.Helper()
	for _, tt := range []struct{ name, event, payload, code, message string }{
		{"string for a number", "post", `{"stars":"five"}`, "bad_payload", "Bad payload: stars must be a number, not a string"},
		{"number for a string", "post", `{"room":5}`, "bad_payload", "Bad payload: room must be a string, not a number"},
		{"array for an object", "post", `[1,2]`, "bad_payload", "Bad payload: the payload must be an object, not an array"},
		{"fraction for an integer", "post", `{"stars":1.5}`, "bad_payload", "Bad payload: stars must be a whole number"},
		{"out of range, deep inside", "post", `{"tags":[{"id":1},{"id":256}]}`, "bad_payload", "Bad payload: tags.1.id is out of range"},
		{"handler that panics", "crash", `[1]`, "", "Internal server error"},
	} {
		b.run(t, tt.name, func(t *testing.T, c *apptest.Client) {
			c.Emit(tt.event, json.RawMessage(tt.payload))
			e := apptest.Expect[apptest.Exception](c, "exception")
			wantException(t, &e, tt.code, tt.message, tt.event, tt.payload)
			wantException(t, c.CallError(tt.event, json.RawMessage(tt.payload)), tt.code, tt.message, tt.event, tt.payload)
			if got := apptest.Call[int](c, "post", json.RawMessage(`{"stars":3}`)); got != 3 {
				t.Errorf("post afterwards: %d, want 3", got)
			}
			b.leave(t, c)
		})
	}
}

func (b *badInputTest) unknownEvent(t *testing.T) {
	t.Helper()
	b.run(t, "unknown event", func(t *testing.T, c *apptest.Client) {
		for _, event := range []string{"unknown", "Echo", " echo", "constructor", "ünbekannt", strings.Repeat("e", adapter.MaxEventName)} {
			wantException(t, c.CallError(event, 1), "unknown_event", "Unknown event", event, `1`)
			c.Emit(event, 1) // no error without an ack
		}
		c.ExpectNone("exception", func() { c.Call("echo") })
		b.leave(t, c)
	})
}

func (b *badInputTest) overTheLimits(t *testing.T) {
	t.Helper()
	b.run(t, "too many tasks", func(t *testing.T, c *apptest.Client) {
		c.Emit("wait", 1)
		c.Emit("wait", 2)
		wantException(t, c.CallError("wait", 3), "too_many_tasks", `Too many at once: 2 of "wait" are running`, "wait", `3`)
		b.leave(t, c)
	})
	b.run(t, "too many rooms", func(t *testing.T, c *apptest.Client) {
		if got := apptest.Call[int](c, "join", []string{"a", "b", "c"}); got != 3 {
			t.Errorf("in %d rooms, want 3", got)
		}
		wantException(t, c.CallError("join", []string{"d"}), "rooms", "Too many rooms", "join", `["d"]`)
		b.leave(t, c)
	})
	b.run(t, "just small enough", func(t *testing.T, c *apptest.Client) {
		long := strings.Repeat("x", badMaxMessage-100)
		if got := apptest.Call[string](c, "echo", long); got != long {
			t.Errorf("echo of %d bytes returns %d", len(long), len(got))
		}
		b.leave(t, c)
	})
	b.run(t, "too big", func(t *testing.T, c *apptest.Client) {
		// The server may close the connection while the client still writes.
		if err := c.TryEmit("echo", strings.Repeat("x", 2*badMaxMessage)); err != nil {
			t.Logf("the client's write failed: %v", err)
		}
		if end := c.ExpectClose(); end.Code != 1009 {
			t.Errorf("closed with %s, want 1009", end)
		}
		if got := b.gateway.cause(t); got != websockets.CauseMessageTooBig {
			t.Errorf("HandleDisconnect receives %q, want %q", got, websockets.CauseMessageTooBig)
		}
	})
}

// TestBadFramesWS: an invalid frame is answered, and the connection stays open.
func TestBadFramesWS(t *testing.T) {
	b := newBadInputTest(t, "ws")
	for _, tt := range []struct{ name, frame, message string }{
		{"no JSON", `hello`, "Bad message: not valid JSON, at byte 0"},
		{"nothing", ``, "Bad message: not valid JSON, at byte 0"},
		{"half of it", `{"event":"echo","data":`, "Bad message: not valid JSON, at byte 23"},
		{"an array", `["echo",1]`, `Bad message: expected an object {"event":…,"data":…}`},
		{"null", `null`, `Bad message: expected an object {"event":…,"data":…}`},
		{"no event", `{"data":1}`, `Bad message: "event" is missing`},
		{"event twice", `{"event":"echo","event":"post"}`, `Bad message: "event" appears twice`},
		{"event a number", `{"event":5}`, "Bad message: the event must be a string that is not empty"},
		{"id an object", `{"event":"echo","id":{}}`, "Bad message: the id must be a number or a string of at most 64 bytes"},
		{"trailing data", `{"event":"echo"} {"event":"echo"}`, `Bad message: something follows the object, at byte 17`},
		{"broken JSON in data", `{"event":"echo","data":{"a":}}`, "Bad message: not valid JSON, at byte 28"},
	} {
		b.run(t, tt.name, func(t *testing.T, c *apptest.Client) {
			c.Raw().Text(tt.frame)
			e := apptest.Expect[apptest.Exception](c, "exception")
			wantException(t, &e, "bad_message", tt.message, "", "")
			if got := apptest.Call[int](c, "echo", 7); got != 7 {
				t.Errorf("echo afterwards: %d, want 7", got)
			}
			b.leave(t, c)
		})
	}
	b.run(t, "lone surrogate", func(t *testing.T, c *apptest.Client) {
		c.Raw().Text(`{"event":"post","data":{"room":"\ud800"}}`)
		e := apptest.Expect[apptest.Exception](c, "exception")
		if e.Code != "bad_payload" || e.Message != "Bad payload: not valid JSON" {
			t.Errorf("got %+v", e)
		}
		b.leave(t, c)
	})
	b.run(t, "not UTF-8", func(t *testing.T, c *apptest.Client) {
		c.Raw().Text("{\"event\":\"\xff\"}")
		if end := c.ExpectClose(); end.Code != 1007 {
			t.Errorf("closed with %s, want 1007", end)
		}
		b.gateway.cause(t)
	})
	b.run(t, "no WebSocket frame", func(t *testing.T, c *apptest.Client) {
		c.Raw().Bytes([]byte{0x83, 0x80, 0, 0, 0, 0}) // a reserved opcode
		if end := c.ExpectClose(); end.Code != 1002 {
			t.Errorf("closed with %s, want 1002", end)
		}
		if got := b.gateway.cause(t); got != websockets.CauseParseError {
			t.Errorf("HandleDisconnect receives %q, want %q", got, websockets.CauseParseError)
		}
	})
}

// TestBadPacketsSocketIO: an invalid packet closes the connection.
func TestBadPacketsSocketIO(t *testing.T) {
	b := newBadInputTest(t, "socketio")
	for _, tt := range []struct{ name, packet string }{
		{"no packet", `hello`},
		{"unknown Engine.IO type", `9`},
		{"unknown Socket.IO type", `49`},
		{"no JSON", `42/bad,[nope`},
		{"an object", `42/bad,{"not":"an array"}`},
		{"no event", `42/bad,[]`},
		{"event an object", `42/bad,[{},1]`},
		{"reserved event", `42/bad,["disconnect"]`},
		{"trailing data", `42/bad,["echo"]["echo"]`},
		{"too many attachments", `451000000-/bad,["echo",{"_placeholder":true,"num":0}]`},
	} {
		b.run(t, tt.name, func(t *testing.T, c *apptest.Client) {
			c.Raw().Text(tt.packet)
			if end := c.ExpectClose(); end.Reason != "transport close" {
				t.Errorf("closed with %s", end)
			}
			if got := b.gateway.cause(t); got != websockets.CauseParseError {
				t.Errorf("HandleDisconnect receives %q, want %q", got, websockets.CauseParseError)
			}
		})
	}
}

// TestBadFrameDuringConnect: a client that violates the protocol while it connects is
// either never a client of the gateway, or disconnects once.
func TestBadFrameDuringConnect(t *testing.T) {
	for platform, frame := range map[string]string{"ws": "\xff", "socketio": "49"} {
		t.Run(platform, func(t *testing.T) {
			b := newBadInputTest(t, platform)
			for range 100 {
				c := b.dial(t)
				c.Raw().Text(frame)
				c.ExpectClose()
			}
			settled := func() bool {
				return b.gateway.Server.Local().Len() == 1 && b.gateway.connects.Load() == b.gateway.disconnects.Load()+1
			}
			if !within(5*time.Second, settled) {
				t.Errorf("%d connects, %d disconnects, %d clients; want the second one only",
					b.gateway.connects.Load(), b.gateway.disconnects.Load(), b.gateway.Server.Local().Len())
			}
			t.Logf("%d of 100 reached HandleConnection", b.gateway.connects.Load()-1)
			b.checkWitness(t)
		})
	}
}

func TestBadHandshakes(t *testing.T) {
	foreign := apptest.WithHeader(http.Header{"Origin": {"https://evil.example"}})
	null := apptest.WithHeader(http.Header{"Origin": {"null"}})
	type handshake struct {
		name    string
		dial    func() (*apptest.Client, error)
		status  int
		code    any
		message string
	}
	rejected := func(t *testing.T, b *badInputTest, tests []handshake) {
		t.Helper()
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				_, err := tt.dial()
				dialErr, ok := errors.AsType[*apptest.DialError](err)
				if !ok {
					t.Fatalf("got %v, want a DialError", err)
				}
				var answer struct {
					Code any `json:"code"`
					Data struct {
						Code any `json:"code"`
					} `json:"data"` // Engine.IO's own code is a number
				}
				body := dialErr.Body
				if dialErr.Status == 0 {
					body = dialErr.Data
				}
				if len(body) > 0 && json.Unmarshal(body, &answer) != nil {
					t.Errorf("the answer is not JSON: %q", body)
				}
				if dialErr.Status != tt.status || dialErr.Message != tt.message || answer.Code != tt.code && answer.Data.Code != tt.code {
					t.Errorf("got %v %s, want %d, code %v, message %q", dialErr, body, tt.status, tt.code, tt.message)
				}
				if n := b.gateway.Server.Local().Len(); n != 1 {
					t.Errorf("%d clients, want the second one only", n)
				}
				b.checkWitness(t)
			})
		}
	}

	t.Run("ws", func(t *testing.T) {
		b := newBadInputTest(t, "ws")
		dial := func(path string, opts ...apptest.DialOption) func() (*apptest.Client, error) {
			return func() (*apptest.Client, error) { return apptest.TryDialWS(t, b.app.URL()+path, opts...) }
		}
		rejected(t, b, []handshake{
			{"foreign origin", dial("/bad", foreign), 403, "foreign_origin", "Origin is not allowed"},
			{"null origin", dial("/bad", null), 403, "foreign_origin", "Origin is not allowed"},
			{"unknown path", dial("/nowhere"), 404, "not_found", "No gateway at this path"},
			{"below the path", dial("/bad/more"), 404, "not_found", "No gateway at this path"},
			{"root", dial("/"), 404, "not_found", "No gateway at this path"},
		})
	})

	t.Run("socketio", func(t *testing.T) {
		b := newBadInputTest(t, "socketio")
		dial := func(nsp string, opts ...apptest.DialOption) func() (*apptest.Client, error) {
			return func() (*apptest.Client, error) { return apptest.TryDialSocketIO(t, b.app.URL()+nsp, opts...) }
		}
		rejected(t, b, []handshake{
			{"foreign origin", dial("/bad", foreign), 403, "foreign_origin", "Origin is not allowed"},
			{"null origin", dial("/bad", null), 403, "foreign_origin", "Origin is not allowed"},
			{"unknown path", dial("/bad", apptest.WithPath("/nowhere/")), 404, "not_found", "No gateway at this path"},
			{"below the path", dial("/bad", apptest.WithPath("/socket.io/more/")), 404, "not_found", "Not found"},
			{"unknown namespace", dial("/nowhere"), 0, nil, "Invalid namespace"},
			{"root namespace", dial(""), 0, nil, "Invalid namespace"},
		})
	})
}
