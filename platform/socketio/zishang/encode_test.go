package zishang

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestEventMessage(t *testing.T) {
	for _, tt := range []struct {
		event string
		v     any
		nsp   string
		ack   uint64
		text  string
		bufs  int
	}{
		{"e", 1, "/", 0, `42["e",1]`, 0},
		{"e", nil, "/chat", 0, `42/chat,["e",null]`, 0},
		{"e", websockets.Payload{}, "/", 0, `42["e"]`, 0},
		{`a"b`, "ü", "/chat", 7, `42/chat,7["a\"b","ü"]`, 0},
		{"e", []byte("x"), "/", 0, `451-["e",{"_placeholder":true,"num":0}]`, 1},
		{"e", map[string]any{"a": [][]byte{[]byte("x"), []byte("y")}}, "/c", 3,
			`452-/c,3["e",{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]`, 2},
	} {
		m, err := eventMessage(adapter.NewOutgoing(tt.event, tt.v), tt.nsp, tt.ack)
		if err != nil || string(m.text) != tt.text || len(m.bufs) != tt.bufs {
			t.Errorf("%s: %s %v", tt.text, m.text, err)
		}
	}
}

func TestEventMessageIsSharedInANamespace(t *testing.T) {
	out := adapter.NewOutgoing("e", []byte("x"))
	a, _ := eventMessage(out, "/", 0)
	b, _ := eventMessage(out, "/", 0)
	c, _ := eventMessage(out, "/chat", 0)
	if a != b || a == c || string(c.text) != `451-/chat,["e",{"_placeholder":true,"num":0}]` {
		t.Fatalf("%s %s %s", a.text, b.text, c.text)
	}
}

func TestEventMessageErrors(t *testing.T) {
	many := make([][]byte, 11)
	for i := range many {
		many[i] = []byte{1}
	}
	for _, tt := range []struct {
		event string
		v     any
		want  string
	}{
		{"disconnect", 1, `zishang: packet: reserved event name: "disconnect" belongs to Socket.IO: use another name`},
		{"e", many, `zishang: packet: too many attachments: 11, and clients accept at most 10: join them, or send several events`},
		{"e", func() {}, "websockets: payload does not encode as JSON: "},
		{"\xff", 1, `zishang: packet: event name "\xff": `},
	} {
		_, err := eventMessage(adapter.NewOutgoing(tt.event, tt.v), "/", 0)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
}

func TestAckMessage(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{
		{websockets.Payload{}, `43/c,9[]`},
		{0, `43/c,9[0]`},
		{[]int{1}, `43/c,9[[1]]`},
		{[]byte("x"), `461-/c,9[{"_placeholder":true,"num":0}]`},
	} {
		m, err := ackMessage(adapter.NewOutgoing("", tt.v), "/c", 9)
		if err != nil || string(m.text) != tt.want {
			t.Errorf("%s: %s %v", tt.want, m.text, err)
		}
	}
}

func TestConnectError(t *testing.T) {
	for _, tt := range []struct{ nsp, text, data, want string }{
		{"/c", `no "entry"`, `{"a":1}`, `44/c,{"message":"no \"entry\"","data":{"a":1}}`},
		{"/", "Invalid namespace", "", `44{"message":"Invalid namespace"}`},
		{"/", "\xff", "", `44{"message":"Refused"}`},
	} {
		if m, err := connectError(tt.nsp, tt.text, []byte(tt.data)); err != nil || string(m.text) != tt.want {
			t.Errorf("%s: %s %v", tt.want, m.text, err)
		}
	}
	if _, err := connectError("/a,b", "", nil); err == nil {
		t.Error("a namespace that cannot be said")
	}
}
