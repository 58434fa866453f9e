package packet

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/jsonscan"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// decode returns the packet of a first message and its attachments.
func decode(text string, attachments ...string) (*Packet, error) {
	d := JSON().NewDecoder(Limits{})
	p, err := d.Text([]byte(text))
	for _, a := range attachments {
		if err != nil || d.Pending() == nil {
			return p, errors.Join(err, errors.New("no attachment was expected"))
		}
		p, err = d.Binary([]byte(a))
	}
	return p, err
}

func payload(text string, attachments ...string) websockets.Payload {
	var p websockets.Payload
	if text != "" {
		p.JSON = []byte(text)
	}
	for _, a := range attachments {
		p.Attachments = append(p.Attachments, []byte(a))
	}
	return p
}

// spread is a payload of several arguments.
func spread(text string, attachments ...string) websockets.Payload {
	p := payload(text, attachments...)
	p.Spread = true
	return p
}

const placeholder1 = `{"_placeholder":true,"num":1}`

// document has the examples of docs/socket.io-protocol/v5-current.md.
var document = []struct {
	text   string
	packet Packet
}{
	{"0", Packet{Type: Connect, Namespace: "/"}},
	{`0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}`, Packet{Type: Connect, Namespace: "/admin", Payload: payload(`{"sid":"oSO0OpakMV_3jnilAAAA"}`)}},
	{"0/admin,", Packet{Type: Connect, Namespace: "/admin"}},
	{`2["foo"]`, Packet{Type: Event, Namespace: "/", Event: "foo"}},
	{`2/admin,["bar"]`, Packet{Type: Event, Namespace: "/admin", Event: "bar"}},
	{`51-["baz",` + placeholder0 + `]`, Packet{Type: Event, Namespace: "/", Event: "baz", Payload: payload(placeholder0, "\x01\x02\x03\x04")}},
	{`52-/admin,["baz",` + placeholder0 + `,` + placeholder1 + `]`, Packet{Type: Event, Namespace: "/admin", Event: "baz",
		Payload: spread(`[`+placeholder0+`,`+placeholder1+`]`, "\x01\x02", "\x03\x04")}},
	{`212["foo"]`, Packet{Type: Event, Namespace: "/", Event: "foo", ID: 12, HasID: true}},
	{`3/admin,13["bar"]`, Packet{Type: Ack, Namespace: "/admin", ID: 13, HasID: true, Payload: payload(`"bar"`)}},
	{`312[]`, Packet{Type: Ack, Namespace: "/", ID: 12, HasID: true}},
	{`61-15["bar",` + placeholder0 + `]`, Packet{Type: Ack, Namespace: "/", ID: 15, HasID: true,
		Payload: spread(`["bar",`+placeholder0+`]`, "\x01\x02\x03\x04")}},
	{`61-/admin,1[` + placeholder0 + `]`, Packet{Type: Ack, Namespace: "/admin", ID: 1, HasID: true,
		Payload: payload(placeholder0, "x")}},
	{"1", Packet{Type: Disconnect, Namespace: "/"}},
	{"1/admin,", Packet{Type: Disconnect, Namespace: "/admin"}},
	{`2["hey","Jude"]`, Packet{Type: Event, Namespace: "/", Event: "hey", Payload: payload(`"Jude"`)}},
}

func TestDocument(t *testing.T) {
	for _, tt := range document {
		var attachments []string
		for _, a := range tt.packet.Payload.Attachments {
			attachments = append(attachments, string(a))
		}
		want := tt.packet
		if p, err := decode(tt.text, attachments...); err != nil || !reflect.DeepEqual(p, &want) {
			t.Errorf("%s: %+v %v", tt.text, p, err)
		}
		msg, binary, bufs, err := JSON().Append([]byte("4"), &tt.packet, Limits{})
		if err != nil || binary || string(msg) != "4"+tt.text || !reflect.DeepEqual(bufs, tt.packet.Payload.Attachments) {
			t.Errorf("%s: encoded as %s %v %v %v", tt.text, msg, binary, bufs, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Packet
	}{
		{`0{"token":"x"}`, Packet{Namespace: "/", Payload: payload(`{"token":"x"}`)}},
		{"0{\"a\":1} \r\n", Packet{Namespace: "/", Payload: payload(`{"a":1}`)}},
		{"0/chat", Packet{Namespace: "/chat"}},
		{`0/a/b,{"a":{}}`, Packet{Namespace: "/a/b", Payload: payload(`{"a":{}}`)}},
		{"0/" + strings.Repeat("n", maxNamespace-1), Packet{Namespace: "/" + strings.Repeat("n", maxNamespace-1)}},
		{"1/chat", Packet{Type: Disconnect, Namespace: "/chat"}},
		{`2/,["e"]`, Packet{Type: Event, Namespace: "/", Event: "e"}},
		{`2["e",1]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("1")}},
		{`2["e",null]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("null")}},
		{`2["e",[1,2]]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("[1,2]")}},
		{"2[ \"e\"\t, {\"a\" :[1 , 2]}\n] ", Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload(`{"a" :[1 , 2]}`)}},
		{`2["e",1,"two",[3]]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: spread(`[1,"two",[3]]`)}},
		{"2[\"a\\\"b,\",1, 2 ]\n", Packet{Type: Event, Namespace: "/", Event: `a"b,`, Payload: spread(`[1, 2 ]`)}},
		{`20["e"]`, Packet{Type: Event, Namespace: "/", Event: "e", HasID: true}},
		{`2007["e"]`, Packet{Type: Event, Namespace: "/", Event: "e", ID: 7, HasID: true}},
		{`29007199254740991["e"]`, Packet{Type: Event, Namespace: "/", Event: "e", ID: MaxID, HasID: true}},
		{`2["e",9007199254740993]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("9007199254740993")}},
		{`2["",1]`, Packet{Type: Event, Namespace: "/", Payload: payload("1")}},
		{`2["__proto__"]`, Packet{Type: Event, Namespace: "/", Event: "__proto__"}},
		{`2["\u00e9\ud83d\ude00\n"]`, Packet{Type: Event, Namespace: "/", Event: "é😀\n"}},
		{`2["a\ud800b"]`, Packet{Type: Event, Namespace: "/", Event: "a\ufffdb"}},
		{`2["e","\ud800"]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload(`"\ud800"`)}},
		{`2[7]`, Packet{Type: Event, Namespace: "/", Event: "7"}},
		{`2[-0,1]`, Packet{Type: Event, Namespace: "/", Event: "0", Payload: payload("1")}},
		{`2[1.50e2]`, Packet{Type: Event, Namespace: "/", Event: "150"}},
		{`2[1e21]`, Packet{Type: Event, Namespace: "/", Event: "1e+21"}},
		{`2[-1e999]`, Packet{Type: Event, Namespace: "/", Event: "-Infinity"}},
		{`2["e",` + placeholder0 + `]`, Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload(placeholder0)}},
		{`37[1,2]`, Packet{Type: Ack, Namespace: "/", ID: 7, HasID: true, Payload: spread(`[1,2]`)}},
		{`37[ [ ] ]`, Packet{Type: Ack, Namespace: "/", ID: 7, HasID: true, Payload: payload(`[ ]`)}},
		{`37[ ]`, Packet{Type: Ack, Namespace: "/", ID: 7, HasID: true}},
	} {
		if p, err := decode(tt.in); err != nil || !reflect.DeepEqual(p, &tt.want) {
			t.Errorf("%.99s: %+v %v", tt.in, p, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const (
		count    = "packet: a binary type must be followed by the number of attachments"
		array    = "packet: payload is not a JSON array"
		syntax   = "packet: payload is not valid JSON"
		name     = "packet: event name is neither a string nor a number"
		object   = "packet: payload of CONNECT is not a JSON object"
		id       = "packet: id is over 2^53-1"
		trailing = "packet: trailing data after the payload"
		points   = "packet: the placeholders do not point to each of 1 attachments once"
	)
	ph := func(num string) string { return `51-["e",{"_placeholder":true,"num":` + num + `}]` }
	for in, want := range map[string]string{
		"":                              "packet: empty message",
		"7":                             `packet: unknown type '7'`,
		"/":                             `packet: unknown type '/'`,
		" 2":                            `packet: unknown type ' '`,
		"\xff":                          "packet: text message is not UTF-8",
		"2[\"\xff\"]":                   "packet: text message is not UTF-8",
		"0/\xed\xa0\x80":                "packet: text message is not UTF-8",
		"2":                             array,
		"2{}":                           array,
		`2 ["e"]`:                       array,
		`2-1["e"]`:                      array,
		"31":                            array,
		"31{}":                          array,
		"2[]":                           name,
		"2[":                            name,
		"2[null]":                       name,
		`2[{"toString":1}]`:             name,
		`2[["e"]]`:                      name,
		`2["e`:                          syntax,
		`2["e"`:                         syntax,
		`2["e" `:                        syntax,
		`2["e",`:                        syntax,
		`2["e",]`:                       syntax,
		`2["e",1`:                       syntax,
		`2["e",1,]`:                     syntax,
		`2["e" 1]`:                      syntax,
		`2["e",1 2]`:                    syntax,
		`2["e",1}`:                      syntax,
		`2["e",NaN]`:                    syntax,
		`2["\x"]`:                       syntax,
		"2[\"\n\"]":                     syntax,
		`2[01]`:                         syntax,
		`2[-]`:                          syntax,
		`2["e",` + "\ufeff1]":           syntax,
		"31[":                           syntax,
		"31[1,":                         syntax,
		"31[,]":                         syntax,
		`2["e"]x`:                       trailing,
		`2["e",1]x`:                     trailing,
		`2["e"]["f"]`:                   trailing,
		`31[]1`:                         trailing,
		`0{"a":1}x`:                     trailing,
		`2["connect"]`:                  `packet: reserved event name: "connect"`,
		`2["\u0064isconnect"]`:          `packet: reserved event name: "disconnect"`,
		`2["connect_error"]`:            `packet: reserved event name`,
		`2["disconnecting"]`:            `packet: reserved event name`,
		`2["newListener"]`:              `packet: reserved event name`,
		`2["removeListener"]`:           `packet: reserved event name`,
		`29007199254740992["e"]`:        id,
		"2" + strings.Repeat("9", 1e6):  id,
		"3[]":                           "packet: ACK without an id",
		"4":                             "packet: CONNECT_ERROR",
		"4{}":                           "packet: CONNECT_ERROR",
		"0[]":                           object,
		`0"x"`:                          object,
		"0null":                         object,
		`0{"a":1`:                       syntax,
		"01":                            "packet: CONNECT or DISCONNECT with an id",
		"15":                            "packet: CONNECT or DISCONNECT with an id",
		"1{}":                           "packet: DISCONNECT with a payload",
		"1 ":                            "packet: DISCONNECT with a payload",
		"2/" + strings.Repeat("n", 600): "packet: namespace is longer than 512 bytes",
		`5`:                             count,
		`5["e"]`:                        count,
		`5-["e"]`:                       count,
		`51`:                            count,
		`51["e"]`:                       count,
		`5-1-["e"]`:                     count,
		`5+1-["e"]`:                     count,
		`51.0-["e"]`:                    count,
		`50-["e"]`:                      count,
		`501-["e"]`:                     count,
		`511-["e"]`:                     "packet: too many attachments: this server accepts at most 10",
		"5" + strings.Repeat("1", 1e6):  "packet: too many attachments",
		`51-`:                           array,
		`51-["e"]`:                      points,
		`51-["e",0]`:                    points,
		`51-["e",{"num":0}]`:            points,
		`51-["e",{"_placeholder":"true","num":0}]`: points,
		`51-["e",{"_placeholder":true}]`:           points,
		ph("1"):                                    points,
		ph("-1"):                                   points,
		ph("-0"):                                   points,
		ph("0.5"):                                  points,
		ph("0e0"):                                  points,
		ph(`"0"`):                                  points,
		ph("18446744073709551616"):                 points,
		`51-["e",` + placeholder0 + `,` + placeholder0 + `]`:      points,
		`52-["e",` + placeholder0 + `]`:                           "packet: the placeholders do not point to each of 2",
		`61-1[` + placeholder1 + `]`:                              points,
		`2["e",` + strings.Repeat("[", 1e5):                       "packet: JSON is nested more than 10000 deep",
		`0{"a":` + strings.Repeat("[", jsonscan.MaxDepth):         "packet: JSON is nested more than 10000 deep",
		`51-["e",[` + placeholder0 + `,{"_placeholder":true}]]`:   points,
		`51-["e",{"_placeholder":true,"num":0,"num":1}]`:          points,
		`51-["e",{"_placeholder":true,"_placeholder":1,"num":0}]`: points,
	} {
		p, err := decode(in)
		if err == nil || p != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", in, err, want)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	for _, in := range []string{
		`52-/c,3["e",[{"num":1,"_placeholder":true},{"x":` + placeholder0 + `}]]`,
		`52-["e",{"_\u0070laceholder" : true , "n\u0075m" : 1},["num",{"num":7}],` + placeholder0 + `]`,
		`62-1[` + placeholder1 + `,{"_placeholder":false,"_placeholder":true,"num":5,"num":0,"more":[{"num":"\ud800"}]}]`,
		`52-["e",` + strings.Repeat("[", 40) + placeholder1 + strings.Repeat("]", 40) + `,"\ud800",{"\ud800":` + placeholder0 + `}]`,
	} {
		p, err := decode(in, "first", "second")
		if err != nil || len(p.Payload.Attachments) != 2 || string(p.Payload.Attachments[0]) != "first" || string(p.Payload.Attachments[1]) != "second" {
			t.Errorf("%s: %+v %v", in, p, err)
		}
	}
}

func TestManyAttachments(t *testing.T) {
	d := JSON().NewDecoder(Limits{Attachments: 40})
	var b strings.Builder
	for i := range 40 {
		b.WriteString(`,{"_placeholder":true,"num":` + string([]byte{'0' + byte(i/10), '0' + byte(i%10)}[btoi(i < 10):]) + `}`)
	}
	p, err := d.Text([]byte(`540-["e"` + b.String() + `]`))
	for range 40 {
		if p != nil || err != nil || d.Pending() == nil {
			t.Fatal(p, err)
		}
		p, err = d.Binary(nil)
	}
	if err != nil || len(p.Payload.Attachments) != 40 || d.Pending() != nil {
		t.Fatal(p, err)
	}
	if _, err := JSON().NewDecoder(Limits{Attachments: -1}).Text([]byte(document[5].text)); !errors.Is(err, ErrTooManyAttachments) {
		t.Fatal(err)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestOrderOfMessages(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	if _, err := d.Binary([]byte("x")); !errors.Is(err, errBinary) {
		t.Fatal(err)
	}
	if p, err := d.Text([]byte(`51-["e",` + placeholder0 + `]`)); p != nil || err != nil || d.Pending() == nil {
		t.Fatal(p, err)
	}
	if p, err := d.Binary([]byte("x")); err != nil || p.Event != "e" || d.Pending() != nil {
		t.Fatal(p, err)
	}
	if p, err := d.Text([]byte(`2["next"]`)); err != nil || p.Event != "next" {
		t.Fatal(p, err)
	}
	if _, err := d.Binary(nil); !errors.Is(err, errBinary) {
		t.Fatal(err)
	}
	if _, err := d.Text([]byte(`51-["e",` + placeholder0 + `]`)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Text([]byte(`2["early"]`)); !errors.Is(err, errPending) {
		t.Fatal(err)
	}
}

// A packet of zero attachments must not leave the decoder waiting, as it did in
// socket.io-parser before 4.2.7.
func TestZeroAttachmentsDoNotStick(t *testing.T) {
	d := JSON().NewDecoder(Limits{})
	if _, err := d.Text([]byte(`50-["e"]`)); err == nil || d.Pending() != nil {
		t.Fatal(err)
	}
}

// The payload is a part of the message, and appending to it does not overwrite the rest.
func TestPayloadIsTheMessage(t *testing.T) {
	for _, in := range []string{`2["e",{"a":1}]`, `2["e",1,2] `, `31[1]`, `31[1,2] `, `0{"a":1} `} {
		msg := []byte(in)
		p, err := JSON().NewDecoder(Limits{}).Text(msg)
		if err != nil {
			t.Fatal(err)
		}
		got := p.Payload.JSON
		if cap(got) != len(got) {
			t.Errorf("%s: %d bytes with room for %d", in, len(got), cap(got))
		}
		clear(msg)
		if got[0] != 0 {
			t.Errorf("%s: the payload is a copy", in)
		}
	}
}

// Two names of one place both stay.
func TestNamesAreKept(t *testing.T) {
	var n names
	a, b := []byte("ab"), []byte("cb")
	if got := testing.AllocsPerRun(10, func() {
		if n.get(a) != "ab" || n.get(b) != "cb" {
			t.Error("mixed up")
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestNamesDoNotGrow(t *testing.T) {
	var n names
	long := strings.Repeat("x", maxKept+1)
	for range 2 {
		for i := range 1000 {
			for _, s := range []string{"", long, strings.Repeat(string(rune('a'+i%26)), 1+i%maxKept)} {
				if got := n.get([]byte(s)); got != s {
					t.Fatalf("%q for %q", got, s)
				}
			}
		}
	}
	for _, pair := range n {
		for _, s := range pair {
			if len(s) > maxKept {
				t.Errorf("%q is kept", s)
			}
		}
	}
}

// The array of an event counts as one level.
func TestScannerDepth(t *testing.T) {
	for _, n := range []int{1, 64, 65, jsonscan.MaxDepth - 1, jsonscan.MaxDepth, 100_000} {
		_, err := decode(`2["e",` + strings.Repeat("[", n) + strings.Repeat("]", n) + "]")
		if want := n > jsonscan.MaxDepth-1; errors.Is(err, errDepth) != want {
			t.Errorf("depth %d: %v", n, err)
		}
	}
}
