package wire_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer/stage"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/msgpack"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// TestField_X24_MinimalLengths: A frame whose length is written in more bytes than it needs closes the connection
// with 1002 (RFC 6455 section 5.2), also with compression, in a fragment and in a compressed message.
func TestField_X24_MinimalLengths(t *testing.T) {
	const mask = "\x00\x00\x00\x00"
	frames := map[string]string{
		"16 bits":              "\x81\xfe\x00\x05" + mask + "hello",
		"64 bits":              "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05" + mask + "hello",
		"64 bits for 16":       "\x81\xff\x00\x00\x00\x00\x00\x00\x01\x00" + mask + strings.Repeat("x", 256),
		"none":                 "\x81\xfe\x00\x00" + mask,
		"the second fragment":  "\x01\x82" + mask + "he" + "\x80\xfe\x00\x03" + mask + "llo",
		"the longest too long": "\x81\xfe\x00\x7d" + mask + strings.Repeat("x", 125),
	}
	servers := map[string]adapter.Adapter{
		"ws": ws.New(), "ws compressed": ws.New(ws.Options{Compression: ws.CompressionEach}), "socketio": socketio.New(),
	}
	for server, a := range servers {
		t.Run(server, func(t *testing.T) {
			s := stage.New(t, a)
			for name, bytes := range frames {
				t.Run(name, func(t *testing.T) { //nolint:paralleltest // the reasons are counted
					var p *rawpeer.Peer
					if server == "socketio" {
						w := rawpeer.NewEngine(t, s.Addr).WebSocket()
						rawpeer.Enter(t, w, "/", "")
						p = w.Peer
					} else {
						p = rawpeer.Open(t, s.Addr, "/", rawpeer.WithLines("Sec-WebSocket-Extensions: permessage-deflate"))
					}
					p.Write(bytes)
					p.WantClose(1002)
				})
			}
		})
	}
}

// TestField_X34_Base64OverWebSocket: A client that does not use binary messages (forceBase64) sends them as text,
// "b" and base64, over WebSocket too. With the query parameter b64 it receives them so, with either parser.
func TestField_X34_Base64OverWebSocket(t *testing.T) {
	for name, a := range map[string]adapter.Adapter{"socketio": socketio.New(), "zishang": zishang.New()} {
		t.Run(name, func(t *testing.T) {
			s := stage.New(t, a, stage.Handle(websockets.On("bytes", func(_ context.Context, b []byte) ([]byte, error) {
				return append([]byte("got "), b...), nil
			})))
			for _, b64 := range []bool{false, true} {
				e := rawpeer.NewEngine(t, s.Addr)
				target := e.Query("websocket", "")
				if b64 {
					target += "&b64=1"
				}
				w := &rawpeer.Socket{Peer: rawpeer.Open(t, s.Addr, target)}
				w.Text() // the open packet
				rawpeer.Enter(t, w, "/", "")
				w.Send(`451-7["bytes",{"_placeholder":true,"num":0}]`)
				w.Send("b" + base64.StdEncoding.EncodeToString([]byte("\x00\xff")))
				w.Want(`461-7[{"_placeholder":true,"num":0}]`)
				if b64 {
					w.Want("b" + base64.StdEncoding.EncodeToString([]byte("got \x00\xff")))
				} else if got := w.Exact(0x82); got != "got \x00\xff" {
					t.Errorf("the answer has %q", got)
				}
				rawpeer.Echo(t, w, "still here")
				w.Send("b*")
				if name == "socketio" {
					w.WantClose(1002)
				} else if got, err := w.Next(); err == nil && got.First != rawpeer.Fin|rawpeer.OpClose { // no close codes there
					t.Errorf("got %v", got)
				}
			}
		})
	}
}

// TestField_X34_Base64WithMessagePack: A client with forceBase64 and MessagePack, where every packet is binary,
// connects and is served.
func TestField_X34_Base64WithMessagePack(t *testing.T) {
	s := stage.New(t, socketio.New(socketio.Options{Parser: msgpack.Parser()}))
	w := &rawpeer.Socket{Peer: rawpeer.Open(t, s.Addr, rawpeer.NewEngine(t, s.Addr).Query("websocket", "")+"&b64=1")}
	w.Text()
	send := func(p packet.Packet) {
		b, _, _, err := msgpack.Parser().Append(nil, &p, packet.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		w.Send("b" + base64.StdEncoding.EncodeToString(b))
	}
	read := func() *packet.Packet {
		text, ok := strings.CutPrefix(w.Read(), "b")
		b, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil {
			t.Fatalf("got %q: %v", text, err)
		}
		msg, err := msgpack.Parser().NewDecoder(packet.Limits{}).Binary(b)
		if err != nil {
			// A packet of servers only, such as the answer to CONNECT.
			t.Logf("%q: %v", b, err)
		}
		return msg
	}
	send(packet.Packet{Type: packet.Connect, Namespace: "/"})
	read()
	send(packet.Packet{Type: packet.Event, Namespace: "/", Event: "echo", ID: 3, HasID: true, Payload: websockets.Payload{JSON: []byte(`"hi"`)}})
	if p := read(); p == nil || p.ID != 3 || string(p.Payload.JSON) != `"hi"` {
		t.Errorf("the answer is %+v", p)
	}
}

// TestField_X36_MessagePackValues: With MessagePack, NaN and the infinities arrive as null, as JSON sends them, and a
// message may have more binary values than MaxAttachments, which bounds messages of their own.
func TestField_X36_MessagePackValues(t *testing.T) {
	got := make(chan []any, 1)
	s := stage.New(t, socketio.New(socketio.Options{Parser: msgpack.Parser()}), stage.Handle(
		websockets.Listen("values", func(_ context.Context, v []any) error { got <- v; return nil })))
	w := rawpeer.NewEngine(t, s.Addr).WebSocket()
	const event = "\x83\xa4type\x02\xa3nsp\xa1/\xa4data"
	w.Peer.Frame(0x82, "\x82\xa4type\x00\xa3nsp\xa1/")
	w.Exact(0x82)
	nan, inf := "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"
	w.Peer.Frame(0x82, event+"\x92\xa6values\xdc\x00\x22"+nan+inf+strings.Repeat("\xc4\x01b", 32))
	v := <-got
	if len(v) != 34 || v[0] != nil || v[1] != nil {
		t.Fatalf("the handler has %v", v)
	}
	for _, b := range v[2:] {
		if b, ok := b.([]byte); !ok || string(b) != "b" {
			t.Errorf("a binary value is %v", b)
		}
	}
}

// TestField_X22_CookieHttpOnly: The cookie with the session's id cannot be read by scripts, and is Secure where the
// application says so.
func TestField_X22_CookieHttpOnly(t *testing.T) {
	for secure, want := range map[bool]string{false: "; Path=/; HttpOnly; SameSite=Lax", true: "; Path=/; HttpOnly; Secure; SameSite=Lax"} {
		c := &http.Cookie{Name: "io", Secure: secure}
		for name, a := range map[string]adapter.Adapter{
			"socketio": socketio.New(socketio.Options{Cookie: c}), "zishang": zishang.New(zishang.Options{Cookie: c}),
		} {
			s := stage.New(t, a)
			e := rawpeer.NewEngine(t, s.Addr)
			answer := e.Do(rawpeer.Request(http.MethodGet, e.Query("polling", "")) + "\r\n")
			if got := answer.Header.Get("Set-Cookie"); got != "io="+answer.Get("sid")+want {
				t.Errorf("%s: cookie %q, want the id and %q", name, got, want)
			}
		}
	}
}
