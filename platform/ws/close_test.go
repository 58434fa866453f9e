package ws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestServerCloseCodes(t *testing.T) {
	r := newTestServer(t, nil, nil)
	for _, tt := range []struct {
		reason websockets.Reason
		code   int
		text   string
	}{
		{websockets.Reason{Cause: websockets.CauseShutdown}, 1001, "server shutting down"},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect}, 1000, ""},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 1008, Text: "no token"}, 1008, "no token"},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 4001, Text: strings.Repeat("x", 300)}, 4001, strings.Repeat("x", 123)},
		{websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 1006, Text: "x"}, 1000, "x"},
		{websockets.Reason{Cause: websockets.CauseQueueOverflow}, 1008, "queue overflow"},
		{websockets.Reason{Cause: websockets.CauseParseError}, 1002, ""},
		{websockets.Reason{Cause: websockets.CauseMessageTooBig}, 1009, "message too big"},
	} {
		t.Run(fmt.Sprint(tt.code, tt.text), func(t *testing.T) {
			p, s := r.connect()
			s.conn.Close(tt.reason)
			s.conn.Close(websockets.Reason{Cause: websockets.CauseForcedClose}) // does nothing
			p.wantClose(tt.code, tt.text)
			_ = p.TrySend(`{"event":"too late"}`) // it waits for the close frame for a second
			p.close(tt.code, "")
			s.wantReason(t, websockets.Reason{Cause: tt.reason.Cause, Code: tt.code, Text: tt.text})
			p.WantEnd()
			if s.count() != 0 {
				t.Error("received a message after the close frame")
			}
		})
	}
	for _, cause := range []websockets.Cause{websockets.CausePingTimeout, websockets.CauseForcedClose} {
		p, s := r.connect()
		s.conn.Close(websockets.Reason{Cause: cause})
		p.wantClose(1001, string(cause))
		p.WantEnd()
		s.wantReason(t, websockets.Reason{Cause: cause})
	}
}

func TestClientCloseCodes(t *testing.T) {
	r := newTestServer(t, nil, nil)
	for _, code := range []int{1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999} {
		p, s := r.connect()
		p.close(code, "bye €")
		p.wantClose(code, "")
		p.WantEnd()
		s.wantReason(t, websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: code, Text: "bye €", Clean: true})
	}
	p, s := r.connect()
	p.frame(0x80|opClose, "")
	if op, payload, err := p.next(); op != opClose || payload != "" || err != nil {
		t.Errorf("answer %x %q %v", op, payload, err)
	}
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: 1005, Clean: true})
}

// F26: what was sent before the close frame is handled first, in order.
func TestOrderBeforeClose(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	const n = 200
	var b []byte
	for i := range n {
		b = append(b, rawFrame(0x80|opText, fmt.Appendf(nil, `{"event":"e","data":%d}`, i))...)
	}
	b = append(b, rawFrame(0x80|opClose, []byte("\x03\xe8done"))...)
	b = append(b, rawFrame(0x80|opText, []byte(`{"event":"after"}`))...)
	p.write(b)
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseClientDisconnect, Code: 1000, Text: "done", Clean: true})
	if s.count() != n {
		t.Fatalf("%d messages, want %d", s.count(), n)
	}
	for i := range n {
		if got := s.message(t, i); got != fmt.Sprintf("e %d", i) {
			t.Fatalf("message %d is %s", i, got)
		}
	}
}

func TestCloseDrainsTheQueue(t *testing.T) {
	r := newTestServer(t, &endpoint{}, func(c *adapter.ServerConfig) { c.Limits.SendQueue = 16 << 20 })
	p, s := r.connect()
	const n = 100
	text := longText(100_000)
	for i := range n {
		if err := s.conn.Emit(out("e", fmt.Sprintf(`"%d%s"`, i, text)), 0); err != nil {
			t.Fatal(err)
		}
	}
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	if err := s.conn.Emit(out("e", ""), 0); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("Emit after Close: %v", err)
	}
	for i := range n {
		if got := p.read(); !strings.HasPrefix(got, fmt.Sprintf(`{"event":"e","data":"%dx`, i)) {
			t.Fatalf("message %d starts with %.40s", i, got)
		}
	}
	p.wantClose(1001, "server shutting down")
	p.close(1001, "")
	s.reason(t)
}

// Close is bounded when the client does not read.
func TestCloseIsBounded(t *testing.T) {
	r := newTestServer(t, &endpoint{}, func(c *adapter.ServerConfig) {
		c.Limits.SendQueue = 64 << 20
		c.Limits.CloseTimeout = 50 * time.Millisecond
	})
	_, s := r.connect()
	for range 4 {
		_ = s.conn.Emit(out("e", `"`+longText(8<<20)+`"`), 0)
	}
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseShutdown, Code: 1001, Text: "server shutting down"})
}

// Close does not wait for a framework that accepts no more messages.
func TestCloseWhileReceiveBlocks(t *testing.T) {
	ep := &endpoint{prepare: func(s *session) {
		s.onReceive = func(s *session, _ *adapter.Message) { <-s.over }
	}}
	r := newTestServer(t, ep, func(c *adapter.ServerConfig) { c.Limits.CloseTimeout = 50 * time.Millisecond })
	p, s := r.connect()
	p.text(`{"event":"e"}`)
	s.message(t, 0)
	s.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	p.wantClose(1000, "")
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseServerDisconnect, Code: 1000})
}

func TestCloseInsideOfConnect(t *testing.T) {
	ep := &endpoint{prepare: func(s *session) { s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown}) }}
	r := newTestServer(t, ep, nil)
	p, s := r.connect()
	p.wantClose(1001, "server shutting down")
	p.close(1001, "")
	s.reason(t)
}

func TestEndsWithoutCloseFrame(t *testing.T) {
	r := newTestServer(t, nil, nil)
	for _, half := range [][]byte{nil, {0x81}, rawFrame(opText, []byte("{")), rawFrame(0x81, []byte("{}"))[:7]} {
		p, s := r.connect()
		p.write(half)
		_ = p.Conn.Close()
		s.wantReason(t, websockets.Reason{Cause: websockets.CauseTransportClose})

		p, s = r.connect() // F32
		p.text(`{"event":"e"}`)
		p.want(`{"event":"e"}`)
		p.write(half)
		p.Reset()
		if got := s.reason(t); got.Cause != websockets.CauseTransportError || got.Text != "connection reset by peer" {
			t.Errorf("after RST: %+v", got)
		}
	}
}

func TestServerClose(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, s := r.connect()
	done := make(chan error, 1)
	go func() { done <- r.srv.Close(context.Background()) }()
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	p.wantClose(1001, "server shutting down")
	select {
	case <-done:
		t.Error("Close returned before the connection ended")
	default:
	}
	p.close(1001, "")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := r.srv.lives(); n != 0 {
		t.Errorf("%d goroutines are left", n)
	}
	if err := r.srv.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestServerCloseCutsTheRest(t *testing.T) {
	ep := &endpoint{prepare: func(s *session) {
		s.onReceive = func(s *session, _ *adapter.Message) { <-s.over }
	}}
	r := newTestServer(t, ep, nil)
	_, idle := r.connect()
	p, blocked := r.connect()
	p.text(`{"event":"e"}`)
	blocked.message(t, 0)
	_, closing := r.connect()
	closing.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err := r.srv.Close(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "ws: closing /: 3 connections were aborted: context deadline exceeded" {
		t.Errorf("error %v", err)
	}
	for _, s := range []*session{idle, blocked} {
		s.wantReason(t, websockets.Reason{Cause: websockets.CauseForcedClose})
	}
	if got := closing.reason(t); got.Cause != websockets.CauseShutdown {
		t.Errorf("reason %+v", got)
	}
}
