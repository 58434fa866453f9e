package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unmask makes a client's frame one of a server.
func unmask(t *testing.T, frame []byte) []byte {
	t.Helper()
	if frame[1]&0x80 == 0 {
		t.Fatal("not masked")
	}
	head := map[byte]int{126: 4, 127: 10}[frame[1]&0x7f]
	if head == 0 {
		head = 2
	}
	out := append([]byte{frame[0], frame[1] & 0x7f}, frame[2:head]...)
	for i, b := range frame[head+4:] {
		out = append(out, b^frame[head+i%4])
	}
	return out
}

func TestFrames(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		want := bytes.Repeat([]byte("abcde"), size/5+1)[:size]
		wire := unmask(t, AppendFrame(nil, Text, want))
		for _, cut := range []int{0, 1, len(wire) / 2, len(wire) - 1} {
			if _, _, err := NextFrame(wire[:cut]); !errors.Is(err, ErrShort) {
				t.Errorf("%d bytes cut at %d: %v", size, cut, err)
			}
		}
		f, rest, err := NextFrame(append(wire, "next"...))
		if err != nil || f.Op != Text || !f.Final || !bytes.Equal(f.Payload, want) || string(rest) != "next" {
			t.Errorf("%d bytes: %v %v %t, %d bytes, rest %q", size, err, f.Op, f.Final, len(f.Payload), rest)
		}
	}
}

func TestFrameFaults(t *testing.T) {
	for _, wire := range []string{"\xc1\x00", "\x81\x80\x00\x00\x00\x00"} {
		if _, _, err := NextFrame([]byte(wire)); err == nil || errors.Is(err, ErrShort) {
			t.Errorf("%x: %v", wire, err)
		}
	}
	f, _, err := NextFrame([]byte("\x01\x01a"))
	if err != nil || f.Final {
		t.Errorf("a first fragment: final %t, %v", f.Final, err)
	}
}

func TestUpgraded(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nsec-websocket-accept: " + accept + "\r\n\r\n"
	rest, err := Upgraded([]byte(good + "rest"))
	if err != nil || string(rest) != "rest" {
		t.Errorf("%q %v", rest, err)
	}
	if _, err := Upgraded([]byte(good[:len(good)-1])); !errors.Is(err, ErrShort) {
		t.Errorf("half an answer: %v", err)
	}
	for _, bad := range []string{
		strings.Replace(good, accept, "x"+accept[1:], 1),
		strings.Replace(good, "101 Switching Protocols", "404 Not Found", 1),
		"nonsense\r\n\r\n",
	} {
		if _, err := Upgraded([]byte(bad)); err == nil || errors.Is(err, ErrShort) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPayload(t *testing.T) {
	for _, size := range []int{64, 4096} {
		p, err := Payload(size)
		if err != nil || len(p) != size {
			t.Errorf("%d: %d bytes, %v", size, len(p), err)
		}
		_, reply := Plain.Echo(p)
		if !json.Valid(reply.text) {
			t.Errorf("no JSON: %s", reply.text)
		}
	}
	if _, err := Payload(10); err == nil {
		t.Error("10 bytes were enough")
	}
}

func TestTemplates(t *testing.T) {
	payload, err := Payload(64)
	if err != nil {
		t.Fatal(err)
	}
	n := Number{Conn: 7, Seq: 42}
	data := strings.Replace(payload, seqMark, "100007000000042", 1)
	for _, c := range []struct {
		p    Protocol
		make func(Protocol, string) (*Template, *Template)
		a, b string
	}{
		{Plain, Protocol.Echo, `{"event":"echo","data":` + data + `}`, `{"event":"echo","data":` + data + `}`},
		{Raw, Protocol.Echo, `{"event":"echo","data":` + data + `}`, `{"event":"echo","data":` + data + `}`},
		{SocketIO, Protocol.Echo, `4210000042["echo",` + data + `]`, `4310000042[` + data + `]`},
		{SocketIO, Protocol.Shout, `42["shout",` + data + `]`, `42["shout",` + data + `]`},
		{Centrifuge, Protocol.Echo, `{"id":10000042,"rpc":{"method":"echo","data":` + data + `}}`, `{"id":10000042,"rpc":{"data":` + data + `}}`},
		{Centrifuge, Protocol.Shout, `{"id":10000042,"rpc":{"method":"shout","data":` + data + `}}`, `{"push":{"channel":"shout","pub":{"data":` + data + `}}}`},
	} {
		request, reply := c.make(c.p, payload)
		wire := request.Append([]byte("before"), n)[len("before"):]
		if c.p == Raw {
			wire = wire[4:]
		} else {
			f, _, err := NextFrame(unmask(t, wire))
			if err != nil {
				t.Fatal(err)
			}
			wire = f.Payload
		}
		if string(wire) != c.a {
			t.Errorf("request %s, want %s", wire, c.a)
		}
		if !reply.Matches([]byte(c.b), n) {
			t.Errorf("%s does not match", c.b)
		}
		for _, other := range []Number{{Conn: 7, Seq: 41}, {Conn: 8, Seq: 42}} {
			if reply.Matches([]byte(c.b), other) {
				t.Errorf("%s matches %v", c.b, other)
			}
		}
	}
}

func TestSpellingOfJSONDoesNotCount(t *testing.T) {
	payload, _ := Payload(33)
	_, plain := Plain.Echo(payload)
	_, sio := SocketIO.Echo(payload)
	n := Number{}
	for msg, want := range map[string]bool{
		`{"data": {"text":"", "seq":100000000000000}, "event":"echo"}`:      true,
		`{"data":{"text":"","seq":100000000000000},"event":"echo","id":1}`:  false,
		`{"data":{"text":"x","seq":100000000000000},"event":"echo"}`:        false,
		`{"data":{"text":"","seq":100000000000000},"event":"echo"`:          false,
		`0{"data":{"text":"","seq":100000000000000},"event":"echo"}`:        false,
		`{"data":{"text":"","seq":100000000000000.5},"event":"echo"}`:       false,
		`{"data":{"te\u0078t":"","seq":100000000000000},"event":"echo"}`:    true,
		`{"data":{"text":"","seq":1.00000000000000e14},"event":"echo"}`:     true,
		`{"data":{"text":"","seq":100000000000000},"event":"echo"}trailing`: false,
	} {
		if got := plain.Matches([]byte(msg), n); got != want {
			t.Errorf("%s: %t", msg, got)
		}
	}
	for msg, want := range map[string]bool{
		`4310000000[{"text":"","seq":100000000000000}]`:      true,
		`4310000001[{"text":"","seq":100000000000000}]`:      false,
		`4310000000[{"text":"","seq":100000000000000},null]`: false,
	} {
		if got := sio.Matches([]byte(msg), n); got != want {
			t.Errorf("%s: %t", msg, got)
		}
	}
}
