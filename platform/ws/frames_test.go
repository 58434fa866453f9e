package ws

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Faults in the framing: the close code, and that messages before are handled.
func TestProtocolErrors(t *testing.T) {
	long := strings.Repeat("x", 126)
	zero := strings.Repeat("\x00", 8)
	for _, tt := range []struct {
		name  string
		bytes string
		code  int
	}{
		{"F20 unmasked", "\x81\x02{}", 1002},
		{"F21 opcode 3", string(rawFrame(0x83, nil)), 1002},
		{"F21 opcode B", string(rawFrame(0x8b, nil)), 1002},
		{"F22 fragmented ping", string(rawFrame(opPing, nil)), 1002},
		{"F22 long ping", string(rawFrame(0x80|opPing, []byte(long))), 1002},
		{"F22 long close", string(rawFrame(0x80|opClose, []byte(long))), 1002},
		{"F23 continuation of nothing", string(rawFrame(0x80|opContinuation, nil)), 1002},
		{"F23 message within a message", string(rawFrame(opText, []byte("{"))) + string(rawFrame(0x80|opText, []byte("{}"))), 1002},
		{"V11 RSV1", string(rawFrame(0xc0|opText, nil)), 1002},
		{"V11 RSV2", string(rawFrame(0xa0|opText, nil)), 1002},
		{"V11 RSV3 on ping", string(rawFrame(0x90|opPing, nil)), 1002},
		{"V29 length 2^64-1", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1002},
		{"V29 length 2^63-1", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009},
		{"one byte over the limit", string(rawFrame(0x80|opText, []byte(strings.Repeat("x", 10_001)))), 1009},
		{"over the limit in fragments", string(rawFrame(opText, []byte(strings.Repeat("x", 6000)))) + string(rawFrame(opContinuation, []byte(strings.Repeat("x", 6000)))), 1009},
		{"F24 invalid UTF-8", string(rawFrame(0x80|opText, []byte("{\"event\":\"e\",\"data\":\"\xc3\x28\"}"))), 1007},
		{"F24 over fragments", string(rawFrame(opText, []byte("{\"event\":\"\xe2\x82"))) + string(rawFrame(0x80, []byte("\x28\"}"))), 1007},
		{"F24 in close reason", string(rawFrame(0x80|opClose, []byte("\x03\xe8\xff"))), 1007},
		{"F25 half a code", string(rawFrame(0x80|opClose, []byte("\x03"))), 1002},
		{"F25 code 0", string(rawFrame(0x80|opClose, []byte{0, 0})), 1002},
		{"F25 code 999", string(rawFrame(0x80|opClose, []byte{0x03, 0xe7})), 1002},
		{"F25 code 1004", string(rawFrame(0x80|opClose, []byte{0x03, 0xec})), 1002},
		{"F25 code 1005", string(rawFrame(0x80|opClose, []byte{0x03, 0xed})), 1002},
		{"F25 code 1006", string(rawFrame(0x80|opClose, []byte{0x03, 0xee})), 1002},
		{"F25 code 1015", string(rawFrame(0x80|opClose, []byte{0x03, 0xf7})), 1002},
		{"F25 code 5000", string(rawFrame(0x80|opClose, []byte{0x13, 0x88})), 1002},
		{"V7 fragments", string(rawFrame(opText, nil)) + strings.Repeat(string(rawFrame(opContinuation, nil)), 20), 1008},
		{"V7 one byte fragments", string(rawFrame(opText, nil)) + strings.Repeat(string(rawFrame(opContinuation, []byte("x"))), 20), 1008},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestServer(t, nil, nil, Options{MaxFragments: 10})
			for _, slice := range []int{len(tt.bytes), 1} { // F29: the same one byte at a time
				p, s := r.connect()
				p.text(`{"event":"before"}`)
				p.want(`{"event":"before"}`)
				if tt.code == 1009 {
					slice = len(tt.bytes) // the server is gone before the end
				}
				for b := []byte(tt.bytes); len(b) > 0; b = b[slice:] {
					if _, err := p.nc.Write(b[:slice]); err != nil {
						break
					}
				}
				_, _ = p.nc.Write([]byte(zero))
				p.wantClose(tt.code, "")
				_ = p.nc.Close()
				reason := s.reason(t)
				want := websockets.CauseParseError
				if tt.code == 1009 {
					want = websockets.CauseMessageTooBig
				}
				if reason.Cause != want || reason.Code != tt.code || reason.Text == "" {
					t.Errorf("reason %+v", reason)
				}
				if s.count() != 1 {
					t.Errorf("%d messages were received", s.count())
				}
			}
		})
	}
}

func TestWellFormedFrames(t *testing.T) {
	r := newTestServer(t, nil, nil, Options{MaxFragments: 10})
	p, s := r.connect()
	p.frame(opText, "") // fragments, with an empty one, a ping in between, and a split rune
	p.frame(opContinuation, "{\"event\":\"\xe2")
	p.frame(0x80|opPing, "hello")
	p.frame(opContinuation, "")
	p.frame(0x80, "\x82\xac\"}")
	if op, payload, err := p.next(); op != opPong || payload != "hello" || err != nil {
		t.Errorf("got %x %q %v, want the pong", op, payload, err)
	}
	p.want(`{"event":"€"}`)

	p.frame(0x80|opBinary, `{"event":"binary","data":1}`)
	p.want(`{"event":"binary","data":1}`)
	p.frame(0x80|opPong, "unasked")
	p.text("") // F28
	p.want(`{"event":"exception","data":"Bad message: not valid JSON, at byte 0"}`)
	p.frame(0x80|opBinary, "{\"event\":\"e\",\"data\":\"\xff\"}")
	p.want(`{"event":"exception","data":"Bad message: not UTF-8"}`)

	exact := `{"event":"e","data":"` + strings.Repeat("x", 10_000-23) + `"}`
	if len(exact) != 10_000 {
		t.Fatal(len(exact))
	}
	p.text(exact)
	p.want(exact)
	for _, b := range rawFrame(0x80|opText, []byte(`{"event":"slow","id":1}`)) {
		p.write([]byte{b})
	}
	p.want(`{"id":1}`)
	p.close(1000, "bye")
	p.wantClose(1000, "")
	p.wantEnd()
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: 1000, Text: "bye", Clean: true})
}

// Sizes around the forms of the length field, both ways.
func TestFrameSizes(t *testing.T) {
	r := newTestServer(t, nil, func(c *adapter.ServerConfig) {
		c.Limits.MaxMessage, c.Limits.SendQueue = 1_000_000, 1<<20
	})
	p, _ := r.connect()
	const around = len(`{"event":"e","data":""}`)
	for _, n := range []int{124, 125, 126, 127, 4092, 4096, 65534, 65535, 65536, 65537, 300_000, 1_000_000} {
		msg := `{"event":"e","data":"` + strings.Repeat("x", n-around) + `"}`
		p.text(msg)
		if got := p.read(); got != msg {
			t.Fatalf("size %d was echoed as %d", n, len(got))
		}
	}
}

func TestSlowMessageIsClosed(t *testing.T) {
	for name, first := range map[string][]byte{
		"payload":  rawFrame(opText, []byte("{")),
		"header":   {0x81},
		"ping":     rawFrame(0x80|opPing, []byte("hello"))[:7],
		"fragment": append(rawFrame(opText, nil), rawFrame(opContinuation, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestServer(t, nil, nil, Options{MessageTimeout: 40 * time.Millisecond})
			p, s := r.connect()
			p.text(`{"event":"e"}`)
			p.want(`{"event":"e"}`)
			stop := make(chan struct{})
			defer close(stop)
			p.write(first)
			if name == "fragment" { // trickle, with pings, which do not prolong it
				go func() {
					tick := time.NewTicker(5 * time.Millisecond)
					defer tick.Stop()
					for {
						select {
						case <-stop:
							return
						case <-tick.C:
							_, _ = p.nc.Write(append(rawFrame(opContinuation, []byte("x")), rawFrame(0x80|opPing, nil)...))
						}
					}
				}()
			}
			p.wantClose(1008, "a message took too long")
			_ = p.nc.Close()
			s.wantReason(t, websockets.Reason{Cause: websockets.CauseParseError, Code: 1008, Text: "a message took too long"})
		})
	}
}

func TestBadCompressionIsClosed(t *testing.T) {
	r := newTestServer(t, nil, nil, Options{Compression: CompressionEach})
	p, s := r.connect("Sec-WebSocket-Extensions: permessage-deflate")
	p.frame(0xc0|opText, "\xff\xff\xff\xff")
	p.wantClose(1007, "bad compression")
	_ = p.nc.Close()
	if got := s.reason(t); got.Cause != websockets.CauseParseError {
		t.Errorf("reason %+v", got)
	}
}
