package zishang

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		in    string
		typ   packetType
		nsp   string
		id    string // "" none
		event string
		json  string
		want  int
	}{
		{"0", typeConnect, "/", "", "", "", 0},
		{`0{"token":"x"}`, typeConnect, "/", "", "", `{"token":"x"}`, 0},
		{"0/chat", typeConnect, "/chat", "", "", "", 0},
		{"0/chat,", typeConnect, "/chat", "", "", "", 0},
		{`0/a/b,{"a":{}}`, typeConnect, "/a/b", "", "", `{"a":{}}`, 0},
		{"1", typeDisconnect, "/", "", "", "", 0},
		{"1/chat,", typeDisconnect, "/chat", "", "", "", 0},
		{`2["e"]`, typeEvent, "/", "", "e", "", 0},
		{`2["e",1]`, typeEvent, "/", "", "e", "1", 0},
		{`2["e",null]`, typeEvent, "/", "", "e", "null", 0},
		{`2["e" , {"a":[1,2]} ]`, typeEvent, "/", "", "e", `{"a":[1,2]}`, 0},
		{`2["e",1,"two",[3]]`, typeEvent, "/", "", "e", `[1,"two",[3]]`, 0},
		{`2["a\"b,",1, 2]`, typeEvent, "/", "", `a"b,`, `[1, 2]`, 0},
		{`2/chat,12["e",0]`, typeEvent, "/chat", "12", "e", "0", 0},
		{`20["e"]`, typeEvent, "/", "0", "e", "", 0},
		{`218446744073709551615["e"]`, typeEvent, "/", "18446744073709551615", "e", "", 0},
		{`2["error",9007199254740993]`, typeEvent, "/", "", "error", "9007199254740993", 0},
		{`2["__proto__"]`, typeEvent, "/", "", "__proto__", "", 0},
		{`2["",1]`, typeEvent, "/", "", "", "1", 0},
		{`2["e",{"_placeholder":true,"num":0}]`, typeEvent, "/", "", "e", `{"_placeholder":true,"num":0}`, 0},
		{`30[]`, typeAck, "/", "0", "", "", 0},
		{`3/chat,7["x"]`, typeAck, "/chat", "7", "", `"x"`, 0},
		{`37[1,2]`, typeAck, "/", "7", "", `[1,2]`, 0},
		{`51-["e",{"_placeholder":true,"num":0}]`, typeBinaryEvent, "/", "", "e", `{"_placeholder":true,"num":0}`, 1},
		{`52-/c,3["e",[{"num":1,"_placeholder":true},{"x":{"_placeholder":true,"num":0}}]]`, typeBinaryEvent, "/c", "3", "e",
			`[{"num":1,"_placeholder":true},{"x":{"_placeholder":true,"num":0}}]`, 2},
		{`61-7[{"_placeholder":true,"num":0},2]`, typeBinaryAck, "/", "7", "", `[{"_placeholder":true,"num":0},2]`, 1},
	} {
		p, err := decodePacket([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		id := ""
		if p.hasID {
			id = string(appendUint(p.id))
		}
		if p.typ != tt.typ || p.nsp != tt.nsp || id != tt.id || p.event != tt.event || string(p.json) != tt.json || p.want != tt.want {
			t.Errorf("%s: %+v %s", tt.in, p, p.json)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	ph := func(num string) string { return `["e",{"_placeholder":true,"num":` + num + `}]` }
	for in, want := range map[string]string{
		"":                                  "empty packet",
		"7":                                 `unknown packet type '7'`,
		"x":                                 `unknown packet type 'x'`,
		"\xff":                              "packet is not UTF-8",
		"2[\"\xff\"]":                       "packet is not UTF-8",
		"2":                                 "payload is not a JSON array",
		"2{}":                               "payload is not a JSON array",
		"2[]":                               "event name is not a string",
		"2[1]":                              "event name is not a string",
		"2[null]":                           "event name is not a string",
		`2[{"toString":1}]`:                 "event name is not a string",
		`2[["e"]]`:                          "event name is not a string",
		`2["e"`:                             "payload is not valid JSON",
		`2["e",]`:                           "payload is not valid JSON",
		`2["e" 1]`:                          "payload is not valid JSON",
		`2["e",1]x`:                         "trailing data after the payload",
		`2["e"]["f"]`:                       "trailing data after the payload",
		`2["e",NaN]`:                        "payload is not valid JSON",
		`2["connect"]`:                      `event name "connect" is reserved`,
		`2["disconnect"]`:                   `event name "disconnect" is reserved`,
		`2["connect_error"]`:                `event name "connect_error" is reserved`,
		`2["disconnecting"]`:                `event name "disconnecting" is reserved`,
		`2["newListener"]`:                  `event name "newListener" is reserved`,
		`2["removeListener"]`:               `event name "removeListener" is reserved`,
		`2["e",` + strings.Repeat("[", 1e5): "payload is not valid JSON",
		`218446744073709551616["e"]`:        "illegal packet id",
		"2" + strings.Repeat("9", 1e6):      "illegal packet id",
		`2-1["e"]`:                          "payload is not a JSON array",
		"3[]":                               "ACK without an id",
		"31":                                "payload is not a JSON array",
		"31{}":                              "payload is not a JSON array",
		"4{}":                               "a client must not send CONNECT_ERROR",
		"0[]":                               "auth of CONNECT is not a JSON object",
		`0"x"`:                              "auth of CONNECT is not a JSON object",
		`0{"a":1}x`:                         "auth of CONNECT is not a JSON object",
		"01":                                "CONNECT with an id",
		"1{}":                               "DISCONNECT with a payload",
		"15":                                "DISCONNECT with a payload",
		"2/" + strings.Repeat("n", 600):     "namespace is longer than 512 bytes",
		`5["e"]`:                            "illegal number of attachments",
		`5-["e"]`:                           "illegal number of attachments",
		`51["e"]`:                           "illegal number of attachments",
		`5-1-["e"]`:                         "illegal number of attachments",
		`51.5-["e"]`:                        "illegal number of attachments",
		`5999999999-["e"]`:                  "illegal number of attachments",
		"5" + strings.Repeat("1", 1e6):      "illegal number of attachments",
		`50-["e"]`:                          "0 attachments: must be 1 to 10",
		`501-["e"]`:                         "1 attachments: must be 1 to 10",
		`511-["e"]`:                         "11 attachments: must be 1 to 10",
		`51-["e"]`:                          "attachments without a placeholder",
		`51-["e",{"num":0}]`:                "attachments without a placeholder",
		`51-["e",{"_placeholder":"true","num":0}]`: "attachments without a placeholder",
		`51-["e",{"_placeholder":true}]`:           "illegal attachment placeholder",
		"51-" + ph("1"):                            "illegal attachment placeholder",
		"51-" + ph("-1"):                           "illegal attachment placeholder",
		"51-" + ph("0.5"):                          "illegal attachment placeholder",
		"51-" + ph("1e0"):                          "illegal attachment placeholder",
		"51-" + ph(`"0"`):                          "illegal attachment placeholder",
		"51-" + ph("99999999999999999999"):         "illegal attachment placeholder",
		"52-" + ph("0"):                            "attachments without a placeholder",
		`52-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`: "illegal attachment placeholder",
	} {
		_, err := decodePacket([]byte(in))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %v, want %s", in, err, want)
		}
	}
}

func TestDecoderFrames(t *testing.T) {
	var d decoder
	if _, err := d.binary([]byte("x")); err != errBinary {
		t.Fatal(err)
	}
	if p, err := d.text([]byte(`52-["e",[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]]`)); p != nil || err != nil {
		t.Fatal(p, err)
	}
	if p, err := d.binary([]byte("first")); p != nil || err != nil {
		t.Fatal(p, err)
	}
	p, err := d.binary([]byte("second"))
	if err != nil || len(p.bufs) != 2 || string(p.bufs[0]) != "first" || string(p.bufs[1]) != "second" {
		t.Fatal(p, err)
	}
	if p, err := d.text([]byte(`2["next"]`)); err != nil || p.event != "next" {
		t.Fatal(p, err)
	}
	if _, err := d.text([]byte(`51-["e",{"_placeholder":true,"num":0}]`)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.text([]byte(`2["early"]`)); err != errTextPending {
		t.Fatal(err)
	}
}

// TestCVE_2026_33151 and its like: a packet of zero attachments must not leave
// the decoder waiting.
func TestZeroAttachmentsDoNotStick(t *testing.T) {
	var d decoder
	if _, err := d.text([]byte(`50-["e"]`)); err == nil {
		t.Fatal("accepted")
	}
	if p, err := d.text([]byte(`2["e"]`)); err != nil || p == nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"0", `0/a,{"x":1}`, "1/a,", `2/a,1["e",1,2]`, `31[]`, `51-["e",{"_placeholder":true,"num":0}]`,
		`62-9[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, `2["\u0000"]`, "5-", "2[[[[["} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := decodePacket(bytes.Clone(in))
		if err != nil {
			return
		}
		if len(p.nsp) == 0 || p.nsp[0] != '/' || p.want > maxAttachments || reserved(p.event) && p.typ == typeEvent {
			t.Fatalf("%q: %+v", in, p)
		}
		if len(p.json) > 0 && !jsontext.Value(p.json).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("%q: payload %q", in, p.json)
		}
	})
}
