package zishang

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A client that does not read is dropped once its queue is full, and holds no
// more than the queue until then: over WebSocket, and when it never polls.
func TestQueueOverflow(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		before := heap()
		chunk := strings.Repeat("a", 10_000)
		var sent int
		var err error
		for ; err == nil; sent++ {
			if sent > 10_000 {
				t.Fatal("100 MB are queued")
			}
			err = sess.Emit(adapter.NewOutgoing("e", chunk), 0)
		}
		if !errors.Is(err, websockets.ErrQueueFull) {
			t.Fatal(err)
		}
		if grown := int(heap()) - int(before); grown > 8<<20 {
			t.Fatalf("%d bytes are held", grown)
		}
		if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseQueueOverflow {
			t.Fatal(r)
		}
		if err := sess.Emit(adapter.NewOutgoing("e", 1), 0); !errors.Is(err, websockets.ErrClosed) {
			t.Fatal(err)
		}
		testkit.Eventually(t, "the connection is gone", func() bool { return len(s.snapshot()) == 0 })
	})
}

// An answer is queued even when the queue is full: the framework waits before it starts
// the next message.
func TestAnswersAreNeverRefused(t *testing.T) {
	ep := endpoint("/")
	l := defaultLimits()
	l.SendQueue = 1000
	s := serve(t, ep, l)
	p := s.polling()
	sess := enter(t, p, ep, "0")
	m := &adapter.Message{Reply: true, Ref: uint64(1)}
	out := adapter.NewOutgoing("", strings.Repeat("a", 400))
	for range 5 {
		if err := sess.Reply(m, out); err != nil {
			t.Fatal(err)
		}
	}
	if err := sess.Emit(adapter.NewOutgoing("e", 1), 0); !errors.Is(err, websockets.ErrQueueFull) {
		t.Fatal(err)
	}
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseQueueOverflow {
		t.Fatal(r)
	}
}

// The refusals that a client provokes are bounded.
func TestRefusalsAreBounded(t *testing.T) {
	s := serve(t, endpoint("/"))
	p := s.polling()
	for range 100 {
		code, _ := p.post("40/x," + strings.Repeat("\x1e40/x,", 10_000))
		if code != 200 {
			return
		}
	}
	t.Fatal("the queue has no bound")
}

func TestOverflowPolicies(t *testing.T) {
	for name, tt := range map[string]struct {
		o    websockets.Overflow
		err  error
		want []string
	}{
		"newest": {websockets.OverflowDropNewest, websockets.ErrQueueFull, []string{"0", "1", "2"}},
		"oldest": {websockets.OverflowDropOldest, nil, []string{"7", "8", "9"}},
	} {
		t.Run(name, func(t *testing.T) {
			ep := endpoint("/")
			l := defaultLimits()
			l.SendQueue = 3*(entrySize+100) + entrySize + messageSize + 64 // the answer to CONNECT counts until the next poll
			s := serve(t, ep, l)
			p := s.polling()
			sess := enter(t, p, ep, "0")
			var last error
			for i := range 10 {
				out := adapter.NewOutgoing("e", fmt.Sprint(i)+strings.Repeat("a", 80))
				out.Overflow = tt.o
				last = sess.Emit(out, 0)
			}
			if !errors.Is(last, tt.err) {
				t.Fatal(last)
			}
			for _, w := range tt.want {
				if f := p.recv(); !strings.HasPrefix(f.text, `2["e","`+w+"a") {
					t.Fatalf("%s, want %s", f, w)
				}
			}
			out := adapter.NewOutgoing("e", "there is room again")
			if err := sess.Emit(out, 0); err != nil {
				t.Fatal(err)
			}
			want(t, p, `2["e","there is room again"]`)
		})
	}
}

func TestWritable(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		l := defaultLimits()
		l.SendQueue = 8 << 20 // more than the kernel takes
		s := serve(t, ep, l)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		n := 0
		blocked := func() bool {
			for s.linkOf(sid(c)).out.size() <= 6<<20 {
				if err := sess.Emit(adapter.NewOutgoing("e", strings.Repeat("a", 100_000)), 0); err != nil {
					t.Fatal(err)
				}
				n++
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			return errors.Is(sess.Writable(ctx), context.DeadlineExceeded)
		}
		for !blocked() { // the kernel takes what is queued, while it has room
			if n > 500 {
				t.Fatalf("%d events of 100 KB were sent, and more may be", n)
			}
		}
		done := make(chan error, 1)
		go func() { done <- sess.Writable(context.Background()) }()
		for range n {
			c.recv()
		}
		if err := testkit.Receive(t, "the end", done); err != nil {
			t.Fatal(err)
		}
	})
}

func sid(c client) string {
	switch c := c.(type) {
	case *wsClient:
		return c.open.Sid
	case *pollClient:
		return c.open.Sid
	}
	return ""
}

// A client whose handlers are slow is held back, not dropped: heartbeats go on
// although nothing of it is read, and what waits is bounded.
func TestBackPressure(t *testing.T) {
	l := defaultLimits()
	l.PingInterval, l.PingTimeout = 100*time.Millisecond, time.Second
	l.MaxMessage = 10_000
	ep := endpoint("/")
	var handled int
	ep.receive = func(s *fakeSession, m *adapter.Message) {
		wait(20 * time.Millisecond) // a slow handler, for seconds in all
		handled++
		if m.Event == "last" {
			_ = s.Emit(adapter.NewOutgoing("done", handled), 0)
		}
	}
	s := serve(t, ep, l)
	c := s.ws("")
	enter(t, c, ep, "0")
	const n = 150
	go func() {
		for range n {
			_ = c.c.Write(context.Background(), 1, []byte(`42["e","`+strings.Repeat("a", 5000)+`"]`))
		}
		_ = c.c.Write(context.Background(), 1, []byte(`42["last"]`))
	}()
	want(t, c, fmt.Sprintf(`2["done",%d]`, n+1))
}

// While messages wait, answers get through: a handler that waits for one must
// not wait for the messages behind its own.
func TestAcksOvertake(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		answered := make(chan struct{})
		handled := make(chan struct{}, 100)
		ep.receive = func(*fakeSession, *adapter.Message) { <-answered; handled <- struct{}{} }
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		c.send(`2["a"]`, `2["b"]`, `2["c"]`, `31["yes"]`)
		if a := testkit.Receive(t, "an ack", sess.acks); string(a.p.JSON) != `"yes"` {
			t.Fatal(a)
		}
		close(answered)
		for range 3 {
			testkit.Receive(t, "the handler", handled)
		}
	})
}

// A client that sends on while nothing at all is handled is dropped in the end.
func TestStalledSession(t *testing.T) {
	l := defaultLimits()
	l.PingInterval, l.PingTimeout = time.Second, 2*time.Second // it enters and sends before its first ping is too old
	l.MaxMessage = 1000
	ep := endpoint("/")
	release := make(chan struct{})
	defer close(release)
	ep.receive = func(*fakeSession, *adapter.Message) { <-release }
	s := serve(t, ep, l)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	for range 10 {
		c.send(`2["e","` + strings.Repeat("a", 500) + `"]`)
	}
	r := testkit.Receive(t, "Session.Closed", sess.closed)
	if r.Cause != websockets.CauseQueueOverflow || r.Text != "messages arrive faster than they are handled" {
		t.Fatal(r)
	}
}

// One session that is stuck does not keep a stopping server.
func TestStopWithStuckSession(t *testing.T) {
	ep := endpoint("/")
	release := make(chan struct{})
	ep.receive = func(*fakeSession, *adapter.Message) { <-release }
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	c.send(`2["a"]`, `2["b"]`, "1")
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseClientDisconnect {
		t.Fatal(r)
	}
	close(release)
}

func BenchmarkEcho(b *testing.B) {
	ep := endpoint("/")
	ep.receive = echo
	text := []byte(`421["e","` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 48)) + `"]`)
	b.ReportAllocs()
	decoder := packet.JSON().NewDecoder(packet.Limits{})
	for b.Loop() {
		p, err := decoder.Text(bytes.Clone(text[1:]))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ackMessage(adapter.NewOutgoing("", p.Payload), "/", p.ID); err != nil {
			b.Fatal(err)
		}
	}
}
