package binary_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/nodetest"
)

type object = map[string]any

func looksLike(num any) object { return object{"_placeholder": true, "num": num} }

// kind is a kind of data that a client sends.
type kind struct {
	name string
	args []any
	// confused: in addition to binary it has an object that the default parser interprets as a placeholder. npm's server
	// replaces it, or ends the sender's connection; Gatehouse ends it, because the two cannot be distinguished.
	confused bool
	// suspicious: older clients, and those of other languages, would interpret it as a placeholder.
	suspicious bool
}

var data = []byte{0, 1, 0xfe, 0xff}

func kinds(size int) []kind {
	return []kind{
		{name: "binary", args: []any{data}},
		{name: "empty binary", args: []any{object{"a": []byte{}}}},
		{name: "much binary", args: []any{object{"a": []byte(strings.Repeat("0123456789", size/10))}}},
		{name: "binary at depth", args: []any{object{"a": []any{1, object{"b": []any{data, "x", data}}}, "b": data}}},
		{name: "binary and null", args: []any{object{"a": nil, "b": data, "c": []any{nil}}}},
		{name: "ten parts", args: []any{[]any{data, data, data, data, data, data, data, data, data, data}}},
		{name: "names with escapes", args: []any{object{"\"\\\n\u2028ü😀": data, "": []byte("2")}}},
		{name: "several arguments", args: []any{1, data, object{"x": []any{data}}}},
		{name: "several texts", args: []any{"x", nil, []any{}, looksLike(0)}},
		{name: "looks like part 7", args: []any{object{"a": looksLike(7), "b": "aGk="}}},
		{name: "looks like part 0", args: []any{object{"a": looksLike(0), "b": "aGk="}}},
		{name: "looks like all", args: []any{looksLike(0)}},
		{name: "looks like none", args: []any{object{"a": []any{looksLike(-1), looksLike(0.5), looksLike("0"), object{"_placeholder": true}}, "b": ""}}},
		{name: "no binary at all", args: []any{object{"a": "text", "b": "aGk="}}},
		{name: "text of a placeholder", args: []any{object{"a": `{"_placeholder":true,"num":0}`, "b": data}}},
		{name: "name of a placeholder", args: []any{object{`{"_placeholder":true,"num":0}`: 1, "b": data}}},
		{name: "number alone", args: []any{object{"a": object{"num": 0}, "b": data}}},
		{name: "not marked", args: []any{object{"a": object{"_placeholder": false, "num": 0}, "b": data}}},
		{name: "marked null", args: []any{object{"a": object{"_placeholder": nil, "num": 0}, "b": data}}},
		{name: "marked 1", args: []any{object{"a": object{"_placeholder": 1, "num": 0}, "b": data}}, suspicious: true},
		{name: "marked as text", args: []any{object{"a": object{"_placeholder": "true", "num": 0}, "b": data}}, suspicious: true},
		{name: "list of the members", args: []any{object{"a": []any{"_placeholder", true, "num", 0}, "b": data}}},
		{name: "part 7 next to binary", args: []any{object{"a": looksLike(7), "b": data}}, confused: true},
		{name: "part 0 next to binary", args: []any{object{"a": looksLike(0), "b": data}}, confused: true},
		{name: "binary inside", args: []any{object{"a": object{"_placeholder": true, "num": 0, "x": data}}}, confused: true},
	}
}

// pair is a client that sends, and one that receives.
type pair struct {
	n              *nodetest.Node
	url            string
	opts           nodetest.Opts
	sender, second *nodetest.Client
	id             string
}

func newPair(n *nodetest.Node, url string, opts nodetest.Opts) *pair {
	p := &pair{n: n, url: url, opts: opts, sender: n.SocketIO(url, opts), second: n.SocketIO(url, opts)}
	p.id = p.second.ID()
	return p
}

// send returns what the second client received, and if it received nothing, why.
func (p *pair) send(t *testing.T, event string, args []any) (got, problem string) {
	t.Helper()
	reply, err := p.sender.TryCall(event, args...)
	switch {
	case err != nil:
		problem = "cut"
		p.sender = p.n.SocketIO(p.url, p.opts)
	case len(reply) == 1 && reply[0][0] == '"':
		if err := json.Unmarshal(reply[0], &problem); err != nil {
			t.Fatal(err)
		}
	default:
		problem = fmt.Sprintf("%s", reply)
	}
	if problem == "" {
		text, err := json.Marshal(p.second.Expect("relayed").Args)
		if err != nil {
			t.Fatal(err)
		}
		got = string(text)
	}
	// The second client is still connected, and has received nothing else.
	p.second.ExpectNone("relayed", func() { p.second.Call("echo", "still here") })
	if id := p.second.ID(); id != p.id {
		t.Errorf("the recipient is %q and was %q", id, p.id)
	}
	return got, problem
}

// TestField_X31_RelayEverything: A client sends 25 kinds of binary and of data that looks like the wire's own form of
// binary, which handlers relay as Payload, any, a map, a struct, json.RawMessage and several arguments; the other
// client gets what npm's server would send it, or the sender gets an error, and the other client is never
// disconnected.
func TestField_X31_RelayEverything(t *testing.T) {
	everyWay(t, func(t *testing.T, n *nodetest.Node, w way, url string) {
		reference := nodetest.Opts{}
		if w.msgpack {
			reference["parser"] = "msgpack"
		}
		theirs, ours := newPair(n, n.ServeSocketIO(reference), w.opts), newPair(n, url, w.opts)
		size := 300_000
		if w.name == "zishang polling" {
			size = 500 // larger answers to polls can stall in the library under load
		}
		for _, k := range kinds(size) {
			want, problem := theirs.send(t, "relay", k.args)
			if problem != "" && !k.confused {
				t.Fatalf("%s: npm's server: %s", k.name, problem)
			}
			for _, as := range []string{"relay", "relay any", "relay map", "relay form", "relay text", "relay each"} {
				got, problem := ours.send(t, as, k.args)
				what := k.name + ", " + as
				switch {
				case problem == "" && k.confused:
					t.Errorf("%s: passed on as %.200s", what, got)
				case problem == "":
					same(t, what, json.RawMessage(got), expected(t, as, want))
				case problem == "cut":
					if !k.confused {
						t.Errorf("%s: the sender was cut off", what)
					}
				case !mayFail(as, k, problem):
					t.Errorf("%s: %s", what, problem)
				}
			}
		}
	})
}

// expected returns what a handler makes of the arguments that npm's server relays.
func expected(t *testing.T, as, want string) string {
	t.Helper()
	switch as {
	case "relay":
		return want
	case "relay any", "relay map", "relay text": // several arguments are one list to a handler
		if list, ok := tree(t, []byte(want)).([]any); ok && len(list) > 1 {
			return "[" + want + "]"
		}
		return want
	case "relay each": // and a list is several
		if list, ok := tree(t, []byte(want)).([]any); ok && len(list) == 1 {
			if _, ok := list[0].([]any); ok {
				return want[1 : len(want)-1]
			}
		}
		return want
	}
	var args []struct {
		A json.RawMessage `json:"a"`
		B json.RawMessage `json:"b"`
	}
	if err := json.Unmarshal([]byte(want), &args); err != nil || len(args) != 1 {
		t.Fatalf("%.200s: %v", want, err)
	}
	a := args[0]
	switch { // the handler's field is []byte
	case a.B == nil:
		a.B = json.RawMessage("null")
	case a.B[0] == '"':
		a.B = json.RawMessage(`{"$binary":` + string(a.B) + `}`)
	}
	if a.A == nil {
		a.A = json.RawMessage("null")
	}
	return fmt.Sprintf(`[{"a":%s,"b":%s}]`, a.A, a.B)
}

// mayFail reports whether a handler, or the client that sends to it, may get this error.
func mayFail(as string, k kind, problem string) bool {
	refused := strings.Contains(problem, `"code":"bad_payload"`)
	unsafe := strings.Contains(problem, `has a member "_placeholder"`)
	switch as {
	case "relay text":
		return refused && strings.Contains(problem, "cannot be binary") || unsafe && k.suspicious
	case "relay map", "relay form":
		// The payload does not fit the type, or base64 text has become []byte next to data that looks like binary.
		return refused && len(k.args) > 1 || refused && k.name == "binary" || refused && k.name == "ten parts" || unsafe
	case "relay each":
		return refused && len(k.args) == 1
	}
	return unsafe && k.suspicious
}
