package socketio

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMaxAttachments(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{MaxAttachments: 2})
		w := open(r)
		_, s := r.enter(w, "")
		bytesOf := func(n int) *adapter.Outgoing {
			parts := make([][]byte, n)
			for i := range parts {
				parts[i] = []byte{byte('a' + i)}
			}
			return adapter.NewOutgoing("e", parts)
		}
		const refusal = `socketio: event "e" has 3 attachments, at most 2 are allowed: join them, send several events, or raise Options.MaxAttachments`
		for _, ack := range []uint64{0, 1} {
			if err := s.conn.Emit(bytesOf(3), ack); err == nil || err.Error() != refusal {
				t.Errorf("three attachments, ack %d: %v", ack, err)
			}
		}
		if err := s.conn.Emit(bytesOf(2), 0); err != nil {
			t.Fatal(err)
		}
		want(t, w, `452-["e",[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]]`)
		if p, ok := w.(*peer); ok {
			for _, part := range []string{"a", "b"} {
				if got := p.Exact(opBinary); got != part {
					t.Errorf("got %q, want %q", got, part)
				}
			}
		} else {
			want(t, w, "bYQ==")
			want(t, w, "bYg==")
		}
		packet := `453-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]`
		if p, ok := w.(*poller); ok {
			if a := p.post(packet); a.status != 400 {
				t.Errorf("status %d", a.status)
			}
		} else {
			w.send(packet)
		}
		s.wantClosed(t, websockets.CauseParseError)
	})
}

func TestAttachmentTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{AttachmentTimeout: 4 * time.Second})
		p := r.peer()
		_, s := r.enter(p, "")
		const head = `452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`
		p.send(head)
		wait(3 * time.Second)
		p.Write(frame(opBinary, "a"))
		p.Write(frame(opBinary, "b"))
		<-s.messages
		wait(10 * time.Second) // nothing is missing
		p.send(head)
		wait(3 * time.Second)
		p.Write(frame(opBinary, "a")) // does not extend the timeout
		start := time.Now()
		p.ExactClose(1002)
		if took := time.Since(start); took < time.Second || took > 2*time.Second {
			t.Errorf("closed after %v", took)
		}
		if reason := <-s.closed; reason.Cause != websockets.CauseParseError || reason.Text != "attachments are missing" {
			t.Errorf("%+v", reason)
		}
	})
}

func TestMaxFragments(t *testing.T) {
	r := newTestServer(t, Options{MaxFragments: 3})
	fragments := func(p *peer, packet string) {
		for i := range len(packet) {
			first := byte(0)
			if i == 0 {
				first = opText &^ 0x80
			}
			if i == len(packet)-1 {
				first |= 0x80
			}
			p.Write(frame(first, packet[i:i+1]))
		}
	}
	p := r.peer()
	fragments(p, "40")
	p.read()
	s := r.session()
	fragments(p, "42[]"[:4])
	p.ExactClose(1008)
	s.wantClosed(t, websockets.CauseParseError)
}

// A full queue ends the connection, in all its namespaces.
func TestQueueOverflow(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{}, with(func(l *websockets.Limits) { l.SendQueue = 10_000 }))
		w := open(r)
		_, s := r.enter(w, "")
		other := r.enterB(w)
		if p, ok := w.(*peer); ok { // which reads nothing from now on
			defer p.Conn.Close()
			filler := out("fill", `"`+strings.Repeat("x", 5000)+`"`)
			filler.Overflow = websockets.OverflowDropNewest
			testkit.Eventually(r.t, "a full queue", func() bool { return s.conn.Emit(filler, 0) == websockets.ErrQueueFull })
		}
		big := `"` + strings.Repeat("x", 6000) + `"`
		var err error
		for err == nil { // the kernel may accept more meanwhile
			err = s.conn.Emit(out("big", big), 0)
		}
		if err != websockets.ErrQueueFull {
			t.Errorf("Emit: %v", err)
		}
		s.wantClosed(t, websockets.CauseQueueOverflow)
		other.wantClosed(t, websockets.CauseQueueOverflow)
		if err := other.conn.Emit(out("x", "1"), 0); err != websockets.ErrClosed {
			t.Errorf("Emit afterwards: %v", err)
		}
	})
}

// A reply is never refused: it is for the framework to wait before it starts the next
// message.
func TestRepliesAreNeverRefused(t *testing.T) {
	const replies = 8
	r := newTestServer(t, Options{}, with(func(l *websockets.Limits) { l.SendQueue, l.SendQueueMax = 1000, 2000 }), preparing(echo))
	p := r.poller()
	_, s := r.enter(p, "")
	quoted := `"` + strings.Repeat("x", 400) + `"`
	for n := range replies {
		if a := p.post(fmt.Sprintf(`42%d["e",%s]`, n, quoted)); a.status != 200 {
			t.Fatalf("POST %d was answered %d", n, a.status)
		}
	}
	for n := range replies {
		want(t, p, fmt.Sprintf(`43%d[%s]`, n, quoted))
	}
	if len(s.closed) > 0 {
		t.Error("the client was closed")
	}
}

// A namespace is left while the queue is full: the others stay.
func TestDisconnectWithAFullQueue(t *testing.T) {
	r := newTestServer(t, Options{}, with(func(l *websockets.Limits) { l.SendQueue, l.SendQueueMax = 2000, 2000 }))
	p := r.poller()
	_, s := r.enter(p, "")
	other := r.enterB(p)
	filler := out("fill", `"`+strings.Repeat("x", 300)+`"`)
	filler.Overflow = websockets.OverflowDropNewest
	filled := 0
	for ; s.conn.Emit(filler, 0) == nil; filled++ {
	}
	other.conn.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	other.wantClosed(t, websockets.CauseServerDisconnect)
	for range filled {
		p.read()
	}
	want(t, p, "41/b,")
	s.emit(t, "still", "1")
	want(t, p, `42["still",1]`)
}

func TestVolatile(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		for _, recovery := range []*Recovery{nil, {}} {
			r := newTestServer(t, Options{Recovery: recovery})
			w := open(r)
			_, s := r.enter(w, "")
			s.emit(t, "first", "1")
			volatile := out("cursor", "1")
			volatile.Volatile = true
			if _, polls := w.(*poller); polls {
				if err := s.conn.Emit(volatile, 0); err != websockets.ErrQueueFull {
					t.Errorf("Emit: %v", err)
				}
			} else {
				w.read()
				testkit.Eventually(r.t, "an empty queue", func() bool { return s.conn.Emit(volatile, 0) == nil })
				want(t, w, withOffset(s, `42["cursor",1]`)) // clients take any text at the end for the offset
			}
			if len(s.closed)+len(s.suspended) > 0 {
				t.Error("the client was closed for it")
			}
		}
	})
}

// Messages emitted right before Close arrive before the close.
func TestLastWords(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{})
		w := open(r)
		_, s := r.enter(w, "")
		other := r.enterB(w)
		s.emit(t, "last", "1")
		s.conn.Close(kicked)
		want(t, w, `42["last",1]`)
		want(t, w, "41")

		// A stop sends no DISCONNECT, after which clients do not reconnect.
		other.emit(t, "last", "2")
		other.conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
		want(t, w, `42/b,["last",2]`)
		if p, ok := w.(*peer); ok {
			p.ExactClose(1001)
		} else {
			want(t, w, "1")
		}
		other.wantClosed(t, websockets.CauseShutdown)
		testkit.Eventually(r.t, "the end", func() bool { return r.srv.engine.Len() == 0 })
	})
}

func TestSocketOf(t *testing.T) {
	r := newTestServer(t, Options{})
	p := r.poller()
	_, s := r.enter(p, "")
	c, ok := SocketOf(native{conn: s.conn})
	if !ok || c.Transport() != Polling {
		t.Errorf("%t %q", ok, c.Transport())
	}
	w, _ := r.handshake(overWebSocket + "&sid=" + p.sid)
	w.send("2probe")
	want(t, w, "3probe")
	w.send("5")
	testkit.Eventually(r.t, "the upgrade", func() bool { return c.Transport() == WebSocket })
	if _, ok := SocketOf(native{}); ok {
		t.Error("a fake has a socket")
	}
}

// native is a client of the framework, as far as SocketOf looks.
type native struct {
	websockets.Client
	conn adapter.Conn
}

func (n native) Native() any {
	if n.conn == nil {
		return nil
	}
	return n.conn.Native()
}

// An upgrade that is not completed is aborted; the client continues polling.
func TestUpgradeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{UpgradeTimeout: 6 * time.Second})
		p := r.poller()
		_, s := r.enter(p, "")
		start := time.Now()
		w, _ := r.handshake(overWebSocket + "&sid=" + p.sid)
		w.send("2probe")
		want(t, w, "3probe")
		w.ExactClose(1001)
		if took := time.Since(start); took < 6*time.Second || took > 7*time.Second {
			t.Errorf("took %v", took)
		}
		s.emit(t, "still", "1")
		want(t, p, `42["still",1]`)
		synctest.Wait()
		w, resp := r.handshake(overWebSocket + "&sid=" + p.sid) // another attempt
		if resp.Status != 101 {
			t.Fatal(resp.Status)
		}
		w.send("2probe")
		want(t, w, "3probe")
		w.send("5")
		s.emit(t, "over", "1")
		want(t, w, `42["over",1]`)
	})
}

// MessageTimeout bounds messages and the bodies of POSTs.
func TestMessageTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inMemory(t, Options{MessageTimeout: 3 * time.Second})
		p := r.poller()
		_, s := r.enter(p, "")
		nc, err := r.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		start := time.Now()
		_, _ = io.WriteString(nc, "POST /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000\r\n\r\n")
		go func() { // single bytes do not extend the timeout
			for {
				wait(time.Second / 2)
				if _, err := nc.Write([]byte("4")); err != nil {
					return
				}
			}
		}()
		if reason := <-s.closed; reason.Cause != websockets.CauseTransportError || time.Since(start) > 4*time.Second {
			t.Errorf("%+v after %v", reason, time.Since(start))
		}

		w := r.peer()
		_, s = r.enter(w, "")
		start = time.Now()
		w.Write(frame(opText, `42["x"]`)[:3])
		w.ExactClose(1008)
		if reason := <-s.closed; reason.Cause != websockets.CauseParseError || time.Since(start) > 4*time.Second {
			t.Errorf("%+v after %v", reason, time.Since(start))
		}
	})
}
