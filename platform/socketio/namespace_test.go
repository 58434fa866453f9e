package socketio

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var kicked = websockets.Reason{Cause: websockets.CauseServerDisconnect}

// A client that has been put out of a namespace may have sent more, which must
// not cost it the others; it may come in again.
func TestKickedFromOneOfTwo(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{})
		w := open(r)
		_, s := r.enter(w, "")
		other := r.enterB(w)
		s.conn.Close(kicked)
		s.wantClosed(t, websockets.CauseServerDisconnect)
		w.send(`42["late"]`)
		w.send(`420["late with ack"]`)
		w.send(`430["ack"]`)
		w.send(`451-["binary",{"_placeholder":true,"num":0}]`)
		if p, ok := w.(*peer); ok {
			p.Write(frame(opBinary, "x"))
		} else {
			w.send("beA==")
		}
		w.send("41") // it crosses ours
		w.send(`42/b,["here"]`)
		if got := testkit.Receive(t, "a message", other.messages); got != "here " {
			t.Errorf("got %q", got)
		}
		want(t, w, "41")
		if err := s.conn.Emit(out("x", "1"), 0); err != websockets.ErrClosed {
			t.Errorf("Emit: %v", err)
		}
		if err := s.conn.Emit(out("x", "1"), 1); err != websockets.ErrClosed {
			t.Errorf("Emit with ack: %v", err)
		}
		if err := s.conn.Writable(t.Context()); err != websockets.ErrClosed {
			t.Errorf("Writable: %v", err)
		}
		s.conn.Close(kicked) // does nothing
		_, again := r.enter(w, "")
		if again.conn.ID() == s.conn.ID() {
			t.Error("the id is the same")
		}
		again.emit(t, "hello", "1")
		want(t, w, `42["hello",1]`)
		if len(s.messages) > 0 || len(other.closed) > 0 {
			t.Errorf("%d messages came to the old session, %d ends to the other", len(s.messages), len(other.closed))
		}
	})
}

func TestPacketForANamespaceNeverEntered(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		r := newTestServer(t, Options{})
		w := open(r)
		s := r.enterB(w)
		if p, ok := w.(*poller); ok {
			if a := p.post(`42["x"]`); a.status != 400 {
				t.Errorf("status %d", a.status)
			}
		} else {
			w.send(`42["x"]`)
		}
		s.wantClosed(t, websockets.CauseParseError)
	})
}

// A client that left by itself has left.
func TestLeaves(t *testing.T) {
	r := newTestServer(t, Options{})
	p := r.peer()
	_, s := r.enter(p, "")
	p.send("41")
	s.wantClosed(t, websockets.CauseClientDisconnect)
	if err := s.conn.Emit(out("x", "1"), 0); err != websockets.ErrClosed {
		t.Errorf("Emit: %v", err)
	}
	_, again := r.enter(p, "")
	again.emit(t, "x", "1")
	want(t, p, `42["x",1]`)
}

// waiting makes Admit wait for leave, or the end of its context.
func waiting() (f func(context.Context, *adapter.Handshake) error, entered, leave chan struct{}, ended chan error) {
	entered, leave, ended = make(chan struct{}, 10), make(chan struct{}), make(chan error, 10)
	return func(ctx context.Context, _ *adapter.Handshake) error {
		entered <- struct{}{}
		select {
		case <-leave:
			return nil
		case <-ctx.Done():
			ended <- ctx.Err()
			return ctx.Err()
		}
	}, entered, leave, ended
}

// The checks of one namespace do not delay another, and a second CONNECT to the
// same is a fault.
func TestSecondConnectWhileTheFirstIsChecked(t *testing.T) {
	admit, entered, leave, ended := waiting()
	r := newTestServer(t, Options{}, admitting(admit))
	p := r.peer()
	p.send("40")
	testkit.Receive(t, "Admit", entered)
	other := r.enterB(p)
	p.send("40")
	other.wantClosed(t, websockets.CauseParseError)
	if err := testkit.Receive(t, "the end of the check", ended); err != context.Canceled {
		t.Error(err)
	}
	close(leave)
	p.ExactClose(1002)
	if len(r.main.sessions) > 0 {
		t.Error("the client was accepted")
	}
}

func TestPacketBeforeAdmitted(t *testing.T) {
	admit, entered, _, ended := waiting()
	r := newTestServer(t, Options{}, admitting(admit))
	p := r.peer()
	p.send("40")
	testkit.Receive(t, "Admit", entered)
	p.send(`42["x"]`)
	testkit.Receive(t, "the end of the check", ended)
	p.ExactClose(1002)
}

func TestConnectionLostWhileChecked(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		admit, entered, _, ended := waiting()
		r := newTestServer(t, Options{}, admitting(admit))
		w := open(r)
		w.send("40")
		testkit.Receive(t, "Admit", entered)
		w.cut()
		if err := testkit.Receive(t, "the end of the check", ended); err != context.Canceled {
			t.Error(err)
		}
		testkit.Eventually(r.t, "the end of the session", func() bool { return r.srv.engine.Len() == 0 })
		if len(r.main.sessions) > 0 {
			t.Error("the client was accepted")
		}
	})
}

// The context of a check ends after HandshakeTimeout; the check's error refuses the client.
func TestAdmitTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		admit, _, _, ended := waiting()
		r := inMemory(t, Options{}, admitting(admit), with(func(l *websockets.Limits) { l.HandshakeTimeout = 5 * time.Second }))
		p := r.peer()
		start := time.Now()
		p.send("40")
		want(t, p, `44{"message":"Internal server error","data":{"status":"error","message":"Internal server error"}}`)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		if err := <-ended; err != context.DeadlineExceeded {
			t.Error(err)
		}
	})
}

func TestAdmitPanics(t *testing.T) {
	r := newTestServer(t, Options{}, admitting(func(context.Context, *adapter.Handshake) error { panic("boom") }))
	p := r.peer()
	other := r.enterB(p)
	p.send("40")
	p.ExactClose(1011)
	other.wantClosed(t, websockets.CauseForcedClose)
}

func TestRefusal(t *testing.T) {
	r := newTestServer(t, Options{}, admitting(func(_ context.Context, h *adapter.Handshake) error {
		if string(h.Auth.JSON) == `{"token":1}` && h.Namespace == "/" && h.Request.URL.Query().Get("EIO") == "4" {
			return nil
		}
		return &websockets.Error{Message: "Who \"are\" you?", Code: "no_token"}
	}))
	p := r.peer()
	p.send("40")
	want(t, p, `44{"message":"Who \"are\" you?","data":{"status":"error","message":"Who \"are\" you?","code":"no_token"}}`)
	p.send("40/nowhere,")
	want(t, p, `44/nowhere,{"message":"Invalid namespace"}`)
	r.enter(p, `{"token":1}`)
}

// A stop ends the checks under way.
func TestStopWhileChecked(t *testing.T) {
	both(t, func(t *testing.T, open func(*testServer) wire) {
		admit, entered, _, ended := waiting()
		r := newTestServer(t, Options{}, admitting(admit), with(func(l *websockets.Limits) { l.CloseTimeout = 100 * time.Millisecond }))
		w := open(r)
		w.send("40")
		testkit.Receive(t, "Admit", entered)
		done := make(chan error, 1)
		go func() { done <- r.srv.Close(context.Background()) }()
		testkit.Receive(t, "the end of the check", ended)
		w.cut()
		if err := testkit.Receive(t, "Close", done); err != nil {
			t.Error(err)
		}
		if len(r.main.sessions) > 0 {
			t.Error("the client was accepted")
		}
	})
}

func TestMaxNamespaces(t *testing.T) {
	r := newTestServer(t, Options{MaxNamespaces: 1})
	p := r.peer()
	_, s := r.enter(p, "")
	p.send("40/b,")
	want(t, p, `44/b,{"message":"Too many namespaces"}`)
	s.emit(t, "still", "1")
	want(t, p, `42["still",1]`)
	s.conn.Close(kicked)
	want(t, p, "41")
	b := r.enterB(p)
	p.send("41/b,")
	b.wantClosed(t, websockets.CauseClientDisconnect)
	r.enter(p, "")
}

// A namespace counts while its check runs.
func TestMaxNamespacesCountsChecks(t *testing.T) {
	admit, entered, leave, _ := waiting()
	r := newTestServer(t, Options{MaxNamespaces: 1}, admitting(admit))
	p := r.peer()
	p.send("40")
	testkit.Receive(t, "Admit", entered)
	p.send("40/b,")
	want(t, p, `44/b,{"message":"Too many namespaces"}`)
	close(leave)
	if got := p.read(); !strings.HasPrefix(got, "40{") {
		t.Errorf("got %q", got)
	}
}

// ConnectTimeout is for connections in no namespace: from their beginning, whatever
// was refused, and from when the last was left, however.
func TestConnectTimeout(t *testing.T) {
	refusing := admitting(func(_ context.Context, h *adapter.Handshake) error {
		if len(h.Auth.JSON) > 0 {
			return websockets.NewError("no")
		}
		return nil
	})
	for name, leave := range map[string]func(*testServer, *peer){
		"never in one": func(*testServer, *peer) {},
		"left": func(r *testServer, p *peer) {
			r.enter(p, "")
			r.enterB(p)
			wait(time.Minute)
			p.send("41/b,")
			wait(time.Minute)
			p.send("41")
		},
		"kicked": func(r *testServer, p *peer) {
			_, s := r.enter(p, "")
			wait(time.Minute)
			s.conn.Close(kicked)
			want(r.t, p, "41")
		},
		"refused": func(_ *testServer, p *peer) {
			p.send("40{}")
			p.read()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, Options{ConnectTimeout: 10 * time.Second}, refusing, with(func(l *websockets.Limits) {
					l.PingInterval, l.PingTimeout = time.Hour, time.Hour
				}))
				p := r.peer()
				leave(r, p)
				synctest.Wait()
				start := time.Now()
				wait(5 * time.Second)
				p.send("40{}") // which is refused, and changes nothing
				p.read()
				p.ExactClose(1001)
				if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// wait lets time pass that is not real.
func wait(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
}

// Close returns when no goroutine of the server is left: a check that ends late
// is one.
func TestCloseWaitsForChecks(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	r := newTestServer(t, Options{}, admitting(func(ctx context.Context, _ *adapter.Handshake) error {
		close(entered)
		<-ctx.Done()
		<-leave
		return ctx.Err()
	}))
	p := r.peer()
	p.send("40")
	testkit.Receive(t, "Admit", entered)
	done := make(chan error, 1)
	go func() { done <- r.srv.Close(context.Background()) }()
	p.ExactClose(1001)
	testkit.Eventually(r.t, "the end of the session", func() bool { return r.srv.engine.Len() == 0 })
	select {
	case <-done:
		t.Error("Close has returned while a check runs")
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	testkit.Receive(t, "Close", done)
}

// A client that has seen CONNECT receives broadcasts: CONNECT is sent when the framework
// has the client.
func TestBroadcastAfterConnect(t *testing.T) {
	var p *peer
	received := make(chan bool, 1)
	r := newTestServer(t, Options{}, preparing(func(*session) {
		_ = p.Conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := p.R.Peek(1)
		_ = p.Conn.SetReadDeadline(time.Time{})
		received <- err == nil
	}))
	p = r.peer()
	p.send("40")
	if testkit.Receive(t, "the client", received) {
		t.Error("the client was connected before")
	}
	if got := p.read(); !strings.HasPrefix(got, "40{") {
		t.Errorf("got %q", got)
	}
}

// The same over polling, where a poll may wait already.
func TestBroadcastAfterConnectPolling(t *testing.T) {
	answers := make(chan string, 1)
	early := make(chan bool, 1)
	r := newTestServer(t, Options{}, preparing(func(*session) {
		select {
		case a := <-answers:
			answers <- a
			early <- true
		case <-time.After(50 * time.Millisecond):
			early <- false
		}
	}))
	p := r.poller()
	go func() { answers <- r.get(p.query()).body }()
	p.send("40")
	if testkit.Receive(t, "the client", early) {
		t.Error("the poll was answered before the framework had the client")
	}
	if got := testkit.Receive(t, "the answer of the poll", answers); !strings.HasPrefix(got, "40{") {
		t.Errorf("got %q", got)
	}
}

// A client whose transport changes while it connects is reported to the framework.
func TestAudit_UpgradedWhileItConnects(t *testing.T) {
	r := newTestServer(t, Options{}, preparing(func(s *session) {
		s.conn.(*socket).conn.Upgraded() // as the engine calls it
	}))
	_, s := r.enter(r.poller(), "")
	testkit.Eventually(t, "the report to the framework", func() bool { return s.upgraded.Load() == 1 })
	_, s = r.enter(r.peer(), "") // has had this transport from the beginning
	s.emit(t, "x", "1")
	if s.upgraded.Load() != 0 {
		t.Error("a client that has not upgraded is reported")
	}
}
