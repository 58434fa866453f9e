package msgpack

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/placeholder"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

func encode(p packet.Packet) (string, error) {
	msg, _, _, err := Parser().Append(nil, &p, packet.Limits{})
	return string(msg), err
}

// one is an event "e" with one argument.
func one(text string, attachments ...string) packet.Packet {
	return packet.Packet{Type: packet.Event, Namespace: "/", Event: "e", Payload: payload(text, attachments...)}
}

func TestAppendValues(t *testing.T) {
	for text, want := range map[string]string{
		"0":                                   "\x00",
		"127":                                 "\x7f",
		"128":                                 "\xcc\x80",
		"65536":                               "\xce\x00\x01\x00\x00",
		"18446744073709551615":                "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
		"18446744073709551616":                "\xcb\x43\xf0\x00\x00\x00\x00\x00\x00",
		"-1":                                  "\xff",
		"-33":                                 "\xd0\xdf",
		"-9223372036854775808":                "\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
		"-9223372036854775809":                "\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00",
		"9007199254740993":                    "\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
		"-0":                                  "\xcb\x80\x00\x00\x00\x00\x00\x00\x00",
		"1.0":                                 "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		"1e0":                                 "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
		"0.1":                                 "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a",
		"-1.5E+1":                             "\xcb\xc0\x2e\x00\x00\x00\x00\x00\x00",
		"1e-999":                              "\xcb\x00\x00\x00\x00\x00\x00\x00\x00",
		"null":                                "\xc0",
		"false":                               "\xc2",
		"true":                                "\xc3",
		`""`:                                  "\xa0",
		`"a\"\\\/\u0000\n\u00fcü"`:            "\xaaa\"\\/\x00\n\xc3\xbc\xc3\xbc",
		`"\ud83d\ude00"`:                      "\xa4\xf0\x9f\x98\x80",
		`"a\ud800"`:                           "\xa4a\xef\xbf\xbd", // UTF-8 has no form for it
		`"` + strings.Repeat("x", 32) + `"`:   "\xd9\x20" + strings.Repeat("x", 32),
		`"\n` + strings.Repeat("x", 70) + `"`: "\xd9\x47\n" + strings.Repeat("x", 70),
		`"[,]{:}"`:                            "\xa6[,]{:}",
		"[]":                                  "\x90",
		"[ ]":                                 "\x90",
		"{ \n}":                               "\x80",
		" [ 1 , [ ] , {\t} ]\r\n":             "\x93\x01\x90\x80",
		`{"a" : 1, "b":{"c":[2,3]}}`:          "\x82\xa1a\x01\xa1b\x81\xa1c\x92\x02\x03",
		`{"a":1,"a":2}`:                       "\x82\xa1a\x01\xa1a\x02",
		`{"\u0061":",","b":"\""}`:             "\x82\xa1a\xa1,\xa1b\xa1\"",
		`"2024-01-01T00:00:00Z"`:              "\xb42024-01-01T00:00:00Z",
		"[" + strings.Repeat("0,", 15) + "0]": "\xdc\x00\x10" + strings.Repeat("\x00", 16),
		"[" + strings.Repeat("[],", 69999) + "[]]":            "\xdd\x00\x01\x11\x70" + strings.Repeat("\x90", 70000),
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000): strings.Repeat("\x91", 999) + "\x90",
		placeholder0: "\x82\xac_placeholder\xc3\xa3num\x00", // without attachments it is one of the user's
	} {
		if got, err := encode(one(text)); err != nil || got != argument(want) {
			t.Errorf("%.40s: %.99q %v, want %.99q", text, strings.TrimPrefix(got, argument("")), err, want)
		}
	}
}

func TestAppendBinary(t *testing.T) {
	for _, tt := range []struct {
		p    packet.Packet
		want string
	}{
		{one(placeholder0, ""), "\xc4\x00"},
		{one(`[`+placeholder1+`,`+placeholder0+`]`, "x", "yy"), "\x92\xc4\x02yy\xc4\x01x"},
		{one(placeholder0, strings.Repeat("x", 70_000)), "\xc6\x00\x01\x11\x70" + strings.Repeat("x", 70_000)},
		{one(`{"a":[{}, {"n\u0075m" : 0 , "_placeholder" : true } ],"b":[{}]}`, "x"), "\x82\xa1a\x92\x80\xc4\x01x\xa1b\x91\x80"},
		{one(`[{"num":0,"x":[{},[]],"_placeholder":true},{"y":1}]`, "x"), "\x92\xc4\x01x\x81\xa1y\x01"}, // as JavaScript's clients read it
		{one(`{"_placeholder":false,"_placeholder":true,"num":7,"num":0}`, "x"), "\xc4\x01x"},
		{one(`[`+placeholder0+`,`+placeholder0+`]`, "x"), "\x92\xc4\x01x\xc4\x01x"},
		// What only looks like one.
		{one(`[`+placeholder0+`,`+placeholder1+`]`, "x"), "\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\x01"},
		{one(`[`+placeholder0+`,{"_placeholder":true}]`, "x"), "\x92\xc4\x01x\x81\xac_placeholder\xc3"},
		{one(`[`+placeholder0+`,{"_placeholder":false,"num":0}]`, "x"), "\x92\xc4\x01x\x82\xac_placeholder\xc2\xa3num\x00"},
		{one(`[`+placeholder0+`,{"_placeholder":true,"num":"0"}]`, "x"), "\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\xa10"},
		{one(`[`+placeholder0+`,{"_placeholder":true,"num":-1}]`, "x"), "\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\xff"},
		{one(`[`+placeholder0+`,{"num":0}]`, "x"), "\x92\xc4\x01x\x81\xa3num\x00"},
		{one(`[`+placeholder0+`,{"_placeholder":true,"num":4294967296}]`, "x"), "\x92\xc4\x01x\x82\xac_placeholder\xc3\xa3num\xcf\x00\x00\x00\x01\x00\x00\x00\x00"},
		{one(`[`+placeholder0+`,["_placeholder",true,"num",0],{"a":{"_placeholder":true},"num":0}]`, "x"),
			"\x93\xc4\x01x\x94\xac_placeholder\xc3\xa3num\x00\x82\xa1a\x81\xac_placeholder\xc3\xa3num\x00"},
	} {
		if got, err := encode(tt.p); err != nil || got != argument(tt.want) {
			t.Errorf("%s: %.99q %v, want %.99q", tt.p.Payload.JSON, strings.TrimPrefix(got, argument("")), err, tt.want)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, tt := range []struct {
		p    packet.Packet
		is   error
		want string
	}{
		{packet.Packet{Type: packet.Event, Namespace: "/", Event: "disconnect"}, packet.ErrReserved, ""},
		{one("1", "x"), nil, "msgpack: no placeholder refers to attachment 0 of 1"},
		{one(placeholder0, "x", "y"), nil, "msgpack: no placeholder refers to attachment 1 of 2"},
		{one(`{"a":}`), errJSON, ""},
		{one(`"\x"`), errJSON, ""},
		{one("{}]"), errJSON, ""},
		{one(`"`), errJSON, ""},
		{one(`[`), errJSON, ""},
		{one("\"\xff\""), errJSON, ""},
		{one("NaN"), errJSON, ""},
		{one("1e999"), nil, "msgpack: number 1e999 does not fit into a float64"},
		{one("-1" + strings.Repeat("0", 400)), nil, "msgpack: number -1000"},
		{one(strings.Repeat("[", 1001) + strings.Repeat("]", 1001)), placeholder.ErrDepth, ""},
		{one(strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)), errJSON, ""},
		{packet.Packet{Type: packet.Connect, Namespace: "c"}, nil, "packet: namespace"},
		{packet.Packet{Type: packet.ConnectError, Namespace: "/"}, nil, "packet: the payload of CONNECT_ERROR"},
		{packet.Packet{Type: packet.Ack, Namespace: "/"}, nil, "packet: an ACK has an id"},
	} {
		msg, _, attachments, err := Parser().Append([]byte("4"), &tt.p, packet.Limits{})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) || string(msg) != "4" || attachments != nil {
			t.Errorf("%.60s: %v %q", tt.p.Payload.JSON, err, msg)
		}
	}
	if _, _, _, err := Parser().Append(nil, &packet.Packet{Type: packet.Event, Namespace: "/", Event: "e",
		Payload: payload(`[`+strings.Repeat(placeholder0+",", 10)+placeholder1+`]`, "x", "y")}, packet.Limits{Attachments: 2}); err != nil {
		t.Error(err)
	}
}

func TestConnectError(t *testing.T) {
	got, err := encode(packet.Packet{Type: packet.ConnectError, Namespace: "/c", Payload: payload(`{"message":"no","data":{"a":1}}`)})
	if want := "\x83\xa4type\x04\xa3nsp\xa2/c\xa4data\x82\xa7message\xa2no\xa4data\x81\xa1a\x01"; err != nil || got != want {
		t.Errorf("%q %v", got, err)
	}
}

// All integers and floats survive a round trip.
func TestNumbersRoundTrip(t *testing.T) {
	texts := []string{"0", "-0", "0.1", "1e-7", "1e+21", "123456789012345680000", "5e-324", "1.7976931348623157e+308", "-1.5e-10"}
	for bit := range 64 {
		for _, d := range []int64{-1, 0, 1} {
			i := int64(1)<<bit + d
			texts = append(texts, strconv.FormatInt(i, 10), strconv.FormatInt(-i, 10), strconv.FormatUint(uint64(i), 10))
		}
	}
	for _, text := range texts {
		msg, err := encode(one(text))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := decode(msg); err != nil || string(p.Payload.JSON) != text {
			t.Errorf("%s became %s %v", text, payloadOf(p), err)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	for _, want := range []packet.Packet{
		{Type: packet.Connect, Namespace: "/a", Payload: payload(`{"a":[{}]}`)},
		{Type: packet.Disconnect, Namespace: "/a"},
		{Type: packet.Event, Namespace: "/ü/😀", Event: "\x00\"\\\u2028/é😀", ID: 3, HasID: true, Payload: payload(`{"a":`+placeholder0+`}`, "")},
		{Type: packet.Event, Namespace: "/[1", Event: strings.Repeat("long ", 50), Payload: payload(`[1,2]`)},
		{Type: packet.Event, Namespace: "/7", ID: 77, HasID: true, Event: "e", Payload: payload(`"\u0000"`)},
		{Type: packet.Ack, Namespace: "/", HasID: true, Payload: payload(`[`+placeholder0+`,`+placeholder1+`]`, "x", "y")},
	} {
		msg, err := encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := decode(msg); err != nil || !reflect.DeepEqual(p, &want) {
			t.Errorf("%q: %+v %v", msg, p, err)
		}
	}
}
