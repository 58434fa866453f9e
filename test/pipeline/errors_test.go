package pipeline_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// failure is a failing message: what NestJS 12 sends, what we send, and why they differ. It is
// the same on Socket.IO and plain WebSocket. $cause is the cause with pattern and data.
type failure struct {
	thrown     string
	event      string
	data       string // JSON; empty for none
	nest, ours string // of the event exception; empty for none
	why        string
	answer     string // to a waiting ack or id, if not ours
	items      int    // events before it
	raw        bool   // data is not JSON that a client would write
	hidden     bool   // with HideCauseData
}

// NestJS answers no ack when a handler fails, and has none on plain WebSocket.
const whyAnswered = "a waiting client must not wait forever"

const (
	internal       = `{"status":"error","message":"Internal server error","cause":$cause}`
	boom           = `{"status":"error","message":"boom","cause":$cause}`
	whyClientError = "the client learns its own error; NestJS reports a server error"
	whyOneError    = "one type of error serves messages and requests"
)

var failures = []failure{
	{thrown: "an error with text: WsException('boom')", event: "text", data: `{"a":1}`, nest: boom, ours: boom},
	{thrown: "an object: WsException({…})", event: "object", data: `1`, nest: `{"code":7}`, ours: `{"code":7}`},
	{thrown: "an array: WsException([…])", event: "array", data: `1`, nest: `[1,"two"]`, ours: `[1,"two"]`},
	{
		thrown: "a number: WsException(5)", event: "number", data: `1`,
		nest: `{"status":"error","message":5,"cause":$cause}`, ours: `{"status":"error","message":"5","cause":$cause}`,
		why: "a message is text, so that typed clients can rely on it",
	},
	{
		thrown: "a guard says no", event: "denied", data: `1`,
		nest: `{"status":"error","message":"Forbidden resource","cause":$cause}`,
		ours: `{"status":"error","message":"Forbidden resource","code":"forbidden","cause":$cause}`,
		why:  "programs read codes, not messages",
	},
	{thrown: "an unknown error", event: "unknown", data: `{"secret":true}`, nest: internal, ours: internal},
	{
		thrown: "an error of HTTP: HttpException('gone', 410)", event: "gone", data: `1`,
		nest: internal, ours: `{"status":"error","message":"gone","cause":$cause}`, why: whyOneError,
	},
	{
		thrown: "Validate() of the payload", event: "validated", data: `{"text":""}`,
		nest: internal, ours: `{"status":"error","message":"Bad payload: text is required","code":"bad_payload","cause":$cause}`, why: whyClientError,
	},
	{
		thrown: "rules of the payload: ValidationPipe", event: "tagged", data: `{"text":"much too long","to":[{"name":"ann"},{}]}`,
		nest: internal,
		ours: `{"status":"error","message":"Bad payload: text may have at most 5 characters; to.1.name is required","code":"bad_payload",` +
			`"details":[{"field":"text","rule":"max","param":"5","message":"may have at most 5 characters"},{"field":"to.1.name","rule":"required","message":"is required"}],"cause":$cause}`,
		why: whyClientError,
	},
	{
		thrown: "a pipe of one type: ParseIntPipe", event: "piped", data: `{"room":"cellar"}`,
		nest: internal,
		ours: `{"status":"error","message":"Bad payload: room is no room","code":"bad_payload","details":[{"field":"room","rule":"room","message":"is no room"}],"cause":$cause}`,
		why:  whyClientError,
	},
	{
		thrown: "JSON of another type", event: "tagged", data: `{"text":["a"]}`,
		nest: internal, ours: `{"status":"error","message":"Bad payload: text must be a string, not an array","code":"bad_payload","details":[{"field":"text","rule":"type","message":"must be a string"}],"cause":$cause}`, why: whyClientError,
	},
	{
		thrown: "a name that is there twice", event: "validated", data: `{"text":"a","text":"b"}`, raw: true,
		nest: "", ours: `{"status":"error","message":"Bad payload: text appears twice","code":"bad_payload","details":[{"field":"text","rule":"duplicate","message":"appears twice"}],"cause":{"pattern":"validated"}}`,
		why: "guards and proxies must read the same value as the handler; JavaScript silently uses the last one",
	},
	{thrown: "an error of a stream, after items", event: "stream", data: `1`, nest: boom, ours: boom, items: 2},
	{thrown: "an error about a message without data", event: "text", nest: `{"status":"error","message":"boom","cause":{"pattern":"text"}}`, ours: `{"status":"error","message":"boom","cause":{"pattern":"text"}}`},
	{thrown: "an error about null", event: "text", data: `null`, nest: boom, ours: boom},
	{
		thrown: "an error with its data hidden: includeCause false", event: "text", data: `{"password":"x"}`, hidden: true,
		nest: `{"status":"error","message":"boom"}`, ours: `{"status":"error","message":"boom","cause":{"pattern":"text"}}`,
		why: "the pattern is not secret, and identifies the message",
	},
	{
		thrown: "a filter handles it", event: "caught", data: `1`,
		nest: "", ours: `{"status":"error","message":"No such article","code":"no_article","cause":$cause}`,
		why: "a filter returns the error for the client; in NestJS it must send it itself",
	},
	{
		thrown: "a filter fails", event: "uncaught", data: `1`,
		nest: "", ours: internal, why: "the client is answered whatever a filter does",
	},
	{thrown: "a panic: throw of anything", event: "panic", data: `1`, nest: internal, ours: internal},
	{
		thrown: "an event without a subscription", event: "unsubscribed", data: `1`, nest: "", ours: "",
		answer: `{"status":"error","message":"Unknown event","code":"unknown_event","cause":$cause}`,
	},
}

// with replaces $cause.
func (f *failure) with(text string) string {
	return strings.ReplaceAll(text, "$cause", `{"pattern":"`+f.event+`","data":`+f.data+`}`)
}

// checkDifference reports a difference from NestJS without a reason, or the reverse.
func checkDifference(nest, ours, why string) string {
	same := nest == ours
	if nest != "" && ours != "" {
		var n, o any
		if json.Unmarshal([]byte(nest), &n) != nil || json.Unmarshal([]byte(ours), &o) != nil {
			return "the table has text that is not JSON"
		}
		same = reflect.DeepEqual(n, o)
	}
	switch {
	case !same && why == "":
		return "differs from NestJS, and the table does not say why"
	case same && why != "":
		return "is as in NestJS, and the table excuses it"
	default:
		return ""
	}
}

// newFailingApp starts the gateway on both platforms, with and without cause data, and the
// controller.
func newFailingApp(t *testing.T) *testApp {
	t.Helper()
	h := &testApp{}
	sio, plain := socketio.New(), ws.New()
	gateway := func(opts ...websockets.Option) *module.Module {
		return module.New("gateway", module.Providers(websockets.Gateway(func() *failingGateway { return &failingGateway{} }, opts...)))
	}
	h.start(t, module.New("failing",
		module.Imports(
			gateway(websockets.Via(sio), websockets.Via(plain, websockets.Path("/ws"))),
			gateway(websockets.Via(sio, websockets.Namespace("hidden")), websockets.Via(plain, websockets.Path("/hidden")), websockets.HideCauseData()),
		),
		module.Controllers(web.Controller(func() *failingController { return &failingController{} }, web.Prefix("/api")))), false, nil)
	return h
}

func TestErrors(t *testing.T) {
	h := newFailingApp(t)
	node, managers := nodetest.Start(t), startManagers(t)
	sio := map[bool]*nodetest.Client{}
	plain := map[bool]*nodetest.Client{}
	for hidden, at := range map[bool][]string{false: {"/", "/ws"}, true: {"/hidden", "/hidden"}} {
		sio[hidden] = node.SocketIO(h.url+at[0], nil)
		plain[hidden] = node.WS("ws"+strings.TrimPrefix(h.url, "http")+at[1], nil)
	}
	rawManager := newManager(t, managers, "raw", h.url, nodetest.Opts{"transports": []string{webSocket}})
	rawManager.enter("s", "/", nil)
	defer rawManager.close()
	for _, f := range failures {
		t.Run(f.thrown, func(t *testing.T) {
			ours, answer := f.with(f.ours), f.with(f.answer)
			if answer == "" {
				answer = ours
			}
			if wrong := checkDifference(f.with(f.nest), ours, f.why); wrong != "" {
				t.Errorf("the event %s", wrong)
			}
			if wrong := checkDifference("", answer, whyAnswered); wrong != "" {
				t.Errorf("the answer %s", wrong)
			}
			if f.raw {
				rawManager.raw(`2["` + f.event + `",` + f.data + `]`)
				compare(t, "Socket.IO", rawManager.next("s", "exception"), "["+ours+"]")
				compare(t, "Socket.IO, the ack", rawManager.rawCall("s", `27["`+f.event+`",`+f.data+`]`, 7), "["+answer+"]")
				compare(t, "Socket.IO, with the ack", rawManager.next("s", "exception"), "["+ours+"]")
				for _, id := range []string{"", `,"id":"raw"`} {
					plain[false].Send(`{"event":"` + f.event + `","data":` + f.data + id + `}`)
					compare(t, "plain WebSocket"+id, string(plain[false].Expect("exception").Args[0]), ours)
				}
				return
			}
			f.overSocketIO(t, sio[f.hidden], ours, answer)
			f.overPlain(t, plain[f.hidden], ours, answer)
		})
	}
}

func compare(t *testing.T, where, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s, want\n%s", where, got, want)
	}
}

func (f *failure) args() []any {
	if f.data == "" {
		return nil
	}
	return []any{json.RawMessage(f.data)}
}

// expect receives the items and then the exception.
func (f *failure) expect(t *testing.T, where string, c *nodetest.Client, ours string) {
	t.Helper()
	for i := range f.items {
		if got := nodetest.Expect[int](c, "item"); got != i+1 {
			t.Errorf("%s: item %d, want %d", where, got, i+1)
		}
	}
	if ours != "" {
		compare(t, where, string(c.Expect("exception").Args[0]), ours)
	}
}

// overSocketIO sends the message with npm's socket.io-client. With an ack, the event is sent
// too, for clients that only listen to it.
func (f *failure) overSocketIO(t *testing.T, c *nodetest.Client, ours, answer string) {
	t.Helper()
	c.Emit(f.event, f.args()...)
	f.expect(t, "Socket.IO", c, ours)
	if reply := c.Call(f.event, f.args()...); len(reply) != 1 {
		t.Errorf("Socket.IO: the ack has %d arguments: %s", len(reply), reply)
	} else {
		compare(t, "Socket.IO, the ack", string(reply[0]), answer)
	}
	f.expect(t, "Socket.IO, with the ack", c, ours)
	c.ExpectNone("exception", func() { c.Call("alive") })
}

// overPlain sends it with npm's ws. With an id, the exception with the id is the answer.
func (f *failure) overPlain(t *testing.T, c *nodetest.Client, ours, answer string) {
	t.Helper()
	c.Emit(f.event, f.args()...)
	f.expect(t, "plain WebSocket", c, ours)
	_, err := c.TryCall(f.event, f.args()...)
	if e, ok := errors.AsType[*nodetest.RemoteError](err); !ok {
		t.Errorf("plain WebSocket, with an id: %v", err)
	} else {
		compare(t, "plain WebSocket, with an id", string(e.Data), answer)
	}
	f.expect(t, "plain WebSocket, with an id", c, "")
	c.ExpectNone("exception", func() { c.Call("alive") })
}

// TestErrorsOfInvalidFrames sends invalid frames. On plain WebSocket NestJS drops them; here
// the client receives an error. Invalid Socket.IO packets close the connection in both.
func TestErrorsOfInvalidFrames(t *testing.T) {
	h := newFailingApp(t)
	c := nodetest.Start(t).WS("ws"+strings.TrimPrefix(h.url, "http")+"/ws", nil)
	for _, frame := range []struct{ text, message string }{
		{`hello`, `Bad message: not valid JSON, at byte 0`},
		{`[1]`, `Bad message: expected an object {\"event\":…,\"data\":…}`},
		{`{"data":1}`, `Bad message: \"event\" is missing`},
		{`{"event":5}`, `Bad message: the event must be a string that is not empty`},
		{`{"event":"text","event":"alive"}`, `Bad message: \"event\" appears twice`},
	} {
		c.Send(frame.text)
		compare(t, frame.text, string(c.Expect("exception").Args[0]), `{"status":"error","message":"`+frame.message+`","code":"bad_message"}`)
	}
	c.Call("alive")

	managers := startManagers(t)
	for _, packet := range []string{`2[`, `2["connect"]`, `2{"event":"text"}`, `9`} {
		m := newManager(t, managers, packet, h.url, nodetest.Opts{"transports": []string{webSocket}})
		m.enter("s", "/", nil)
		m.raw(packet)
		m.awaitEnd()
	}
}
