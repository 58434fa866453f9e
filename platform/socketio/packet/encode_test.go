package packet

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestAppend(t *testing.T) {
	for _, tt := range []struct {
		p    Packet
		want string
	}{
		{Packet{Type: Connect, Namespace: "/c", Payload: payload(`{"sid":"x","pid":"y"}`)}, `0/c,{"sid":"x","pid":"y"}`},
		{Packet{Type: ConnectError, Namespace: "/", Payload: payload(`{"message":"Not authorized"}`)}, `4{"message":"Not authorized"}`},
		{Packet{Type: ConnectError, Namespace: "/c", Payload: payload(`{}`)}, `4/c,{}`},
		{Packet{Type: Event, Namespace: "/", Event: "", Payload: payload("null")}, `2["",null]`},
		{Packet{Type: Event, Namespace: "/", Event: "a\"b\\\x01\u2028ü", Payload: payload("1")}, `2["a\"b\\\u0001` + "\u2028ü" + `",1]`},
		{Packet{Type: Event, Namespace: "/", Event: "a\x1f"}, `2["a\u001f"]`},
		{Packet{Type: Event, Namespace: "/", Event: `a"`}, `2["a\""]`},
		{Packet{Type: Event, Namespace: "/", Event: `a\`}, `2["a\\"]`},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("[1,2]")}, `2["e",[1,2]]`},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: spread("[1,2]")}, `2["e",1,2]`},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: spread("[ ]")}, `2["e"]`},
		{Packet{Type: Event, Namespace: "/c", Event: "e", Offset: "o"}, `2/c,["e","o"]`},
		{Packet{Type: Event, Namespace: "/c", Event: "e", Payload: spread("[1, 2 ]"), Offset: `"`}, `2/c,["e",1, 2,"\""]`},
		{Packet{Type: Event, Namespace: "/c", Event: "e", ID: MaxID, HasID: true, Payload: payload("1"), Offset: "o"}, `2/c,9007199254740991["e",1,"o"]`},
		{Packet{Type: Ack, Namespace: "/", HasID: true, Payload: payload("[1]")}, `30[[1]]`},
		{Packet{Type: Ack, Namespace: "/", HasID: true, Payload: spread("[1]")}, `30[1]`},
	} {
		msg, binary, attachments, err := JSON().Append(nil, &tt.p, Limits{})
		if err != nil || binary || string(msg) != tt.want || attachments != nil {
			t.Errorf("%s: %s %v %v %v", tt.want, msg, binary, attachments, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	eleven := strings.Split("01234567890", "")
	for _, tt := range []struct {
		p    Packet
		is   error
		want string
	}{
		{Packet{Type: Event, Namespace: "/", Event: "disconnect"}, ErrReserved, `packet: reserved event name: "disconnect" belongs to Socket.IO: use another name`},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("1", eleven...)}, ErrTooManyAttachments,
			"packet: too many attachments: 11, and clients accept at most 10: join them, or send several events"},
		{Packet{Type: Ack, Namespace: "/", HasID: true, Payload: payload("1", eleven...)}, ErrTooManyAttachments, "packet: too many attachments"},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("", "x")}, nil, "packet: attachments without JSON"},
		{Packet{Type: Event, Namespace: "/", Event: "\xff"}, nil, `packet: event name "\xff": `},
		{Packet{Type: Event, Namespace: "/", Event: "e", Offset: "\xff"}, nil, `packet: offset "\xff": `},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: spread("")}, nil, "packet: several arguments that are not"},
		{Packet{Type: Event, Namespace: "/", Event: "e", Payload: spread("{}")}, nil, "packet: several arguments that are not"},
		{Packet{Type: Ack, Namespace: "/", HasID: true, Payload: spread("1")}, nil, "packet: several arguments that are not"},
		{Packet{Type: Event, Namespace: "/", Event: "e", ID: MaxID + 1, HasID: true}, nil, "packet: id 9007199254740992 is over 2^53-1"},
		{Packet{Type: Ack, Namespace: "/"}, nil, "packet: an ACK has an id"},
		{Packet{Type: Connect, Namespace: "/", HasID: true}, nil, "packet: an ACK has an id"},
		{Packet{Type: Connect, Namespace: ""}, nil, "packet: namespace"},
		{Packet{Type: Connect, Namespace: "c"}, nil, "packet: namespace"},
		{Packet{Type: Connect, Namespace: "/a,b"}, nil, "packet: namespace"},
		{Packet{Type: Connect, Namespace: "/\xff"}, nil, "packet: namespace"},
		{Packet{Type: Connect, Namespace: "/" + strings.Repeat("x", maxNamespace)}, nil, "packet: namespace"},
		{Packet{Type: Connect, Namespace: "/", Payload: payload("[]")}, nil, "packet: the payload of CONNECT_ERROR"},
		{Packet{Type: Connect, Namespace: "/", Payload: payload("{}", "x")}, nil, "packet: only events and acks"},
		{Packet{Type: ConnectError, Namespace: "/"}, nil, "packet: the payload of CONNECT_ERROR"},
		{Packet{Type: ConnectError, Namespace: "/", Payload: payload(`"x"`)}, nil, "packet: the payload of CONNECT_ERROR"},
		{Packet{Type: Disconnect, Namespace: "/", Payload: payload("{}")}, nil, "packet: the payload of CONNECT_ERROR"},
		{Packet{Type: 5, Namespace: "/"}, nil, "packet: unknown type 5"},
	} {
		msg, _, attachments, err := JSON().Append([]byte("4"), &tt.p, Limits{})
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) || string(msg) != "4" || attachments != nil {
			t.Errorf("%s: %v %q", tt.want, err, msg)
		}
	}
	if _, _, _, err := JSON().Append(nil, &Packet{Type: Event, Namespace: "/", Event: "e", Payload: payload("1", eleven...)}, Limits{Attachments: 11}); err != nil {
		t.Error(err)
	}
}

func TestParser(t *testing.T) {
	if JSON() != JSON() || JSON().Name() != "json" {
		t.Error("parsers are not alike")
	}
}

func TestRoundTrips(t *testing.T) {
	for _, want := range []Packet{
		{Type: Connect, Namespace: "/a", Payload: payload(`{"a":[{}]}`)},
		{Type: Disconnect, Namespace: "/a"},
		{Type: Event, Namespace: "/ü/😀", Event: "\x00\"\\\u2028/é😀", ID: 3, HasID: true, Payload: payload(`{"a":`+placeholder0+`}`, "")},
		{Type: Event, Namespace: "/", Event: strings.Repeat("long ", 50), Payload: payload(`[1,2]`)},
		{Type: Ack, Namespace: "/", HasID: true, Payload: payload(`[`+placeholder1+`,`+placeholder0+`]`, "x", "y")},
	} {
		msg, _, attachments, err := JSON().Append(nil, &want, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var bufs []string
		for _, a := range attachments {
			bufs = append(bufs, string(a))
		}
		if p, err := decode(string(msg), bufs...); err != nil || !reflect.DeepEqual(p, &want) {
			t.Errorf("%s: %+v %v", msg, p, err)
		}
	}
}

// What is written in two parts is what Append writes.
func TestAppendHead(t *testing.T) {
	for _, p := range []Packet{
		{Type: Event, Namespace: "/", Event: "e"},
		{Type: Event, Namespace: "/a", Event: "é\"\n", ID: 3, HasID: true},
		{Type: Ack, Namespace: "/", HasID: true},
		{Type: Ack, Namespace: "/ü", ID: MaxID, HasID: true},
		{Type: Event, Namespace: "/", Event: "connect"},
		{Type: Event, Namespace: "a", Event: "e"},
		{Type: Event, Namespace: "/", Event: "\xff"},
		{Type: Ack, Namespace: "/"},
	} {
		got, err := AppendHead([]byte("4"), &p)
		whole := p
		whole.Payload = payload(`{"a":1}`)
		want, _, _, wantErr := JSON().Append([]byte("4"), &whole, Limits{})
		if err == nil {
			got = AppendTail(append(got, `{"a":1}`...))
		}
		if string(got) != string(want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Errorf("%+v: %q, %v; want %q, %v", p, got, err, want, wantErr)
		}
	}
}
