package zishang

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestReceive(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		for in, want := range map[string]string{
			`2["none"]`:                     "",
			`2["one",{"a":1}]`:              `{"a":1}`,
			`2["two",1,[2]]`:                `[1,[2]]`,
			`2["exact",9007199254740993]`:   "9007199254740993",
			`2["depth",` + nest(9990) + `]`: nest(9990),
		} {
			c.send(in)
			m := testkit.Receive(t, "a message", sess.messages)
			if !strings.HasPrefix(in, `2["`+m.Event+`"`) || string(m.Payload.JSON) != want || m.Reply || m.Payload.Attachments != nil {
				t.Fatalf("%.50s: %.50v", in, m)
			}
		}
	})
}

func nest(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestAcks(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/chat")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0/chat,")

		c.send(`2/chat,0["q",1]`, `2/chat,5["q"]`, `2/chat,6["fail"]`)
		m := testkit.Receive(t, "a message", sess.messages)
		if !m.Reply || sess.Reply(m, adapter.NewOutgoing("", 0)) != nil {
			t.Fatal(m)
		}
		if m = testkit.Receive(t, "a message", sess.messages); sess.Reply(m, adapter.NewOutgoing("", websockets.Payload{})) != nil {
			t.Fatal(m)
		}
		if m = testkit.Receive(t, "a message", sess.messages); sess.Reply(m, adapter.NewOutgoing("exception", map[string]string{"status": "error"})) != nil {
			t.Fatal(m)
		}
		want(t, c, `3/chat,0[0]`, `3/chat,5[]`, `3/chat,6[{"status":"error"}]`)

		if err := sess.Emit(adapter.NewOutgoing("ask", "?"), 42); err != nil {
			t.Fatal(err)
		}
		want(t, c, `2/chat,42["ask","?"]`)
		c.send(`3/chat,42[1,2]`, `3/chat,999[]`)
		if a := testkit.Receive(t, "an ack", sess.acks); a.n != 42 || string(a.p.JSON) != "[1,2]" {
			t.Fatal(a)
		}
		if a := testkit.Receive(t, "an ack", sess.acks); a.n != 999 || !a.p.IsZero() {
			t.Fatal(a)
		}
	})
}

func TestBinary(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0")
		// out
		type deep struct {
			A []byte
			B map[string][]byte
		}
		if err := sess.Emit(adapter.NewOutgoing("e", deep{[]byte("first"), map[string][]byte{"x": {0, 0x1e, 0xff}}}), 7); err != nil {
			t.Fatal(err)
		}
		want(t, c, `52-7["e",{"A":{"_placeholder":true,"num":0},"B":{"x":{"_placeholder":true,"num":1}}}]`)
		if a, b := c.recv(), c.recv(); string(a.bin) != "first" || !bytes.Equal(b.bin, []byte{0, 0x1e, 0xff}) {
			t.Fatal(a, b)
		}
		// the answer
		c.sendBinary(`61-7[{"_placeholder":true,"num":0}]`, []byte("answer"))
		if a := testkit.Receive(t, "an ack", sess.acks); a.n != 7 || string(a.p.Attachments[0]) != "answer" {
			t.Fatal(a)
		}
		// in
		c.sendBinary(`52-1["e",{"A":{"_placeholder":true,"num":1},"B":{"y":{"_placeholder":true,"num":0}}}]`, []byte("y"), []byte{0x1e, 0})
		m := testkit.Receive(t, "a message", sess.messages)
		var d deep
		if err := m.Payload.Decode(&d); err != nil || string(d.B["y"]) != "y" || !bytes.Equal(d.A, []byte{0x1e, 0}) {
			t.Fatal(d, err)
		}
		if err := sess.Reply(m, adapter.NewOutgoing("", m.Payload)); err != nil {
			t.Fatal(err)
		}
		want(t, c, `62-1[{"A":{"_placeholder":true,"num":1},"B":{"y":{"_placeholder":true,"num":0}}}]`)
		if a := c.recv(); string(a.bin) != "y" {
			t.Fatal(a)
		}
	})
}

// Packets with attachments must arrive whole when several goroutines send.
func TestAttachmentsAreNotInterleaved(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		a, b := endpoint("/a"), endpoint("/b")
		s := serve(t, a, b)
		c := dial(s)
		sa, sb := enter(t, c, a, "0/a,"), enter(t, c, b, "0/b,")
		const n = 50
		for _, sess := range []*fakeSession{sa, sb} {
			go func() {
				for i := range n {
					bin := []byte(fmt.Sprint(sess.h.Namespace, i))
					_ = sess.Emit(adapter.NewOutgoing("e", []any{bin, i, bin}), 0)
				}
			}()
		}
		next := map[string]int{}
		for range 2 * n {
			f := c.recv()
			nsp := f.text[3:5]
			i := next[nsp]
			next[nsp]++
			if want := fmt.Sprintf(`52-%s,["e",[{"_placeholder":true,"num":0},%d,{"_placeholder":true,"num":1}]]`, nsp, i); f.text != want {
				t.Fatalf("%s, want %s", f, want)
			}
			for range 2 {
				if f := c.recv(); string(f.bin) != fmt.Sprint(nsp, i) {
					t.Fatal(f)
				}
			}
		}
	})
}

// A quick client sends before the library has set itself up; that must not be lost.
func TestEarlyConnect(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	for range 200 {
		c, _, err := websocket.Dial(t.Context(), s.url("EIO=4&transport=websocket"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Write(t.Context(), websocket.MessageText, []byte("40")); err != nil { // before OPEN was read
			t.Fatal(err)
		}
		testkit.Receive(t, "a session", ep.sessions)
		_ = c.CloseNow()
	}
}

// The order of what is sent survives the change of transport, both ways.
func TestOrderOverUpgrade(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	for range 10 {
		p := s.polling()
		sess := enter(t, p, ep, "0")
		const n = 400
		go func() {
			for i := range n {
				_ = sess.Emit(adapter.NewOutgoing("e", i), 0)
				if i%10 == 0 {
					wait(100_000)
				}
			}
		}()
		w := s.ws(p.open.Sid)
		w.write(1, []byte("2probe"))
		if got := w.raw(); got != "3probe" {
			t.Fatal(got)
		}
		got := 0
		check := func(text string) {
			t.Helper()
			if text != fmt.Sprintf(`2["e",%d]`, got) {
				t.Fatalf("%s instead of %d", text, got)
			}
			got++
		}
		// one more poll, which the server ends for the upgrade
		for _, packet := range append(p.queue, p.poll()...) {
			if packet != "6" {
				check(packet[1:])
			}
		}
		p.mustPost(`42["last of polling"]`)
		w.write(1, []byte("5"))
		w.send(`2["first of websocket"]`)
		for got < n {
			check(w.recv().text)
		}
		if a, b := testkit.Receive(t, "a message", sess.messages), testkit.Receive(t, "a message", sess.messages); a.Event != "last of polling" || b.Event != "first of websocket" {
			t.Fatal(a, b)
		}
		if code, _, _ := s.do("GET", p.query, "", nil); code != 400 {
			t.Fatal("a poll after the upgrade was answered", code)
		}
		w.drop()
		testkit.Receive(t, "Session.Closed", sess.closed)
	}
}

func TestUpgradeRefusals(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep)
	p := s.polling()
	enter(t, p, ep, "0")
	// an upgrade that starts wrongly is dropped, and the session goes on
	for _, first := range []string{"2other", "4x", "x", "2"} {
		w := s.ws(p.open.Sid)
		w.write(1, []byte(first))
		w.ended()
		l := s.linkOf(p.open.Sid)
		testkit.Eventually(t, "no upgrade under way", func() bool { return !l.Upgrading() })
	}
	p.send(`2["e"]`)
	want(t, p, `2["e"]`)
}

func TestUpgradeTimeout(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep, Options{UpgradeTimeout: 3 * time.Second})
	p := s.polling()
	enter(t, p, ep, "0")
	w := s.ws(p.open.Sid)
	w.write(1, []byte("2probe"))
	if got := w.raw(); got != "3probe" {
		t.Fatal(got)
	}
	w.ended()
	p.send(`2["e"]`)
	want(t, p, `2["e"]`)
}

// Heartbeats without a ping do no harm; a ping is the server's to send.
func TestUnsolicitedHeartbeats(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	for range 1000 {
		c.write(1, []byte("3"))
	}
	c.send(`2["e"]`)
	want(t, c, `2["e"]`)
	c.write(1, []byte("2"))
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseTransportError {
		t.Fatal(r)
	}
}
