package ws

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

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
	p.WantEnd()
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
							_, _ = p.Conn.Write(append(rawFrame(opContinuation, []byte("x")), rawFrame(0x80|opPing, nil)...))
						}
					}
				}()
			}
			p.wantClose(1008, "a message took too long")
			_ = p.Conn.Close()
			s.wantReason(t, websockets.Reason{Cause: websockets.CauseParseError, Code: 1008, Text: "a message took too long"})
		})
	}
}

func TestBadCompressionIsClosed(t *testing.T) {
	r := newTestServer(t, nil, nil, Options{Compression: CompressionEach})
	p, s := r.connect("Sec-WebSocket-Extensions: permessage-deflate")
	p.frame(0xc0|opText, "\xff\xff\xff\xff")
	p.wantClose(1007, "bad compression")
	_ = p.Conn.Close()
	if got := s.reason(t); got.Cause != websockets.CauseParseError {
		t.Errorf("reason %+v", got)
	}
}
