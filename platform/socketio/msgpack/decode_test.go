package msgpack

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func decode(msg string) (*packet.Packet, error) {
	return Parser().NewDecoder(packet.Limits{}).Binary([]byte(msg))
}

// event is a packet with that data.
func event(data string) string { return "\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + data }

// argument is an event "e" with one argument.
func argument(value string) string { return event("\x92\xa1e" + value) }

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

const (
	placeholder0 = `{"_placeholder":true,"num":0}`
	placeholder1 = `{"_placeholder":true,"num":1}`
)

// packets are messages as this package sends them. reference_test.go decodes them with
// socket.io-msgpack-parser.
var packets = []struct {
	msg    string
	packet packet.Packet
}{
	{"\x82\xa4type\x00\xa3nsp\xa1/", packet.Packet{Type: packet.Connect, Namespace: "/"}},
	{"\x83\xa4type\x00\xa3nsp\xa6/admin\xa4data\x81\xa5token\xa1x",
		packet.Packet{Type: packet.Connect, Namespace: "/admin", Payload: payload(`{"token":"x"}`)}},
	{"\x82\xa4type\x01\xa3nsp\xa6/admin", packet.Packet{Type: packet.Disconnect, Namespace: "/admin"}},
	{event("\x91\xa3foo"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "foo"}},
	{event("\x92\xa3hey\xa4Jude"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "hey", Payload: payload(`"Jude"`)}},
	{event("\x92\xa1e\x92\x01\x02"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: payload(`[1,2]`)}},
	{event("\x93\xa1e\x01\x02"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: spread(`[1,2]`)}},
	{event("\x93\xa1e\x01\xa1o"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: payload(`1`), Offset: "o"}},
	{"\x84\xa4type\x02\xa3nsp\xa3/\xc3\xbc\xa2id\xcf\x00\x1f\xff\xff\xff\xff\xff\xff\xa4data\x91\xa1e",
		packet.Packet{Type: packet.Event, Namespace: "/ü", Event: "e", ID: packet.MaxID, HasID: true}},
	{event("\x92\xa3baz\xc4\x04\x01\x02\x03\x04"),
		packet.Packet{Type: packet.Event, Namespace: "/", Event: "baz", Payload: payload(placeholder0, "\x01\x02\x03\x04")}},
	{event("\x92\xa1e\x82\xa1a\xc4\x01x\xa1b\x91\xc4\x00"),
		packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: payload(`{"a":`+placeholder0+`,"b":[`+placeholder1+`]}`, "x", "")}},
	{"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x0c\xa4data\x90", packet.Packet{Type: packet.Ack, Namespace: "/", ID: 12, HasID: true}},
	{"\x84\xa4type\x03\xa3nsp\xa1/\xa2id\x00\xa4data\x92\xa3bar\xc4\x01x",
		packet.Packet{Type: packet.Ack, Namespace: "/", HasID: true, Payload: spread(`["bar",`+placeholder0+`]`, "x")}},
}

func TestPackets(t *testing.T) {
	for _, tt := range packets {
		got, binary, attachments, err := Parser().Append([]byte("4"), &tt.packet, packet.Limits{})
		if err != nil || !binary || attachments != nil || string(got) != "4"+tt.msg {
			t.Errorf("%+v: sent as %q %v %v, want %q", tt.packet, got, binary, err, tt.msg)
		}
		want := tt.packet
		if want.Offset != "" {
			want.Payload, want.Offset = spread(`[1,"o"]`), ""
		}
		if p, err := decode(tt.msg); err != nil || !reflect.DeepEqual(p, &want) {
			t.Errorf("%q: %+v %v", tt.msg, p, err)
		}
	}
}

func TestHeads(t *testing.T) {
	plain := packet.Packet{Type: packet.Event, Namespace: "/", Event: "e"}
	for _, tt := range []struct {
		msg  string
		want packet.Packet
	}{
		// As socket.io-client sends: another order, options, undefined.
		{"\x84\xa4type\x02\xa4data\x91\xa1e\xa7options\x81\xa8compress\xc3\xa3nsp\xa1/", plain},
		{"\x84\xa4type\x02\xa4data\x91\xa1e\xa2id\xd4\x00\x00\xa3nsp\xa1/", plain},
		{"\x83\xa4type\x00\xa4data\xd4\x00\x00\xa3nsp\xa1/", packet.Packet{Namespace: "/"}},
		{"\x83\xa4type\x01\xa4data\xc0\xa3nsp\xa1/", packet.Packet{Type: packet.Disconnect, Namespace: "/"}},
		{"\x84\xa4type\x02\xa4data\x91\xa1e\xa2id\xc0\xa3nsp\xa1/", plain},
		{"\xdf\x00\x00\x00\x03\xd9\x04type\xcd\x00\x02\xa3nsp\xda\x00\x01/\xa4data\xdc\x00\x01\xd9\x01e", plain}, // lengths wider than need be
		{"\x84\xa4type\x02\xa4data\x91\xa1e\xa1x\x92\xc4\x01a\xc7\x01\x63a\xa3nsp\xa1/", plain},
		{event("\x91\x07"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "7"}},
		{event("\x91\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "1.5"}},
		{event("\x92\xa4\"a\\\n\xc0"), packet.Packet{Type: packet.Event, Namespace: "/", Event: "\"a\\\n", Payload: payload("null")}},
		{"\x83\xa4type\x02\xa3nsp\xda\x02\x00/" + strings.Repeat("n", 511) + "\xa4data\x91\xa1e",
			packet.Packet{Type: packet.Event, Namespace: "/" + strings.Repeat("n", 511), Event: "e"}},
	} {
		if p, err := decode(tt.msg); err != nil || !reflect.DeepEqual(p, &tt.want) {
			t.Errorf("%.99q: %+v %v", tt.msg, p, err)
		}
	}
}

func TestValues(t *testing.T) {
	for in, want := range map[string]string{
		"\x00":                                 "0",
		"\x7f":                                 "127",
		"\xe0":                                 "-32",
		"\xcc\xff":                             "255",
		"\xcd\xff\xff":                         "65535",
		"\xce\xff\xff\xff\xff":                 "4294967295",
		"\xcf\xff\xff\xff\xff\xff\xff\xff\xff": "18446744073709551615",
		"\xd0\x80":                             "-128",
		"\xd1\x80\x00":                         "-32768",
		"\xd2\x80\x00\x00\x00":                 "-2147483648",
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00": "-9223372036854775808",
		"\xd3\x00\x20\x00\x00\x00\x00\x00\x01": "9007199254740993",
		"\xca\x3f\xc0\x00\x00":                 "1.5",
		"\xca\x3d\xcc\xcc\xcd":                 "0.10000000149011612",
		"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a": "0.1",
		"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00": "1",
		"\xcb\x80\x00\x00\x00\x00\x00\x00\x00": "-0",
		"\xcb\x44\x4b\x1a\xe4\xd6\xe2\xef\x50": "1e+21",
		"\xcb\x00\x00\x00\x00\x00\x00\x00\x01": "5e-324",
		"\xcb\x7f\xef\xff\xff\xff\xff\xff\xff": "1.7976931348623157e+308",
		"\xc0":                                 "null",
		"\xc2":                                 "false",
		"\xc3":                                 "true",
		"\xa0":                                 `""`,
		"\xa5\"\\\n\x00\x7f":                   `"\"\\\n\u0000` + "\x7f\"",
		"\xa5/\xe2\x80\xa8<":                   `"/` + "\u2028<\"",
		"\xd9\x02\xc3\xbc":                     `"ü"`,
		"\x90":                                 "[]",
		"\x80":                                 "{}",
		"\x93\x01\x92\xa1a\x80\x91\x90":        `[1,["a",{}],[[]]]`,
		"\x82\xa1a\x01\xa1b\x81\xa1\n\xc0":     `{"a":1,"b":{"\n":null}}`,
		"\x84\x07\x01\xff\x02\xcc\xff\x03\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x04": `{"7":1,"-1":2,"255":3,"18446744073709551615":4}`,
		"\x82\xa1a\x01\xa1a\x02": `{"a":1,"a":2}`,
		"\xd4\x00\x00":           "null",
		"\xd4\x00\x01":           "null",
		"\x92\xd4\x00\x00\x01":   "[null,1]",
		"\x83\xa1a\xd4\x00\x00\xa1b\x01\xa1c\xd4\x00\x00":                        `{"b":1}`,
		"\x81\xa1a\xd4\x00\x00":                                                  "{}",
		"\xd7\x00\x00\x00\x01\x8c\xc2\x51\xf4\x00":                               `"2024-01-01T00:00:00.000Z"`,
		"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x00":                               `"+275760-09-13T00:00:00.000Z"`,
		"\xd7\x00\xff\xff\xc7\x6e\x39\x4a\x74\x00":                               `"-000001-01-01T00:00:00.000Z"`,
		"\xd7\x00\x00\x1e\xb2\x08\xc2\xdc\x00\x01":                               "null",
		"\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff":                               "null",
		"\xd6\xff\x65\x92\x00\x80":                                               `"2024-01-01T00:00:00.000Z"`,
		"\xd7\xff\x77\x35\x94\x00\x65\x92\x00\x80":                               `"2024-01-01T00:00:00.500Z"`,
		"\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x00" + "\x00\x00\x00\x00":      `"1970-01-01T00:00:00.000000001Z"`,
		"\xc7\x0c\xff\x00\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff":           "null",
		"\x82\xac_placeholder\xc3\xa3num\x00":                                    placeholder0, // an ordinary object: there is no binary
		"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01a\xdd\x00\x00\x00\x01\xd9\x01b": `{"a":["b"]}`,
		"\xd9\xff" + strings.Repeat("x", 255):                                    `"` + strings.Repeat("x", 255) + `"`,
		strings.Repeat("\x91", 9998) + "\x90":                                    strings.Repeat("[", 9999) + strings.Repeat("]", 9999),
	} {
		p, err := decode(argument(in))
		if err != nil || string(p.Payload.JSON) != want || p.Payload.Attachments != nil {
			t.Errorf("%.40q: %.99s %v, want %.99s", in, payloadOf(p), err, want)
		}
	}
}

func payloadOf(p *packet.Packet) string {
	if p == nil {
		return "nothing"
	}
	return string(p.Payload.JSON)
}

func TestBinary(t *testing.T) {
	many := strings.Repeat("x", 70_000)
	for _, tt := range []struct {
		in   string
		want websockets.Payload
	}{
		{"\xc4\x00", payload(placeholder0, "")},
		{"\xc5\x00\x01a", payload(placeholder0, "a")},
		{"\xc6\x00\x01\x11\x70" + many, payload(placeholder0, many)},
		{"\x82\xa1a\xc4\x01x\xa1b\x91\xc4\x01y", payload(`{"a":`+placeholder0+`,"b":[`+placeholder1+`]}`, "x", "y")},
		{"\xc7\x01\x00a", payload(placeholder0, "a")},
		{"\xc7\x08\x0012345678", payload(placeholder0, "12345678")}, // no date: that has another first byte
		{"\xc8\x00\x02\x00ab", payload(placeholder0, "ab")},
		{"\xc9\x00\x00\x00\x02\x00ab", payload(placeholder0, "ab")},
		{"\x92\xc4\x01a\x81\xacPlaceholder_\xc3", payload(`[`+placeholder0+`,{"Placeholder_":true}]`, "a")},
		{"\x92\xc4\x01a\x82\xac_placeholder\xc2\xa3num\x00", payload(`[`+placeholder0+`,{"_placeholder":false,"num":0}]`, "a")},
	} {
		p, err := decode(argument(tt.in))
		if err != nil || !reflect.DeepEqual(p.Payload, tt.want) {
			t.Errorf("%.40q: %.99s %v", tt.in, payloadOf(p), err)
		}
	}
	msg := []byte(argument("\x92\xc4\x01a\xc4\x01b"))
	p, err := Parser().NewDecoder(packet.Limits{}).Binary(msg)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range p.Payload.Attachments {
		if cap(a) != len(a) {
			t.Errorf("an attachment of %d bytes has room for %d", len(a), cap(a))
		}
	}
	msg[len(msg)-1] = 'c'
	if string(p.Payload.Attachments[1]) != "c" {
		t.Error("an attachment is a copy")
	}
}

// Binary values are bounded by the length of their message, whatever the limit of
// attachments is.
func TestBinaryLimit(t *testing.T) {
	binaries := func(n, blanks int) []byte {
		head := []byte{0xdd, 0, 0, byte((n + 2) >> 8), byte(n + 2)}
		text := append([]byte{0xdb, 0, byte(blanks >> 16), byte(blanks >> 8), byte(blanks)}, strings.Repeat(" ", blanks)...)
		return []byte(event(string(head) + "\xa1e" + string(text) + strings.Repeat("\xc4\x01x", n)))
	}
	for _, l := range []packet.Limits{{}, {Attachments: 2}, {Attachments: -1}} {
		if p, err := Parser().NewDecoder(l).Binary(binaries(1000, 0)); err != nil || len(p.Payload.Attachments) != 1000 {
			t.Errorf("limits %+v, 1,000 values: %v", l, err)
		}
		if _, err := Parser().NewDecoder(l).Binary(binaries(1001, 0)); !errors.Is(err, packet.ErrTooManyAttachments) {
			t.Errorf("limits %+v, 1,001 values: %v", l, err)
		}
		if _, err := Parser().NewDecoder(l).Binary(binaries(2000, 128_000)); err != nil {
			t.Errorf("limits %+v, 2,000 values in a long message: %v", l, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const (
		short    = "msgp: too few bytes"
		notMap   = "msgpack: the message is not a map: "
		notArray = "msgpack: data of an event or ack is not an array"
		object   = "msgpack: data of a packet other than"
		nsp      = "msgpack: namespace "
		missing  = "msgpack: packet without type or nsp"
		points   = "packet: the placeholders do not point to each of 1 attachments once"
		name     = "packet: event name is neither"
	)
	withNamespace := func(s string) string { return "\x83\xa4type\x02\xa3nsp" + s + "\xa4data\x91\xa1e" }
	for in, want := range map[string]string{
		"":                                       notMap,
		"\xc0":                                   notMap,
		"\x92\x01\x02":                           notMap,
		"\xc1":                                   notMap,
		"2[\"e\"]":                               notMap,
		"\x80":                                   missing,
		"\x81\xa4type\x00":                       missing,
		"\x81\xa3nsp\xa1/":                       missing,
		"\x82\xa4type\x00":                       "msgpack: key of the packet: " + short,
		"\x81\x00\x00":                           "msgpack: key of the packet: ",
		"\x81\xc4\x04type\x00":                   "msgpack: key of the packet: ",
		"\x82\xa4type\x05\xa3nsp\xa1/":           `msgpack: "type" of the packet: unknown type 5`,
		"\x82\xa4type\xff\xa3nsp\xa1/":           `msgpack: "type" of the packet: `,
		"\x82\xa4type\xa10\xa3nsp\xa1/":          `msgpack: "type" of the packet: `,
		"\x82\xa4type\xca\x00\x00\x00\x00\xa3ns": `msgpack: "type" of the packet: `,
		"\x82\xa4type\xc0\xa3nsp\xa1/":           `msgpack: "type" of the packet: `,
		"\x82\xa4type\x04\xa3nsp\xa1/":           "packet: CONNECT_ERROR",
		"\x83\xa4type\x04\xa3nsp\xa1/\xa4data\x80":                   "packet: CONNECT_ERROR",
		"\x82\xa4type\x00\xa3nsp\xa1/\x00":                           "msgpack: trailing data",
		"\x83\xa4type\x00\xa3nsp\xa1/\xa4type\x00":                   `msgpack: "type" occurs twice in the packet`,
		"\x83\xa4type\x00\xa3nsp\xa1/\xa3nsp\xa1/":                   `msgpack: "nsp" occurs twice in the packet`,
		"\x84\xa4type\x00\xa3nsp\xa1/\xa4data\x80\xa4data\x80":       `msgpack: "data" occurs twice in the packet`,
		"\x84\xa4type\x00\xa3nsp\xa1/\xa2id\xc0\xa2id\xc0":           `msgpack: "id" occurs twice in the packet`,
		withNamespace("\xa0"):                                        nsp,
		withNamespace("\xa5admin"):                                   nsp,
		withNamespace("\xa4/a,b"):                                    nsp,
		withNamespace("\xa2/\xff"):                                   "msgpack: a string is not UTF-8",
		withNamespace("\xc0"):                                        `msgpack: "nsp" of the packet: `,
		withNamespace("\xc4\x01/"):                                   `msgpack: "nsp" of the packet: `,
		withNamespace("\xda\x02\x01/" + strings.Repeat("n", 512)):    "packet: namespace is longer than 512 bytes",
		"\x82\xa4type\x02\xa3nsp\xa1/":                               notArray,
		event("\xc0"):                                                notArray,
		event("\x80"):                                                notArray,
		event("\x07"):                                                notArray,
		event("\xa2[]"):                                              notArray,
		event("\x90"):                                                name,
		event("\x91\xc0"):                                            name,
		event("\x91\xd4\x00\x00"):                                    name,
		event("\x91\xc4\x01e"):                                       name,
		event("\x91\x91\xa1e"):                                       name,
		event("\x91\xa7connect"):                                     `packet: reserved event name: "connect"`,
		event("\x91\xaddisconnecting"):                               `packet: reserved event name`,
		event("\x91\xa1\xff"):                                        "msgpack: a string is not UTF-8",
		argument("\xa2\"\xff"):                                       "msgpack: a string is not UTF-8",
		argument("\xa3\xed\xa0\x80"):                                 "msgpack: a string is not UTF-8",
		argument("\x81\xa1\xff\x01"):                                 "msgpack: a string is not UTF-8",
		argument("\x81\xc0\x01"):                                     "msgpack: key of a map is of type nil",
		argument("\x81\xc4\x01a\x01"):                                "msgpack: key of a map is of type bin",
		argument("\x81\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\x01"):     "msgpack: key of a map is of type float64",
		argument("\x81\x91\x01\x01"):                                 "msgpack: key of a map is of type array",
		argument("\xd4\x05a"):                                        "msgpack: extension of type 5",
		argument("\xd5\x00ab"):                                       "msgpack: extension of type 0",
		argument("\xc7\x01\x63a"):                                    "msgpack: extension of type 99",
		argument("\xc9\x00\x00\x00\x01\x63a"):                        "msgpack: extension of type 99",
		argument("\xc7\x0c\x05" + strings.Repeat("\x00", 12)):        "msgpack: extension of type 5",
		argument("\xd4\xffa"):                                        "msgpack: timestamp: ",
		argument("\xd7\xff\xff\xff\xff\xff\x00\x00\x00\x00"):         "msgpack: timestamp: ",
		argument("\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\x00"): points,
		argument("\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\x09"): points,
		argument("\x92\xc4\x01x\x81\xac_placeholder\xc3"):            points,
		argument(strings.Repeat("\x91", 9999) + "\x90"):              "msgpack: data is nested more than 10000 deep",
		argument(strings.Repeat("\x81\x01", 9999) + "\x80"):          "msgpack: data is nested more than 10000 deep",
		"\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x90":                   "packet: ACK without an id",
		"\x83\xa4type\x03\xa3nsp\xa1/\xa4data\x05":                   notArray,
		"\x83\xa4type\x03\xa3nsp\xa1/\xa2id\x05":                     notArray,
		"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xff\xa4data\x91\xa1e":    `msgpack: "id" of the packet: `,
		"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xa11\xa4data\x91\xa1e":   `msgpack: "id" of the packet: `,
		"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\xcf\x00\x20\x00\x00\x00\x00\x00\x00\xa4data\x91\xa1e": "packet: id is over 2^53-1",
		"\x83\xa4type\x00\xa3nsp\xa1/\xa2id\x01":                                                  "packet: CONNECT or DISCONNECT with an id",
		"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x90":                                                object,
		"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x05":                                                object,
		"\x83\xa4type\x01\xa3nsp\xa1/\xa4data\xa1x":                                               object,
		"\x83\xa4type\x01\xa3nsp\xa1/\xa4data\x80":                                                "packet: DISCONNECT with a payload",
		"\x83\xa4type\x00\xa3nsp\xa1/\xa4data\x81\xa1a\xc4\x01x":                                  "msgpack: only events and acks have binary values",
	} {
		p, err := decode(in)
		if err == nil || p != nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: %+v %v, want %s", in, p, err, want)
		}
	}
	d := Parser().NewDecoder(packet.Limits{})
	if p, err := d.Text([]byte(`2["e"]`)); !errors.Is(err, errText) || p != nil || d.Pending() != nil {
		t.Error(p, err)
	}
}

// Every beginning of a packet is refused, and without a read past it.
func TestTruncated(t *testing.T) {
	for _, tt := range packets {
		for i := range len(tt.msg) {
			if p, err := decode(tt.msg[:i]); err == nil {
				t.Errorf("%q: %+v", tt.msg[:i], p)
			}
		}
	}
}

// A few bytes that claim to be many must not make the decoder reserve memory.
func TestForgedLengths(t *testing.T) {
	messages := []string{"\xdf\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff\xa1a\x01"}
	for _, value := range []string{"\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
		"\xc9\xff\xff\xff\xff\x00", strings.Repeat("\xdd\xff\xff\xff\xff", 1000), strings.Repeat("\xdf\xff\xff\xff\xff\xa1a", 1000)} {
		messages = append(messages, argument(value), argument(value+"\x01\x02"), "\x81\xa7options"+value)
	}
	for _, msg := range messages {
		var before, after runtime.MemStats
		in := []byte(msg)
		d := Parser().NewDecoder(packet.Limits{})
		runtime.ReadMemStats(&before)
		p, err := d.Binary(in)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 10_000 {
			t.Errorf("%.40q: %+v %v with %d bytes of memory", msg, p, err, got)
		}
	}
}

// The JSON is not longer than promised.
func TestExpansion(t *testing.T) {
	for _, value := range []string{"\xc2", "\xc0", "\xe0", "\xa1\x00", "\xd9\xff" + strings.Repeat("\x01", 255), "\xca\x00\x80\x00\x00", "\x81\xe0\xc2",
		"\xd6\xff\x00\x00\x00\x00", "\x80"} {
		const n = 10_000
		p, err := decode(argument("\xdd\x00\x00\x27\x10" + strings.Repeat(value, n)))
		if err != nil {
			t.Fatal(err)
		}
		if got, most := len(p.Payload.JSON), 6*n*len(value)+30; got > most {
			t.Errorf("%q became %d bytes each", value, got/n)
		}
	}
}

func TestParser(t *testing.T) {
	if Parser() != Parser() || Parser().Name() != "msgpack" || Parser() == packet.JSON() {
		t.Error("parsers are not alike")
	}
}
