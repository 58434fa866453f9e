package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func longText(n int) string { return strings.Repeat("x", n) }

func TestEmitReplyAndCall(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	conn := s.conn
	emit := func(o *adapter.Outgoing, ack uint64) {
		t.Helper()
		if err := conn.Emit(o, ack); err != nil {
			t.Fatal(err)
		}
	}
	emit(out("e", ""), 0)
	p.want(`{"event":"e"}`)
	emit(adapter.NewOutgoing("e", map[string]any{"b": []byte("hi")}), 0)
	p.want(`{"event":"e","data":{"b":"aGk="}}`)
	emit(out("confirm", `"?"`), 18446744073709551615)
	p.want(`{"event":"confirm","id":18446744073709551615,"data":"?"}`)
	emit(out("confirm", ""), 2)
	p.want(`{"event":"confirm","id":2}`)
	p.text(`{"id":2,"data":[true]}`)
	p.text(`{"id":"2","data":"ignored"}`)
	p.text(`{"id":-1,"data":"ignored"}`)
	p.text(`{"id":3,"error":"no"}`)
	s.wait(t, "answers", func() bool { return len(s.acks) == 2 })
	if s.acks[2] != "[true]" || s.acks[3] != `{"error":"no"}` {
		t.Errorf("answers %v", s.acks)
	}

	p.text(`{"event":"ask","id":"a\u0062","data":1}`)
	if got := s.message(t, 0); got != "ask 1 ?" {
		t.Fatal(got)
	}
	m := s.got[0]
	for _, tt := range []struct {
		o    *adapter.Outgoing
		want string
	}{
		{out("", "0"), `{"id":"a\u0062","data":0}`},
		{out("", ""), `{"id":"a\u0062"}`},
		{out(websockets.EventException, `{"status":"error"}`), `{"event":"exception","id":"a\u0062","data":{"status":"error"}}`},
	} {
		if err := conn.Reply(m, tt.o); err != nil {
			t.Fatal(err)
		}
		p.want(tt.want)
	}
	p.text(`{"event":"news"}`)
	if got := s.message(t, 1); got != "news " {
		t.Fatal(got)
	}
	if err := conn.Reply(s.got[1], out("", "1")); err == nil {
		t.Error("a reply without a request is no error")
	}
	if err := conn.Emit(adapter.NewOutgoing("e", func() {}), 0); err == nil {
		t.Error("a payload that does not encode is no error")
	}
	if err := conn.Emit(adapter.NewOutgoing("e", func() {}), 1); err == nil {
		t.Error("a payload that does not encode is no error")
	}
	if err := conn.Writable(t.Context()); err != nil {
		t.Error(err)
	}
}

// The payload of a message does not change when the next one is read.
func TestMessagesOwnTheirBytes(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	const n = 50
	for i := range n {
		p.text(fmt.Sprintf(`{"event":"e%d","data":"%s","id":%d}`, i, strings.Repeat(string(rune('a'+i%26)), 100+i), i))
	}
	s.message(t, n-1)
	for i := range n {
		m := s.got[i]
		want := `"` + strings.Repeat(string(rune('a'+i%26)), 100+i) + `"`
		if m.Event != fmt.Sprint("e", i) || string(m.Payload.JSON) != want || string(m.Ref.(*inbound).id) != fmt.Sprint(i) {
			t.Errorf("message %d is %s %s", i, m.Event, m.Payload.JSON)
		}
		if cap(m.Payload.JSON) != len(m.Payload.JSON) {
			t.Error("appending to a payload would change the id")
		}
	}
}

// F31, and law 16: a client that does not read is dropped, with bounded memory, and does
// not delay others.
func TestQueueOverflow(t *testing.T) {
	r := newTestServer(t, nil, nil)
	slow, slowSession := r.connect()
	fast, fastSession := r.connect()
	msg := out("e", `"`+longText(30_000)+`"`)
	var err error
	sent := 0
	for ; err == nil && sent < 10_000; sent++ {
		err = slowSession.conn.Emit(msg, 0)
		if n := slowSession.conn.(*conn).out.Bytes(); n > r.srv.cfg.Limits.SendQueue {
			t.Fatalf("%d bytes are queued", n)
		}
		if fastErr := fastSession.conn.Emit(out("tick", ""), 0); fastErr != nil {
			t.Fatal(fastErr)
		}
		fast.want(`{"event":"tick"}`)
	}
	if !errors.Is(err, websockets.ErrQueueFull) {
		t.Fatalf("error %v after %d messages", err, sent)
	}
	if err := slowSession.conn.Emit(msg, 0); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("then: %v", err)
	}
	slowSession.wantReason(t, websockets.Reason{Cause: websockets.CauseQueueOverflow, Code: 1008, Text: "queue overflow"})
	slow.WantEnd()
}

// A client that reads after all learns why it was dropped.
func TestQueueOverflowClosesWith1008(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	c := s.conn.(*conn)
	release := c.ws.Hold() // hold the writer
	msg := out("e", `"`+longText(40_000)+`"`)
	_ = s.conn.Emit(msg, 0)
	if err := s.conn.Emit(msg, 0); !errors.Is(err, websockets.ErrQueueFull) {
		t.Fatal(err)
	}
	release()
	p.wantClose(1008, "queue overflow")
	p.close(1008, "")
	s.reason(t)
}

func TestDropPolicies(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	c := s.conn.(*conn)
	release := c.ws.Hold()
	send := func(name string, o websockets.Overflow) error {
		msg := out(name, `"`+longText(20_000)+`"`)
		msg.Overflow = o
		return s.conn.Emit(msg, 0)
	}
	for _, name := range []string{"first", "second", "third"} {
		if err := send(name, websockets.OverflowDropOldest); err != nil {
			t.Fatal(err)
		}
		if name == "first" {
			testkit.Eventually(r.t, "the writer has it", func() bool { return c.out.Len() == 0 })
		}
	}
	if err := send("newest", websockets.OverflowDropNewest); !errors.Is(err, websockets.ErrQueueFull) {
		t.Errorf("DropNewest: %v", err)
	}
	if err := send("fourth", websockets.OverflowDropOldest); err != nil {
		t.Errorf("DropOldest: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.conn.Writable(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Writable: %v", err)
	}
	release()
	var names []string
	for range 3 {
		name, _, _ := strings.Cut(strings.TrimPrefix(p.read(), `{"event":"`), `"`)
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "first third fourth" {
		t.Errorf("arrived: %s", got)
	}
	if err := s.conn.Writable(context.Background()); err != nil {
		t.Error(err)
	}
	s.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	if err := s.conn.Writable(context.Background()); !errors.Is(err, websockets.ErrClosed) {
		t.Errorf("Writable after Close: %v", err)
	}
}

// V8: pings from a client that does not read need no memory; the last is answered.
func TestPingFlood(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, s := r.connect()
	c := s.conn.(*conn)
	release := c.ws.Hold() // as if the client did not read
	const n = 20_000
	flood := bytes.Repeat(rawFrame(0x80|opPing, []byte("early")), n)
	p.write(append(flood, rawFrame(0x80|opPing, []byte("last"))...))
	p.text(`{"event":"done"}`)
	s.message(t, 0)
	if b := c.out.Bytes(); b > 500 {
		t.Errorf("%d bytes are queued", b)
	}
	release()
	pongs := 0
	for {
		op, payload, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		if op == opText {
			break
		}
		if pongs++; pongs > 2 {
			t.Fatal("many pongs")
		}
		if pongs == 2 && payload != "last" {
			t.Errorf("the last pong is %q", payload)
		}
	}
}

// Control frames and answers are queued even when the queue is full.
func TestFullQueueAcceptsControlFrames(t *testing.T) {
	r := newTestServer(t, nil, nil)
	p, s := r.connect()
	c := s.conn.(*conn)
	release := c.ws.Hold()
	filler := out("fill", `"`+longText(5_000)+`"`)
	filler.Overflow = websockets.OverflowDropNewest
	filled := 0
	for ; s.conn.Emit(filler, 0) == nil; filled++ {
	}
	testkit.Eventually(r.t, "the writer waits with what it has taken", func() bool { return c.out.Len() < filled })
	before := c.out.Len()
	p.write(rawFrame(0x80|opPing, []byte("hi")))
	testkit.Eventually(r.t, "the pong waits", func() bool { return c.out.Len() > before })
	answer := out("exception", `"no"`)
	answer.Answer = true
	if err := s.conn.Emit(answer, 0); err != nil {
		t.Errorf("an answer: %v", err)
	}
	release()
	var pong, answered bool
	for !pong || !answered {
		op, payload, err := p.next()
		if err != nil {
			t.Fatal(err)
		}
		pong = pong || op == opPong && payload == "hi"
		answered = answered || strings.HasPrefix(payload, `{"event":"exception"`)
	}
}

func TestConcurrentEmitAndClose(t *testing.T) {
	r := newTestServer(t, nil, nil)
	for range 20 {
		p, s := r.connect()
		var wg sync.WaitGroup
		shared := out("shared", `"x"`)
		shared.Overflow = websockets.OverflowDropNewest
		for range 4 {
			wg.Go(func() {
				for {
					if err := s.conn.Emit(shared, 0); err != nil {
						return
					}
				}
			})
		}
		wg.Go(func() {
			for n := 0; ; n++ { // up to the close frame, of Close or of the full queue
				op, _, err := p.next()
				if err != nil || op == opClose {
					_ = p.Conn.Close()
					return
				}
				if n == 10 {
					for range 3 {
						wg.Go(func() { s.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}) })
					}
				}
			}
		})
		for range 100 {
			if _, err := p.Conn.Write(rawFrame(0x80|opText, []byte(`{"event":"e","id":1}`))); err != nil {
				break
			}
		}
		wg.Wait()
		_ = p.Conn.Close()
		s.reason(t)
	}
}

// A broadcast is encoded once, and every client gets its bytes.
func TestBroadcastSharesTheFrame(t *testing.T) {
	codec := &countingCodec{Codec: JSON()}
	r := newTestServer(t, &endpoint{}, nil, Options{Codec: codec})
	var peers []*peer
	msg := out("e", "1")
	for range 3 {
		p, s := r.connect()
		peers = append(peers, p)
		if err := s.conn.Emit(msg, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range peers {
		p.want(`{"event":"e","data":1}`)
	}
	if codec.appends != 1 {
		t.Errorf("encoded %d times", codec.appends)
	}
}

type countingCodec struct {
	Codec
	appends int
}

func (c *countingCodec) Append(dst []byte, e Envelope) ([]byte, error) {
	c.appends++
	return c.Codec.Append(dst, e)
}

type panicCodec struct{ Codec }

func (panicCodec) Decode(msg []byte) (Envelope, error) {
	if bytes.Contains(msg, []byte("panic")) {
		panic("decode")
	}
	return JSON().Decode(msg)
}

func (panicCodec) Append(dst []byte, e Envelope) ([]byte, error) {
	switch e.Event {
	case "panic":
		panic("append")
	case "fail":
		return nil, errors.New("cannot")
	case "nil":
		return nil, nil
	}
	return JSON().Append(dst, e)
}

func TestCodecPanics(t *testing.T) {
	var log testkit.Log
	r := newTestServer(t, nil, func(c *adapter.ServerConfig) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	}, Options{Codec: panicCodec{JSON()}})
	bystander, _ := r.connect()

	p, s := r.connect()
	p.text(`{"event":"panic","data":"secret payload"}`)
	p.wantClose(1011, "internal error")
	_ = p.Conn.Close()
	s.wantReason(t, websockets.Reason{Cause: websockets.CauseForcedClose, Code: 1011, Text: "internal error"})

	p, s = r.connect()
	if err := s.conn.Emit(out("fail", "1"), 0); err == nil || err.Error() != `ws: encode "fail": cannot` {
		t.Error(err)
	}
	if err := s.conn.Emit(out("nil", "1"), 0); err == nil || err.Error() != "ws: codec ws.panicCodec does not append to its buffer: return the extended dst" {
		t.Error(err)
	}
	// A panic in a broadcast closes no connection.
	if err := s.conn.Emit(out("panic", "1"), 0); err == nil || err.Error() != "ws: codec ws.panicCodec panicked: append" {
		t.Error(err)
	}
	p.text(`{"event":"e"}`)
	p.want(`{"event":"e"}`)
	if err := s.conn.Emit(out("panic", "1"), 1); err == nil || err.Error() != "ws: codec ws.panicCodec panicked: append" {
		t.Error(err)
	}
	p.wantClose(1011, "internal error")
	p.close(1011, "")
	s.reason(t)

	bystander.text(`{"event":"e"}`)
	bystander.want(`{"event":"e"}`)
	if got := log.String(); !strings.Contains(got, "stack=") || strings.Contains(got, "secret") {
		t.Errorf("log: %s", got)
	}
}

type fakeClient struct {
	websockets.Client
	native any
}

func (c fakeClient) Native() any { return c.native }

// The native connection keeps apart from the adapter's own frames.
func TestNativeConnection(t *testing.T) {
	if _, ok := ConnOf(fakeClient{}); ok {
		t.Error("a fake has a connection")
	}
	r := newTestServer(t, nil, nil)
	p, s := r.connect()
	native, ok := ConnOf(fakeClient{native: s.conn.Native()})
	if !ok {
		t.Fatal("no connection")
	}
	w, err := native.Writer(t.Context(), websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(longText(1000))); err != nil { // over the buffer: part is on the wire
		t.Fatal(err)
	}
	if err := s.conn.Emit(out("e", ""), 0); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Next(); f.First != opText || f.Masked || len(f.Payload) != 1000 || err != nil {
		t.Fatalf("first frame %x of %d bytes, %v", f.First, len(f.Payload), err)
	}
	if op, payload, err := p.next(); op != opContinuation || payload != "" || err != nil {
		t.Fatalf("got %x %q %v", op, payload, err)
	}
	p.want(`{"event":"e"}`)

	pinged := make(chan error)
	go func() { pinged <- native.Ping(context.Background()) }()
	op, payload, _ := p.next()
	p.frame(0x80|opPong, payload)
	if err := <-pinged; op != opPing || err != nil {
		t.Errorf("ping: %x %v", op, err)
	}

	closed := make(chan error)
	go func() { closed <- native.Close(4000, "native") }()
	p.wantClose(4000, "native")
	p.close(4000, "")
	<-closed
	if got := s.reason(t); got.Cause != websockets.CauseClientDisconnect || got.Code != 4000 {
		t.Errorf("reason %+v", got)
	}
	if err := s.conn.Emit(out("e", ""), 0); !errors.Is(err, websockets.ErrClosed) {
		t.Error(err)
	}
}

func TestNativeWriterLeftOpenDoesNotHoldTheEnd(t *testing.T) {
	r := newTestServer(t, nil, func(c *adapter.ServerConfig) { c.Limits.CloseTimeout = 30 * time.Millisecond })
	_, s := r.connect()
	w, _ := s.conn.Native().(*websocket.Conn).Writer(t.Context(), websocket.MessageText)
	_, _ = w.Write([]byte(longText(1000)))
	_ = s.conn.Emit(out("e", ""), 0)
	s.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
	if got := s.reason(t); got.Cause != websockets.CauseShutdown {
		t.Errorf("reason %+v", got)
	}
}

// A request that is none but for its id can still be answered under it.
func TestMalformedRequestHasItsID(t *testing.T) {
	r := newTestServer(t, &endpoint{}, nil)
	p, s := r.connect()
	p.text(`{"id":7,"event":5}`)
	s.wait(t, "the malformed request", func() bool { return len(s.got) == 1 })
	m := s.got[0]
	if m.Err == nil || !m.Reply {
		t.Fatalf("received %+v", s.got[0])
	}
	if err := s.conn.Reply(m, out("exception", `"no"`)); err != nil {
		t.Fatal(err)
	}
	p.want(`{"event":"exception","id":7,"data":"no"}`)
}
