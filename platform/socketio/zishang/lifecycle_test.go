package zishang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

func TestReasons(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		l := defaultLimits()
		l.PingInterval, l.PingTimeout = 100*time.Millisecond, 3*time.Second // a busy client enters in time
		beating := serve(t, ep, l)
		for name, tt := range map[string]struct {
			do   func(client, *fakeSession)
			want websockets.Cause
		}{
			"DISCONNECT":   {func(c client, _ *fakeSession) { c.send("1") }, websockets.CauseClientDisconnect},
			"cut":          {func(c client, _ *fakeSession) { c.drop() }, websockets.CauseTransportClose},
			"ping timeout": {func(client, *fakeSession) {}, websockets.CausePingTimeout},
			"kick": {func(_ client, s *fakeSession) {
				s.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
			}, websockets.CauseServerDisconnect},
			"shutdown": {func(_ client, s *fakeSession) {
				s.Close(websockets.Reason{Cause: websockets.CauseShutdown})
			}, websockets.CauseShutdown},
			"native Disconnect":       {func(_ client, s *fakeSession) { s.Native().(*socket.Socket).Disconnect(false) }, websockets.CauseServerDisconnect},
			"native Disconnect(true)": {func(_ client, s *fakeSession) { s.Native().(*socket.Socket).Disconnect(true) }, websockets.CauseServerDisconnect},
			"packet after the end":    {func(c client, _ *fakeSession) { trySend(c, "1", `2["e"]`) }, websockets.CauseClientDisconnect},
		} {
			t.Run(name, func(t *testing.T) {
				s := s
				if tt.want == websockets.CausePingTimeout {
					s = beating
				}
				c := dial(s)
				sess := enter(t, c, ep, "0")
				tt.do(c, sess)
				if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != tt.want || r.Code != 0 {
					t.Fatal(r)
				}
				testkit.Eventually(t, "ErrClosed", func() bool {
					return errors.Is(sess.Emit(adapter.NewOutgoing("e", 1), 0), websockets.ErrClosed)
				})
				if err := sess.Reply(&adapter.Message{Reply: true, Ref: uint64(1)}, adapter.NewOutgoing("", 1)); !errors.Is(err, websockets.ErrClosed) {
					t.Fatal(err)
				}
				if err := sess.Writable(t.Context()); !errors.Is(err, websockets.ErrClosed) {
					t.Fatal(err)
				}
				sess.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}) // does nothing
				c.drop()
				select {
				case r := <-sess.closed:
					t.Fatal("closed twice", r)
				case <-time.After(20 * time.Millisecond):
				}
			})
		}
	})
}

func TestWebSocketCloseFrame(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	_ = c.c.Close(websocket.StatusNormalClosure, "")
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseTransportClose {
		t.Fatal(r)
	}
}

// What a client sent right before it left is handled, and in order before the end.
func TestLastMessagesOfTheClient(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		s := serve(t, ep)
		for round := range 30 {
			c := dial(s)
			sess := enter(t, c, ep, "0")
			const n = 50
			var packets []string
			for i := range n {
				packets = append(packets, fmt.Sprintf(`2["e",%d]`, i))
			}
			if round%2 == 0 {
				packets = append(packets, "1")
			}
			c.send(packets...)
			c.drop()
			r := testkit.Receive(t, "Session.Closed", sess.closed)
			if len(sess.messages) != n {
				t.Fatalf("%d of %d messages, then %s", len(sess.messages), n, r)
			}
		}
	})
}

// The server's last words arrive, then its sendCloseFrame.
func TestKick(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep, other := endpoint("/chat"), endpoint("/")
		other.receive = echo
		l := defaultLimits()
		l.CloseTimeout = testkit.Patience // the client reads its last words, however slowly
		s := serve(t, ep, other, l)
		for _, n := range []int{1, 100} {
			c := dial(s)
			sess := enter(t, c, ep, "0/chat,")
			for i := range n {
				if err := sess.Emit(adapter.NewOutgoing("last", i), 0); err != nil {
					t.Fatal(err)
				}
			}
			sess.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect, Text: "spam"})
			sess.Close(websockets.Reason{Cause: websockets.CauseShutdown})
			for i := range n {
				want(t, c, fmt.Sprintf(`2/chat,["last",%d]`, i))
			}
			want(t, c, "1/chat,")
			trySend(c, `2/chat,["late"]`) // the client did not know yet
			c.ended()
			if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseServerDisconnect || r.Text != "spam" {
				t.Fatal(r)
			}
			if len(sess.messages) != 0 {
				t.Fatal("a message after the close")
			}

			// a client of two namespaces keeps the other one
			c = dial(s)
			sess = enter(t, c, ep, "0/chat,")
			enter(t, c, other, "0")
			sess.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
			want(t, c, "1/chat,")
			trySend(c, `2/chat,["late"]`)
			wait(linger / 10)
			c.send(`2["still here"]`)
			want(t, c, `2["still here"]`)
			enter(t, c, ep, "0/chat,") // and may return
			c.drop()
		}
	})
}

func TestKickDuringConnect(t *testing.T) {
	ep := endpoint("/")
	kicker := kickingEndpoint{ep}
	s := serve(t, kicker)
	c := s.ws("")
	c.send("0")
	if f := c.recv(); !strings.HasPrefix(f.text, "0{") {
		t.Fatal(f)
	}
	want(t, c, `2["bye",1]`, "1")
	sess := testkit.Receive(t, "a session", ep.sessions)
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseServerDisconnect {
		t.Fatal(r)
	}
}

type kickingEndpoint struct{ *fakeEndpoint }

func (e kickingEndpoint) Connect(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	_ = c.Emit(adapter.NewOutgoing("bye", 1), 0)
	c.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect})
	return e.fakeEndpoint.Connect(c, h)
}

func TestStop(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		l := defaultLimits()
		l.CloseTimeout = testkit.Patience // the client reads its last words, however slowly
		s := serve(t, ep, l)
		c, idle := dial(s), dial(s)
		sess := enter(t, c, ep, "0")
		_ = sess.Emit(adapter.NewOutgoing("last", 1), 0)
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
			defer cancel()
			done <- s.Close(ctx)
		}()
		want(t, c, `2["last",1]`)
		if w, ok := c.(*wsClient); ok {
			if _, _, err := w.c.Read(w.ctx()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
				t.Fatal(err)
			}
		} else {
			c.ended()
		}
		if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseShutdown {
			t.Fatal(r)
		}
		code, _, body := s.do("GET", "EIO=4&transport=polling", "", nil)
		if code != 503 || !strings.Contains(body, `"code":"not_accepting"`) {
			t.Fatal(code, body)
		}
		idle.ended()
		if err := testkit.Receive(t, "the end", done); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// A pending poll is answered when the server stops; the library leaves it open.
func TestStopAnswersPolls(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	polls := make(chan string, 20)
	for range 20 {
		p := s.polling()
		enter(t, p, ep, "0")
		go func() {
			_, _, body := s.do("GET", p.query, "", nil)
			polls <- body
		}()
		l := s.linkOf(p.open.Sid)
		testkit.Eventually(t, "the poll waits", func() bool { return l.Transport().Writable() })
	}
	start := time.Now()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if body := testkit.Receive(t, "the poll", polls); body != "1" && body != "6" {
			t.Fatalf("%q", body)
		}
	}
	if d := time.Since(start); d > 15*time.Second {
		t.Fatal(d)
	}
}

// The library forgets a session before its end is handled: a poll that comes in between is answered as the first one after
// the end, with the close packet.
func TestPollWhileTheSessionEnds(t *testing.T) {
	s := serve(t, endpoint("/"))
	p := s.polling()
	l := s.linkOf(p.open.Sid)
	l.SetReadyState("closed") // what the library does first
	s.eng.Clients().Delete(l.Id())
	answered := make(chan string, 1)
	go func() {
		status, _, body := s.do("GET", p.query, "", nil)
		answered <- fmt.Sprint(status, " ", body)
	}()
	select {
	case got := <-answered:
		t.Errorf("answered before the end: %s", got)
	case <-time.After(100 * time.Millisecond): // the library has answered the poll
		l.ended(websockets.Reason{Cause: websockets.CauseMessageTooBig})
		if got := testkit.Receive(t, "the answer", answered); got != "200 1" {
			t.Errorf("answered %s, want the close packet", got)
		}
	}
	if status, _, body := s.do("GET", p.query, "", nil); status != http.StatusBadRequest {
		t.Errorf("the next poll is answered %d %s", status, body)
	}
	l.SetReadyState("open")
	l.Socket.Close(true) // its timers and transport
}

// stuckEndpoint has sessions whose Closed returns when released is closed.
type stuckEndpoint struct {
	*fakeEndpoint
	released chan struct{}
}

func (e stuckEndpoint) Connect(c adapter.Conn, h *adapter.Handshake) adapter.Session {
	return stuckSession{e.fakeEndpoint.Connect(c, h), e.released}
}

type stuckSession struct {
	adapter.Session
	released chan struct{}
}

func (s stuckSession) Closed(r websockets.Reason) {
	<-s.released
	s.Session.Closed(r)
}

// Close waits for Session.Closed also when the library calls it, and the connection has ended meanwhile.
func TestStopWaitsForSessions(t *testing.T) {
	ep := stuckEndpoint{endpoint("/"), make(chan struct{})}
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep.fakeEndpoint, "0")
	go sess.Native().(*socket.Socket).Disconnect(false)
	if got := c.recv().text; got != "1" {
		t.Fatalf("want DISCONNECT, got %s", got)
	}
	c.drop()
	testkit.Eventually(t, "the end of the connection", func() bool { return s.linkOf(c.open.Sid) == nil })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close has not waited: %v", err)
	}
	close(ep.released)
	testkit.Receive(t, "Session.Closed", sess.closed)
}

func TestStopCutsAtTheDeadline(t *testing.T) {
	l := defaultLimits()
	l.CloseTimeout = time.Hour
	ep := endpoint("/")
	s := serve(t, ep, l)
	p := s.polling() // never polls again
	sess := enter(t, p, ep, "0")
	_ = sess.Emit(adapter.NewOutgoing("e", 1), 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Close(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "zishang: server /socket.io/: 1 connections were cut: ") {
		t.Fatal(err)
	}
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseShutdown {
		t.Fatal(r)
	}
	testkit.Eventually(t, "no connection", func() bool { return len(s.snapshot()) == 0 })
}

// Goroutines and connections go back to where they were.
func TestChurn(t *testing.T) {
	l := defaultLimits()
	l.PingInterval, l.PingTimeout = time.Second, 12*time.Second
	ep := endpoint("/")
	s := serve(t, ep, l)
	run := func(n int) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				switch i % 3 {
				case 0:
					c := s.ws("")
					c.send("0")
					c.recv()
					if i%2 == 0 {
						c.send("1")
						_ = c.c.Close(websocket.StatusNormalClosure, "")
					}
					c.drop()
				case 1:
					p := s.polling()
					p.send("0")
					p.recv()
					if i%2 == 0 {
						p.drop()
					} // otherwise abandoned
				case 2:
					p := s.polling()
					w := s.ws(p.open.Sid)
					w.write(1, []byte("2probe"))
					w.raw()
					if i%2 == 0 {
						p.poll()
						w.write(1, []byte("5"))
						w.send("0")
						w.recv()
					}
					w.drop()
				}
			})
			if i%20 == 19 {
				wg.Wait()
			}
		}
		wg.Wait()
	}
	run(50)
	testkit.Eventually(t, "the first have gone", func() bool { return len(s.snapshot()) == 0 })
	s.http.Client().CloseIdleConnections()
	before := settled()
	run(300)
	testkit.Eventually(t, "all have gone", func() bool { return len(s.snapshot()) == 0 })
	s.http.Client().CloseIdleConnections()
	if !testkit.Within(testkit.Patience, func() bool { return runtime.NumGoroutine() <= before+10 }) {
		buf := make([]byte, 1<<20)
		t.Fatalf("%d goroutines before, %d after\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	}
	if n := len(ep.sessions); n < 250 {
		t.Fatal(n)
	}
	for range len(ep.sessions) {
		sess := testkit.Receive(t, "a session", ep.sessions)
		testkit.Receive(t, "Session.Closed", sess.closed)
	}
}

// settled is the number of goroutines once it has stopped falling.
func settled() int {
	low, since := runtime.NumGoroutine(), time.Now()
	for time.Since(since) < 500*time.Millisecond {
		if n := runtime.NumGoroutine(); n < low {
			low, since = n, time.Now()
		}
		wait(10 * time.Millisecond)
	}
	return low
}

func TestConcurrentUse(t *testing.T) {
	ep := endpoint("/")
	ep.receive = echo
	s := serve(t, ep)
	for range 20 {
		c := s.ws("")
		sess := enter(t, c, ep, "0")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for i := range 100 {
					_ = sess.Emit(adapter.NewOutgoing("e", i), uint64(i))
					_ = sess.Reply(&adapter.Message{Reply: true, Ref: uint64(i)}, adapter.NewOutgoing("", i))
				}
			})
		}
		wg.Go(func() { _, _ = io.Copy(io.Discard, websocketReader{c}) })
		wg.Go(func() { wait(time.Millisecond); sess.Close(websockets.Reason{Cause: websockets.CauseServerDisconnect}) })
		wg.Go(func() { trySend(c, `2["a"]`, `2["b"]`, "1") })
		testkit.Receive(t, "Session.Closed", sess.closed)
		c.drop()
		wg.Wait()
	}
}

type websocketReader struct{ c *wsClient }

func (r websocketReader) Read(b []byte) (int, error) {
	_, m, err := r.c.c.Read(context.Background())
	return copy(b, m), err
}

func TestPanicsStayInside(t *testing.T) {
	ep := endpoint("/")
	ep.receive = func(_ *fakeSession, m *adapter.Message) { panic(m.Event) }
	s := serve(t, ep)
	c := s.ws("")
	enter(t, c, ep, "0")
	c.send(`2["boom"]`)
	if code, _, _ := s.do(http.MethodGet, "EIO=4&transport=polling", "", nil); code != 200 {
		t.Fatal(code)
	}
}

// A client that leaves its namespace as soon as it has the answer to its CONNECT may return.
func TestLeaveAtOnce(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		s := serve(t, endpoint("/"))
		for range 200 {
			c := dial(s)
			for range 2 {
				c.send("0")
				if f := c.recv(); !strings.HasPrefix(f.text, "0{") {
					t.Fatal(f)
				}
				c.send("1")
			}
			c.drop()
		}
	})
}
