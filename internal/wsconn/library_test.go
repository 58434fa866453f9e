package wsconn

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/rfc6455"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// script is a connection that reads prepared bytes in steps, and discards what is written
// to it.
type script struct {
	net.Conn
	data []byte
	step int
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.data[:min(s.step, len(s.data))])
	s.data = s.data[n:]
	return n, nil
}

func (*script) Write(p []byte) (int, error)      { return len(p), nil }
func (*script) Close() error                     { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }

// record is a Handler that keeps its messages.
type record struct{ messages []string }

func (r *record) Message(text bool, msg []byte) (adapter.Work, error) {
	kind := "binary "
	if text {
		kind = "text "
	}
	r.messages = append(r.messages, kind+string(msg))
	return nil, nil
}

func (*record) Ended(websockets.Reason) {}

// readScript returns the messages and the end of a connection on which a client sends data,
// read by the library or without it.
func readScript(data []byte, steps int, library bool) ([]string, string) {
	cfg := &Config{
		Limits: websockets.Limits{MaxMessage: 200, PingInterval: time.Minute, PingTimeout: time.Minute, CloseTimeout: time.Second},
		Group:  NewGroup("test", time.Minute), Logger: slog.New(slog.DiscardHandler), MaxFragments: 5,
	}
	c := &Conn{cfg: cfg, framed: new(framedConn)}
	c.framed.open(&script{data: data, step: steps}, &cfg.Group.Clock, rfc6455.Validator{MaxMessage: 200, MaxFragments: 5}, nil)
	if library {
		c.Native()
	}
	r := &record{}
	end := c.reasonOf(c.read(r))
	c.closeLibrary()
	return r.messages, end.String()
}

// However the bytes are cut, the own reader and the library's find the same messages
// and the same end.
func FuzzReaders(f *testing.F) {
	hello := rawFrame(0x80|opText, []byte("hello"))
	f.Add(hello, 1000)
	f.Add(slices.Concat(hello, rawFrame(0x80|opBinary, bytes.Repeat([]byte{7}, 150)), hello), 7)
	f.Add(slices.Concat(rawFrame(opText, []byte("in ")), rawFrame(0x80|opPing, []byte("?")), rawFrame(0, nil), rawFrame(0x80, []byte("pieces")), hello), 1)
	f.Add(append(slices.Clone(hello), rawFrame(0x80|opClose, []byte("\x03\xe8bye"))...), 3)
	f.Add(slices.Concat(hello, rawFrame(0x80|opPong, nil), rawFrame(0x80|opText, []byte{0xff})), 1000)
	f.Add(slices.Concat(rawFrame(0x80|opText, nil), rawFrame(opBinary, bytes.Repeat([]byte{1}, 150)), rawFrame(0x80, bytes.Repeat([]byte{1}, 100))), 50)
	f.Add(hello[:8], 2)
	f.Fuzz(func(t *testing.T, data []byte, steps int) {
		steps = min(max(steps, 1), 2000)
		own, ownEnd := readScript(slices.Clone(data), steps, false)
		lib, libEnd := readScript(slices.Clone(data), steps, true)
		if !slices.Equal(own, lib) || ownEnd != libEnd {
			t.Errorf("own: %q, %s\nlibrary: %q, %s", own, ownEnd, lib, libEnd)
		}
	})
}

// The library's connection may come in the middle: it reads from then on, and its
// pings are answered to it.
func TestNativeLater(t *testing.T) {
	p := connect(t, nil, "Sec-WebSocket-Protocol: x")
	p.serve()
	write(t, p.Conn, rawFrame(0x80|opText, []byte("first")))
	if got := testkit.Receive(t, "a message", p.owner.messages); got != "first" {
		t.Fatal(got)
	}
	ws := p.conn.Native()
	if ws == nil || ws != p.conn.Native() {
		t.Fatal("there is no connection, or one more with each call")
	}
	pinged := make(chan error, 1)
	go func() { pinged <- ws.Ping(t.Context()) }()
	first, payload, err := p.next()
	if err != nil || first != 0x80|opPing {
		t.Fatalf("%#x instead of a ping: %v", first, err)
	}
	write(t, p.Conn, rawFrame(0x80|opPong, []byte(payload)))
	if err := testkit.Receive(t, "the pong", pinged); err != nil {
		t.Error(err)
	}
	write(t, p.Conn, slices.Concat(rawFrame(opText, []byte("sec")), rawFrame(0x80, []byte("ond"))))
	if got := testkit.Receive(t, "a message", p.owner.messages); got != "second" {
		t.Error(got)
	}
	if err := ws.Write(t.Context(), websocket.MessageText, []byte("out")); err != nil {
		t.Error(err)
	}
	p.want(0x80|opText, "out")
}

func write(t *testing.T, nc net.Conn, p []byte) {
	t.Helper()
	if _, err := nc.Write(p); err != nil {
		t.Fatal(err)
	}
}

// Stalled implements the contract: nothing is ever blocked here.
func (r *record) Stalled() time.Duration { return 0 }
