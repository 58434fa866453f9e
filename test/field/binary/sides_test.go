package binary_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

const dataJSON = `{"$binary":"AAH+/w=="}`

// TestField_X31_AnswersBothWays: Binary and data that looks like it are returned in acks, and in the answers of
// clients to calls of the server that are decoded as any; an answer with both is an error of the handler, and no
// client is disconnected.
func TestField_X31_AnswersBothWays(t *testing.T) {
	everyWay(t, func(t *testing.T, n *nodetest.Node, w way, url string) {
		c := n.SocketIO(url, w.opts)
		for _, tt := range []struct {
			event string
			arg   any
			want  string
		}{
			{"echo", data, dataJSON},
			{"echo", object{"x": []any{object{"y": data}, 1}}, `{"x":[{"y":` + dataJSON + `},1]}`},
			{"echo", looksLike(0), `{"_placeholder":true,"num":0}`},
			{"echo form", object{"a": data, "b": []byte{}}, `{"a":` + dataJSON + `,"b":{"$binary":""}}`},
			{"echo form", object{"a": object{"n": data}, "b": nil}, `{"a":{"n":` + dataJSON + `},"b":null}`},
			{"echo form", object{"a": "x", "b": "AAH+/w=="}, `{"a":"x","b":` + dataJSON + `}`},
		} {
			same(t, tt.event, c.Call(tt.event, tt.arg)[0], tt.want)
			if tt.event == "echo" {
				c.Answer("ask", tt.arg)
				same(t, "the answer of the client", c.Call("ask back", "question")[0], tt.want)
			}
		}
		for _, num := range []any{0, 7, -1, "0"} {
			answer := string(c.Call("echo form", object{"a": looksLike(num), "b": "aGk="})[0])
			if !strings.Contains(answer, `"message":"Internal server error"`) {
				t.Errorf("num %v: got %s", num, answer)
			}
			c.Expect("exception")
		}
		same(t, "echo", c.Call("echo", "still here")[0], `"still here"`)
	})
}

// TestField_X31_ErrorsCarryNoPlaceholders: The error of a refused message contains the message, with binary as base64
// text and everything else unchanged; one whose Details have binary omits what would be interpreted as binary. The
// client gets both as event and ack, and stays connected.
func TestField_X31_ErrorsCarryNoPlaceholders(t *testing.T) {
	everyWay(t, func(t *testing.T, n *nodetest.Node, w way, url string) {
		c := n.SocketIO(url, w.opts)
		fails := func(event string, arg any, want string) {
			t.Helper()
			same(t, "ack", c.Call(event, arg)[0], want)
			same(t, "exception", c.Expect("exception").Args[0], want)
		}
		noText := func(what, data string) string {
			return `{"status":"error","message":"Bad payload: the payload must be a string, not ` + what + `","code":"bad_payload",` +
				`"details":[{"field":"","rule":"type","message":"must be a string"}],"cause":{"pattern":"text","data":` + data + `}}`
		}
		fails("text", data, noText("binary", `"AAH+/w=="`))
		fails("text", object{"a": data, "b": []any{[]byte{}, 1}}, noText("an object", `{"a":"AAH+/w==","b":["",1]}`))
		fails("text", looksLike(0), noText("an object", `{"_placeholder":true,"num":0}`))
		same(t, "ack", c.Call("unknown", object{"a": data})[0],
			`{"status":"error","message":"Unknown event","code":"unknown_event","cause":{"pattern":"unknown","data":{"a":"AAH+/w=="}}}`)

		details := func(other string) string {
			return `"details":{"bytes":{"$binary":"` + "ZGV0YWlscw==" + `"},"other":` + other + `}`
		}
		const no = `{"status":"error","message":"no","code":"no",`
		fails("fail", object{"a": data}, no+details(dataJSON)+`,"cause":{"pattern":"fail","data":{"a":"AAH+/w=="}}}`)
		fails("fail", object{"a": 1, "more": looksLike(0)}, no+details("1")+`,"cause":{"pattern":"fail"}}`)
		fails("fail", object{"a": looksLike(7)}, no+`"cause":{"pattern":"fail"}}`)
		same(t, "echo", c.Call("echo", "still here")[0], `"still here"`)
	})
}

// TestField_X31_AuthIsData: A client whose auth looks like binary is accepted, and the auth is an unchanged object.
func TestField_X31_AuthIsData(t *testing.T) {
	everyWay(t, func(t *testing.T, n *nodetest.Node, w way, url string) {
		opts := nodetest.Opts{"auth": object{"_placeholder": true, "num": 0, "token": looksLike(3)}}
		maps.Copy(opts, w.opts)
		c := n.SocketIO(url, opts)
		same(t, "auth", c.Call("auth", nil)[0], `{"_placeholder":true,"num":0,"token":{"_placeholder":true,"num":3}}`)
	})
}

// TestField_X31_RecoveredAsSent: Events with binary, and with data that looks like it, that a client missed arrive
// after its recovery as they would have arrived at once.
func TestField_X31_RecoveredAsSent(t *testing.T) {
	for name, parser := range map[string]string{"json": "", "msgpack": "msgpack"} {
		t.Run(name, func(t *testing.T) {
			o := socketio.Options{Recovery: &socketio.Recovery{}}
			opts := nodetest.Opts{"transports": []string{"websocket"}, "reconnection": false}
			if parser != "" {
				o.Parser, opts["parser"] = msgpack.Parser(), parser
			}
			n := nodetest.Start(t)
			a := start(t, app.WebSockets(socketio.New(o)))
			p := newPair(n, a.URL(), opts)
			if got, problem := p.send(t, "relay", []any{"first"}); problem != "" {
				t.Fatal(got, problem)
			}
			p.second.Cut()
			p.second.ExpectEnd()
			sent := []any{object{"a": data, "b": []any{[]byte{}}}, looksLike(0), data, object{"a": looksLike(7)}}
			for _, v := range sent {
				if reply := p.sender.Call("relay any", v); string(reply[0]) != `""` {
					t.Fatalf("%s", reply)
				}
			}
			if reply := p.sender.Call("relay form", object{"a": looksLike(0), "b": "aGk="}); !strings.Contains(string(reply[0]), "has a member") {
				t.Errorf("%s", reply)
			}
			p.second.Reconnect()
			if !p.second.Recovered() || p.second.ID() != p.id {
				t.Fatal("the client has not recovered")
			}
			for _, want := range []string{
				`{"a":` + dataJSON + `,"b":[{"$binary":""}]}`, `{"_placeholder":true,"num":0}`, dataJSON, `{"a":{"_placeholder":true,"num":7}}`,
			} {
				same(t, "a missed event", p.second.Expect("relayed").Args[0], want)
			}
			same(t, "echo", p.second.Call("echo", "still here")[0], `"still here"`)
		})
	}
}

// TestField_X31_FromOnePlatformToOthers: Data that a client of one platform sends is data on the others, and its
// binary is binary there, or base64 text on platforms without binary.
func TestField_X31_FromOnePlatformToOthers(t *testing.T) {
	lobby := module.New("lobby", module.Exports(websockets.Gateway(newRelay,
		websockets.Via(socketio.New(), websockets.Path("/json")),
		websockets.Via(socketio.New(socketio.Options{Parser: msgpack.Parser()}), websockets.Path("/msgpack")),
		websockets.Via(ws.New(), websockets.Path("/plain")),
	)))
	n := nodetest.Start(t)
	a := apptest.New(t, lobby)
	clients := map[string]*nodetest.Client{
		"json":    n.SocketIO(a.URL(), nodetest.Opts{"transports": []string{"websocket"}, "path": "/json"}),
		"msgpack": n.SocketIO(a.URL(), nodetest.Opts{"transports": []string{"websocket"}, "path": "/msgpack", "parser": "msgpack"}),
		"plain":   n.WS("ws"+strings.TrimPrefix(a.URL(), "http")+"/plain", nil),
	}
	got := func(from string) map[string]json.RawMessage {
		all := map[string]json.RawMessage{}
		for name, c := range clients {
			if name != from {
				all[name] = c.Expect("relayed").Args[0]
			}
		}
		return all
	}
	const looks = `{"_placeholder":true,"num":0}`
	for from, c := range clients {
		for _, as := range []string{"relay", "relay any"} {
			same(t, as, c.Call(as, object{"a": looksLike(0), "b": `{"_placeholder":true,"num":0}`})[0], `""`)
			for name, arg := range got(from) {
				same(t, from+" to "+name, arg, `{"a":`+looks+`,"b":"{\"_placeholder\":true,\"num\":0}"}`)
			}
			if from == "plain" {
				continue
			}
			same(t, as, c.Call(as, object{"a": data, "n": 0.1, "b": []any{data, "x"}})[0], `""`)
			for name, arg := range got(from) {
				bytes := dataJSON
				if name == "plain" {
					bytes = `"AAH+/w=="`
				}
				same(t, from+" to "+name, arg, `{"a":`+bytes+`,"n":0.1,"b":[`+bytes+`,"x"]}`)
			}
		}
		// For clients without binary it is safe; the others would be cut off. It is one message.
		if reply := c.Call("relay form", object{"a": looksLike(7), "b": "aGk="}); !strings.Contains(string(reply[0]), `has a member`) {
			t.Errorf("from %s: %s", from, reply)
		}
	}
	for name, c := range clients {
		c.ExpectNone("relayed", func() { same(t, name, c.Call("echo", "still here")[0], `"still here"`) })
	}
}

// TestField_X31_HandlersOfText: A handler of json.RawMessage gets messages without binary unchanged, and an error for
// those with it.
func TestField_X31_HandlersOfText(t *testing.T) {
	take := func(_ context.Context, v json.RawMessage) (json.RawMessage, error) { return v, nil }
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			n := nodetest.Start(t)
			a := apptest.New(t, module.New("raw", module.Exports(websockets.Gateway(func() *raw { return &raw{websockets.On("raw", take)} }))),
				apptest.With(app.WebSockets(w.adapter())))
			c := n.SocketIO(a.URL(), w.opts)
			same(t, "text", c.Call("raw", object{"a": looksLike(0)})[0], `{"a":{"_placeholder":true,"num":0}}`)
			same(t, "binary", c.Call("raw", object{"a": data})[0],
				`{"status":"error","message":"Bad payload: the payload cannot be binary","code":"bad_payload","details":[{"field":"","rule":"type","message":"cannot be binary"}],"cause":{"pattern":"raw","data":{"a":"AAH+/w=="}}}`)
		})
	}
}

// raw is a gateway of one subscription.
type raw struct{ sub websockets.Subscription }

func (r *raw) Subscriptions() []websockets.Subscription { return []websockets.Subscription{r.sub} }
